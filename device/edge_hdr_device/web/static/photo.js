// A photo to try: chosen, taken, dropped or pasted; read on the device.

import { percent } from "./draw.js";

const MOST_PIXELS = 12e6; // more only costs time on the way and on the device
const KNOWN = /^image\/(png|jpeg|webp|bmp|gif|tiff)$/;
const CHOOSE = "Choose a JPEG, PNG, WebP, BMP, GIF or TIFF file.";
const find = (id) => document.getElementById(id);

export function acceptPhotos() {
  for (const id of ["file", "shot"]) {
    find(id).addEventListener("change", (event) => {
      read(event.target.files[0]);
      event.target.value = ""; // the same file may be chosen again
    });
  }
  // all over the page: a photo that misses the field must not replace the page
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    find("drop").classList.add("over");
  });
  document.addEventListener("dragleave", () => find("drop").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    find("drop").classList.remove("over");
    read(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => read(event.clipboardData.files[0]));
}

let newest = 0;

async function read(file) {
  if (!file) return;
  const number = ++newest;
  say("Reading the photo");
  find("photo-result").hidden = true;
  try {
    const body = await shrink(file);
    const type = body.type || "application/octet-stream";
    if (!/^image\/|octet-stream$/.test(type)) return say(`${file.name} is no photo. ${CHOOSE}`);
    const response = await fetch("/api/read", {
      method: "POST",
      body,
      headers: { "Content-Type": type },
    });
    if (response.status === 401) location.assign("/login");
    const answer = await response.json();
    if (number !== newest) return;
    if (answer.error) say(`${answer.error.message}. ${answer.error.hint || ""}`);
    else show(answer);
  } catch {
    if (number === newest) say("The device did not answer. Try again.");
  }
}

/** Make a photo that is large, or in a format that only this browser knows, a smaller JPEG. */
async function shrink(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file; // the device says what is wrong with it
  }
  const pixels = bitmap.width * bitmap.height;
  if (pixels <= MOST_PIXELS && KNOWN.test(file.type)) return file;
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / pixels));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // paper behind what is transparent
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(blob || file), "image/jpeg", 0.95);
  });
}

function show({ reading, picture }) {
  const unsure = reading.digits.filter((digit) => !digit.accepted).length;
  const least = Math.min(...reading.digits.map((digit) => digit.confidence));
  const text = reading.lines.join("\n");
  find("photo-text").textContent = text || "No digits found";
  find("photo-facts").textContent = reading.digits.length
    ? `${reading.digits.length} digits, ${unsure} of them unsure, least confidence ` +
      `${percent(least)}, ${reading.total_ms.toFixed(1)} ms on the device`
    : `${reading.total_ms.toFixed(1)} ms on the device`;
  find("photo-picture").src = picture;
  find("photo-picture").alt = text ? `The photo, read as ${reading.lines.join(", ")}` : "The photo";
  find("photo-result").hidden = false;
  say(text ? `Read: ${reading.lines.join(", ")}` : "No digits found", true);
}

/** Tell how it goes; what the result shows anyway is only spoken. */
function say(text, spoken = false) {
  find("photo-status").textContent = text;
  find("photo-status").classList.toggle("quiet", spoken);
}
