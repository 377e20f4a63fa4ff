// @ts-check
/** Where the sound comes from: a file of the server, else encoded bytes, else windows, else a reason why there is none. */

import { bytesOf } from "../data/data.js";
import { MediaPlayer, SilentPlayer } from "./players.js";
import { parseWav } from "../data/wave.js";
import { WindowPlayer } from "./windows.js";

/** @typedef {import("./players.js").Player} Player */
/** @typedef {import("../state.js").State} State */
/** @typedef {import("../data/data.js").Data} Data */

const ENCODINGS = ["audio/ogg; codecs=opus", "audio/flac", "audio/wav"];
const SAME_LENGTH = 0.25; // seconds; difference of duration within which a file is the recording
const WINDOW = 20_000; // milliseconds
const MOST_DECODED = 64_000_000; // bytes of samples that the page decodes itself
export const SLOW = 5000; // milliseconds without an answer of the kernel before the user is told

/**
 * The URL of a file on the Jupyter server; an absolute URL is not changed.
 * @param {string} url @param {string | undefined} jupyterBase "/user/ann/", undefined outside Jupyter
 * @param {string} page address of the page
 */
export function resolveUrl(url, jupyterBase, page) {
  if (jupyterBase === undefined) return new URL(url, page).href;
  const base = new URL(jupyterBase.endsWith("/") ? jupyterBase : `${jupyterBase}/`, page);
  return new URL(url, base).href;
}

/** Base URL of the Jupyter server of this page. @param {Document} page @returns {string | undefined} */
export function jupyterBase(page) {
  const written = page.querySelector("#jupyter-config-data")?.textContent;
  if (written) return JSON.parse(written).baseUrl ?? "/";
  return page.body?.dataset["baseUrl"]; // the classic notebook
}

/** Whether the server answers Range requests; without them every seek goes to the start. @param {string} url */
export async function supportsRange(url) {
  try {
    const answer = await fetch(url, { headers: { Range: "bytes=0-1" }, credentials: "same-origin" });
    await answer.body?.cancel();
    return answer.status === 206;
  } catch {
    return false;
  }
}

export class Sound {
  #lastId = 0;
  /** Requests that the kernel has not answered for long. @type {Set<object>} */
  #slowRequests = new Set();
  /** Called when the first slow request appears, and when the last is answered. */
  onSlowChange = () => {};
  /** @type {Map<number, {resolve: (wav: ArrayBuffer) => void, reject: (error: Error) => void}>} */
  #windows = new Map();
  /** @type {((error: string) => void) | null} */
  #rejectEncoding = null;
  /** Called when Python has begun to encode. @type {() => void} */
  #onEncodingBegun = () => {};
  #disposal = createDeferred();
  /** The whole sound, if no kernel can send parts. @type {Promise<AudioBuffer> | null} */
  #decoded = null;

  /** @param {State} state @param {Data} data */
  constructor(state, data) {
    this.state = state;
    this.data = data;
    this.nChannels = 1 + Math.max(0, ...data.channels.map(({ channel }) => channel ?? 0));
    if (data.sound?.mixed) this.nChannels = 1;
    /** Whether Python has to encode the sound first. */
    this.needsEncoding = false;
    this.#disposal.promise.catch(() => {}); // there may be no request to reject
  }

  /** Reject all requests. */
  dispose() {
    this.onSlowChange = () => {};
    this.#disposal.reject(new Error(""));
  }

  /** A player that needs no work of Python; null: call `encode`. @returns {Promise<Player | null>} */
  async open() {
    if (!this.data.sound) return new SilentPlayer(this.data.duration);
    const player = (await this.#file()) ?? (await this.#bytes());
    this.needsEncoding = !player;
    return player;
  }

  /** A player of sound from Python. @returns {Promise<Player>} @throws {Error} there is no sound */
  async encode() {
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
   * The samples of a stretch, to be drawn: from Python, else from the sound in the page.
   * @param {number} start @param {number} end milliseconds @returns {Promise<import("../data/wave.js").Wave>}
   * @throws {Error} there are none, or the channels are mixed to one
   */
  async samples(start, end) {
    const { sound } = this.data;
    if (!sound || sound.mixed) throw new Error("");
    try {
      if (this.state.model.send) return parseWav(await this.#window(start, end, false), start);
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
  onMessage(message, buffers) {
    if (message.kind === "encoding" && message.begun) this.#onEncodingBegun();
    if (message.kind === "encoding" && message.error) this.#rejectEncoding?.(message.error);
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
      const address = resolveUrl(url, jupyterBase(document), document.baseURI);
      if (!(await supportsRange(address))) continue;
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

  /** A player, if the browser can play the URL and it is as long as the recording. @param {string} url @returns {Promise<Player | null>} */
  async #media(url) {
    const player = new MediaPlayer(url, this.nChannels);
    const wanted = this.data.sound?.duration ?? 0;
    try {
      await player.ready();
      const { duration } = player.audio; // Infinity if the file does not contain it
      if (!Number.isFinite(duration) || Math.abs(duration - wanted) <= Math.max(SAME_LENGTH, wanted / 1000)) return player;
    } catch {
      // try the next source
    }
    player.dispose();
    return null;
  }

  /** @returns {Promise<Player | null>} @throws {Error} Python cannot encode it */
  async #encoded() {
    const request = { kind: "encoding", wanted: ENCODINGS.filter(canPlay) };
    const { promise, resolve, reject } = createDeferred();
    const begun = createDeferred();
    this.#onEncodingBegun = begun.resolve;
    this.#rejectEncoding = (error) => reject(new Error(error));
    const ignore = this.state.on("sound", resolve);
    try {
      await this.#request(request, Promise.race([begun.promise, promise]));
      await promise;
    } finally {
      ignore();
      this.#rejectEncoding = null;
    }
    return this.#bytes();
  }

  /** @param {number} start @param {number} end milliseconds @param {boolean} [report] whether to report a long wait @returns {Promise<ArrayBuffer>} */
  #window(start, end, report = true) {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = createDeferred();
    this.#windows.set(id, { resolve, reject });
    return this.#request({ kind: "window", id, start: start / 1000, end: end / 1000 }, promise, report);
  }

  /**
   * Send a request to Python and wait. A busy kernel may still answer, so a long wait is only reported. When the
   * connection to the kernel changes, the request is sent again; that fails if the kernel is gone.
   * @template T @param {object} request @param {Promise<T>} answer @param {boolean} [report] @returns {Promise<T>} @throws {Error} the kernel has gone
   */
  async #request(request, answer, report = true) {
    const { model } = this.state;
    const lost = createDeferred();
    const ask = () => {
      try {
        model.send?.(request);
      } catch {
        lost.reject(new Error("@noSoundFile"));
      }
    };
    const timer = report ? setTimeout(() => this.#slowRequests.add(request) && this.onSlowChange(), SLOW) : undefined;
    model.on("comm_live_update", ask);
    try {
      ask();
      return await Promise.race([answer, lost.promise, this.#disposal.promise]);
    } finally {
      model.off("comm_live_update", ask);
      clearTimeout(timer);
      if (this.#slowRequests.delete(request)) this.onSlowChange();
    }
  }

  /** Whether the kernel has not answered a request for long. */
  get isSlow() {
    return this.#slowRequests.size > 0;
  }
}

/** @param {string} type */
const canPlay = (type) => new Audio().canPlayType(type) !== "";

/** @returns {{promise: Promise<any>, resolve: (value?: any) => void, reject: (error: Error) => void}} */
function createDeferred() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
