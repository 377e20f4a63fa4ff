// @ts-check
/** The samples of what is in view, where the outline is too coarse: asked for when the view has come to rest, and kept. */

import { lengthOf } from "../view.js";
import { endOf, refine } from "../data/wave.js";

/** @typedef {import("../data/wave.js").Wave} Wave */
/** @typedef {import("../data/data.js").Span} Span */

export const STRETCH = 4000; // milliseconds asked for at once, on a grid
const CLOSE = 0.5; // of a bin of the outline a pixel
const LONGEST = 12_000; // milliseconds in view
const KEPT = 8; // stretches
const REST = 120; // milliseconds without a move

export class CloseUp {
  /** By number on the grid. @type {Map<number, Wave>} */
  #stretches = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later;
  #run = 0;
  #asking = false;
  /** Nobody has any samples. */
  missing = false;

  /**
   * @param {(start: number, end: number) => Promise<Wave>} read milliseconds; rejects if it can not be had
   * @param {() => void} changed
   */
  constructor(read, changed) {
    this.read = read;
    this.changed = changed;
  }

  /** Forgets all; another sound has come. */
  clear() {
    clearTimeout(this.#later);
    this.#run++;
    this.#asking = this.missing = false;
    this.#stretches.clear();
  }

  /** Whether the outline is too coarse for a view. @param {Span} view @param {number} width pixels @param {number} binMs */
  isClose(view, width, binMs) {
    return lengthOf(view) <= LONGEST && lengthOf(view) / width < CLOSE * binMs;
  }

  /** Sees to it that the samples of a view come. @param {Span} view @param {number} end of the sound */
  look(view, end) {
    clearTimeout(this.#later);
    if (!this.missing && !this.#asking && wanted(view, end).some((number) => !this.#stretches.has(number))) {
      this.#later = setTimeout(() => this.#fetch(view, end), REST);
    }
  }

  /**
   * Puts samples into an envelope where they are there.
   * @param {Float32Array} pairs @param {number} channel @param {Span} view of the pairs @param {number} scale
   */
  refine(pairs, channel, view, scale) {
    const step = (2 * lengthOf(view)) / pairs.length;
    for (const wave of this.#stretches.values()) {
      if (wave.start < view.end && endOf(wave) > view.start) refine(pairs, wave, channel, view.start, step, scale);
    }
  }

  /** One at a time, so that a busy kernel does not find a queue. @param {Span} view @param {number} end */
  async #fetch(view, end) {
    const run = this.#run;
    const number = wanted(view, end).find((one) => !this.#stretches.has(one));
    if (number === undefined) return;
    this.#asking = true;
    const wave = await this.read(number * STRETCH, Math.min(end, (number + 1) * STRETCH)).catch(() => null);
    if (run !== this.#run) return;
    this.#asking = false;
    if (wave) this.#keep(number, wave);
    else this.missing = true;
    this.changed(); // which looks again
  }

  /** @param {number} number @param {Wave} wave */
  #keep(number, wave) {
    this.#stretches.set(number, wave);
    const oldest = this.#stretches.keys().next().value;
    if (this.#stretches.size > KEPT && oldest !== undefined) this.#stretches.delete(oldest);
  }
}

/** The numbers of the stretches that a view touches. @param {Span} view @param {number} end of the sound */
export function wanted(view, end) {
  const first = Math.max(0, Math.floor(view.start / STRETCH));
  const last = Math.ceil(Math.min(end, view.end) / STRETCH);
  return Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
}
