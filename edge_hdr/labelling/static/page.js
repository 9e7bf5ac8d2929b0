// The label page: a key says what the marked sample is, and the mark goes on to the next.

import { ask, Desk } from "./desk.js";
import { BATCH, columns, drawBatch, drawSaid, isOpen, mark, readAs, saidOf } from "./grid.js";
import { meaning } from "./keys.js";

const find = (id) => document.getElementById(id);
const number = (count) => count.toLocaleString("en");

const desk = new Desk({ changed: redraw, failed: takenBack, told: showTrouble });
const view = { name: "open", list: [], at: -1, first: -1, tiles: new Map() };
const history = []; // what this window said: [{ place, said, was }]

const here = () => view.list[view.at];

/** List the samples of a view, and mark the first that is to do. */
function list(name, place) {
  const places = desk.samples.map((one) => one.place);
  const said = (one) => desk.samples[one].said;
  const chosen = {
    open: [...places.filter((one) => said(one) === ""), ...places.filter((one) => said(one) === "skipped")],
    said: places.filter((one) => !isOpen(said(one))),
    all: places,
  }[name];
  Object.assign(view, { name, list: chosen, at: -1, first: -1 });
  for (const button of find("views").children) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
  go(Math.max(0, chosen.indexOf(place)));
}

/** Mark the sample at a place in the list; its batch is drawn when it is another. */
function go(at, { focus = true } = {}) {
  view.at = Math.max(-1, Math.min(at, view.list.length - 1));
  const first = Math.floor(Math.max(0, view.at) / BATCH) * BATCH;
  if (first !== view.first) {
    view.first = first;
    const choose = (place) => go(view.list.indexOf(place));
    view.tiles = drawBatch(find("grid"), desk, view.list.slice(first, first + BATCH), choose);
    fetchAhead(first + BATCH);
  }
  mark(view.tiles, here());
  const tile = view.tiles.get(here());
  if (focus) tile?.focus({ preventScroll: true });
  tile?.scrollIntoView({ block: "nearest", behavior: "instant" });
  showCurrent();
  showBatch();
}

/** Have the next batch's pictures ready before it is shown. */
function fetchAhead(first) {
  for (const place of view.list.slice(first, first + BATCH)) new Image().src = desk.picture(place);
}

function goTo(place) {
  const at = view.list.indexOf(place);
  if (at < 0) list("all", place);
  else go(at);
}

/** Go on to the next sample to do; at the end of the list, to what is left of all. */
function goOn(options) {
  const wanted = (place) => view.name !== "open" || isOpen(desk.samples[place].said);
  const step = view.list.slice(view.at + 1).findIndex(wanted);
  if (step >= 0) return go(view.at + 1 + step, options);
  if (view.name !== "open") return go(view.at, options);
  list("open");
}

/** After a key that was not kept, none counts until a person has seen that. */
const isStopped = () => Boolean(desk.trouble.keys);

function say(word, options) {
  const place = here();
  if (place === undefined || isStopped()) return;
  const was = desk.samples[place].said;
  const heard = word === "skipped" && was !== "" ? "Passed over" : "";
  if (!heard && was !== word) {
    history.push({ place, said: word, was });
    desk.say(place, word);
  }
  const told = heard || `Sample ${place + 1} ${saidOf({ said: word })}`;
  goOn(options);
  const next = desk.samples[here()];
  hear(next ? `${told}. Next: ${readAs(next)}` : `${told}. Nothing is left to do`);
}

function undo() {
  if (isStopped()) return;
  const last = history.pop();
  if (!last) return hear("There is nothing to take back");
  if (desk.samples[last.place].said === last.said) desk.say(last.place, last.was);
  goTo(last.place);
  hear(`Taken back: sample ${last.place + 1} is ${saidOf(desk.samples[last.place])}`);
}

const deeds = {
  "as-read": (options) => {
    const guess = desk.samples[here()]?.guess;
    if (guess) say(guess, options);
    else hear("Nothing was read here");
  },
  "non-digit": (options) => say("none", options),
  skip: (options) => say("skipped", options),
  undo,
};

const moves = {
  left: () => go(Math.max(0, view.at - 1)),
  right: () => go(view.at + 1),
  up: () => view.at >= columns(find("grid")) && go(view.at - columns(find("grid"))),
  down: () => go(view.at + columns(find("grid"))),
  first: () => go(view.first),
  last: () => go(view.first + BATCH - 1),
  earlier: () => go(Math.max(0, view.first - BATCH)),
  later: () => view.first + BATCH < view.list.length && go(view.first + BATCH),
};

/** Show what has changed, and whether it is kept. */
function redraw(places) {
  for (const place of places) {
    const tile = view.tiles.get(place);
    if (tile) drawSaid(tile, desk, place);
  }
  showCurrent();
  showProgress();
  showStatus();
}

