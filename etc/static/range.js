// The button of the download example: asks for a part of a file and shows the answer.
const answer = document.getElementById("answer");

document.getElementById("ask").hidden = false;
document.getElementById("range").addEventListener("click", async () => {
  const response = await fetch("/data/elements.csv", { headers: { Range: "bytes=0-72" }, cache: "no-store" });
  const lines = ["content-range", "content-length", "etag"].map((name) => `${name}: ${response.headers.get(name)}`);
  answer.textContent = [`${response.status} ${response.statusText}`, ...lines, "", await response.text()].join("\n");
  answer.hidden = false;
});
