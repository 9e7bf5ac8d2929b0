// Which key means what.

const MOVES = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down",
  Home: "first", End: "last", PageUp: "earlier", PageDown: "later",
};
const DEEDS = {
  Enter: "as-read", " ": "skip", s: "skip", x: "non-digit", n: "non-digit", Delete: "non-digit",
  u: "undo", Backspace: "undo",
};

/** Give { label } or { deed } or { move } for a key, or nothing where it is not ours. */
export function meaning(event, classes) {
  if (event.defaultPrevented || event.isComposing) return null;
  const { key } = event;
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    return key.toLowerCase() === "z" && !event.shiftKey ? { deed: "undo" } : null;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.target.closest?.("input, select, textarea")) return null;
  if ((key === "Enter" || key === " ") && event.target.closest?.("button, a")) return null;
  if (MOVES[key]) return { move: MOVES[key] };
  const label = labelOf(event, classes);
  const deed = DEEDS[key] || DEEDS[key.toLowerCase()] || DEEDS[letterOf(event)];
  // a key that is held down goes on moving, but says nothing more
  if (event.repeat) return label !== undefined || deed ? { deed: "" } : null;
  if (label !== undefined) return { label };
  return deed ? { deed } : null;
}

/** Find a class by what a key writes, else by its place: digits want Shift on some keyboards. */
function labelOf(event, classes) {
  const known = (name) => classes.includes(name);
  if (known(event.key)) return event.key;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code || "")?.[1];
  return !event.shiftKey && known(digit) ? digit : undefined;
}

/** Give the letter of a key's place where it writes another alphabet. */
function letterOf(event) {
  const letter = /^Key([A-Z])$/.exec(event.code || "")?.[1];
  return /^[^\x00-\x7f]$/u.test(event.key) ? letter?.toLowerCase() : undefined;
}
