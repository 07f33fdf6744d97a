// What an attempt does, a line each: new lines close nothing that a person has opened.

const PATHS = {
  ...OUTCOMES,
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
  dot: "M12 11a1 1 0 1 0 0 2a1 1 0 1 0 0-2",
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
  keep(lines, rows.map((row) => row.id), (id, before) => line(root, before), (made) => made.line);
  for (const row of rows) fill(lines.get(row.id), row);
}

function line(root, before) {
  const item = append(root, "line", "li", before);
  const path = picture(item, "sign");
  const more = append(item, "more", "details");
  const head = append(more, "head", "summary");
  // A line without output is no button: there is nothing to open.
  head.addEventListener("click", (event) => {
    if (!more.dataset.has) event.preventDefault();
  });
  return {
    line: item, path, more, head,
    name: append(head, "name", "strong"), gist: append(head, "gist", "span"),
    facts: append(head, "facts", "span"), at: append(head, "at", "time"),
    output: append(more, "output", "pre"),
  };
}

function fill(made, row) {
  attribute(made.line, "data-tone", row.tone);
  attribute(made.line, "data-kind", row.icon);
  spoken(made.path, TONES[row.tone] || row.icon);
  attribute(made.path, "d", PATHS[row.icon] || PATHS.dot);
  for (const part of ["name", "gist", "facts", "at", "output"]) words(made[part], row[part]);
  attribute(made.more, "data-has", row.output ? "output" : "");
  attribute(made.head, "tabindex", row.output ? "0" : "-1");
}
