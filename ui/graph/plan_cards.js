// Cards, folded groups and the frames of opened ones.

function makeCard(drawing, key, before) {
  const button = append(drawing.stage, "card", "button", before);
  button.type = "button";
  button.dataset.key = key;
  button.addEventListener("click", () => press(drawing, key));
  const icon = picture(button, "icon");
  const body = append(button, "body", "span");
  const title = append(body, "title", "span");
  const foot = append(body, "foot", "span");
  const mark = picture(foot, "mark");
  const note = append(foot, "note", "span");
  picture(button, "chain", CHAIN);
  const change = picture(button, "change");
  const bar = append(button, "bar", "span");
  return { button, icon, mark, title, note, change, bar };
}

function paintCard(made, node, data) {
  const { button } = made;
  const picked = node.key === data.selected || Boolean(node.within);
  attribute(button, "data-status", node.status);
  attribute(button, "data-evidence", node.evidence);
  attribute(button, "data-change", node.change);
  attribute(button, "data-critical", node.critical);
  attribute(button, "data-fold", node.fold);
  attribute(button, "data-framed", Boolean(node.frame));
  attribute(button, "aria-pressed", node.fold ? null : String(picked));
  attribute(button, "aria-expanded", node.fold ? "false" : null);
  attribute(button, "data-picked", picked);
  attribute(button, "data-near", nearness(node, data));
  attribute(button, "aria-label", node.label);
  attribute(button, "title", node.hint);
  attribute(made.icon, "d", ICONS[node.status]);
  attribute(made.mark, "d", MARKS[node.evidence] || "");
  attribute(made.change, "d", CHANGES[node.change] || "");
  attribute(made.bar, "style", node.fold ? shares(node.parts) : null);
  words(made.title, node.title);
  words(made.note, node.note);
}

function nearness(node, data) {
  if (!data.selected || node.key === data.selected) return null;
  if (node.before.includes(data.selected)) return "after";
  return data.needs.has(node.key) ? "before" : null;
}

// How the members of a folded group stand, as stripes of one bar.
function shares(parts) {
  const total = parts.reduce((sum, [, count]) => sum + count, 0);
  let done = 0;
  const stops = parts.map(([status, count]) => {
    const from = (100 * done) / total;
    done += count;
    const to = (100 * done) / total;
    return `var(--${status}, var(--pending)) ${from.toFixed(1)}% ${to.toFixed(1)}%`;
  });
  return `background:linear-gradient(90deg,${stops.join(",")})`;
}

function makeFrame(drawing, key, before) {
  const frame = append(drawing.frames, "frame", "div", before);
  const head = append(frame, "frame-head", "button");
  head.type = "button";
  head.dataset.key = key;
  head.setAttribute("aria-expanded", "true");
  picture(head, "tool-icon", TOOLS.fold);
  const title = append(head, "frame-title", "span");
  head.addEventListener("click", () => fold(drawing, key));
  return { frame, head, title };
}

function paintFrame(made, frame) {
  words(made.title, `Fold ${frame.title}`);
}

function press(drawing, key) {
  const node = drawing.data.nodes.find((one) => one.key === key);
  if (node.fold) fold(drawing, key);
  else select(drawing, key);
}

function select(drawing, key) {
  drawing.data.selected = key;
  paint(drawing);
  drawing.pick(key);
}

// Open a folded group, or fold an opened one; it stays under the pointer and keeps the focus.
function fold(drawing, key) {
  const { opened } = drawing.data.fold;
  const others = opened.filter((one) => one !== key);
  follow(drawing, key);
  drawing.fold({ mode: "folded", opened: opened.includes(key) ? others : [...others, key] });
}