/** Forget what does not count; where it was not kept, go back there and wait to be told to go on. */
function takenBack(places) {
  const lost = new Set(places);
  for (let at = history.length - 1; at >= 0; at -= 1) {
    if (lost.has(history[at].place)) history.splice(at, 1);
  }
  if (!isStopped()) return;
  goTo(places[0]);
  find("go-on").focus();
}

function goOnFromTrouble() {
  desk.tell({ keys: "" });
  go(view.at);
}

function showCurrent() {
  const sample = desk.samples[here()];
  find("picture").hidden = !sample;
  if (sample && find("picture").dataset.place !== String(sample.place)) {
    find("picture").src = desk.picture(sample.place);
    find("picture").dataset.place = sample.place;
  }
  const facts = sample ? `${readAs(sample)} · ${saidOf(sample)}` : "nothing is marked";
  find("facts").textContent = facts;
  find("file").textContent = sample ? sample.file : "";
}

function showBatch() {
  const [first, total] = [view.first, view.list.length];
  const last = Math.min(first + BATCH, total);
  find("batch").textContent = total ? `${number(first + 1)}–${number(last)} of ${number(total)}` : "none";
  find("earlier").disabled = first <= 0;
  find("later").disabled = last >= total;
  find("empty").hidden = total > 0;
  const done = `Everything is labelled. Finish, then: edge-hdr adapt --samples ${desk.folder}`;
  find("empty").textContent = view.name === "open" ? done : "Nothing is labelled yet.";
}

function showProgress() {
  const counts = new Map();
  for (const { said } of desk.samples) counts.set(said, (counts.get(said) || 0) + 1);
  const skipped = counts.get("skipped") || 0;
  const done = desk.samples.length - skipped - (counts.get("") || 0);
  Object.assign(find("progress"), { max: desk.samples.length, value: done });
  const more = skipped ? `, ${number(skipped)} skipped` : "";
  find("progress-text").textContent = `${number(done)} of ${number(desk.samples.length)} done${more}`;
  document.title = `${done} of ${desk.samples.length} · edge-hdr label`;
  for (const button of find("pad").children) {
    button.querySelector("small").textContent = number(counts.get(button.dataset.label) || 0);
  }
}

function showStatus() {
  const bad = desk.trouble.keys || desk.trouble.program;
  const busy = desk.waiting.length;
  find("status").dataset.level = bad ? "bad" : busy ? "busy" : "ok";
  const fine = busy ? `Keeping ${busy}…` : "Everything is kept";
  find("status").textContent = bad ? "Trouble" : fine;
}

function showTrouble() {
  const { keys, program, note } = desk.trouble;
  const more = keys.includes(program) ? "" : program; // a key and a look may fail alike
  const text = [keys, more, note].filter(Boolean).join(" · ");
  if (find("trouble-text").textContent !== text) find("trouble-text").textContent = text;
  find("trouble").hidden = !text;
  find("go-on").hidden = !keys;
  showStatus();
}

function hear(text) {
  find("said").textContent = text;
}

/** A click by hand leaves the focus with the samples, for the next key; one by key where it is. */
const byHand = (event) => ({ focus: event.detail > 0 });

function drawPad() {
  const buttons = desk.classes.map((name) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: name });
    button.dataset.label = name;
    button.append(document.createElement("small"));
    button.onclick = (event) => say(name, byHand(event));
    return button;
  });
  find("pad").replaceChildren(...buttons);
}

async function finish() {
  if (desk.waiting.length) return hear("Not everything is kept yet");
  try {
    const { folder } = await ask("/api/finish", {});
    desk.over = true;
    document.body.innerHTML = '<main class="closed"><h1>Finished</h1><p role="status"></p></main>';
    document.querySelector("p").textContent = `The labels are in ${folder}. Close this window.`;
  } catch (error) {
    desk.tell({ program: error.message });
  }
}

function begin() {
  drawPad();
  find("folder").textContent = desk.folder;
  for (const name of Object.keys(deeds)) find(name).onclick = (event) => deeds[name](byHand(event));
  for (const button of find("views").children) button.onclick = () => list(button.dataset.view);
  find("earlier").onclick = moves.earlier;
  find("later").onclick = moves.later;
  find("finish").onclick = finish;
  find("go-on").onclick = goOnFromTrouble;
  document.addEventListener("keydown", (event) => {
    const meant = meaning(event, desk.classes);
    if (!meant) return;
    event.preventDefault();
    if (meant.label !== undefined) say(meant.label);
    else if (meant.move) moves[meant.move]();
    else deeds[meant.deed]?.();
  });
  window.addEventListener("beforeunload", (event) => desk.waiting.length && event.preventDefault());
  list("open");
  redraw([]);
}

desk.load().then(begin, (error) => desk.tell({ program: error.message }));
