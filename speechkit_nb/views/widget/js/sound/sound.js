// @ts-check
/** How sound gets here: a file of the server, else encoded bytes, else windows; else there is silence, and why. */

import { bytesOf } from "../data/data.js";
import { MediaPlayer, SilentPlayer } from "./players.js";
import { waveOf } from "../data/wave.js";
import { WindowPlayer } from "./windows.js";

/** @typedef {import("./players.js").Player} Player */
/** @typedef {import("../state.js").State} State */
/** @typedef {import("../data/data.js").Data} Data */

const ENCODINGS = ["audio/ogg; codecs=opus", "audio/flac", "audio/wav"];
const SAME_LENGTH = 0.25; // seconds that a file may differ from the recording and still be it
const WINDOW = 20_000; // milliseconds
const MOST_DECODED = 64_000_000; // bytes of samples that the page decodes on its own
export const PATIENCE = 5000; // milliseconds without a sign of the kernel before that is said

/**
 * The address of a file of the Jupyter server; an absolute address is left as it is.
 * @param {string} url @param {string | undefined} jupyterBase "/user/ann/", undefined outside Jupyter
 * @param {string} page address of the page
 */
export function addressOf(url, jupyterBase, page) {
  if (jupyterBase === undefined) return new URL(url, page).href;
  const base = new URL(jupyterBase.endsWith("/") ? jupyterBase : `${jupyterBase}/`, page);
  return new URL(url, base).href;
}

/** Below which path the Jupyter server serves this page. @param {Document} page @returns {string | undefined} */
export function jupyterBase(page) {
  const written = page.querySelector("#jupyter-config-data")?.textContent;
  if (written) return JSON.parse(written).baseUrl ?? "/";
  return page.body?.dataset["baseUrl"]; // the classic notebook
}

/** Whether the server hands out parts of a file; without that every seek lands at the start. @param {string} url */
export async function servesParts(url) {
  try {
    const answer = await fetch(url, { headers: { Range: "bytes=0-1" }, credentials: "same-origin" });
    await answer.body?.cancel();
    return answer.status === 206;
  } catch {
    return false;
  }
}

export class Sound {
  #asked = 0;
  /** Questions that the kernel has not answered for long. @type {Set<object>} */
  #late = new Set();
  /** There is one of these, or none any more. */
  onlate = () => {};
  /** @type {Map<number, {resolve: (wav: ArrayBuffer) => void, reject: (error: Error) => void}>} */
  #windows = new Map();
  /** @type {((error: string) => void) | null} */
  #refuse = null;
  /** Of the encoding that is waited for: Python has begun. @type {() => void} */
  #begun = () => {};
  #end = deferred();
  /** The whole sound, where nobody can be asked for parts. @type {Promise<AudioBuffer> | null} */
  #decoded = null;

  /** @param {State} state @param {Data} data */
  constructor(state, data) {
    this.state = state;
    this.data = data;
    this.nChannels = 1 + Math.max(0, ...data.channels.map(({ channel }) => channel ?? 0));
    if (data.sound?.mixed) this.nChannels = 1;
    /** Whether Python would have to encode it first. */
    this.mustBeMade = false;
    this.#end.promise.catch(() => {}); // nobody may be waiting
  }

  /** Ends all waiting. */
  dispose() {
    this.onlate = () => {};
    this.#end.reject(new Error(""));
  }

