// @ts-check
/** Samples for views where the outline is too coarse: requested when the view is at rest, and cached. */

import { lengthOf } from "../view.js";
import { endOf, refine } from "../data/wave.js";

/** @typedef {import("../data/wave.js").Wave} Wave */
/** @typedef {import("../data/data.js").Span} Span */

export const STRETCH = 4000; // milliseconds per request, on a grid
const CLOSE = 0.5; // bins of the outline per pixel, below which samples are needed
const LONGEST = 12_000; // milliseconds; longest view that needs samples
const MAX_STRETCHES = 8; // stretches
const REST = 120; // milliseconds without a change of the view

export class SampleCache {
  /** By number on the grid. @type {Map<number, Wave>} */
  #stretches = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #run = 0;
  #isLoading = false;
  /** There are no samples. */
  missing = false;

  /**
   * @param {(start: number, end: number) => Promise<Wave>} read milliseconds; rejects if there are no samples
   * @param {() => void} changed
   */
  constructor(read, changed) {
    this.read = read;
    this.changed = changed;
  }

  /** Forget all samples; the sound has changed. */
  clear() {
    clearTimeout(this.#timer);
    this.#run++;
    this.#isLoading = this.missing = false;
    this.#stretches.clear();
  }

  /** Whether the outline is too coarse for a view. @param {Span} view @param {number} width pixels @param {number} binMs */
  needsSamples(view, width, binMs) {
    return lengthOf(view) <= LONGEST && lengthOf(view) / width < CLOSE * binMs;
  }

  /** Request the samples of a view. @param {Span} view @param {number} end of the sound */
  request(view, end) {
    clearTimeout(this.#timer);
    if (!this.missing && !this.#isLoading && listStretches(view, end).some((number) => !this.#stretches.has(number))) {
      this.#timer = setTimeout(() => this.#fetch(view, end), REST);
    }
  }

  /**
   * Replace pairs of an envelope by those of the samples, if there are any.
   * @param {Float32Array} pairs @param {number} channel @param {Span} view of the pairs @param {number} scale
   */
  refine(pairs, channel, view, scale) {
    const step = (2 * lengthOf(view)) / pairs.length;
    for (const wave of this.#stretches.values()) {
      if (wave.start < view.end && endOf(wave) > view.start) refine(pairs, wave, channel, view.start, step, scale);
    }
  }

  /** One request at a time, so that a busy kernel does not get a queue of them. @param {Span} view @param {number} end */
  async #fetch(view, end) {
    const run = this.#run;
    const number = listStretches(view, end).find((one) => !this.#stretches.has(one));
    if (number === undefined) return;
    this.#isLoading = true;
    const wave = await this.read(number * STRETCH, Math.min(end, (number + 1) * STRETCH)).catch(() => null);
    if (run !== this.#run) return;
    this.#isLoading = false;
    if (wave) this.#store(number, wave);
    else this.missing = true;
    this.changed(); // the listener requests the next stretch
  }

  /** @param {number} number @param {Wave} wave */
  #store(number, wave) {
    this.#stretches.set(number, wave);
    const oldest = this.#stretches.keys().next().value;
    if (this.#stretches.size > MAX_STRETCHES && oldest !== undefined) this.#stretches.delete(oldest);
  }
}

/** Numbers of the stretches in a view. @param {Span} view @param {number} end of the sound */
export function listStretches(view, end) {
  const first = Math.max(0, Math.floor(view.start / STRETCH));
  const last = Math.ceil(Math.min(end, view.end) / STRETCH);
  return Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
}
