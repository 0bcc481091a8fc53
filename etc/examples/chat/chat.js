// Shows what is said, sends what is written, and connects again when the connection is lost.
const find = (id) => document.getElementById(id);
const [state, said, form, text] = ["state", "said", "form", "text"].map(find);
let socket;
let pause = 500;

function add(content, kind) {
  const item = document.createElement("p");
  item.className = kind;
  item.append(...content);
  said.append(item);
  said.scrollTop = said.scrollHeight;
}

function speech({ who, symbol, text }) {
  const name = document.createElement("b");
  name.textContent = symbol;
  name.title = who;
  add([name, " ", text], "speech");
}

function received({ data }) {
  const message = JSON.parse(data);
  if ("you" in message) {
    state.textContent = `You are ${message.you}.`;
    said.replaceChildren();
    message.before.forEach(speech);
  } else if ("note" in message) {
    add([message.note], "note");
  } else {
    speech(message);
  }
}

function connect() {
  socket = new WebSocket(new URL("socket", location.href).href.replace(/^http/, "ws"));
  socket.onmessage = received;
  socket.onopen = () => {
    pause = 500;
    form.hidden = false;
  };
  socket.onclose = () => {
    state.textContent = "The connection is lost; trying again.";
    form.hidden = true;
    setTimeout(connect, pause);
    pause = Math.min(2 * pause, 15000);
  };
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(text.value);
  text.value = "";
});
connect();
