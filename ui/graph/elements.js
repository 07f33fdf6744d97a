// What all our drawings are made of: nodes that are made once and changed only where something
// changed, so that nothing blinks, a click is never lost and the focus stays where it is.
// `mounted` of `ui/drawings.py` joins this file and those that use it into one module.

const SVG = "http://www.w3.org/2000/svg";

function append(parent, name, tag = "div", before = null) {
  const node = document.createElement(tag);
  node.className = name;
  parent.insertBefore(node, before);
  return node;
}

function attribute(node, name, value) {
  if (value === null || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function words(node, text) {
  if (!node.firstChild) node.appendChild(document.createTextNode(""));
  if (node.firstChild.data !== text) node.firstChild.data = text;
}

function drawn(parent, name, tag = "svg", before = null) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", name);
  return parent.insertBefore(node, before);
}

function picture(parent, name, d = "") {
  const svg = drawn(parent, name);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = drawn(svg, "shape", "path");
  if (d) path.setAttribute("d", d);
  return path;
}

// A picture is silent unless it has words of its own.
function spoken(path, label) {
  const svg = path.parentNode;
  attribute(svg, "aria-hidden", label ? null : "true");
  attribute(svg, "role", label ? "img" : null);
  attribute(svg, "aria-label", label || null);
}

// Make what is missing, remove what is gone, and move only what stands in the wrong place.
function keep(known, wanted, make, node = (made) => made) {
  const names = new Set(wanted);
  for (const [key, made] of known) {
    if (names.has(key)) continue;
    node(made).remove();
    known.delete(key);
  }
  let next = null;
  for (const key of [...names].reverse()) {
    if (!known.has(key)) known.set(key, make(key, next));
    const here = node(known.get(key));
    if (here.nextSibling !== next) here.parentNode.insertBefore(here, next);
    next = here;
  }
}
