// Zoom, fit, pan, and what of them is kept when the drawing is mounted anew.

const NARROW = 640;
const READABLE = 0.72; // what a plan is shown at, at least, until somebody zooms
const SMALLEST = 0.04;
const LARGEST = 2;
const FAR = 0.42; // below it words cannot be read: cards show their icon alone
const STEP = 1.25;
const MARGIN = 8; // room for the ring around a card at the edge
const SCROLLBAR = 10;
const TALLEST = 620;

// By the drawing's id: a page that is drawn anew makes new elements but keeps this module.
const views = new Map();

function viewOf(id) {
  if (!views.has(id)) views.set(id, { mode: "auto", scale: 1, left: null, top: null });
  return views.get(id);
}

function tallest() {
  return Math.min(TALLEST, 0.75 * window.innerHeight);
}

function scaleFor(view, layout, room) {
  const across = room / layout.width;
  if (view.mode === "fit") {
    return Math.min(1, across, (tallest() - 2 * MARGIN) / layout.height);
  }
  return view.mode === "auto" ? Math.min(1, Math.max(READABLE, across)) : view.scale;
}

function limited(scale) {
  return Math.min(LARGEST, Math.max(SMALLEST, scale));
}

function place(drawing) {
  const { data, view, viewport, sizer, stage, svg } = drawing;
  const room = drawing.width - 2 * MARGIN - SCROLLBAR;
  if (room <= 0) return;
  // Downwards on a narrow screen, unless many are side by side: then that is the wider way.
  const wide = drawing.width >= NARROW || data.layouts.tall.width > data.layouts.wide.width;
  const layout = wide ? data.layouts.wide : data.layouts.tall;
  view.scale = scaleFor(view, layout, room);
  drawing.layout = layout;
  drawing.wide = wide;
  attribute(viewport, "style", `max-height:${Math.round(tallest())}px`);
  const [width, height] = [layout.width * view.scale, layout.height * view.scale];
  attribute(sizer, "style", `width:${width + 2 * MARGIN}px;height:${height + 2 * MARGIN}px`);
  attribute(stage, "style",
    `width:${layout.width}px;height:${layout.height}px;transform:scale(${view.scale})`);
  attribute(stage, "data-far", view.scale < FAR);
  attribute(svg, "viewBox", `0 0 ${layout.width} ${layout.height}`);
  placeAll(drawing, layout);
  words(drawing.tools.level, `${Math.round(100 * view.scale)} %`);
}

function placeAll(drawing, layout) {
  const [width, height] = layout.box;
  for (const [key, made] of drawing.cards) {
    const [x, y, ownWidth = width, ownHeight = height] = layout.boxes[key];
    attribute(made.button, "style", box(x, y, ownWidth, ownHeight));
  }
  for (const [key, made] of drawing.opened) attribute(made.frame, "style", box(...layout.frames[key]));
  for (const [id, path] of drawing.paths) attribute(path, "d", layout.paths[id]);
}

function box(x, y, width, height) {
  return `left:${x}px;top:${y}px;width:${width}px;height:${height}px`;
}

// Change the scale so that what is at this point of the window stays there.
function zoom(drawing, scale, x, y) {
  const { view, viewport, stage } = drawing;
  const frame = viewport.getBoundingClientRect();
  const [atX, atY] = [x ?? frame.left + frame.width / 2, y ?? frame.top + frame.height / 2];
  const before = stage.getBoundingClientRect();
  const [inX, inY] = [(atX - before.left) / view.scale, (atY - before.top) / view.scale];
  view.mode = "free";
  view.scale = limited(scale);
  place(drawing);
  const after = stage.getBoundingClientRect();
  viewport.scrollLeft += after.left + inX * view.scale - atX;
  viewport.scrollTop += after.top + inY * view.scale - atY;
}

function fit(drawing) {
  drawing.view.mode = "fit";
  place(drawing);
}

// What is about to be replaced by something else of this key keeps its place and the focus.
function follow(drawing, key) {
  const node = standsFor(drawing, key);
  const { left, top } = node.getBoundingClientRect();
  drawing.followed = { key, node, left, top, focus: node.matches(":focus") };
}

function standsFor(drawing, key) {
  return (drawing.cards.get(key) || {}).button || (drawing.opened.get(key) || {}).head;
}

function settle(drawing) {
  const { followed, viewport } = drawing;
  if (!followed) return;
  const node = standsFor(drawing, followed.key);
  if (!node || node === followed.node) return;
  drawing.followed = null;
  if (followed.focus) node.focus({ preventScroll: true });
  const { left, top } = node.getBoundingClientRect();
  viewport.scrollLeft += left - followed.left;
  viewport.scrollTop += top - followed.top;
}

// What is picked is seen first; what was seen before is seen again.
function restore(drawing) {
  const { view, viewport, data } = drawing;
  if (view.left === null) {
    const shown = data.nodes.find((node) => node.key === data.selected || node.within);
    [view.left, view.top] = shown ? toTheMiddle(viewport, standsFor(drawing, shown.key)) : [0, 0];
  }
  [viewport.scrollLeft, viewport.scrollTop] = [view.left, view.top];
  viewport.addEventListener("scroll", () => {
    [view.left, view.top] = [viewport.scrollLeft, viewport.scrollTop];
  }, { passive: true });
}

function toTheMiddle(viewport, node) {
  const [frame, box] = [viewport.getBoundingClientRect(), node.getBoundingClientRect()];
  return [box.left - frame.left - (frame.width - box.width) / 2,
    box.top - frame.top - (frame.height - box.height) / 2];
}

function watchPointer(drawing) {
  const { viewport } = drawing;
  viewport.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const by = Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 200);
    zoom(drawing, drawing.view.scale * by, event.clientX, event.clientY);
  }, { passive: false });
  watchDrag(viewport);
  watchPinch(drawing);
}

// With a mouse; a finger scrolls by itself. A drag that starts on a card is no click on it.
function watchDrag(viewport) {
  let from = null;
  viewport.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    from = { x: event.clientX, y: event.clientY, left: viewport.scrollLeft, top: viewport.scrollTop };
  });
  viewport.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from.x, event.clientY - from.y];
    if (!viewport.hasPointerCapture(event.pointerId)) {
      if (Math.hypot(x, y) < 5) return;
      viewport.setPointerCapture(event.pointerId);
      attribute(viewport, "data-dragged", true);
    }
    [viewport.scrollLeft, viewport.scrollTop] = [from.left - x, from.top - y];
  });
  const end = () => {
    from = null;
    attribute(viewport, "data-dragged", null);
  };
  for (const name of ["pointerup", "pointercancel"]) viewport.addEventListener(name, end);
}

function watchPinch(drawing) {
  const { viewport, view } = drawing;
  let start = null;
  const apart = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  viewport.addEventListener("touchstart", (event) => {
    start = event.touches.length === 2 ? { apart: apart(event.touches), scale: view.scale } : null;
  }, { passive: true });
  viewport.addEventListener("touchmove", (event) => {
    if (!start || event.touches.length !== 2) return;
    event.preventDefault();
    const [one, other] = event.touches;
    zoom(drawing, (start.scale * apart(event.touches)) / start.apart,
      (one.clientX + other.clientX) / 2, (one.clientY + other.clientY) / 2);
  }, { passive: false });
}
