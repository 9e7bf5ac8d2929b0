// A picture on a canvas with boxes, labels and confidence, sharp at any size.

const ACCEPTED = "#1a7434";
const REJECTED = "#9a3c00";
const HALO = "#fffc";

/** Draw a bitmap, and the boxes of `told` (in px of its width and height) over it. */
export function draw(canvas, bitmap, told, boxes) {
  const sharpness = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.max(1, Math.round((canvas.clientWidth || bitmap.width) * sharpness));
  const height = Math.max(1, Math.round((width * bitmap.height) / bitmap.width));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0, width, height);
  if (!boxes || !told) return;
  const scale = width / told.width;
  for (const digit of told.digits) drawDigit(pen, digit, scale, sharpness);
}

/** Write a share of one as whole percent, rounded down: 100 % is certain. */
export function percent(share) {
  return `${Math.floor(share * 100 + 1e-9)} %`;
}

function drawDigit(pen, digit, scale, sharpness) {
  const [x, y, width, height] = digit.box.map((value) => value * scale);
  const size = Math.min(Math.max(0.3 * height, 12 * sharpness), 26 * sharpness);
  pen.strokeStyle = HALO; // boxes are seen on dark pictures too
  pen.lineWidth = 4 * sharpness;
  pen.setLineDash([]);
  pen.strokeRect(x, y, width, height);
  pen.strokeStyle = pen.fillStyle = digit.accepted ? ACCEPTED : REJECTED;
  pen.lineWidth = 2 * sharpness;
  pen.setLineDash(digit.accepted ? [] : [4 * sharpness, 3 * sharpness]);
  pen.strokeRect(x, y, width, height);
  const left = x - pen.lineWidth / 2;
  const top = y >= 1.3 * size ? y - 1.3 * size : y + height;
  const mark = digit.accepted ? digit.label : "?";
  const share = percent(digit.confidence).replace(" ", "");
  const bold = `600 ${size}px system-ui, sans-serif`;
  const small = `${0.65 * size}px system-ui, sans-serif`;
  const pad = 0.25 * size;
  const markWidth = measure(pen, mark, bold) + pad;
  const shareWidth = measure(pen, share, small) + pad;
  const fits = markWidth + shareWidth + pad <= Math.max(1.35 * width, 0.7 * height);
  pen.fillRect(left, top, markWidth + pad + (fits ? shareWidth : 0), 1.3 * size);
  pen.fillStyle = "#fff";
  pen.textBaseline = "middle";
  write(pen, mark, bold, left + pad, top + 0.68 * size);
  if (fits) write(pen, share, small, left + pad + markWidth, top + 0.7 * size);
}

function measure(pen, text, font) {
  pen.font = font;
  return pen.measureText(text).width;
}

function write(pen, text, font, x, y) {
  pen.font = font;
  pen.fillText(text, x, y);
}
