// What an attempt does, a line each. A line is made once and changed only where something changed,
// so that new lines neither blink nor close what a person has opened. All text is set as text.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  terminal: "M4 6l5 5-5 5M12 17h8",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  write: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  search: "M11 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M16 16l4.5 4.5",
  globe: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M3 12h18M12 3c-6 6-6 12 0 18c6-6 6-12 0-18",
  database: "M5 6c0-4 14-4 14 0s-14 4-14 0v12c0 4 14 4 14 0V6M5 12c0 4 14 4 14 0",
  agent: "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8M5 20c0-6 14-6 14 0",
  tool: "M14.5 6a4 4 0 0 0-5 5L4 16.5V20h3.5L13 14.5a4 4 0 0 0 5-5L15.5 12l-3.5-3.5z",
  denied: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M6 6l12 12",
  said: "M4 5h16v11H10l-4 4v-4H4z",
  yes: "M5 12.5l4.5 4.5L19 7.5",
  no: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  alarm: "M12 5v9M12 18.6v.4",
  dot: "M12 11a1 1 0 1 0 0 2a1 1 0 1 0 0-2",
  again: "M18.5 12a6.5 6.5 0 1 1-2.2-4.9M18.5 3.8v4h-4",
  looked: "M12 4.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 1 0 0-15M12 10a2 2 0 1 0 0 4a2 2 0 1 0 0-4",
};
const TONES = { good: "done", bad: "failed", warn: "attention", busy: "running", quiet: "" };
const NEAR_END = 40; // pixels: whoever reads further up is not moved

const feeds = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".feed");
  if (!feeds.has(root)) feeds.set(root, { lines: new Map(), of: null });
  const feed = feeds.get(root);
  const follows = root.scrollHeight - root.scrollTop - root.clientHeight < NEAR_END;
  const begun = feed.of !== component.data.of;
  feed.of = component.data.of;
  draw(root, feed.lines, component.data.rows);
  if ((begun || follows) && feed.last !== component.data.rows.at(-1)?.id) {
    root.scrollTop = root.scrollHeight;
  }
  feed.last = component.data.rows.at(-1)?.id;
  return undefined;
}

function draw(root, lines, rows) {
  const wanted = new Set(rows.map((row) => row.id));
  for (const [id, made] of lines) {
    if (!wanted.has(id)) {
      made.line.remove();
      lines.delete(id);
    }
  }
  rows.forEach((row, place) => {
    if (!lines.has(row.id)) lines.set(row.id, line());
    const made = lines.get(row.id);
    if (root.children[place] !== made.line) root.insertBefore(made.line, root.children[place]);
    fill(made, row);
  });
}

function node(tag, name, parent) {
  const made = document.createElement(tag);
  made.className = name;
  parent?.appendChild(made);
  return made;
}

function line() {
  const item = node("li", "line");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "sign");
  svg.setAttribute("role", "img");
  item.appendChild(svg);
  const path = svg.appendChild(document.createElementNS(SVG, "path"));
  const more = node("details", "more", item);
  const head = node("summary", "head", more);
  // A line without output is no button: there is nothing to open.
  head.addEventListener("click", (event) => {
    if (!more.dataset.has) event.preventDefault();
  });
  return {
    line: item, svg, path, more, head,
    name: node("strong", "name", head), gist: node("span", "gist", head),
    facts: node("span", "facts", head), at: node("time", "at", head),
    output: node("pre", "", more),
  };
}

function fill(made, row) {
  attribute(made.line, "data-tone", row.tone);
  attribute(made.line, "data-kind", row.icon);
  attribute(made.svg, "aria-label", TONES[row.tone] || row.icon);
  attribute(made.path, "d", PATHS[row.icon] || PATHS.dot);
  for (const part of ["name", "gist", "facts", "at", "output"]) words(made[part], row[part]);
  attribute(made.more, "data-has", row.output ? "output" : "");
  attribute(made.head, "tabindex", row.output ? "0" : "-1");
}

function attribute(where, name, value) {
  if (where.getAttribute(name) !== value) where.setAttribute(name, value);
}

function words(where, text) {
  if (!where.firstChild) where.appendChild(document.createTextNode(""));
  if (where.firstChild.data !== text) where.firstChild.data = text;
}
