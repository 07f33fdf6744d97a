// Zoom, fit, pan, and what of them is kept when the drawing is mounted anew.

const NARROW = 640;
const READABLE = 0.86; // what a plan is shown at, at least, until somebody zooms: titles of 12 px
const SMALLEST = 0.04;
const LARGEST = 2;
const FAR = 0.42; // below it words cannot be read: cards show their icon alone
const STEP = 1.25;
const MARGIN = 8; // room for the ring around a card at the edge
const SCROLLBAR = 10;
const TALLEST = 620;
const WHOLE = 1200; // a column up to this height scrolls with the page
const WIDEST = 420; // of a column

// By the drawing's id: a page that is drawn anew makes new elements but keeps this module.
const views = new Map();

function viewOf(id) {
  if (!views.has(id)) views.set(id, { mode: "auto", scale: 1, left: null, top: null });
  return views.get(id);
}

function tallest() {
  return Math.min(TALLEST, 0.75 * window.innerHeight);
}

function scaleFor(view, width, height, room) {
  const across = room / width;
  if (view.mode === "fit") return Math.min(1, across, (tallest() - 2 * MARGIN) / height);
  return view.mode === "auto" ? Math.min(1, Math.max(READABLE, across)) : view.scale;
}

function limited(scale) {
  return Math.min(LARGEST, Math.max(SMALLEST, scale));
}

function place(drawing) {
  const { data, view, viewport, sizer, stage, svg } = drawing;
  const room = drawing.width - 2 * MARGIN - SCROLLBAR;
  if (room <= 0) return;
  // One column on a narrow screen, unless the plan is a tangle; its cards take the room there is.
  const { wide, tall } = data.layouts;
  drawing.wide = drawing.width >= NARROW || !tall;
  const layout = drawing.layout = drawing.wide ? wide : tall;
  const more = drawing.wide ? 0 : Math.max(0, Math.min(WIDEST, room) - layout.width);
  const size = [layout.width + more, layout.height];
  view.scale = scaleFor(view, ...size, room);
  const [width, height] = size.map((length) => length * view.scale + 2 * MARGIN);
  const whole = !drawing.wide && view.mode !== "fit" && layout.height < WHOLE;
  attribute(viewport, "style", `max-height:${Math.round(whole ? WHOLE : tallest())}px`);
  attribute(sizer, "style", `width:${width}px;height:${height}px`);
  attribute(stage, "style",
    `width:${size[0]}px;height:${size[1]}px;transform:scale(${view.scale})`);
  attribute(stage, "data-far", view.scale < FAR);
  attribute(svg, "viewBox", `0 0 ${size.join(" ")}`);
  placeAll(drawing, layout, more);
  words(drawing.tools.level, `${Math.round(100 * view.scale)} %`);
}

function placeAll(drawing, layout, more) {
  const [width, height] = layout.box;
  for (const [key, made] of drawing.cards) {
    const [x, y, ownWidth = width, ownHeight = height] = layout.boxes[key];
    attribute(made.button, "style", box(x, y, ownWidth + more, ownHeight));
  }
  for (const [key, made] of drawing.opened) {
    const [x, y, ownWidth, ownHeight] = layout.frames[key];
    attribute(made.frame, "style", box(x, y, ownWidth + more, ownHeight));
  }
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

// What was seen before is seen again; at first the beginning, or else what is picked.
function restore(drawing) {
  const { view, viewport, data } = drawing;
  if (view.left === null) {
    const shown = data.nodes.find((node) => node.key === data.selected || node.within);
    [view.left, view.top] = shown ? toSee(viewport, standsFor(drawing, shown.key)) : [0, 0];
  }
  [viewport.scrollLeft, viewport.scrollTop] = [view.left, view.top];
  viewport.addEventListener("scroll", () => {
    [view.left, view.top] = [viewport.scrollLeft, viewport.scrollTop];
  }, { passive: true });
}

// Along each axis nowhere, if it is inside there, or else to the middle.
function toSee(viewport, node) {
  const [frame, box] = [viewport.getBoundingClientRect(), node.getBoundingClientRect()];
  const along = (from, to, begin, length) =>
    (to <= begin + length ? 0 : (from + to) / 2 - begin - length / 2);
  return [along(box.left, box.right, frame.left, frame.width),
    along(box.top, box.bottom, frame.top, frame.height)];
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
