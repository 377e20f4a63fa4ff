// @ts-check
/** The playhead, and what moves it: the sound, the repeated selection, the end of a stretch. */

import { SampleCache } from "./samples.js";
import { SilentPlayer } from "./players.js";
import { Sound } from "./sound.js";

/** @typedef {import("./players.js").Player} Player */
/** @typedef {import("../data/data.js").Data} Data */
/** @typedef {"none" | "ready" | "on demand" | "preparing"} Readiness none: no sound; on demand: requested from Python when first played */
/**
 * @typedef {object} Owner
 * @property {import("../state.js").State} state
 * @property {Data} data
 * @property {import("../data/data.js").Span | null} selection
 * @property {boolean[]} audibleChannels by channel of the sound; empty: cannot be told apart
 * @property {(time: number) => number} seconds of milliseconds
 * @property {(time: number) => void} onTimeChange of the playhead
 * @property {(text: string) => void} addProblem
 * @property {(change: "playing" | "sound") => void} notify
 */

const OVER = 60; // milliseconds before the end from which playing starts at 0
export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];

export class Playback {
  /** @type {Player} */
  #player = new SilentPlayer(1);
  /** @type {Sound | null} */
  #sound = null;
  /** Time at which playing stops. @type {number | null} */
  #stopAt = null;
  #starting = false;
  #soundKey = "";
  time = 0;
  sampleCache = new SampleCache(
    (start, end) => this.#sound?.samples(start, end) ?? Promise.reject(),
    () => this.owner.notify("sound"),
  );
  /** @type {Readiness} */
  readiness = "none";

  /** @param {Owner} owner */
  constructor(owner) {
    this.owner = owner;
  }

