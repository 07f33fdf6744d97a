// Every status and mark as a shape of its own: colour is never all that tells them apart.

const ICONS = {
  pending: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7.5V12l3 2",
  queued: "M7 4h10M7 20h10M8 4c0 5 8 6 8 8s-8 3-8 8M16 4c0 5-8 6-8 8s8 3 8 8",
  running: "M12 3a9 9 0 1 1-8.5 6",
  blocked: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  completed: "M5 12.5l4.5 4.5L19 7.5",
  failed: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  cancelled: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M6 6l12 12",
  planned: "M6 4h8l4 4v12H6zM9.5 12h5M9.5 16h5",
};
const CHANGES = {
  added: "M12 5v14M5 12h14",
  changed: "M4 14c3-7 6-4.5 8-2s5 4.5 8-2",
  removed: "M5 12h14",
};
const OUTCOMES = {
  yes: "M5 12.5l4.5 4.5L19 7.5",
  no: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  alarm: "M12 5v9M12 18.6v.4",
  none: "M6 12h12",
  again: "M18.5 12a6.5 6.5 0 1 1-2.2-4.9M18.5 3.8v4h-4",
  looked: "M12 4.5a7.5 7.5 0 1 0 0 15a7.5 7.5 0 1 0 0-15M12 10a2 2 0 1 0 0 4a2 2 0 1 0 0-4",
};
const MARKS = {
  verified: "M5 12.5l4.5 4.5L19 7.5",
  reviewed: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 10.4a1.6 1.6 0 1 0 0 3.2a1.6 1.6 0 1 0 0-3.2",
  "self-reported": "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16",
};
const CHAIN = "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1" +
  "M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1";
const TOOLS = {
  out: "M6 12h12",
  in: "M12 6v12M6 12h12",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  fold: "M5 8h14M5 16h14M9 4.5l3 3l3-3M9 19.5l3-3l3 3",
  unfold: "M5 12h14M9 7l3-3l3 3M9 17l3 3l3-3",
};
