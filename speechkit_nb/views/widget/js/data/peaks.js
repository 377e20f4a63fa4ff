// @ts-check
/** The outline of one channel at every scale: lowest and highest sample per bin; each level joins four bins of the last. */

const FOLD = 4;

export class Peaks {
  /** @param {Int8Array} pairs low and high per bin @param {number} binMs */
  constructor(pairs, binMs) {
    this.binMs = binMs;
    this.levels = buildLevels(pairs);
    const top = /** @type {Int8Array} */ (this.levels.at(-1));
    /** The loudest sample, 0 to 128. */
    this.loudest = top.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  }

  /**
   * Lowest and highest sample of each of `n` equal parts; 0 outside the recording.
   * @param {number} start @param {number} end milliseconds @param {number} n
   * @returns {Float32Array} n pairs
   */
  envelope(start, end, n) {
    const step = (end - start) / n;
    return step < this.binMs ? this.#interpolate(start, step, n) : this.#reduce(start, step, n);
  }

  /** Parts longer than a bin: the extremes of the bins they touch. @param {number} start @param {number} step @param {number} n */
  #reduce(start, step, n) {
    const level = Math.min(this.levels.length - 1, Math.floor(Math.log(step / this.binMs) / Math.log(FOLD) + 1e-9));
    const pairs = this.levels[level];
    const bin = this.binMs * FOLD ** level;
    const nBins = pairs.length / 2;
    const out = new Float32Array(2 * n);
    for (let i = 0; i < n; i++) {
      const from = Math.max(0, Math.floor((start + i * step) / bin));
      const to = Math.min(nBins, Math.max(from + 1, Math.ceil((start + (i + 1) * step) / bin)));
      let [low, high] = from < to ? [127, -128] : [0, 0];
      for (let b = from; b < to; b++) {
        if (pairs[2 * b] < low) low = pairs[2 * b];
        if (pairs[2 * b + 1] > high) high = pairs[2 * b + 1];
      }
      out[2 * i] = low;
      out[2 * i + 1] = high;
    }
    return out;
  }

  /** Parts shorter than a bin: lines from the middle of a bin to the next. @param {number} start @param {number} step @param {number} n */
  #interpolate(start, step, n) {
    const pairs = this.levels[0];
    const last = pairs.length / 2 - 1;
    const out = new Float32Array(2 * n);
    for (let i = 0; i < n; i++) {
      const time = start + (i + 0.5) * step;
      if (time < 0 || time >= (last + 1) * this.binMs) continue;
      const at = Math.min(last, Math.max(0, time / this.binMs - 0.5));
      const [bin, share] = [Math.floor(at), at % 1];
      const next = Math.min(last, bin + 1);
      for (const side of [0, 1]) {
        out[2 * i + side] = pairs[2 * bin + side] * (1 - share) + pairs[2 * next + side] * share;
      }
    }
    return out;
  }
}

/** @param {Int8Array} pairs */
export function buildLevels(pairs) {
  const levels = [pairs];
  while (pairs.length > 2 * FOLD) levels.push((pairs = foldPairs(pairs)));
  return levels;
}

/** @param {Int8Array} pairs */
function foldPairs(pairs) {
  const out = new Int8Array(2 * Math.ceil(pairs.length / (2 * FOLD)));
  for (let i = 0; i < out.length; i += 2) {
    const to = Math.min(pairs.length, (i + 2) * FOLD);
    let [low, high] = [127, -128];
    for (let b = i * FOLD; b < to; b += 2) {
      if (pairs[b] < low) low = pairs[b];
      if (pairs[b + 1] > high) high = pairs[b + 1];
    }
    out[i] = low;
    out[i + 1] = high;
  }
  return out;
}
