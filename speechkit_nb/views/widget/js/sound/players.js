// @ts-check
/** Players: a file in the browser's own player, and a silent clock. The third is in windows.js. */

import { Mixer } from "./mixer.js";

/**
 * @typedef {object} Player times in milliseconds
 * @property {number} time
 * @property {boolean} playing
 * @property {() => Promise<void>} play rejects when the browser refuses
 * @property {() => void} pause
 * @property {(time: number) => void} seek
 * @property {(rate: number) => void} setRate
 * @property {(audible: boolean[]) => void} setAudible by channel of the sound
 * @property {() => void} dispose
 * @property {() => void} onchange started, stopped, ended, or time passed in a hidden page
 * @property {(text: string) => void} onproblem
 */

/** A clock without sound. @implements {Player} */
export class SilentPlayer {
  #at = 0;
  #rate = 1;
  #since = 0;
  playing = false;
  onchange = () => {};
  onproblem = () => {};

  /** @param {number} duration @param {() => number} now milliseconds */
  constructor(duration, now = () => performance.now()) {
    this.duration = duration;
    this.now = now;
  }

  get time() {
    const passed = this.playing ? (this.now() - this.#since) * this.#rate : 0;
    const time = Math.min(this.duration, this.#at + passed);
    if (this.playing && time >= this.duration) this.pause();
    return time;
  }

  async play() {
    if (this.time >= this.duration) this.#at = 0;
    this.#since = this.now();
    this.playing = true;
    this.onchange();
  }

  pause() {
    if (!this.playing) return;
    const passed = (this.now() - this.#since) * this.#rate;
    this.#at = Math.min(this.duration, this.#at + passed);
    this.playing = false;
    this.onchange();
  }

  /** @param {number} time */
  seek(time) {
    this.#at = time;
    this.#since = this.now();
  }

  /** @param {number} rate */
  setRate(rate) {
    this.seek(this.time);
    this.#rate = rate;
  }

  setAudible() {}

  dispose() {
    this.onchange = () => {};
    this.playing = false;
  }
}

/** An `<audio>` element. Web Audio is used only when a channel is muted. @implements {Player} */
export class MediaPlayer {
  /** @type {Mixer | null} */
  #mixer = null;
  /** @type {AudioContext | null} */
  #context = null;
  #listening = new AbortController();
  onchange = () => {};
  onproblem = (/** @type {string} */ _text) => {};

  /** @param {string} url @param {number} nChannels */
  constructor(url, nChannels) {
    this.url = url;
    this.nChannels = nChannels;
    this.audio = new Audio();
    this.audio.preload = "metadata";
    this.audio.preservesPitch = true;
    const { signal } = this.#listening;
    for (const event of ["play", "pause", "ended", "timeupdate"]) {
      this.audio.addEventListener(event, () => this.onchange(), { signal });
    }
    this.audio.addEventListener("error", () => this.onproblem(this.audio.error?.message ?? ""), { signal });
    this.audio.src = url;
  }

  /** Wait until the browser has read the header. Rejects if it cannot play the sound. @returns {Promise<this>} */
  ready() {
    const { audio } = this;
    return new Promise((resolve, reject) => {
      if (audio.readyState >= 1) return resolve(this);
      audio.addEventListener("loadedmetadata", () => resolve(this), { once: true });
      audio.addEventListener("error", () => reject(new Error(audio.error?.message ?? "")), { once: true });
    });
  }

  get time() {
    return this.audio.currentTime * 1000;
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  async play() {
    if (this.#context?.state === "suspended") await this.#context.resume();
    await this.audio.play();
  }

  pause() {
    this.audio.pause();
  }

  /** @param {number} time */
  seek(time) {
    this.audio.currentTime = time / 1000;
  }

  /** @param {number} rate */
  setRate(rate) {
    this.audio.defaultPlaybackRate = this.audio.playbackRate = rate;
  }

  /** @param {boolean[]} audible */
  setAudible(audible) {
    if (!this.#mixer) {
      if (audible.every(Boolean)) return;
      if (this.nChannels < 2) return void (this.audio.muted = !audible[0]);
      this.#context = new AudioContext();
      this.#mixer = new Mixer(this.#context, this.nChannels);
      this.#context.createMediaElementSource(this.audio).connect(this.#mixer.input);
      if (this.playing) this.#context.resume();
    }
    this.#mixer.setAudible(audible);
  }

  dispose() {
    this.#listening.abort();
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.#context?.close();
    if (this.url.startsWith("blob:")) URL.revokeObjectURL(this.url);
  }
}
