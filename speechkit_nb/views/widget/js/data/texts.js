// @ts-check
/** Many texts in one buffer of UTF-8, decoded only when needed. */

const utf8 = new TextDecoder();

export class Texts {
  /** @type {(string | undefined)[]} */
  #known;

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes UTF-8
   * @param {Uint32Array} offsets the start of each text, and the end of the last
   */
  constructor(bytes, offsets) {
    this.bytes = bytes;
    this.offsets = offsets;
    this.length = offsets.length - 1;
    this.#known = new Array(this.length);
  }

  /** @param {number} i @returns {string} */
  at(i) {
    const [from, to] = [this.offsets[i], this.offsets[i + 1]];
    return from === to ? "" : (this.#known[i] ??= utf8.decode(this.bytes.subarray(from, to)));
  }
}

const RTL = /^[^\p{L}]*[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** The writing direction of a text, by its first letter. @param {string} text @returns {"rtl" | "ltr"} */
export function textDirection(text) {
  return RTL.test(text.slice(0, 40)) ? "rtl" : "ltr";
}

/**
 * The text, shorten to `n` characters with an ellipsis; never half of a surrogate pair.
 * @param {string} text @param {number} n @returns {string}
 */
export function shorten(text, n) {
  if (text.length <= n) return text;
  return text.slice(0, Math.max(0, n - 1)).replace(/[\uD800-\uDBFF]$/, "") + "…";
}
