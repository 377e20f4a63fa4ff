// @ts-check
/** The level of detail of words at a scale. */

/**
 * density: the share of time that is speech. boxes: one box per word. phrases: boxes, with the text of each utterance
 * above them. text: every word in its box.
 * @typedef {"density" | "boxes" | "phrases" | "text"} Detail
 */

const THINNEST_BOX = 1.5; // pixels, of the median word
const NARROWEST_PHRASE = 64; // pixels; median distance of the starts of two utterances
const FITTING = 0.85; // share of the width of a typical text that is enough

/**
 * @param {{medianMs: number, medianPhraseMs: number, textWidth: number, phrased: boolean}} lane
 *   textWidth: pixels of a typical word; phrased: utterances are known
 * @param {number} pixelsPerMs
 * @returns {Detail}
 */
export function chooseDetail({ medianMs, medianPhraseMs, textWidth, phrased }, pixelsPerMs) {
  const width = medianMs * pixelsPerMs;
  if (width >= FITTING * textWidth) return "text";
  if (phrased && medianPhraseMs * pixelsPerMs >= NARROWEST_PHRASE) return "phrases";
  return width >= THINNEST_BOX ? "boxes" : "density";
}

/**
 * The longest beginning of a text, with an ellipsis, that is at most `room` wide; "" if fewer than two characters fit.
 * @param {string} text @param {number} room pixels @param {(text: string) => number} measure
 */
export function fitText(text, room, measure) {
  const most = text.slice(0, Math.ceil(room / 2)); // letters are at least two pixels wide
  if (most === text && measure(text) <= room) return text;
  let [low, high] = [0, most.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(elide(most, middle)) <= room) low = middle;
    else high = middle - 1;
  }
  return low >= 2 ? elide(most, low) : "";
}

/** @param {string} text @param {number} n */
const elide = (text, n) => `${text.slice(0, n).replace(/[\uD800-\uDBFF]$/, "").trimEnd()}…`;
