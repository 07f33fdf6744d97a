// The keyboard: Tab walks through the cards in order, arrows along the edges.

const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};
const PAN = 60;

function watchKeys(drawing) {
  drawing.root.addEventListener("keydown", (event) => {
    if (typed(drawing, event)) event.preventDefault();
  });
  // Where nothing has the focus, the keys are for the drawing that the pointer is over.
  const loose = (event) => {
    if (!drawing.root.isConnected) return document.removeEventListener("keydown", loose);
    if (document.activeElement !== document.body || !drawing.root.matches(":hover")) return undefined;
    if (typed(drawing, event)) event.preventDefault();
    return undefined;
  };
  document.addEventListener("keydown", loose);
}

// Whether the key meant something here.
function typed(drawing, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { view } = drawing;
  const key = event.key;
  if (key === "+" || key === "=") zoom(drawing, view.scale * STEP);
  else if (key === "-") zoom(drawing, view.scale / STEP);
  else if (key === "0") zoom(drawing, 1);
  else if (key === "f") fit(drawing);
  else if (key === "Escape") return unselect(drawing);
  else if (key in ARROWS) return arrow(drawing, ...ARROWS[key]);
  else if (key === "Home" || key === "End") return jump(drawing, key === "Home" ? 0 : -1);
  else return false;
  return true;
}

function unselect(drawing) {
  if (!drawing.data.selected) return false;
  select(drawing, "");
  return true;
}

function focused(drawing) {
  const inside = drawing.root.getRootNode().activeElement;
  return inside && inside.matches(".card") ? inside.dataset.key : null;
}

function arrow(drawing, x, y) {
  const key = focused(drawing);
  if (key) {
    const next = neighbour(drawing, key, x, y);
    if (next) drawing.cards.get(next).button.focus();
    return true;
  }
  if (drawing.root.getRootNode().activeElement) return false; // the viewport scrolls by itself
  drawing.viewport.scrollBy(PAN * x, PAN * y);
  return true;
}

function jump(drawing, index) {
  if (!focused(drawing)) return false;
  drawing.cards.get(drawing.data.nodes.at(index).key).button.focus();
  return true;
}

// In a column up and down, and over edges backwards and forwards.
function below(drawing, key, x, y) {
  const keys = drawing.data.nodes.map((node) => node.key);
  if (y) return keys[keys.indexOf(key) + y];
  const { before } = drawing.data.nodes.find((node) => node.key === key);
  const joined = x < 0 ? keys.filter((other) => before.includes(other)).reverse()
    : drawing.data.nodes.filter((node) => node.before.includes(key)).map((node) => node.key);
  return joined[0];
}

// Along the flow: over an edge, to the nearest of its ends. Across it: to the next card there.
function neighbour(drawing, key, x, y) {
  if (!drawing.wide) return below(drawing, key, x, y);
  const { boxes } = drawing.layout;
  const nodes = new Map(drawing.data.nodes.map((node) => [node.key, node]));
  const [hereX, hereY] = boxes[key];
  const ahead = (other) => {
    const [dx, dy] = [boxes[other][0] - hereX, boxes[other][1] - hereY];
    const along = dx * x + dy * y;
    return along > 0 ? along + 3 * Math.abs(dx * y + dy * x) : Infinity;
  };
  const nearest = (keys) => keys.reduce(
    (best, other) => (other !== key && ahead(other) < (best ? ahead(best) : Infinity) ? other : best), null);
  const frame = nodes.get(key).frame;
  const beside = frame && nearest(drawing.data.nodes.filter((node) => node.frame === frame)
    .map((node) => node.key).filter((other) => inLine(boxes, key, other, x)));
  if (beside) return beside;
  if (x) {
    const joined = x < 0 ? nodes.get(key).before
      : drawing.data.nodes.filter((node) => node.before.includes(key)).map((node) => node.key);
    return nearest(joined.filter((other) => nodes.has(other)));
  }
  return nearest([...nodes.keys()].filter((other) => inLine(boxes, key, other, x)));
}

function inLine(boxes, key, other, x) {
  const axis = x ? 1 : 0;
  return Math.abs(boxes[key][axis] - boxes[other][axis]) < 40;
}
