// What the device says, in words: reading, history, health, speed, facts.

import { percent } from "./draw.js";

const CHANGES = {
  announced: "new",
  changed: "changed",
  dropped: "gone",
  implausible: "held back",
};
const LEVELS = { ok: "Running well", degraded: "Running with limits", failing: "Not reading" };
const FACTS = {
  model: "Model",
  variant: "Variant",
  runtime: "Interpreter",
  delegate: "Delegate",
  threads: "Threads",
  camera: "Camera",
  board: "Board",
  version: "edge-hdr",
};
const STAGES = {
  gate: "Compare",
  locate: "Locate",
  normalize: "Normalize",
  classify: "Classify",
  track: "Follow",
  total: "Together",
};
const PARTS = { config: "Settings", mqtt: "MQTT" };
const find = (id) => document.getElementById(id);

let said = "";
let events = -1;
let slowAt = 0;

/** Show a state of the device; null while it is not heard, and why. */
export function show(state, silent = "") {
  showLevel(state, silent);
  showReading(state, silent);
  if (!state) return;
  if (Date.now() - slowAt > 900) {
    slowAt = Date.now();
    showStages(state);
    showHealth(state.health.parts);
    showFacts(state);
  }
  if (state.events !== events) showHistory(state.events);
}

function showLevel(state, silent) {
  const level = state ? state.health.level : "failing";
  find("status").dataset.level = level;
  write("status", state ? LEVELS[level] : silent);
}

function showReading(state, silent) {
  const standing = state?.reading || [];
  const none = state ? words(state) : silent;
  const key = JSON.stringify([standing.map((one) => [one.region, one.lines]), none]);
  write("note", note(state, standing));
  if (find("standing").dataset.key === key) return;
  find("standing").dataset.key = key;
  const blocks = standing.length ? standing.flatMap((one) => block(one, standing.length > 1))
    : [element("p", none, "number none")];
  find("standing").replaceChildren(...blocks);
  const lines = standing.flatMap((one) => one.lines);
  find("standing").style.setProperty("--chars", Math.max(3, ...lines.map((line) => line.length)));
  find("standing").style.setProperty("--lines", Math.max(1, lines.length));
  document.title = `${lines.join(" ") || none} · edge-hdr`;
  speak(standing.length ? standing.map(spoken).join("; ") : none);
}

function words(state) {
  if (!state.frame) return "Camera is away";
  return state.frame.digits.length ? "Not settled" : "No digits";
}

function note(state, standing) {
  if (!standing.length) {
    const lines = state?.frame?.lines || [];
    return lines.length ? `In the picture: ${lines.join(", ")}` : "";
  }
  const least = Math.min(...standing.map((one) => one.confidence));
  const since = Math.max(...standing.map((one) => Date.parse(one.since)));
  return `since ${clock(since)}, confidence ${percent(least)}`;
}

function block(one, named) {
  const lines = one.lines.map((line) => element("p", line, "number"));
  return named ? [element("h3", one.region), ...lines] : lines;
}

/** Say a reading digit by digit; a number would be spoken as one word. */
function spoken(one) {
  const digits = one.lines.map((line) => [...line].join(" ")).join(", ");
  return one.region === "frame" ? `Reading ${digits}` : `${one.region}: ${digits}`;
}

function speak(text) {
  if (text === said) return;
  said = text;
  find("said").textContent = text;
}

async function showHistory(number) {
  events = number;
  const response = await fetch("/api/history").catch(() => null);
  if (!response?.ok) {
    events = -1;
    return;
  }
  const { history } = await response.json();
  const named = new Set(history.map((event) => event.region)).size > 1;
  find("history").replaceChildren(...history.map((event) => historyRow(event, named)));
  write("no-history", "Nothing has been read yet.");
  find("no-history").hidden = history.length > 0;
}

function historyRow(event, named) {
  const from = event.change === "changed" ? ` from ${event.previous}` : "";
  const why = event.reason ? `: ${event.reason}` : "";
  const where = named ? `${event.region}: ` : "";
  return row([
    clock(Date.parse(event.time)),
    where + (event.text ?? event.previous),
    CHANGES[event.change] + from + why,
  ]);
}

function showStages(state) {
  write("fps", state.fps.toFixed(1));
  find("speed").hidden = false;
  find("no-speed").hidden = true;
  const rows = Object.entries(state.stages).map(([name, times]) =>
    row([STAGES[name] || name, `${times.p50_ms.toFixed(2)} ms`, `${times.p99_ms.toFixed(2)} ms`], true),
  );
  renew("stages", rows);
}

function showHealth(parts) {
  const items = Object.entries(parts).map(([name, part]) => {
    const item = document.createElement("li");
    item.dataset.level = part.level;
    const text = document.createElement("span");
    text.append(element("strong", PARTS[name] || capital(name)), ` ${part.state}${part.detail ? `: ${part.detail}` : ""}`);
    item.append(text);
    return item;
  });
  renew("health", items);
}

function showFacts(state) {
  const board = state.health.parts.board || {};
  const facts = Object.entries(FACTS).map(([name, title]) => [title, state.facts[name]]);
  const throttled = board.throttled && (board.throttled.join(", ") || "no");
  facts.push(
    ["Temperature", board.temperature_c == null ? "" : `${board.temperature_c.toFixed(1)} °C`],
    ["Throttled", throttled],
    ["Running for", duration(state.uptime_s)],
  );
  const items = facts
    .filter(([, value]) => value)
    .flatMap(([title, value]) => [element("dt", title), element("dd", String(value))]);
  renew("facts", items);
}

function row(texts, headed = false) {
  const row = document.createElement("tr");
  texts.forEach((text, index) => {
    const cell = element(headed && index === 0 ? "th" : "td", text);
    if (cell.tagName === "TH") cell.scope = "row";
    row.append(cell);
  });
  return row;
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Exchange only the children that differ, so that a screen reader keeps its place. */
function renew(id, nodes) {
  const parent = find(id);
  nodes.forEach((node, index) => {
    const old = parent.children[index];
    if (!old) parent.append(node);
    else if (!old.isEqualNode(node)) old.replaceWith(node);
  });
  while (parent.children.length > nodes.length) parent.lastElementChild.remove();
}

function write(id, text) {
  if (find(id).textContent !== text) find(id).textContent = text;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function clock(time_ms) {
  const time = new Date(time_ms);
  const today = time.toDateString() === new Date().toDateString();
  return today ? time.toLocaleTimeString() : time.toLocaleString();
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days) return `${days} d ${hours % 24} h`;
  return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
