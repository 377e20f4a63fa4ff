// @ts-check
/**
 * The data from Python, and how it is decoded. The whole contract is the docstring of views/scene/packing.py. Times are
 * seconds in the state that Python sees, and whole milliseconds in columns and in JavaScript.
 *
 * Traits (names of `mount`'s state, too): spec, columns, peaks, sound, sound_type, sound_urls [{url, type}];
 * current_time (s), playing, playback_rate, selection ([start, end] s or null), loop, view_range ([start, end] s; null
 * or empty: all), active_word ([lane, word] or null), search (text or /regular expression/), muted and solo (tags).
 * A trait that the model does not have stays in the page.
 *
 * spec: {version, title, duration, bin_seconds, loudest, channels, systems, lanes, finals, eou, marks, colour, locale,
 * sound, problems, russian}; see the types below. Numbers of sections are byte offsets into `columns`, multiples of 4, little-endian
 * int32; text_offsets are uint32, n + 1 of them, into UTF-8; value is float32. Absent sections are null or left out.
 * `marks` is optional: lane -1 stands for all lanes, kind is a number in `kinds`; sorted by start; order is int32, the
 * rank of each by importance, 0 the worst.
 *
 * Messages to Python: {kind: "encoding", wanted: [mime]}, {kind: "window", id, start, end} in seconds.
 * Messages from Python: {kind: "encoding", error}, {kind: "window", id, start, end} with one WAV or {..., error},
 * {kind: "play", start, end} (end null: to the end), {kind: "problem", text}.
 */

/** @typedef {{start: number, end: number}} Span milliseconds; end not included */
/** @typedef {{id: string, label: string}} Kind */
/**
 * @typedef {object} LaneSpec
 * @property {string} id
 * @property {string} system
 * @property {string} channel_tag
 * @property {string} label
 * @property {number} n_words
 * @property {number} start
 * @property {number} end
 * @property {number} text_offsets
 * @property {number} text
 * @property {number} text_bytes
 * @property {number} final
 * @property {number | null} [value]
 */
/** @typedef {{n: number, text_offsets: number, text: number, text_bytes: number}} PackedTexts */
/**
 * @typedef {object} SoundSpec
 * @property {number} duration seconds
 * @property {number} [sample_rate]
 * @property {boolean} whole the whole recording may be requested as one encoded file
 * @property {boolean} [mixed] its channels are mixed to one and cannot be muted
 * @property {number | null} [window_seconds] longest window
 */
/**
 * @typedef {object} Spec
 * @property {number} version
 * @property {number} duration seconds
 * @property {string | null} [title]
 * @property {number | null} [bin_seconds]
 * @property {number | null} [loudest] the sample value (1 is full scale) that 127 stands for in the peaks
 * @property {{tag: string, label: string, channel: number | null, peaks: [number, number] | null}[]} channels
 * @property {string[]} systems
 * @property {LaneSpec[]} lanes
 * @property {(PackedTexts & {lane: number, start: number, end: number}) | null} [finals]
 * @property {{n: number, lane: number, time: number} | null} [eou]
 * @property {(PackedTexts & {lane: number, start: number, end: number, kind: number, order: number, kinds: Kind[]}) | null} [marks]
 * @property {{by: "channel" | "system" | "value", name?: string | null, low?: number | null, high?: number | null, stops?: string[]} | null} [colour]
 * @property {"en" | "ru" | null} [locale]
 * @property {SoundSpec | null} [sound]
 * @property {string[]} [problems]
 * @property {Record<string, string>} [russian] Russian translations by problem
 */
/**
 * @typedef {object} Data
 * @property {number} duration milliseconds
 * @property {string} title
 * @property {Channel[]} channels
 * @property {string[]} systems
 * @property {Lane[]} lanes
 * @property {Timed<Final>[]} finals of each lane
 * @property {Float64Array[]} eou of each lane, by time
 * @property {Timed<Mark>} marks
 * @property {Mark[]} ranked one mark per start, the worst first
 * @property {Kind[]} kinds
 * @property {{by: "channel" | "system" | "value", name: string, low: number, high: number, stops: string[]}} colour
 * @property {SoundSpec | null} sound
 * @property {number} fullScale the value in the peaks of a sample of 1
 * @property {string[]} problems
 */
/** @typedef {{tag: string, label: string, index: number, channel: number | null, peaks: Peaks | null}} Channel channel: its number in the sound */
/** @typedef {Span & {lane: number, refined: string}} Final */
/** @typedef {Span & {lane: number, kind: number, order: number, text: string}} Mark */

import { labelsFor } from "../labels.js";
import { Lane } from "./lane.js";
import { Peaks } from "./peaks.js";
import { Timed } from "./sorted.js";
import { Texts } from "./texts.js";

const VERSION = 1;

/**
 * Bytes from any of their forms; copied only if columns would not be aligned.
 * @param {DataView | ArrayBuffer | Uint8Array | null | undefined} given
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOf(given) {
  if (!given) return new Uint8Array(0);
  const buffer = /** @type {ArrayBuffer} */ (ArrayBuffer.isView(given) ? given.buffer : given);
  const start = ArrayBuffer.isView(given) ? given.byteOffset : 0;
  const bytes = new Uint8Array(buffer, start, given.byteLength);
  return start % 4 ? bytes.slice() : bytes;
}

