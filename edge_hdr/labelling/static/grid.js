// The grid: one batch of samples at a time, so that thousands cost no more than a hundred.

export const BATCH = 100;
const percent = (share) => `${Math.floor(100 * share)} %`;

export const isOpen = (said) => said === "" || said === "skipped";

/** Say in words what a sample was read as. */
export function readAs({ guess, confidence }) {
  return guess ? `read as ${guess}, ${percent(confidence)} sure` : "nothing was read";
}

/** Say in words what is said of a sample. */
export function saidOf({ said }) {
  if (said === "") return "to do";
  return { none: "no digit", skipped: "skipped" }[said] || `labelled ${said}`;
}

/** Draw a batch of a list of places; gives the tiles by place. */
export function drawBatch(grid, desk, places, choose) {
  const tiles = new Map();
  for (const place of places) {
    const tile = document.createElement("div");
    tile.className = "sample";
    tile.setAttribute("role", "option");
    tile.setAttribute("aria-selected", "false");
    tile.tabIndex = -1;
    const picture = document.createElement("img");
    Object.assign(picture, { src: desk.picture(place), alt: `Sample ${place + 1}`, decoding: "async" });
    tile.append(picture, document.createElement("span"));
    tile.addEventListener("click", () => choose(place));
    tiles.set(place, tile);
    drawSaid(tile, desk, place);
  }
  grid.replaceChildren(...tiles.values());
  return tiles;
}

/** Show what is said of a sample, and whether that is kept. */
export function drawSaid(tile, desk, place) {
  const sample = desk.samples[place];
  const waits = desk.isWaiting(place);
  tile.dataset.said = sample.said;
  if (waits) tile.dataset.waiting = "";
  else delete tile.dataset.waiting;
  const short = sample.guess ? `${sample.guess}? ${percent(sample.confidence)}` : "?";
  const said = { none: "no digit", skipped: "skipped" }[sample.said] || sample.said;
  const text = sample.said === "" ? short : `${waits ? "" : "✓ "}${said}`;
  tile.querySelector("span").textContent = waits ? `${text} …` : text;
  const kept = waits ? ", not kept yet" : "";
  tile.setAttribute("aria-label", `Sample ${place + 1}: ${readAs(sample)}, ${saidOf(sample)}${kept}`);
}

/** Mark one tile as the one that keys are about; the others lose the mark. */
export function mark(tiles, place) {
  for (const [other, tile] of tiles) {
    const on = other === place;
    if ((tile.getAttribute("aria-selected") === "true") === on) continue;
    tile.setAttribute("aria-selected", String(on));
    tile.tabIndex = on ? 0 : -1;
  }
}

export function columns(grid) {
  return getComputedStyle(grid).gridTemplateColumns.split(" ").length;
}
