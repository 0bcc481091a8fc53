type Row = Record<string, string>;

const WIDTH = 640;
const HEIGHT = 280;

function find<T extends Element>(id: string): T {
  return document.getElementById(id) as unknown as T;
}

async function load(url: string): Promise<Row[]> {
  const lines = (await (await fetch(url)).text()).trim().split("\n").map((line) => line.split(","));
  return lines.slice(1).map((cells) => Object.fromEntries(lines[0].map((name, at) => [name, cells[at]])));
}

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function draw(rows: Row[], property: string, number: number): void {
  const most = Math.max(...rows.map((row) => Number(row[property])));
  const x = (row: Row): number => 8 + (Number(row.number) - 1) * ((WIDTH - 16) / 117);
  const y = (row: Row): number => HEIGHT - 10 - (Number(row[property]) / most) * (HEIGHT - 24);
  const known = rows.filter((row) => row[property] !== "");
  const chosen = rows[number - 1];
  const chart = find<SVGElement>("chart");
  chart.replaceChildren(
    shape("polyline", { points: known.map((row) => `${x(row)},${y(row)}`).join(" "), class: "line" }),
    ...known.map((row) => shape("circle", { cx: x(row), cy: y(row), r: row.group === "18" ? 4 : 2, class: "dot" })),
    shape("line", { x1: x(chosen), x2: x(chosen), y1: 4, y2: HEIGHT - 4, class: "ruler" }),
    ...(chosen[property] === "" ? [] : [shape("circle", { cx: x(chosen), cy: y(chosen), r: 7, class: "here" })]),
  );
  const select = find<HTMLSelectElement>("property");
  const label = select.selectedOptions[0].text;
  find("reading").textContent = `${chosen.name}: ${label} ${chosen[property] || "unknown"}`;
}

const rows = await load("/data/elements.csv");
const property = find<HTMLSelectElement>("property");
const number = find<HTMLInputElement>("number");
const redraw = (): void => draw(rows, property.value, Number(number.value));
property.addEventListener("input", redraw);
number.addEventListener("input", redraw);
find("missing").remove();
find("controls").removeAttribute("hidden");
find("chart").removeAttribute("hidden");
redraw();
