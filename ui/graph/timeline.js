// When what waited and ran: rows of bars on one axis, placed by shares, so that no width is asked.

const timelines = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".timeline");
  if (!timelines.has(root)) timelines.set(root, start(root));
  paint(timelines.get(root), component.data);
  return undefined;
}

function start(root) {
  const sentence = append(root, "sentence", "p");
  picture(sentence, "chain", CHAIN);
  const said = append(sentence, "said", "span");
  const legend = append(root, "legend", "ul");
  const chart = append(root, "chart");
  const grid = append(chart, "grid");
  grid.setAttribute("aria-hidden", "true");
  const list = append(chart, "rows", "ul");
  const rest = append(root, "rest", "p");
  return { sentence, said, legend, grid, list, rest,
    items: new Map(), ticks: new Map(), rows: new Map() };
}

function paint(drawing, data) {
  attribute(drawing.sentence, "hidden", data.sentence ? null : "");
  words(drawing.said, data.sentence);
  words(drawing.rest, data.rest);
  paintLegend(drawing, data);
  keep(drawing.ticks, data.ticks.keys(), (number, before) => makeTick(drawing.grid, before));
  for (const [number, tick] of data.ticks.entries()) {
    const node = drawing.ticks.get(number);
    attribute(node, "style", `left:${tick.at}%`);
    attribute(node, "data-late", tick.at > 90);
    words(node.firstChild, tick.label);
  }
  keep(drawing.rows, data.rows.map((row) => row.key),
    (key, before) => makeRow(drawing.list, before), (made) => made.row);
  for (const row of data.rows) paintRow(drawing.rows.get(row.key), row);
}

function paintLegend(drawing, { legend, critical }) {
  const signs = [...legend, { kind: "critical", label: "Critical path", shown: critical }];
  keep(drawing.items, signs.map((sign) => sign.kind), (kind, before) => {
    const item = append(drawing.legend, "item", "li", before);
    item.dataset.kind = kind;
    if (kind === "critical") picture(item, "chain", CHAIN);
    else append(item, "swatch", "span").dataset.kind = kind;
    return { item, said: append(item, "said", "span") };
  }, (made) => made.item);
  for (const { kind, label, shown } of signs) {
    const { item, said } = drawing.items.get(kind);
    attribute(item, "hidden", shown ? null : "");
    words(said, label);
  }
}

function makeTick(grid, before) {
  const tick = append(grid, "tick", "div", before);
  append(tick, "tick-label", "span");
  return tick;
}

function makeRow(list, before) {
  const row = append(list, "row", "li", before);
  const what = append(row, "what");
  const icon = picture(what, "icon");
  const title = append(what, "title", "span");
  const critical = append(what, "critical", "span");
  picture(critical, "chain", CHAIN);
  words(append(critical, "said", "span"), "critical path");
  const note = append(what, "note", "span");
  return { row, what, icon, title, note, track: append(row, "track"), bars: new Map() };
}

function paintRow(made, row) {
  attribute(made.row, "aria-label", row.label);
  attribute(made.row, "data-critical", row.critical);
  attribute(made.what, "data-status", row.status);
  attribute(made.what, "title", row.title);
  attribute(made.icon, "d", ICONS[row.status]);
  words(made.title, row.title);
  words(made.note, row.note);
  keep(made.bars, row.bars.keys(), (number, before) => append(made.track, "bar", "span", before));
  for (const [number, bar] of row.bars.entries()) {
    const node = made.bars.get(number);
    attribute(node, "data-kind", bar.kind);
    attribute(node, "title", bar.words);
    attribute(node, "style", `left:${bar.left}%;width:${bar.width}%`);
  }
}
