// Pictures, one after the other, each with what was read in it: multipart over one fetch.

const HEADER_END = [13, 10, 13, 10];

/** Hand each part of a stream to `onPart(jpeg, told)`, until it ends or `signal` aborts. */
export async function watch(url, signal, onPart) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Refused(response.status);
  const reader = response.body.getReader();
  let bytes = new Uint8Array(0);
  const more = async () => {
    const { done, value } = await reader.read();
    if (done) throw new Error("the stream has ended");
    const joined = new Uint8Array(bytes.length + value.length);
    joined.set(bytes);
    joined.set(value, bytes.length);
    bytes = joined;
  };
  for (;;) {
    let end = find(bytes, HEADER_END);
    while (end < 0) {
      await more();
      end = find(bytes, HEADER_END);
    }
    const header = new TextDecoder().decode(bytes.subarray(0, end));
    const start = end + HEADER_END.length;
    const length = Number(/content-length: (\d+)/i.exec(header)[1]);
    while (bytes.length < start + length) await more();
    const jpeg = new Blob([bytes.subarray(start, start + length)], { type: "image/jpeg" });
    bytes = bytes.slice(start + length);
    const told = /x-edge-hdr: (.*)/i.exec(header);
    await onPart(jpeg, told ? JSON.parse(told[1]) : null);
  }
}

/** The device refused the stream: 401 without a token, 503 when too many watch. */
export class Refused extends Error {
  constructor(status) {
    super(`refused with ${status}`);
    this.status = status;
  }
}

function find(bytes, wanted) {
  for (let at = 0; at + wanted.length <= bytes.length; at++) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
