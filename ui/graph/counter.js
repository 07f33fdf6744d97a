// How much of a text field is used, while it is being typed into: Streamlit itself tells only when
// the field is left. Made of `elements.js`; the field itself stands in the page outside of this.

const PATIENCE_MS = 3000;
const counters = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".counter");
  let counter = counters.get(root);
  if (!counter) {
    counter = { root };
    counters.set(root, counter);
  }
  counter.data = data;
  remember(data.cookie, data.name);
  attach(counter, performance.now() + PATIENCE_MS);
  return undefined;
}

// A field that was filled in for the person shows its text some frames after this is called.
function attach(counter, until) {
  const field = document.querySelector(counter.data.field);
  if (field && field !== counter.field) {
    counter.field = field;
    field.addEventListener("input", () => show(counter, field.value));
  }
  if (field) show(counter, field.value);
  const settled = field && [...field.value].length === counter.data.length;
  if (!settled && performance.now() < until) requestAnimationFrame(() => attach(counter, until));
}

function show({ root, data }, text) {
  const count = [...text.trim()].length;
  const state = count > data.most ? "over" : count < data.least ? "under" : "good";
  const said = count.toLocaleString("en") + " of " + data.most.toLocaleString("en") + " characters";
  const more = {
    over: ` · ${(count - data.most).toLocaleString("en")} too many`,
    under: count ? ` · ${data.least - count} more needed` : ` · at least ${data.least}`,
    good: "",
  }[state];
  attribute(root, "data-state", state);
  words(root.querySelector(".said"), said + more);
  attribute(root.querySelector(".used"), "style", `width:${Math.min(100, (100 * count) / data.most)}%`);
}

// The name is remembered for a year, so that it need not be typed again.
function remember(cookie, name) {
  const wanted = `${cookie}=${encodeURIComponent(name)}`;
  if (!name || document.cookie.split("; ").includes(wanted)) return;
  document.cookie = `${wanted}; path=/; max-age=31536000; samesite=lax`;
}
