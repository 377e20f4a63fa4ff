// @ts-check
/** Positions of the rows: the waveform of each channel, below it the words of each system and their refined text. */

/** @typedef {import("../data/data.js").Data} Data */
/**
 * @typedef {object} Row
 * @property {"title" | "sound" | "words"} kind
 * @property {number} top pixels
 * @property {number} height
 * @property {number} channel number in data.channels; -1: the channel of the words is not listed
 * @property {number} lane number in data.lanes; -1: not a row of words
 * @property {number} refined height of the refined text at the bottom of the row; 0: none
 */

export const NARROW = 520; // pixels; in narrower views labels are above the rows, not beside them
export const GUTTER = 108;
const HEIGHTS = { title: 22, sound: 56, words: 27 };
const CAPTION = 17; // the name of a system above its words
const REFINED = 17;
const GAP = 9; // above each channel

/**
 * @param {Data} data @param {boolean} narrow
 * @returns {{rows: Row[], height: number}}
 */
export function layoutRows(data, narrow) {
  /** @type {Row[]} */
  const rows = [];
  let top = 0;
  const put = (/** @type {Row["kind"]} */ kind, /** @type {number} */ channel, lane = -1, refined = 0) => {
    const height = (kind === "title" && lane >= 0 ? CAPTION : HEIGHTS[kind]) + refined;
    rows.push({ kind, top, height, channel, lane, refined });
    top += height;
  };
  for (const [channel, lanes] of groups(data)) {
    top += GAP;
    const sound = channel >= 0 && data.channels[channel].peaks !== null;
    if (narrow || (!sound && (data.systems.length > 1 || !lanes.length))) put("title", channel);
    if (sound) put("sound", channel);
    for (const lane of lanes) {
      if (narrow && data.systems.length > 1) put("title", channel, lane);
      put("words", channel, lane, data.finals[lane].items.some(({ refined }) => refined) ? REFINED : 0);
    }
  }
  return { rows, height: top + GAP };
}

/** Channels with their lanes, then the lanes of channels that are not listed. @param {Data} data @returns {[number, number[]][]} */
function groups(data) {
  const of = (/** @type {string | null} */ tag) =>
    data.lanes.flatMap((lane, i) => (tag === null ? !tags.has(lane.channelTag) : lane.channelTag === tag) ? [i] : []);
  const tags = new Set(data.channels.map(({ tag }) => tag));
  /** @type {[number, number[]][]} */
  const listed = data.channels.map(({ tag }, channel) => [channel, of(tag)]);
  const rest = of(null);
  return rest.length ? [...listed, [-1, rest]] : listed;
}

/** The row at a y position; null between rows. @param {readonly Row[]} rows @param {number} y */
export function findRow(rows, y) {
  return rows.find(({ top, height }) => top <= y && y < top + height) ?? null;
}
