// How a result was checked. What is drawn is replaced only when it says something else, so that a
// refresh neither blinks nor closes what a person has opened. All text is set as text.

const SIGNS = {
  passed: ["yes", "good"], failed: ["no", "bad"], error: ["alarm", "bad"],
  skipped: ["none", "quiet"], planned: ["none", "quiet"],
  supported: ["yes", "good"], unsupported: ["no", "bad"], unknown: ["none", "quiet"],
  repeated: ["none", "warn"], open: ["again", "busy"],
  gave_up: ["no", "warn"], interrupted: ["alarm", "warn"],
  approve: ["looked", "good"], rework: ["again", "warn"], reject: ["no", "bad"],
};

const sheets = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".sheet");
  const said = JSON.stringify(component.data);
  const before = sheets.get(root);
  if (before && before.said === said) return undefined;
  const same = before && before.id === component.data.id;
  sheets.set(root, { said, id: component.data.id });
  const chosen = new Map(same ? [...root.querySelectorAll("details[data-chosen]")]
    .map((one) => [one.dataset.key, one.open]) : []);
  root.replaceChildren(...parts(component.data));
  for (const one of root.querySelectorAll("details")) {
    if (!chosen.has(one.dataset.key)) continue;
    one.open = chosen.get(one.dataset.key);
    one.dataset.chosen = "";
  }
  return undefined;
}

function parts(data) {
  return [
    part("Checks", data.checks.length && list("ul", data.checks.map(check)), data.note),
    part("What its agent claims", data.claims.length && list("ul", data.claims.map(claim))),
    part("Sent back and corrected",
      data.corrections.length && list("ol", data.corrections.map(correction))),
    part("Review", data.review && review(data.review)),
  ].filter(Boolean);
}

function node(tag, name, ...inside) {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...inside.filter((one) => one !== "" && one !== null));
  return made;
}

function part(title, body, note) {
  if (!body) return null;
  return node("section", "part", node("h6", "", title), note ? node("p", "quiet", note) : "", body);
}

function list(tag, rows) {
  return node(tag, "rows", ...rows);
}

function sign(outcome, label = "") {
  const [name, tone] = SIGNS[outcome];
  const path = picture(document.createDocumentFragment(), `sign ${tone}`, OUTCOMES[name]);
  spoken(path, label);
  return path.parentNode;
}

function row(outcome, label, ...inside) {
  const item = node("li", "row", sign(outcome, label), node("div", "said", ...inside));
  item.dataset.outcome = outcome;
  return item;
}

function more(key, label, text, open) {
  if (!text) return "";
  const printed = node("pre", "", text);
  const summary = node("summary", "", label);
  const made = node("details", "more", summary, printed);
  summary.addEventListener("click", () => { made.dataset.chosen = ""; });
  made.addEventListener("toggle", () => { printed.scrollTop = printed.scrollHeight; });
  made.dataset.key = key;
  made.open = open;
  return made;
}

function check(one, place) {
  const item = row(one.outcome, one.facts,
    node(one.code ? "code" : "div", "what", one.what),
    node("div", "facts", one.facts),
    one.flag ? node("div", "flag", sign("repeated"), one.flag) : "",
    more(`check-${place}`, "What it printed", one.output, one.open));
  if (one.flag && one.outcome === "passed") item.classList.add("hollow");
  return item;
}

function claim(one) {
  return row(one.outcome, one.outcome,
    node("div", "what", `${one.kind} `, node("code", "", one.what)), node("div", "facts", one.by));
}

function correction(one) {
  const made = node("li", "step",
    node("span", "number", String(one.number)),
    node("div", "said",
      node("div", "what", one.title),
      ...one.why.map((why) => node("div", "why", why)),
      node("div", "changes", ...one.changed.map((change) => node("span", "change", change))),
      node("div", "facts", sign(one.outcome), node("strong", "", one.result),
        one.facts ? ` · ${one.facts}` : ""),
      more(`correction-${one.number}`, "What its agent was told", one.whole, false)));
  made.dataset.outcome = one.outcome;
  return made;
}

function review(one) {
  const bars = one.scores.map((score) => {
    const fill = node("span", "fill");
    fill.style.width = `${score.value}%`;
    return node("div", "score", node("span", "name", score.name), node("span", "bar", fill),
      node("span", "value", String(score.value)));
  });
  const reasons = one.reasons.map((reason) => node("li", "reason",
    node("q", "", reason.quote), node("div", "", node("strong", "", `${reason.about}. `),
      reason.comment)));
  const verdict = node("div", "verdict", sign(one.verdict), node("strong", "", one.words),
    one.model ? node("span", "facts", `by ${one.model}`) : "");
  verdict.dataset.outcome = one.verdict;
  return node("div", "review", verdict, node("div", "scores", ...bars), list("ul", reasons));
}
