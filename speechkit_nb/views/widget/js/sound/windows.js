// @ts-check
/** Plays a recording that is too long to be sent whole: windows are requested one after another and queued. */

import { Mixer } from "./mixer.js";
import { stretchSamples } from "./stretch.js";

/** @typedef {import("./players.js").Player} Player */

const MAX_WINDOWS = 4; // decoded windows in the cache
const AHEAD = 1500; // milliseconds of sound that are queued after the playhead
const TICK = 250;

/**
 * The window at a time: its number, start and end.
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
  #queue = [];
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {Mixer | null} */
  #mixer = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #rate = 1;
  #at = 0; // position of the playhead while nothing is played
  #begun = 0; // time on the context's clock, seconds, at which the sound of #at began
  #queueEnd = 0; // end of the queued sound
  #isStarted = false;
  #run = 0;
  /** @type {boolean[]} */
  #audible;
  playing = false;
  onchange = () => {};
  onproblem = (/** @type {string} */ _text) => {};

  /**
   * @param {(start: number, end: number) => Promise<ArrayBuffer>} readWindow a WAV file of that stretch, milliseconds
   * @param {{duration: number, length: number, nChannels: number}} sound milliseconds
   */
  constructor(readWindow, { duration, length, nChannels }) {
    this.readWindow = readWindow;
    this.duration = duration;
    this.length = length;
    this.nChannels = nChannels;
    this.#audible = new Array(nChannels).fill(true);
  }

  get time() {
    if (!this.#isStarted || !this.#context) return this.#at;
    const passed = Math.max(0, this.#context.currentTime - this.#begun) * 1000 * this.#rate;
    return Math.min(this.#queueEnd, this.#at + passed);
  }

  async play() {
    this.#context ??= new AudioContext();
    if (!this.#mixer) {
      this.#mixer = new Mixer(this.#context, this.nChannels);
      this.#mixer.setAudible(this.#audible);
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

  /** @param {boolean[]} audible */
  setAudible(audible) {
    this.#audible = audible;
    this.#mixer?.setAudible(audible);
  }

  dispose() {
    this.onchange = () => {};
    this.pause();
    this.#context?.close();
    this.#windows.clear();
  }

  /** Stop all sound; the playhead stays. */
  #stop() {
    this.#at = this.time;
    this.#run++;
    this.#isStarted = false;
    clearInterval(this.#timer);
    this.#queue.splice(0).forEach((source) => {
      source.onended = null;
      source.stop();
      source.disconnect();
    });
  }

  /** Keep the queue filled until the sound ends, or another run begins. @param {number} run */
  async #fill(run) {
    this.#queueEnd = this.#at;
    const isShort = () => this.#queueEnd < this.duration && this.#queueEnd - this.time <= AHEAD + this.length / 2;
    const more = async () => {
      while (run === this.#run && isShort()) await this.#append(run);
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

  /** Add the next window to the queue. @param {number} run */
  async #append(run) {
    const wanted = windowAt(this.#queueEnd, this.length, this.duration);
    const context = /** @type {AudioContext} */ (this.#context);
    const window = await this.#window(wanted.number);
    const from = (this.#queueEnd - wanted.start) / 1000;
    const buffer = this.#rate === 1 ? window : await stretchRest(window, from, this.#rate, context);
    if (run !== this.#run || !this.#mixer) return;
    if (!this.#isStarted || this.time >= this.#queueEnd) this.#restart(context);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#mixer.input);
    const when = this.#begun + (this.#queueEnd - this.#at) / 1000 / this.#rate;
    source.start(when, buffer === window ? from : 0);
    source.onended = () => this.#queue.splice(this.#queue.indexOf(source), 1);
    this.#queue.push(source);
    this.#queueEnd = wanted.end;
  }

  /** The queue was empty: time stood still until now. @param {AudioContext} context */
  #restart(context) {
    this.#at = this.#queueEnd;
    this.#begun = context.currentTime + 0.03;
    this.#isStarted = true;
  }

  /** @param {number} number @returns {Promise<AudioBuffer>} */
  #window(number) {
    let known = this.#windows.get(number);
    if (!known) {
      const { start, end } = windowAt(number * this.length, this.length, this.duration);
      known = this.readWindow(start, end).then((wav) => /** @type {AudioContext} */ (this.#context).decodeAudioData(wav));
      known.catch(() => this.#windows.delete(number));
      this.#windows.set(number, known);
      const oldest = this.#windows.keys().next().value;
      if (this.#windows.size > MAX_WINDOWS && oldest !== undefined) this.#windows.delete(oldest);
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
 * The rest of a window at another speed and the same pitch.
 * @param {AudioBuffer} window @param {number} from seconds @param {number} rate @param {AudioContext} context
 */
async function stretchRest(window, from, rate, context) {
  const { numberOfChannels, sampleRate } = window;
  const first = Math.min(window.length - 1, Math.round(from * sampleRate));
  const rest = Array.from({ length: numberOfChannels }, (_, channel) => window.getChannelData(channel).subarray(first));
  const channels = await stretchSamples(rest, rate, sampleRate);
  const buffer = context.createBuffer(numberOfChannels, Math.max(1, channels[0].length), sampleRate);
  channels.forEach((samples, channel) => buffer.copyToChannel(samples, channel));
  return buffer;
}
