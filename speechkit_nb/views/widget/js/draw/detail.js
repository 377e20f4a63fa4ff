// @ts-check
/** How much of the words is drawn at a scale. */

/**
 * density: the share of time that is speech. boxes: a box a word. phrases: boxes, and the text of each utterance
 * over them. text: every word in its box.
 * @typedef {"density" | "boxes" | "phrases" | "text"} Detail
 */

const THINNEST_BOX = 1.5; // pixels, of the median word
const NARROWEST_PHRASE = 64; // pixels, from the start of an utterance to the next one, of the median
const FITTING = 0.85; // of the room a typical text needs

/**
 * @param {{medianMs: number, medianPhraseMs: number, textWidth: number, phrased: boolean}} lane
 *   textWidth: pixels of a typical word; phrased: it is known which words make an utterance
 * @param {number} pixelsPerMs
 * @returns {Detail}
 */
export function detailOf({ medianMs, medianPhraseMs, textWidth, phrased }, pixelsPerMs) {
  const width = medianMs * pixelsPerMs;
  if (width >= FITTING * textWidth) return "text";
  if (phrased && medianPhraseMs * pixelsPerMs >= NARROWEST_PHRASE) return "phrases";
  return width >= THINNEST_BOX ? "boxes" : "density";
}

/**
 * The longest beginning of a text, with an ellipsis, that is at most `room` wide; "" where nothing of use is left.
 * @param {string} text @param {number} room pixels @param {(text: string) => number} measure
 */
export function fitted(text, room, measure) {
  const most = text.slice(0, Math.ceil(room / 2)); // no letter that counts is thinner than two pixels
  if (most === text && measure(text) <= room) return text;
  let [low, high] = [0, most.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(elided(most, middle)) <= room) low = middle;
    else high = middle - 1;
  }
  return low >= 2 ? elided(most, low) : "";
}

/** @param {string} text @param {number} n */
const elided = (text, n) => `${text.slice(0, n).replace(/[\uD800-\uDBFF]$/, "").trimEnd()}…`;
