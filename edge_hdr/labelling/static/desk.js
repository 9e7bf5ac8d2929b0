// What is said of the samples: sent one by one in order, shown at once, confirmed when kept.

const LOOK_MS = 2000; // between two looks at what other windows say
const ANSWER_MS = 20_000;
const NOTE_MS = 10_000; // as long as a note stays that asks for nothing

export class Desk {
  /**
   * Calls `changed(places)` when something else is said of samples, `failed(places)` when what was
   * pressed does not count, and `told()` when it may be in other trouble than before.
   */
  constructor({ changed, failed, told }) {
    Object.assign(this, { changed, failed, told, samples: [], classes: [], number: 0, sent: 0 });
    this.waiting = []; // what was pressed and is not confirmed: [{ place, said, was }]
    this.sending = false;
    this.trouble = { keys: "", program: "", note: "" };
  }

  async load() {
    const state = await ask("/api/samples");
    Object.assign(this, { number: state.number, classes: state.classes, folder: state.folder });
    this.run = state.run;
    this.samples = state.samples.map(([file, guess, confidence, said], place) => ({
      place, file, guess, confidence, said,
    }));
    this.tell({ program: state.trouble });
    setInterval(() => document.hidden || this.look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
  }

  picture(place) {
    return `/picture/${place}?run=${this.run}`;
  }

  /** Say what a sample is; it is shown at once and taken back if it is not kept. */
  say(place, said) {
    const was = this.samples[place].said;
    if (was === said) return false;
    this.samples[place].said = said;
    this.waiting.push({ place, said, was });
    this.sent += 1;
    this.changed([place]);
    this.send();
    return true;
  }

  isWaiting(place) {
    return this.waiting.some((one) => one.place === place);
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    while (this.waiting.length) {
      const { place, said, was } = this.waiting[0];
      try {
        const answer = await ask("/api/say", { sample: place, said, was });
        this.waiting.shift();
        if (answer.said !== said) this.giveWay(place, answer.said);
        this.changed([place]);
      } catch (error) {
        this.takeBack(error);
      }
    }
    this.sending = false;
  }

  /** Take back all that is not confirmed, the last first. */
  takeBack(error) {
    const lost = this.waiting.splice(0);
    for (const { place, was } of [...lost].reverse()) this.samples[place].said = was;
    const places = lost.map((one) => one.place);
    this.changed(places);
    this.tell({ keys: `Not kept: ${error.message}` });
    this.failed(places);
  }

  /** Another window said something else of a sample; what was pressed since rests on that. */
  giveWay(place, said) {
    this.waiting = this.waiting.filter((one) => one.place !== place);
    this.samples[place].said = said;
    this.failed([place]);
    this.tell({ note: `Sample ${place + 1}: another window was first, and its answer stays` });
    setTimeout(() => this.tell({ note: "" }), NOTE_MS);
  }

  /** Learn what other windows said; an answer that a key has overtaken is asked for again. */
  async look() {
    const before = this.sent;
    if (this.over) return;
    try {
      const news = await ask(`/api/changes?since=${this.number}`);
      this.tell({ program: news.trouble });
      if (this.sent !== before || this.waiting.length) return;
      this.number = news.number;
      const places = Object.keys(news.said).map(Number);
      const changed = places.filter((one) => this.samples[one].said !== news.said[one]);
      for (const place of changed) this.samples[place].said = news.said[place];
      if (changed.length) this.changed(changed);
    } catch (error) {
      this.tell({ program: error.message });
    }
  }

  tell(trouble) {
    Object.assign(this.trouble, trouble);
    this.told();
  }
}

/** Ask the program; an answer that is none becomes an error that says why, in one line. */
export async function ask(path, body) {
  const options = { signal: AbortSignal.timeout(ANSWER_MS) };
  if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("edge-hdr label does not answer: start it again, and open its new address");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok || response.status === 409) return answer;
  const { message, hint } = answer.error || { message: `the answer was ${response.status}` };
  throw new Error(hint ? `${message}; ${hint}` : message);
}