  /** What can be had without work for Python; null: ask `make`. @returns {Promise<Player | null>} */
  async open() {
    if (!this.data.sound) return new SilentPlayer(this.data.duration);
    const player = (await this.#file()) ?? (await this.#bytes());
    this.mustBeMade = !player;
    return player;
  }

  /** The sound, made by Python. @returns {Promise<Player>} @throws {Error} it can not be had */
  async make() {
    const { sound } = this.data;
    if (!this.state.model.send) throw new Error("");
    if (sound?.whole) {
      const player = await this.#encoded();
      if (player) return player;
    }
    if (!sound?.window_seconds) throw new Error("");
    const length = Math.min(WINDOW, sound.window_seconds * 1000);
    const duration = sound.duration * 1000;
    return new WindowPlayer((start, end) => this.#window(start, end), { duration, length, nChannels: this.nChannels });
  }

  /**
   * The samples of a stretch, to be drawn: from Python, else from the sound that is here.
   * @param {number} start @param {number} end milliseconds @returns {Promise<import("../data/wave.js").Wave>}
   * @throws {Error} there are none, or only all channels in one
   */
  async samples(start, end) {
    const { sound } = this.data;
    if (!sound || sound.mixed) throw new Error("");
    try {
      if (this.state.model.send) return waveOf(await this.#window(start, end, false), start);
    } catch (error) {
      if (!bytesOf(this.state.get("sound")).length) throw error;
    }
    const whole = await (this.#decoded ??= this.#decode(sound));
    const [from, to] = [start, end].map((time) => Math.round((time / 1000) * whole.sampleRate));
    const channels = Array.from({ length: whole.numberOfChannels }, (_, c) => whole.getChannelData(c).subarray(from, to));
    return { start, rate: whole.sampleRate, channels };
  }

  /** @param {import("../data/data.js").SoundSpec} sound @returns {Promise<AudioBuffer>} */
  async #decode({ duration, sample_rate: rate = 48_000 }) {
    const bytes = bytesOf(this.state.get("sound"));
    if (!bytes.length || 4 * duration * rate * this.nChannels > MOST_DECODED) throw new Error("");
    return new OfflineAudioContext(1, 1, Math.min(48_000, Math.max(8000, rate))).decodeAudioData(bytes.slice().buffer);
  }

  /** A message from Python. @param {any} message @param {DataView[]} buffers */
  heard(message, buffers) {
    if (message.kind === "encoding" && message.begun) this.#begun();
    if (message.kind === "encoding" && message.error) this.#refuse?.(message.error);
    if (message.kind !== "window") return;
    const waiting = this.#windows.get(message.id);
    this.#windows.delete(message.id);
    if (message.error || !buffers?.length) waiting?.reject(new Error(message.error ?? ""));
    else waiting?.resolve(bytesOf(buffers[0]).slice().buffer);
  }

  /** @returns {Promise<Player | null>} */
  async #file() {
    const candidates = /** @type {{url: string, type?: string | null}[]} */ (this.state.get("sound_urls") ?? []);
    for (const { url, type } of candidates) {
      if (type && !canPlay(type)) continue;
      const address = addressOf(url, jupyterBase(document), document.baseURI);
      if (!(await servesParts(address))) continue;
      const player = await this.#media(address);
      if (player) return player;
    }
    return null;
  }

  /** @returns {Promise<Player | null>} */
  async #bytes() {
    const bytes = bytesOf(this.state.get("sound"));
    if (!bytes.length) return null;
    return this.#media(URL.createObjectURL(new Blob([bytes], { type: this.state.get("sound_type") ?? "" })));
  }

  /** A player, if the browser can play this and it is as long as the recording. @param {string} url @returns {Promise<Player | null>} */
  async #media(url) {
    const player = new MediaPlayer(url, this.nChannels);
    const wanted = this.data.sound?.duration ?? 0;
    try {
      await player.ready();
      const { duration } = player.audio; // Infinity where the file does not say
      if (!Number.isFinite(duration) || Math.abs(duration - wanted) <= Math.max(SAME_LENGTH, wanted / 1000)) return player;
    } catch {
      // the next way is tried
    }
    player.dispose();
    return null;
  }

  /** @returns {Promise<Player | null>} @throws {Error} Python can not make it */
  async #encoded() {
    const question = { kind: "encoding", wanted: ENCODINGS.filter(canPlay) };
    const { promise, resolve, reject } = deferred();
    const begun = deferred();
    this.#begun = begun.resolve;
    this.#refuse = (error) => reject(new Error(error));
    const ignore = this.state.on("sound", resolve);
    try {
      await this.#patiently(question, Promise.race([begun.promise, promise]));
      await promise;
    } finally {
      ignore();
      this.#refuse = null;
    }
    return this.#bytes();
  }

  /** @param {number} start @param {number} end milliseconds @param {boolean} [told] whether a long wait is @returns {Promise<ArrayBuffer>} */
  #window(start, end, told = true) {
    const id = ++this.#asked;
    const { promise, resolve, reject } = deferred();
    this.#windows.set(id, { resolve, reject });
    return this.#patiently({ kind: "window", id, start: start / 1000, end: end / 1000 }, promise, told);
  }

  /**
   * Asks Python and waits; says so when the answer is long in coming, as a busy kernel still may answer. When the line
   * to the kernel changes it is asked again, which fails if there is none any more.
   * @template T @param {object} question @param {Promise<T>} answer @param {boolean} [told] @returns {Promise<T>} @throws {Error} the kernel has gone
   */
  async #patiently(question, answer, told = true) {
    const { model } = this.state;
    const lost = deferred();
    const ask = () => {
      try {
        model.send?.(question);
      } catch {
        lost.reject(new Error("@noSoundFile"));
      }
    };
    const timer = told ? setTimeout(() => this.#late.add(question) && this.onlate(), PATIENCE) : undefined;
    model.on("comm_live_update", ask);
    try {
      ask();
      return await Promise.race([answer, lost.promise, this.#end.promise]);
    } finally {
      model.off("comm_live_update", ask);
      clearTimeout(timer);
      if (this.#late.delete(question)) this.onlate();
    }
  }

  /** Whether the kernel owes an answer for longer than usual. */
  get unanswered() {
    return this.#late.size > 0;
  }
}

/** @param {string} type */
const canPlay = (type) => new Audio().canPlayType(type) !== "";

/** @returns {{promise: Promise<any>, resolve: (value?: any) => void, reject: (error: Error) => void}} */
function deferred() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
