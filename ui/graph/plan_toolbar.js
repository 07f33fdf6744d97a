// What stands around the plan: tools, the longest chain in words, and what the signs mean.

function makeTools(drawing, parent) {
  const bar = append(parent, "tools");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "Zoom and fold the plan");
  const tool = (name, icon, label, act) => {
    const button = append(bar, `tool ${name}`, "button");
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
    const path = picture(button, "tool-icon", TOOLS[icon]);
    button.addEventListener("click", act);
    return { button, path };
  };
  tool("zoom-out", "out", "Zoom out (-)", () => zoom(drawing, drawing.view.scale / STEP));
  const level = append(bar, "tool level", "button");
  level.type = "button";
  level.title = "Full size (0)";
  level.addEventListener("click", () => zoom(drawing, 1));
  tool("zoom-in", "in", "Zoom in (+)", () => zoom(drawing, drawing.view.scale * STEP));
  const whole = tool("fit", "fit", "Fit the whole plan (f)", () => fit(drawing));
  words(append(whole.button, "tool-word", "span"), "Fit");
  const folding = tool("folding", "fold", "", () => foldAll(drawing));
  const word = append(folding.button, "tool-word", "span");
  return { level, folding, word };
}

function foldAll(drawing) {
  const { fold } = drawing.data;
  drawing.fold({ mode: fold.mode === "folded" ? "open" : "folded", opened: [] });
}

function paintTools(drawing) {
  const { folding, word } = drawing.tools;
  const { mode, possible } = drawing.data.fold;
  const label = mode === "folded" ? "Unfold all" : "Fold";
  attribute(folding.button, "hidden", possible ? null : "");
  attribute(folding.button, "aria-label", `${label} groups of subtasks`);
  attribute(folding.button, "title", `${label} groups of subtasks`);
  attribute(folding.path, "d", mode === "folded" ? TOOLS.unfold : TOOLS.fold);
  words(word, label);
}

function makeSentence(parent) {
  const node = append(parent, "sentence", "p");
  picture(node, "chain", CHAIN);
  return { node, said: append(node, "said", "span") };
}

function paintSentence({ node, said }, text) {
  attribute(node, "hidden", text ? null : "");
  words(said, text);
}

function makeLegend(drawing, kinds) {
  for (const kind of [...kinds, "critical"]) {
    const item = append(drawing.legend, "item", "li");
    item.dataset.kind = kind;
    picture(item, kind === "critical" ? "chain" : "icon", ICONS[kind] || CHANGES[kind] || CHAIN);
    drawing.signs.set(kind, { item, said: append(item, "said", "span") });
  }
  words(drawing.signs.get("critical").said, "Critical path");
}

function paintLegend(drawing) {
  const { legend, critical } = drawing.data;
  if (!drawing.signs.size) makeLegend(drawing, legend.map((sign) => sign.kind));
  attribute(drawing.signs.get("critical").item, "hidden", critical ? null : "");
  for (const { kind, label, count } of legend) {
    const { item, said } = drawing.signs.get(kind);
    attribute(item, "hidden", count ? null : "");
    words(said, `${count} ${label.toLowerCase()}`);
  }
}
