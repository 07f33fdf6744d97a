// How much of a text field is used, while it is being typed into: Streamlit itself tells only when
// the field is left. Made of `elements.js`; the field itself stands in the page outside of this.
// The tab also keeps what is typed, with the form that it belongs to, in case the page is reloaded.

const PATIENCE_MS = 3000;
const KEPT = "quintet_form";
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
  offer(counter, component.setTriggerValue);
  attach(counter, performance.now() + PATIENCE_MS);
  return undefined;
}

// A field that was filled in for the person shows its text some frames after this is called.
function attach(counter, until) {
  const field = document.querySelector(counter.data.field);
  if (field && field !== counter.field) {
    counter.field = field;
    field.addEventListener("input", () => {
      show(counter, field.value);
      store(counter, field.value);
    });
  }
  if (field) show(counter, field.value);
  const settled = field && [...field.value].length === counter.data.length;
  if (settled) store(counter, field.value);
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

// What the tab kept may be of a form before this one: whether it comes back is decided elsewhere.
// Of this form, the fields other than the words are as they were told last.
function offer(counter, tell) {
  const { kept, length } = counter.data;
  const found = stored((storage) => JSON.parse(storage.getItem(KEPT)));
  if (found && found.form === kept.form) store(counter, found.description);
  else if (found && !counter.offered && !length) {
    stored((storage) => storage.removeItem(KEPT));
    tell("found", found);
  }
  counter.offered = true;
}

function store({ data }, text) {
  const whole = JSON.stringify({ ...data.kept, description: text });
  stored((storage) => (text.trim() ? storage.setItem(KEPT, whole) : storage.removeItem(KEPT)));
}

// A browser may be set to keep nothing, or have no room: the form works without it.
function stored(act) {
  try {
    return act(sessionStorage);
  } catch {
    return undefined;
  }
}
