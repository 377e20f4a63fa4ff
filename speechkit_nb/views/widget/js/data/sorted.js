// @ts-check
/** Search in sorted numbers. */

/**
 * Number of sorted `values` below `limit`: the leftmost index where `limit` could be inserted.
 * @param {ArrayLike<number>} values @param {number} limit @param {number} from @param {number} to
 */
export function countBelow(values, limit, from = 0, to = values.length) {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle] < limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * Items with a start and an end, sorted by start.
 * @template {{start: number, end: number}} T
 */
export class Timed {
  /** @param {T[]} items */
  constructor(items) {
    this.items = items;
    this.starts = Float64Array.from(items, ({ start }) => start);
    this.reach = Float64Array.from(items, ({ end }) => end);
    for (let i = 1; i < items.length; i++) this.reach[i] = Math.max(this.reach[i], this.reach[i - 1]);
  }

  /** The items in view, at least in part. @param {{start: number, end: number}} view @returns {T[]} */
  inView({ start, end }) {
    const first = countBelow(this.reach, start);
    return this.items.slice(first, countBelow(this.starts, end, first)).filter((item) => item.end >= start);
  }

  /** The first item that starts after `time`, or the last before it; null if there is none. @param {number} time @param {1 | -1} step */
  neighbour(time, step) {
    const at = step > 0 ? countBelow(this.starts, time + 1) : countBelow(this.starts, time) - 1;
    return this.items[at] ?? null;
  }
}

const SAMPLED = 500;

/**
 * The median of `n` numbers, or of a sample of them if there are many; 0 if there are none.
 * @param {number} n @param {(i: number) => number} valueOf
 */
export function median(n, valueOf) {
  const step = Math.max(1, Math.floor(n / SAMPLED));
  const values = [];
  for (let i = 0; i < n; i += step) values.push(valueOf(i));
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
