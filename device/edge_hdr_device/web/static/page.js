// The live page: what the device says as events, and its pictures; both come back by themselves.

import { draw, percent } from "./draw.js";
import { acceptPhotos } from "./photo.js";
import { show } from "./show.js";
import { Refused, watch } from "./stream.js";

const SILENT_MS = 4000; // the device speaks twice a second
const RETRY_MS = 2000;
const ASK_MS = 1500; // with a check each second, about every two
const AGAIN_MS = 5000; // between two looks whether a place has come free
const CROWDED = "Too many others are watching";
const STALE_MS = 3000;
const DEAD_MS = 20_000; // a stream that gave nothing for so long has no other end any more
const find = (id) => document.getElementById(id);

const screen = {
  bitmap: null, told: null, at: 0, heardAt: 0, pause: 0, boxes: true, held: false, refused: "",
};
const device = { heard: false, heardAt: 0, crowded: false, away: "", version: "" };
const asked = { listenAt: 0, readingAt: 0 };
let events, pictures;

function listen() {
  events?.close();
  asked.listenAt = Date.now();
  const mine = (events = new EventSource("/api/events"));
  mine.onmessage = (event) => hear(JSON.parse(event.data));
  mine.onerror = () => {
    if (mine === events && refused()) ask();
  };
}

/** Tell whether the device answers but gives no events: too many listen. */
function refused() {
  return events.readyState === EventSource.CLOSED;
}

/** Ask once for what events would tell. */
async function ask() {
  if (Date.now() - asked.readingAt < ASK_MS) return;
  asked.readingAt = Date.now();
  const signal = AbortSignal.timeout?.(SILENT_MS);
  try {
    const response = await fetch("/api/reading", { signal });
    if (response.status === 401) location.assign("/login");
    device.crowded = response.status === 503;
    if (response.ok) hear(await response.json());
  } catch {
    device.crowded = false;
  }
}

function hear(state) {
  if (device.version && state.facts.version !== device.version) location.reload(); // updated
  Object.assign(device, { version: state.facts.version, heard: true, heardAt: Date.now() });
  device.away = state.frame ? "" : away(state);
  show(state);
  listDigits(state.frame);
  cover();
}

/** Say why nothing is heard; empty while something is, or may be yet. */
function silence() {
  if (Date.now() - device.heardAt < SILENT_MS) return "";
  return device.crowded ? CROWDED : "No connection";
}

function away(state) {
  const detail = state.health.parts.camera?.detail;
  return detail ? `Camera is away: ${detail}` : "Camera is away";
}

async function look() {
  pictures?.abort();
  const mine = (pictures = new AbortController());
  screen.heardAt = Date.now();
  while (!mine.signal.aborted) {
    try {
      await watch("/stream.mjpg?overlay=0&digits=1", mine.signal, picture);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Refused && error.status === 401) return location.assign("/login");
      screen.refused = error instanceof Refused ? CROWDED : "";
    }
    cover();
    const pause = screen.refused ? AGAIN_MS : RETRY_MS;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function picture(jpeg, told) {
  screen.refused = "";
  screen.heardAt = Date.now();
  if (!told) return; // the card that says that the camera is away
  const bitmap = await createImageBitmap(jpeg);
  if (screen.held || document.hidden) return bitmap.close();
  screen.bitmap?.close();
  const now = Date.now();
  Object.assign(screen, { bitmap, told, at: now, pause: now - screen.at });
  redraw();
  cover();
}

function redraw() {
  if (screen.bitmap) draw(find("picture"), screen.bitmap, screen.told, screen.boxes);
}

/** Hide a picture that is not of now behind words that say why. */
function cover() {
  if (screen.held) return;
  const text = whyNot();
  if (find("cover").textContent !== text) find("cover").textContent = text;
  find("cover").hidden = !text;
  if (text) {
    screen.bitmap?.close();
    screen.bitmap = null;
  }
  find("hold").setAttribute("aria-disabled", String(!screen.bitmap));
}

function whyNot() {
  const silent = silence();
  if (silent) return silent === CROWDED ? silent : `${silent} to the device`;
  if (!device.heard) return "Connecting…";
  if (device.away) return device.away;
  const fresh = Math.max(STALE_MS, Math.min(3 * screen.pause, 60_000));
  if (Date.now() - screen.at > fresh) return screen.refused || "Waiting for a picture";
  return "";
}

function listDigits(frame) {
  if (!find("digits").open) return;
  const rows = (frame?.digits || []).map((digit) => {
    const row = document.createElement("tr");
    const counts = digit.accepted ? "yes" : `no: ${digit.reason}`;
    for (const text of [digit.line + 1, digit.label, percent(digit.confidence), counts]) {
      row.insertCell().textContent = text;
    }
    return row;
  });
  find("digit-rows").replaceChildren(...rows);
}

/** Notice silence: nothing old may look new. Without events, ask. */
function check() {
  if (document.hidden) return;
  cover();
  if (!screen.held && Date.now() - screen.heardAt > DEAD_MS) look();
  const silent = silence();
  if (silent) show(null, silent);
  if (!silent && !refused()) return;
  ask();
  if (Date.now() - asked.listenAt > AGAIN_MS) listen();
}

function toggle(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

find("host").textContent = location.host;
find("boxes").onclick = () => {
  screen.boxes = !screen.boxes;
  toggle(find("boxes"), screen.boxes);
  redraw();
};
find("hold").onclick = () => {
  if (!screen.held && !screen.bitmap) return;
  screen.held = !screen.held;
  toggle(find("hold"), screen.held);
  const time = new Date(screen.at).toLocaleTimeString();
  find("held").textContent = `Held since ${time}. The reading goes on.`;
  find("held").hidden = !screen.held;
  if (screen.held) pictures.abort();
  else look();
};
find("large").onclick = () => large(!document.body.classList.contains("large"));
document.addEventListener("keydown", (event) => event.key === "Escape" && large(false));
document.addEventListener("fullscreenchange", () => document.fullscreenElement || large(false));

function large(on) {
  document.body.classList.toggle("large", on);
  find("large").textContent = on ? "Back to the page" : "Fill the screen";
  toggle(find("large"), on);
  if (on) find("reading").requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
}

// who does not look costs the device nothing
document.addEventListener("visibilitychange", begin);

function begin() {
  events?.close();
  pictures?.abort();
  if (document.hidden) return;
  device.heardAt = Date.now(); // silence begins to count
  listen();
  if (!screen.held) look();
}

window.addEventListener("resize", redraw);

acceptPhotos();
begin();
setInterval(check, 1000);
