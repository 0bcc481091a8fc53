// Shows the answer on the page. Without JavaScript the form opens it as a page of its own.
const form = document.getElementById("hello");
const answer = document.getElementById("answer");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const response = await fetch(`${form.action}?${new URLSearchParams(new FormData(form))}`);
    const result = await response.json();
    answer.textContent = response.ok ? result.greeting : `Error ${response.status}`;
  } catch {
    answer.textContent = "The server does not answer.";
  }
});
