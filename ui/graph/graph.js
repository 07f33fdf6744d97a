// The plan as cards on an SVG of curves. Called again with every refresh.

const drawings = new WeakMap();
const MEASURE = "quintet plan"; // in the browser's performance timeline: the last updates
const MEASURED = 50;

export default function (component) {
  const begun = performance.now();
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".plan");
  if (!drawings.has(root)) drawings.set(root, start(root, data.id));
  const drawing = drawings.get(root);
  drawing.pick = (key) => setTriggerValue("picked", key);
  drawing.fold = (folding) => setTriggerValue("folding", folding);
  drawing.data = data;
  paint(drawing);
  settle(drawing);
  if (!drawing.restored) {
    drawing.restored = true;
    restore(drawing);
  }
  if (performance.getEntriesByName(MEASURE).length >= MEASURED) performance.clearMeasures(MEASURE);
  performance.measure(MEASURE, { start: begun, end: performance.now() });
  return undefined;
}

function start(root, id) {
  const drawing = {
    root, view: viewOf(id), cards: new Map(), opened: new Map(), paths: new Map(),
    signs: new Map(), data: null, layout: null, wide: true, followed: null, restored: false,
  };
  const head = append(root, "head");
  drawing.sentence = makeSentence(head);
  drawing.tools = makeTools(drawing, head);
  drawing.viewport = append(root, "viewport");
  drawing.viewport.tabIndex = 0;
  drawing.viewport.setAttribute("role", "group");
  drawing.sizer = append(drawing.viewport, "sizer");
  drawing.stage = append(drawing.sizer, "stage");
  drawing.frames = append(drawing.stage, "frames");
  drawing.svg = drawn(drawing.stage, "edges");
  drawing.svg.setAttribute("aria-hidden", "true");
  arrowhead(drawing.svg);
  drawing.legend = append(root, "legend", "ul");
  watchPointer(drawing);
  watchKeys(drawing);
  // The width is kept: asking for it at every refresh would have the page laid out each time.
  drawing.width = root.clientWidth;
  new ResizeObserver(() => {
    drawing.width = root.clientWidth;
    if (drawing.data) place(drawing);
  }).observe(root);
  return drawing;
}

function arrowhead(svg) {
  const marker = drawn(svg, "arrow", "marker");
  const shape = { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, orient: "auto",
    markerWidth: 12, markerHeight: 12, markerUnits: "userSpaceOnUse" };
  for (const [name, value] of Object.entries(shape)) marker.setAttribute(name, value);
  const path = drawn(marker, "shape", "path");
  path.setAttribute("d", "M0 0.5L8 4L0 7.5z");
  path.setAttribute("fill", "context-stroke");
}

function makeEdge(drawing, before) {
  const path = drawn(drawing.svg, "edge", "path", before);
  path.setAttribute("marker-end", "url(#tip)");
  return path;
}

function paint(drawing) {
  const { data, cards, opened, paths } = drawing;
  const picked = data.nodes.find((node) => node.key === data.selected);
  const active = drawing.root.getRootNode().activeElement;
  data.needs = new Set(picked ? picked.before : []);
  keep(cards, data.nodes.map((node) => node.key),
    (key, before) => makeCard(drawing, key, before), (made) => made.button);
  keep(opened, data.frames.map((frame) => frame.key),
    (key, before) => makeFrame(drawing, key, before), (made) => made.frame);
  keep(paths, data.edges.map((edge) => edge.id), (id, before) => makeEdge(drawing, before));
  for (const node of data.nodes) paintCard(cards.get(node.key), node, data);
  for (const frame of data.frames) paintFrame(opened.get(frame.key), frame);
  for (const edge of data.edges) paintEdge(paths.get(edge.id), edge, data.selected);
  attribute(drawing.viewport, "aria-label", `Plan, ${data.nodes.length} cards`);
  paintSentence(drawing.sentence, data.sentence);
  paintTools(drawing);
  paintLegend(drawing);
  place(drawing);
  // A card that had to be moved in the order of the page has lost the focus by that.
  if (active && active.isConnected) active.focus({ preventScroll: true });
}

function paintEdge(path, edge, selected) {
  attribute(path, "data-flow", edge.flow);
  attribute(path, "data-critical", edge.critical);
  attribute(path, "data-change", edge.change);
  attribute(path, "data-near", Boolean(selected) && edge.id.split(">").includes(selected));
}