/**
 * @param {Spec} spec
 * @param {Uint8Array<ArrayBuffer>} columns
 * @param {Uint8Array<ArrayBuffer>} peaks
 * @returns {Data}
 */
export function decode(spec, columns, peaks) {
  if (spec.version !== VERSION) {
    throw new RangeError(labelsFor(spec.locale).version(VERSION, spec.version));
  }
  const read = createReader(columns);
  const marks = decodeMarks(spec.marks, read);
  const lanes = spec.lanes.map((lane) => new Lane(lane, read));
  const { by = "channel", name, low, high, stops = [] } = spec.colour ?? {};
  return {
    duration: Math.max(1, Math.ceil(spec.duration * 1000)),
    title: spec.title ?? "",
    channels: spec.channels.map((channel, index) => ({
      tag: channel.tag,
      label: channel.label,
      index,
      channel: channel.channel,
      peaks: channelPeaks(channel.peaks, peaks, (spec.bin_seconds ?? 0) * 1000),
    })),
    systems: spec.systems,
    lanes,
    finals: groupByLane(lanes.length, decodeFinals(spec.finals, read)).map((finals) => new Timed(finals)),
    eou: decodeEou(spec.eou, read, lanes.length),
    marks: new Timed(marks),
    ranked: rankMarks(marks),
    kinds: spec.marks?.kinds ?? [],
    colour: { by, name: name ?? "", low: low ?? 0, high: high ?? 1, stops },
    sound: spec.sound ?? null,
    fullScale: spec.loudest ? 127 / spec.loudest : 0,
    problems: labelsFor(spec.locale).problems(spec.problems ?? [], spec.russian ?? {}),
  };
}

/**
 * Typed views of the columns.
 * @param {Uint8Array<ArrayBuffer>} columns
 */
export function createReader(columns) {
  const { buffer, byteOffset } = columns;
  return {
    /** @param {number} offset @param {number} n */
    int32: (offset, n) => new Int32Array(buffer, byteOffset + offset, n),
    /** @param {number} offset @param {number} n */
    uint32: (offset, n) => new Uint32Array(buffer, byteOffset + offset, n),
    /** @param {number} offset @param {number} n */
    float32: (offset, n) => new Float32Array(buffer, byteOffset + offset, n),
    /** @param {PackedTexts} packed */
    texts: ({ n, text_offsets, text, text_bytes }) =>
      new Texts(columns.subarray(text, text + text_bytes), new Uint32Array(buffer, byteOffset + text_offsets, n + 1)),
  };
}

/** @typedef {ReturnType<typeof createReader>} Reader */

/** @param {[number, number] | null} at @param {Uint8Array} peaks @param {number} binMs */
function channelPeaks(at, peaks, binMs) {
  if (!at || !at[1] || !binMs) return null;
  return new Peaks(new Int8Array(peaks.buffer, peaks.byteOffset + at[0], 2 * at[1]), binMs);
}

/** @param {Spec["finals"]} packed @param {Reader} read @returns {Final[]} */
function decodeFinals(packed, read) {
  if (!packed) return [];
  const [lane, start, end] = [packed.lane, packed.start, packed.end].map((at) => read.int32(at, packed.n));
  const refined = read.texts(packed);
  return Array.from({ length: packed.n }, (_, i) => ({
    lane: lane[i],
    start: start[i],
    end: end[i],
    refined: refined.at(i),
  }));
}

/** @param {Spec["eou"]} packed @param {Reader} read @param {number} nLanes */
function decodeEou(packed, read, nLanes) {
  /** @type {number[][]} */
  const times = Array.from({ length: nLanes }, () => []);
  if (packed) {
    const [lane, time] = [read.int32(packed.lane, packed.n), read.int32(packed.time, packed.n)];
    lane.forEach((at, i) => times[at]?.push(time[i]));
  }
  return times.map((of) => Float64Array.from(of));
}

/** @param {Spec["marks"]} packed @param {Reader} read @returns {Mark[]} */
function decodeMarks(packed, read) {
  if (!packed) return [];
  const { n } = packed;
  const columns = [packed.lane, packed.start, packed.end, packed.kind, packed.order].map((at) => read.int32(at, n));
  const texts = read.texts(packed);
  return Array.from({ length: n }, (_, i) => ({
    lane: columns[0][i],
    start: columns[1][i],
    end: columns[2][i],
    kind: columns[3][i],
    order: columns[4][i],
    text: texts.at(i),
  }));
}

/** One mark per start, the worst. @param {Mark[]} marks */
function rankMarks(marks) {
  const starts = new Set();
  return [...marks].sort((a, b) => a.order - b.order).filter(({ start }) => !starts.has(start) && starts.add(start));
}

/** @template {{lane: number}} T @param {number} nLanes @param {T[]} items @returns {T[][]} */
function groupByLane(nLanes, items) {
  /** @type {T[][]} */
  const lists = Array.from({ length: nLanes }, () => []);
  for (const item of items) lists[item.lane]?.push(item);
  return lists;
}