  /** Open the sound of new data, unless it is the same as before. */
  load() {
    const soundKey = JSON.stringify([this.owner.data.sound, this.owner.data.duration]);
    if (soundKey === this.#soundKey) return this.updateAudible();
    this.#soundKey = soundKey;
    this.open();
  }

  async open() {
    const { state, data } = this.owner;
    this.#sound?.dispose();
    this.sampleCache.clear();
    const sound = (this.#sound = new Sound(state, data));
    sound.onSlowChange = () => this.owner.notify("sound");
    this.#use(new SilentPlayer(data.duration), data.sound ? "preparing" : "none");
    const player = await sound.open();
    if (sound !== this.#sound) return player?.dispose();
    if (player) this.#use(player, data.sound ? "ready" : "none");
    else if (state.model.send) this.#setReadiness("on demand");
    else this.#failPermanently("@noSoundFile");
    if (this.playing) this.play(this.time, this.#stopAt);
  }

  dispose() {
    this.#sound?.dispose();
    this.sampleCache.clear();
    this.#sound = null;
    this.owner.state.set("playing", false);
    this.#player.dispose();
  }

  get playing() {
    return /** @type {boolean} */ (this.owner.state.get("playing"));
  }

  /** Whether the kernel takes long to answer. */
  get isSlow() {
    return this.#sound?.isSlow ?? false;
  }

  /** @param {number} time */
  seek(time) {
    const inside = Math.min(this.owner.data.duration, Math.max(0, time));
    this.#stopAt = null;
    this.#player.seek(inside);
    this.#setTime(inside);
  }

  /** @param {number} start @param {number | null} end null: the end of the sound */
  async play(start, end) {
    const { selection, data, state } = this.owner;
    const repeated = end === null && state.get("loop") ? selection : null;
    const outside = repeated && (start < repeated.start || start >= repeated.end);
    const over = Math.abs(start - this.#soundEnd) < OVER || start >= data.duration;
    this.seek(outside ? repeated.start : over ? 0 : start);
    if (this.time > this.#soundEnd) return this.#stopWithProblem("@beyond");
    this.#stopAt = end;
    this.#setPlaying(true);
    if (this.readiness === "on demand") await this.#encode();
    if (this.readiness !== "preparing" && this.playing) await this.#start();
  }

  pause() {
    this.#player.pause();
    this.#setPlaying(false);
  }

  /** Move the playhead with the sound; called once per frame, and by the player. */
  tick() {
    if (!this.playing || this.readiness === "preparing") return;
    const { time } = this.#player;
    const repeated = this.#stopAt === null && this.owner.state.get("loop") ? this.owner.selection : null;
    if (repeated && time >= repeated.end) return this.#repeat(repeated.start);
    if (this.#stopAt !== null && time >= this.#stopAt) return this.#stop(this.#stopAt);
    if (time !== this.time) this.#setTime(time);
  }

  /** @param {number} rate */
  setRate(rate) {
    this.#player.setRate(rate);
    this.owner.state.set("playback_rate", rate);
    this.owner.notify("playing");
  }

  /** One step faster or slower. @param {1 | -1} step */
  stepRate(step) {
    const rate = this.owner.state.get("playback_rate");
    const next = step > 0 ? RATES.find((one) => one > rate) : RATES.findLast((one) => one < rate);
    if (next) this.setRate(next);
  }

  /** Apply which channels are audible. */
  updateAudible() {
    const { audibleChannels } = this.owner;
    if (audibleChannels.length) this.#player.setAudible(audibleChannels);
    this.owner.notify("sound");
  }

  /** A message from Python. @param {any} message @param {DataView[]} buffers */
  onMessage(message, buffers) {
    this.#sound?.onMessage(message, buffers);
  }

  /** End of the sound; words may lie after it. */
  get #soundEnd() {
    const { sound, duration } = this.owner.data;
    return sound ? sound.duration * 1000 : duration;
  }

  async #start() {
    this.#starting = true;
    try {
      await this.#player.play();
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      if (name !== "AbortError") this.#stopWithProblem(describeError(message)); // AbortError: paused before it began
    } finally {
      this.#starting = false;
    }
  }

  /** Request the sound from Python. */
  async #encode() {
    const sound = this.#sound;
    this.#setReadiness("preparing");
    try {
      const player = await sound?.encode();
      if (sound !== this.#sound) return player?.dispose();
      if (player) this.#use(player, "ready");
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      if (sound === this.#sound) this.#failPermanently(describeError(message));
    }
  }

  /** @param {Player} player @param {Readiness} readiness */
  #use(player, readiness) {
    this.#player.dispose();
    this.#player = player;
    player.seek(this.time);
    player.setRate(this.owner.state.get("playback_rate"));
    player.onchange = () => this.#playerChanged(player);
    player.onproblem = (text) => this.#stopWithProblem(describeError(text));
    this.readiness = readiness;
    this.updateAudible();
  }

  /** @param {string} why */
  #failPermanently(why) {
    this.#setReadiness("none");
    this.owner.addProblem(why);
  }

  /** @param {string} why */
  #stopWithProblem(why) {
    this.pause();
    this.owner.addProblem(why);
  }

  /** @param {Readiness} readiness */
  #setReadiness(readiness) {
    this.readiness = readiness;
    this.owner.notify("sound");
  }

  /** The player started, stopped or ended by itself (media keys, end of the sound). @param {Player} player */
  #playerChanged(player) {
    if (player !== this.#player || this.#starting || this.readiness === "preparing") return;
    this.tick();
    if (this.playing && !player.playing) this.pause();
    else if (player.playing) this.#setPlaying(true);
  }

  /** @param {number} start */
  #repeat(start) {
    this.#player.seek(start);
    this.#setTime(start);
    if (!this.#player.playing) this.#start();
  }

  /** @param {number} time */
  #stop(time) {
    this.pause();
    this.seek(time);
  }

  /** @param {boolean} playing */
  #setPlaying(playing) {
    this.owner.state.set("playing", playing);
    this.owner.notify("playing");
  }

  /** @param {number} time */
  #setTime(time) {
    this.time = time;
    this.owner.state.set("current_time", this.owner.seconds(time));
    this.owner.onTimeChange(time);
  }
}

/** The text of an error; a text that begins with @ is already the name of a label. @param {string} text */
const describeError = (text) => (text.startsWith("@") ? text : text ? `@cannotPlay: ${text}` : "@cannotPlay");
