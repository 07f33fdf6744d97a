// The list of tasks, made of `elements.js`: a refresh moves a row only when their order changes, and
// changes only what is different, so that neither the focus nor a click is lost.

const SIGNS = {
  schedule: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7.5V12l3 2",
  psychology: "M9 18h6M10 21h4M8.5 15.5a6 6 0 1 1 7 0c-.6.5-1 1.2-1 2.5h-5c0-1.3-.4-2-1-2.5",
  approval: "M9 3.5h6v3.5H9zM9 5H5.5v15.5h13V5H15M9 14l2.2 2.2L15.5 12",
  autorenew: "M20 12a8 8 0 0 1-14.5 4.6M4 12a8 8 0 0 1 14.5-4.6M19 3.5v4h-4M5 20.5v-4h4",
  edit_note: "M4 20l1-4L16 5l3 3L8 19zM13.5 7.5l3 3",
  check_circle: "M5 12.5l4.5 4.5L19 7.5",
  error: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  block: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M6 6l12 12",
  pause: "M9 6v12M15 6v12",
  priority_high: "M6 21V4M6 4.5h11l-2.5 4 2.5 4H6",
  science: "M10 3.5v6L4.5 19a1.2 1.2 0 0 0 1 1.8h13a1.2 1.2 0 0 0 1-1.8L14 9.5v-6M8.5 3.5h7",
};
const UNKNOWN = "M12 8v5M12 16v.2";
const FIELDS = ["title", "standing", "cost", "took", "who", "age"];

const lists = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".tasks");
  let list = lists.get(root);
  if (!list) {
    list = { root, rows: new Map(), page: data.page };
    lists.set(root, list);
    root.addEventListener("keydown", (event) => step(root, event));
  }
  list.open = (id) => setTriggerValue("opened", id);
  address(data.address);
  paint(list, data);
  return undefined;
}

function paint(list, data) {
  keep(list.rows, data.rows.map((row) => row.id), (id, before) => make(list, id, before),
    (made) => made.link);
  for (const row of data.rows) show(list.rows.get(row.id), row);
  if (list.page !== data.page) {
    list.page = data.page;
    if (list.root.getBoundingClientRect().top < 0) list.root.scrollIntoView({ block: "start" });
  }
}

// The filters stand in the address, to be shared and kept by a reload, without a step in the
// history for each of them. A last call may come when the person has already gone elsewhere.
function address(query) {
  if (!location.pathname.endsWith("/tasks") || location.search === query) return;
  history.replaceState(history.state, "", location.pathname + query);
}

function make(list, id, before) {
  const link = append(list.root, "task", "a", before);
  link.href = `task?id=${id}`;
  link.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault(); // within this session; the address is for new tabs
    list.open(id);
  });
  const what = append(link, "what", "span");
  const signs = append(what, "signs", "span");
  const made = { link, signs, badge: sign(signs), notes: [], parts: new Map() };
  made.title = append(what, "title", "span");
  const how = append(link, "how", "span");
  made.standing = append(how, "standing", "span");
  made.bar = append(how, "bar", "span");
  const figures = append(link, "figures", "span");
  const [first, second] = [append(figures, "main", "span"), append(figures, "aside", "span")];
  for (const name of ["cost", "took"]) made[name] = append(first, name, "span");
  for (const name of ["who", "age"]) made[name] = append(second, name, "span");
  return made;
}

function show(made, row) {
  attribute(made.link, "data-status", row.status);
  attribute(made.link, "data-colour", row.badge.colour);
  attribute(made.link, "data-moving", String(row.moving));
  dress(made.badge, row.badge);
  while (made.notes.length > row.notes.length) made.notes.pop().span.remove();
  while (made.notes.length < row.notes.length) made.notes.push(sign(made.signs));
  row.notes.forEach((note, at) => dress(made.notes[at], note));
  for (const field of FIELDS) words(made[field], row[field]);
  keep(made.parts, row.parts.map((part) => part.name),
    (name, before) => append(made.bar, `part ${name}`, "span", before));
  for (const { name, share } of row.parts) {
    attribute(made.parts.get(name), "style", `width:${share}%`);
  }
}

function sign(parent) {
  const span = append(parent, "sign", "span");
  return { span, path: picture(span, "shape"), label: append(span, "label", "span") };
}

function dress({ span, path, label }, given) {
  attribute(span, "data-colour", given.colour);
  attribute(path, "d", SIGNS[given.icon] || UNKNOWN);
  words(label, given.label);
}

// Up and down between rows, beside Tab.
function step(root, event) {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = [...root.children];
  const next = way && links[links.indexOf(event.target.closest("a")) + way];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}
