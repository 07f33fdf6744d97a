// Cards to choose from, made of `elements.js`.

const PICTURES = {
  chart: "M4 20h16M7 16v-5M12 16V6M17 16v-8",
  bolt: "M13 3L5.5 13.5H11L10.5 21L18.5 10H13z",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.2 15.2L20.5 20.5",
  code: "M8.5 7L3.5 12l5 5M15.5 7l5 5-5 5",
  history: "M4 5v4.5h4.5M4.6 9.5A8 8 0 1 1 4 12.5M12 8v4.5l3 2",
};
const BAR = 76; // the height of the navigation, which stays at the top

const boards = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".cards");
  let board = boards.get(root);
  if (!board) {
    board = { root, cards: new Map() };
    boards.set(root, board);
  }
  board.choose = (id) => {
    setTriggerValue("chosen", id);
    lead(data.leads_to);
  };
  keep(board.cards, data.cards.map((card) => card.id),
    (id, before) => make(board, id, before), (made) => made.button);
  for (const card of data.cards) show(board.cards.get(card.id), card);
  return undefined;
}

function make(board, id, before) {
  const button = append(board.root, "choice", "button", before);
  button.type = "button";
  button.addEventListener("click", () => board.choose(id));
  const path = picture(button, "picture");
  const body = append(button, "body", "span");
  const [title, text, tag] = ["title", "text", "tag"].map((name) => append(body, name, "span"));
  return { button, path, title, text, tag };
}

function show(made, card) {
  attribute(made.path, "d", PICTURES[card.icon]);
  words(made.title, card.title);
  words(made.text, card.text);
  words(made.tag, card.tag);
  attribute(made.tag, "hidden", !card.tag);
}

// What a choice changes may be out of sight, on a narrow screen above the cards.
function lead(selector) {
  const goal = selector && document.querySelector(selector);
  if (!goal || goal.getBoundingClientRect().top >= BAR) return;
  goal.style.scrollMarginTop = `${BAR}px`;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  goal.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
}
