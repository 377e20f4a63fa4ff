// @ts-check
/** The words of one system in one channel: which are in view, at a time, and how dense they are. */

import { countBelow, median } from "./sorted.js";

/** @typedef {import("./data.js").LaneSpec} LaneSpec */
/** @typedef {import("./data.js").Reader} Reader */

const MAX_PHRASES = 4000; // cached texts of utterances
const LONGEST_PHRASE = 200; // words
const LONGEST_WORD = 200; // characters

export class Lane {
  /** @type {string | null} */
  #joined = null;
  /** @type {Uint32Array | null} */
  #joinedStarts = null;
  /** @type {Map<number, string>} */
  #phrases = new Map();

  /** @param {LaneSpec} spec @param {Reader} read */
  constructor(spec, read) {
    const n = spec.n_words;
    this.id = spec.id;
    this.system = spec.system;
    this.channelTag = spec.channel_tag;
    this.label = spec.label;
    this.length = n;
    this.start = read.int32(spec.start, n);
    this.end = read.int32(spec.end, n);
    this.final = read.int32(spec.final, n);
    this.value = spec.value == null ? null : read.float32(spec.value, n);
    this.texts = read.texts({ ...spec, n });
    this.reach = reachOf(this.end);
    this.speech = new Speech(this.start, this.end);
    this.medianMs = median(n, (i) => this.#roomMs(i));
    /** Width of each text in pixels; 0: not measured yet. */
    this.widths = new Float32Array(n);
    /** First word of each utterance, and at the end the number of words. */
    this.phraseStarts = phraseStarts(this.final);
    this.medianPhraseMs = median(this.phraseStarts.length - 1, (i) => this.#phraseMs(i));
  }

  /** Duration of a word; if it has none, the time to the next word. @param {number} i */
  #roomMs(i) {
    const lasts = this.end[i] - this.start[i];
    return lasts > 0 || i + 1 === this.length ? lasts : this.start[i + 1] - this.start[i];
  }

  /** Time from the start of an utterance to that of the next: the room for its text. @param {number} phrase */
  #phraseMs(phrase) {
    const next = this.phraseStarts[phrase + 1];
    return (next < this.length ? this.start[next] : this.end[next - 1]) - this.start[this.phraseStarts[phrase]];
  }

  /**
   * Range of words that may be in view, the last not included; some of them may end too early.
   * @param {number} start @param {number} end @returns {[number, number]}
   */
  inView(start, end) {
    const first = countBelow(this.reach, start);
    return [first, countBelow(this.start, end, first)];
  }

  /** End of a word; a negative duration counts as 0. @param {number} i */
  endOf(i) {
    return Math.max(this.start[i], this.end[i]);
  }

  /** Start of the next word. @param {number} i */
  roomOf(i) {
    return i + 1 < this.length ? this.start[i + 1] : Infinity;
  }

  /**
   * The word at a time, or within `slack` of it; if there are several, the one that starts last. -1: none.
   * @param {number} time @param {number} slack milliseconds
   */
  at(time, slack = 0) {
    const [first, last] = this.inView(time - slack, time + slack + 1);
    let nearest = -1;
    for (let i = last - 1; i >= first; i--) {
      const inside = this.start[i] <= time && time < this.end[i];
      if (inside) return i;
      const apart = Math.max(this.start[i] - time, time - this.endOf(i));
      if (apart <= slack && nearest < 0) nearest = i;
    }
    return slack > 0 ? nearest : -1;
  }

  /** The next word that starts after a time, or the last before it; -1: none. @param {number} time @param {1 | -1} step */
  next(time, step) {
    const word = step > 0 ? countBelow(this.start, time + 1) : countBelow(this.start, time) - 1;
    return word < this.length ? word : -1;
  }

  /** Number of the utterance of a word. @param {number} word */
  phraseOf(word) {
    return countBelow(this.phraseStarts, word + 1) - 1;
  }

  /** Text of an utterance, or of its words before word number `before`. @param {number} phrase @param {number} [before] */
  phrase(phrase, before) {
    if (before !== undefined) return this.#run(this.phraseStarts[phrase], before).map((word) => `${word} `).join("");
    let text = this.#phrases.get(phrase);
    if (text === undefined) {
      text = this.#run(this.phraseStarts[phrase], this.phraseStarts[phrase + 1]).join(" ");
      if (this.#phrases.size >= MAX_PHRASES) this.#phrases.clear();
      this.#phrases.set(phrase, text);
    }
    return text;
  }

  /** Texts of consecutive words; only the first if there are many. @param {number} first @param {number} last */
  #run(first, last) {
    const words = [];
    for (let i = first; i < Math.min(last, first + LONGEST_PHRASE); i++) words.push(this.texts.at(i).slice(0, LONGEST_WORD));
    return words;
  }

  /** All words as one string, one line per utterance, and the index where each word begins. */
  joined() {
    if (this.#joined === null || this.#joinedStarts === null) {
      const starts = new Uint32Array(this.length + 1);
      const parts = [];
      for (let i = 0, at = 0; i < this.length; i++) {
        const text = this.texts.at(i).replaceAll("\n", " ");
        const next = i + 1 < this.length && this.final[i + 1] === this.final[i] ? " " : "\n";
        starts[i] = at;
        parts.push(text, next);
        at += text.length + 1;
        starts[i + 1] = at;
      }
      this.#joined = parts.join("");
      this.#joinedStarts = starts;
    }
    return { text: this.#joined, starts: this.#joinedStarts };
  }
}

/** The latest end so far, so that a long word is found from any place inside it. @param {Int32Array} end */
function reachOf(end) {
  const reach = new Int32Array(end.length);
  for (let i = 0, latest = -Infinity; i < end.length; i++) reach[i] = latest = Math.max(latest, end[i]);
  return reach;
}

/** @param {Int32Array} final */
function phraseStarts(final) {
  const starts = [];
  for (let i = 0; i < final.length; i++) if (i === 0 || final[i] !== final[i - 1]) starts.push(i);
  starts.push(final.length);
  return Uint32Array.from(starts);
}

/** Share of time that is speech. With sorted times and running sums any stretch takes two binary searches. */
export class Speech {
  /** @param {Int32Array} start @param {Int32Array} end */
  constructor(start, end) {
    this.starts = start;
    this.ends = end.map((time, i) => Math.max(time, start[i]));
    if (this.ends.some((time, i, ends) => i > 0 && time < ends[i - 1])) this.ends.sort();
    this.startSums = sums(this.starts);
    this.endSums = sums(this.ends);
  }

  /** Sum of the durations of words before `time`; overlapping words each count. @param {number} time */
  before(time) {
    const begun = countBelow(this.starts, time);
    const ended = countBelow(this.ends, time);
    return begun * time - this.startSums[begun] - (ended * time - this.endSums[ended]);
  }

  /**
   * Share of each of `n` equal parts that is speech, 0 to 1.
   * @param {number} start @param {number} end @param {number} n @returns {Float32Array}
   */
  shares(start, end, n) {
    const shares = new Float32Array(n);
    const step = (end - start) / n;
    for (let i = 0, before = this.before(start); i < n; i++) {
      const now = this.before(start + (i + 1) * step);
      shares[i] = Math.min(1, Math.max(0, (now - before) / step));
      before = now;
    }
    return shares;
  }
}

/** Sums of the first 0, 1, 2, ... values. @param {Int32Array} values */
function sums(values) {
  const totals = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) totals[i + 1] = totals[i] + values[i];
  return totals;
}
