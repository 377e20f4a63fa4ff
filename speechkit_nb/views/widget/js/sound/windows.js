// @ts-check
/** Plays a recording that is too long to be sent whole: window after window is asked for, and put end to end. */

import { Mixer } from "./mixer.js";
import { stretched } from "./stretch.js";

/** @typedef {import("./players.js").Player} Player */

const KEPT = 4; // decoded windows
const AHEAD = 1500; // milliseconds of sound that are put in line beyond the playhead
const TICK = 250;

/**
 * The windows that are needed from `time` on: the one that holds it, and where it begins and ends.
 * @param {number} time @param {number} length @param {number} duration milliseconds
 */
export function windowAt(time, length, duration) {
  const number = Math.floor(time / length);
  return { number, start: number * length, end: Math.min(duration, (number + 1) * length) };
}

/** @implements {Player} */
export class WindowPlayer {
  /** @type {Map<number, Promise<AudioBuffer>>} */
  #windows = new Map();
  /** @type {AudioBufferSourceNode[]} */
  #line = [];
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {Mixer | null} */
  #mixer = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #rate = 1;
  #at = 0; // where the playhead stands while nothing sounds
  #begun = 0; // when, on the context's clock in seconds, the sound of #at began
  #lineEnd = 0; // up to where sound is in line
  #sounding = false;
  #run = 0;
  /** @type {boolean[]} */
  #heard;
  playing = false;
  onchange = () => {};
  onproblem = (/** @type {string} */ _text) => {};

  /**
   * @param {(start: number, end: number) => Promise<ArrayBuffer>} ask for a WAV file of that stretch, milliseconds
   * @param {{duration: number, length: number, nChannels: number}} sound milliseconds
   */
  constructor(ask, { duration, length, nChannels }) {
    this.ask = ask;
    this.duration = duration;
    this.length = length;
    this.nChannels = nChannels;
    this.#heard = new Array(nChannels).fill(true);
  }

  get time() {
    if (!this.#sounding || !this.#context) return this.#at;
    const passed = Math.max(0, this.#context.currentTime - this.#begun) * 1000 * this.#rate;
    return Math.min(this.#lineEnd, this.#at + passed);
  }

  async play() {
    this.#context ??= new AudioContext();
    if (!this.#mixer) {
      this.#mixer = new Mixer(this.#context, this.nChannels);
      this.#mixer.hear(this.#heard);
    }
    if (this.#at >= this.duration) this.#at = 0;
    this.playing = true;
    this.onchange();
    this.#fill(++this.#run);
    await this.#context.resume();
  }

  pause() {
    this.#stop();
    if (!this.playing) return;
    this.playing = false;
    this.onchange();
  }

  /** @param {number} time */
  seek(time) {
    this.#stop();
    this.#at = time;
    if (this.playing) this.#fill(++this.#run);
  }

  /** @param {number} rate */
  setRate(rate) {
    const { time } = this;
    this.#rate = rate;
    this.seek(time);
  }

  /** @param {boolean[]} heard */
  hear(heard) {
    this.#heard = heard;
    this.#mixer?.hear(heard);
  }

  dispose() {
    this.onchange = () => {};
    this.pause();
    this.#context?.close();
    this.#windows.clear();
  }

  /** Nothing sounds any more; the playhead stands where it is. */
  #stop() {
    this.#at = this.time;
    this.#run++;
    this.#sounding = false;
    clearInterval(this.#timer);
    this.#line.splice(0).forEach((source) => {
      source.onended = null;
      source.stop();
      source.disconnect();
    });
  }

  /** Keeps the line filled until the sound ends, or something else is played. @param {number} run */
  async #fill(run) {
    this.#lineEnd = this.#at;
    const short = () => this.#lineEnd < this.duration && this.#lineEnd - this.time <= AHEAD + this.length / 2;
    const more = async () => {
      while (run === this.#run && short()) await this.#append(run);
    };
    let busy = false;
    const step = async () => {
      if (busy || run !== this.#run) return;
      busy = true;
      try {
        await more();
      } catch (error) {
        if (run === this.#run) this.#fail(error);
      }
      busy = false;
      if (run === this.#run && this.time >= this.duration) this.pause();
    };
    this.#timer = setInterval(step, TICK);
    await step();
  }

  /** Puts the next window in line. @param {number} run */
  async #append(run) {
    const wanted = windowAt(this.#lineEnd, this.length, this.duration);
    const context = /** @type {AudioContext} */ (this.#context);
    const window = await this.#window(wanted.number);
    const from = (this.#lineEnd - wanted.start) / 1000;
    const buffer = this.#rate === 1 ? window : await stretchedFrom(window, from, this.#rate, context);
    if (run !== this.#run || !this.#mixer) return;
    if (!this.#sounding || this.time >= this.#lineEnd) this.#restart(context);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#mixer.input);
    const when = this.#begun + (this.#lineEnd - this.#at) / 1000 / this.#rate;
    source.start(when, buffer === window ? from : 0);
    source.onended = () => this.#line.splice(this.#line.indexOf(source), 1);
    this.#line.push(source);
    this.#lineEnd = wanted.end;
  }

  /** The line was empty: time stood still until now. @param {AudioContext} context */
  #restart(context) {
    this.#at = this.#lineEnd;
    this.#begun = context.currentTime + 0.03;
    this.#sounding = true;
  }

  /** @param {number} number @returns {Promise<AudioBuffer>} */
  #window(number) {
    let known = this.#windows.get(number);
    if (!known) {
      const { start, end } = windowAt(number * this.length, this.length, this.duration);
      known = this.ask(start, end).then((wav) => /** @type {AudioContext} */ (this.#context).decodeAudioData(wav));
      known.catch(() => this.#windows.delete(number));
      this.#windows.set(number, known);
      const oldest = this.#windows.keys().next().value;
      if (this.#windows.size > KEPT && oldest !== undefined) this.#windows.delete(oldest);
    }
    return known;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.pause();
    this.onproblem(error instanceof Error ? error.message : String(error));
  }
}

/**
 * The rest of a sound at another speed and the same pitch.
 * @param {AudioBuffer} window @param {number} from seconds @param {number} rate @param {AudioContext} context
 */
async function stretchedFrom(window, from, rate, context) {
  const { numberOfChannels, sampleRate } = window;
  const first = Math.min(window.length - 1, Math.round(from * sampleRate));
  const rest = Array.from({ length: numberOfChannels }, (_, channel) => window.getChannelData(channel).subarray(first));
  const channels = await stretched(rest, rate, sampleRate);
  const buffer = context.createBuffer(numberOfChannels, Math.max(1, channels[0].length), sampleRate);
  channels.forEach((samples, channel) => buffer.copyToChannel(samples, channel));
  return buffer;
}
