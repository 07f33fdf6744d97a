// The plan as cards on an SVG of curves. Called again with every refresh: nodes are made once and
// changed only where something changed, so that nothing blinks and a click is never lost.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  pending: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7.5V12l3 2",
  queued: "M7 4h10M7 20h10M8 4c0 5 8 6 8 8s-8 3-8 8M16 4c0 5-8 6-8 8s8 3 8 8",
  running: "M12 3a9 9 0 1 1-8.5 6",
  blocked: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  completed: "M5 12.5l4.5 4.5L19 7.5",
  failed: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  cancelled: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M6 6l12 12",
};
const MARKS = {
  verified: "M5 12.5l4.5 4.5L19 7.5",
  reviewed: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 10.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 1 0 0-3.2",
  "self-reported": "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16",
};
const NARROW = 640;
const SMALLEST = 0.72;
const MARGIN = 6; // the padding of .plan, where the ring around a picked card is drawn

const drawings = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".plan");
  let drawing = drawings.get(root);
  if (!drawing) {
    drawing = start(root);
    drawings.set(root, drawing);
  }
  drawing.pick = (key) => setTriggerValue("picked", key);
  drawing.data = data;
  paint(drawing);
  return undefined;
}

function start(root) {
  const drawing = { root, cards: new Map(), paths: new Map(), data: null, pick: () => {} };
  drawing.stage = append(root, document.createElement("div"), "stage");
  drawing.svg = append(drawing.stage, document.createElementNS(SVG, "svg"), "edges");
  drawing.svg.setAttribute("aria-hidden", "true");
  new ResizeObserver(() => drawing.data && place(drawing)).observe(root);
  return drawing;
}

function append(parent, node, name) {
  node.setAttribute("class", name);
  parent.appendChild(node);
  return node;
}

function attribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function words(node, text) {
  if (!node.firstChild) node.appendChild(document.createTextNode(""));
  if (node.firstChild.data !== text) node.firstChild.data = text;
}

function card(drawing, key) {
  const button = append(drawing.stage, document.createElement("button"), "card");
  button.type = "button";
  button.dataset.key = key;
  button.addEventListener("click", () => {
    drawing.data.selected = key;
    paint(drawing);
    drawing.pick(key);
  });
  const path = picture(button, "icon");
  const body = append(button, document.createElement("span"), "body");
  const title = append(body, document.createElement("span"), "title");
  const foot = append(body, document.createElement("span"), "foot");
  const mark = picture(foot, "mark");
  const note = append(foot, document.createElement("span"), "note");
  append(button, document.createElement("span"), "bar");
  return { button, path, mark, title, note };
}

function picture(parent, name) {
  const svg = append(parent, document.createElementNS(SVG, "svg"), name);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  return svg.appendChild(document.createElementNS(SVG, "path"));
}

function keep(known, wanted, make, remove) {
  for (const [key, made] of known) {
    if (!wanted.has(key)) {
      remove(made);
      known.delete(key);
    }
  }
  for (const key of wanted) if (!known.has(key)) known.set(key, make(key));
}

function paint(drawing) {
  const { data, cards, paths } = drawing;
  keep(cards, new Set(data.nodes.map((node) => node.key)),
    (key) => card(drawing, key), (made) => made.button.remove());
  keep(paths, new Set(data.edges.map((edge) => edge.id)),
    () => append(drawing.svg, document.createElementNS(SVG, "path"), "edge"),
    (made) => made.remove());
  for (const node of data.nodes) {
    const made = cards.get(node.key);
    attribute(made.button, "data-status", node.status);
    attribute(made.button, "aria-pressed", node.key === data.selected);
    attribute(made.button, "title", node.hint);
    attribute(made.button, "data-evidence", node.evidence);
    attribute(made.path, "d", ICONS[node.status]);
    attribute(made.mark, "d", MARKS[node.evidence] || "");
    words(made.title, node.title);
    words(made.note, node.note);
  }
  for (const edge of data.edges) attribute(paths.get(edge.id), "data-flow", edge.flow);
  place(drawing);
}

function place(drawing) {
  const { data, root, stage, svg, cards, paths } = drawing;
  const room = root.clientWidth - 2 * MARGIN;
  if (room <= 0) return;
  const layout = room < NARROW ? data.layouts.tall : data.layouts.wide;
  const scale = Math.min(1, Math.max(SMALLEST, room / layout.width));
  attribute(stage, "style", `width:${layout.width}px;height:${layout.height}px;` +
    `transform:scale(${scale});margin-left:${Math.max(0, (room - layout.width * scale) / 2)}px;` +
    `margin-right:${layout.width * (scale - 1)}px;margin-bottom:${layout.height * (scale - 1)}px`);
  attribute(svg, "viewBox", `0 0 ${layout.width} ${layout.height}`);
  for (const [key, made] of cards) {
    const [x, y] = layout.boxes[key];
    attribute(made.button, "style",
      `left:${x}px;top:${y}px;width:${layout.box[0]}px;height:${layout.box[1]}px`);
  }
  for (const [id, path] of paths) attribute(path, "d", layout.paths[id]);
}
