// List what keeps people from using a page, in words: names, landmarks, order, contrast, size.
const faults = [];
const say = (element, fault) => {
  const name = element.tagName.toLowerCase();
  faults.push(`${name}${element.id ? `#${element.id}` : ""} ${fault}`);
};
const all = (selector) => [...document.querySelectorAll(selector)];
const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true });

// names
const labelled = (element) => {
  const ids = (element.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
  return ids.map((id) => document.getElementById(id)?.textContent.trim() || "").join(" ").trim();
};
const nameOf = (element) =>
  labelled(element) ||
  (element.getAttribute("aria-label") || "").trim() ||
  [...(element.labels || [])].map((label) => label.textContent.trim()).join(" ") ||
  (element.getAttribute("alt") || "").trim() ||
  (element.matches("button, a, summary") ? element.textContent.trim() : "");
for (const element of all("button, a, summary, input, img, canvas, section, [role=group]")) {
  if (shown(element) && !nameOf(element)) say(element, "has no name");
}
for (const element of all("[aria-labelledby], [aria-describedby]")) {
  for (const attribute of ["aria-labelledby", "aria-describedby"]) {
    for (const id of (element.getAttribute(attribute) || "").split(/\s+/).filter(Boolean)) {
      if (!document.getElementById(id)) say(element, `is labelled by ${id}, which is not there`);
    }
  }
}
const ids = all("[id]").map((element) => element.id);
for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) !== index))) {
  faults.push(`two elements called ${id}`);
}

// landmarks and order
if (!document.documentElement.lang) faults.push("the language is not told");
if (!document.title) faults.push("there is no title");
if (all("main").filter(shown).length !== 1) faults.push("there is not one main");
if (all("h1").filter(shown).length !== 1) faults.push("there is not one h1");
if (!all("[role=status], [aria-live], [role=alert]").length) faults.push("nothing is announced");
let level = 0;
for (const heading of all("h1, h2, h3, h4, h5, h6").filter(shown)) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1) say(heading, "skips a level");
  level = next;
}
for (const cell of all("th")) if (!cell.scope) say(cell, "has no scope");

// contrast, WCAG 2.2, 1.4.3
const parse = (color) => color.match(/[\d.]+/g).map(Number);
const luminance = ([red, green, blue]) => {
  const [r, g, b] = [red, green, blue]
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = parse(getComputedStyle(at).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
for (const element of all("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !shown(element) || element.closest(".quiet, script, noscript")) continue;
  const style = getComputedStyle(element);
  const [lighter, darker] = [luminance(parse(style.color)), luminance(behind(element))].sort(
    (one, other) => other - one,
  );
  const contrast = (lighter + 0.05) / (darker + 0.05);
  if (contrast < 4.5) say(element, `has a contrast of ${contrast.toFixed(2)}`);
}

// size
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) faults.push("the page is wider than the screen");
for (const element of all("body *")) {
  const box = element.getBoundingClientRect();
  if (shown(element) && !element.closest(".quiet, .skip") && box.right > width + 1) {
    say(element, "reaches out of the screen");
  }
}
for (const element of all("button, summary, .button, input:not(.quiet)").filter(shown)) {
  const box = element.getBoundingClientRect();
  if (Math.min(box.width, box.height) < 24) say(element, "is too small to be hit");
}
return faults;
