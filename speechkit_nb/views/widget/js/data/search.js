// @ts-check
/** Search for words and phrases in the lanes. */

import { countBelow } from "./sorted.js";

/** @typedef {import("./lane.js").Lane} Lane */
/** @typedef {{lane: number, first: number, last: number, start: number, end: number}} Hit words first to last, milliseconds start to end */

export const MOST_HITS = 20_000;

/**
 * The pattern of a query: text, without regard to case, or /regular expression/ (a trailing i ignores case).
 * @param {string} query @returns {RegExp | null} null: the query is empty
 * @throws {SyntaxError} invalid regular expression
 */
export function parseQuery(query) {
  const text = query.trim();
  if (!text) return null;
  const between = /^\/(.+)\/([imsu]*)$/s.exec(text);
  if (between) return new RegExp(between[1], [...new Set(`gu${between[2]}`)].join(""));
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/\s+/g, "\\s+");
  return new RegExp(escaped, "giu");
}

/**
 * All matches, by time. A match lies within one utterance.
 * @param {readonly Lane[]} lanes @param {RegExp} wanted @returns {Hit[]} at most MOST_HITS per lane
 */
export function findHits(lanes, wanted) {
  return lanes.flatMap((lane, at) => findInLane(lane, at, wanted)).sort((a, b) => a.start - b.start || a.lane - b.lane);
}

/** The matches of the last query, and the current match. */
export class Finder {
  /** @type {Hit[]} */
  hits = [];
  at = -1;
  /** The query is an invalid regular expression. */
  bad = false;

  /** @param {readonly Lane[]} lanes @param {string} query */
  find(lanes, query) {
    this.at = -1;
    this.bad = false;
    try {
      const wanted = parseQuery(query);
      this.hits = wanted ? findHits(lanes, wanted) : [];
    } catch {
      this.hits = [];
      this.bad = true;
    }
  }

  /** @returns {Hit | null} */
  get hit() {
    return this.hits[this.at] ?? null;
  }

  /** Go to the next or previous match, at first relative to `time`. @param {number} time @param {1 | -1} step */
  step(time, step) {
    const { hits } = this;
    if (!hits.length) return null;
    const after = hits.findIndex(({ start }) => start >= time);
    const nearest = step > 0 ? Math.max(0, after) : (after < 0 ? hits.length : after) - 1;
    const next = this.at < 0 ? nearest : this.at + step;
    this.at = (next + hits.length) % hits.length;
    return this.hit;
  }
}

/** @param {Lane} lane @param {number} at @param {RegExp} wanted @returns {Hit[]} */
function findInLane(lane, at, wanted) {
  const { text, starts } = lane.joined();
  const hits = [];
  wanted.lastIndex = 0;
  for (let found; hits.length < MOST_HITS && (found = wanted.exec(text)); ) {
    if (!found[0].trim()) {
      wanted.lastIndex = found.index + Math.max(1, found[0].length);
      continue;
    }
    const blank = found[0].length - found[0].trimStart().length;
    const first = countBelow(starts, found.index + blank + 1) - 1;
    const last = Math.max(first, countBelow(starts, found.index + found[0].trimEnd().length) - 1);
    hits.push({ lane: at, first, last, start: lane.start[first], end: lane.endOf(last) });
  }
  return hits;
}
