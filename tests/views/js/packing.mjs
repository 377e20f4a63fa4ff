/** Makes what Python sends, the slow and plain way. */

const utf8 = new TextEncoder();

export class Columns {
  #parts = [];
  #length = 0;

  put(bytes) {
    const at = this.#length;
    const padded = new Uint8Array(bytes.byteLength + ((4 - (bytes.byteLength % 4)) % 4));
    padded.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#parts.push(padded);
    this.#length += padded.length;
    return at;
  }

  int32(values) {
    return this.put(Int32Array.from(values));
  }

  float32(values) {
    return this.put(Float32Array.from(values));
  }

  texts(texts) {
    const encoded = texts.map((text) => utf8.encode(text));
    const offsets = [0];
    for (const one of encoded) offsets.push(offsets.at(-1) + one.length);
    const all = new Uint8Array(offsets.at(-1));
    encoded.forEach((one, i) => all.set(one, offsets[i]));
    return { n: texts.length, text_offsets: this.put(Uint32Array.from(offsets)), text: this.put(all), text_bytes: all.length };
  }

  get bytes() {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

/** A lane of [text, start, end, final, value] rows. */
export function lane(columns, rows, { system = "words", tag = "0", value = false } = {}) {
  const of = (i, missing) => rows.map((row) => row[i] ?? missing);
  const { n, ...texts } = columns.texts(of(0, ""));
  return {
    id: `${tag}/${system}`,
    system,
    channel_tag: tag,
    label: `channel ${tag}`,
    n_words: n,
    start: columns.int32(of(1, 0)),
    end: columns.int32(of(2, 0)),
    final: columns.int32(of(3, -1)),
    value: value ? columns.float32(of(4, NaN)) : null,
    ...texts,
  };
}

/** The spec around some lanes. */
export function specOf(lanes, extra = {}) {
  const tags = [...new Set(lanes.map((one) => one.channel_tag))];
  return {
    version: 1,
    title: "talk",
    duration: 10,
    bin_seconds: 0.016,
    channels: tags.map((tag, channel) => ({ tag, label: `channel ${tag}`, channel, peaks: null })),
    systems: [...new Set(lanes.map((one) => one.system))],
    lanes,
    ...extra,
  };
}

/** Repeatable numbers from 0 to 1. */
export function random(seed = 1) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
