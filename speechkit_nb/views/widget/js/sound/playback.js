// @ts-check
/** The playhead and what moves it: the sound, the selection that is repeated, the end of a stretch. */

import { CloseUp } from "./samples.js";
import { SilentPlayer } from "./players.js";
import { Sound } from "./sound.js";

/** @typedef {import("./players.js").Player} Player */
/** @typedef {import("../data/data.js").Data} Data */
/** @typedef {"none" | "ready" | "later" | "preparing"} Readiness none: silence; later: made when it is first played */
/**
 * @typedef {object} Owner
 * @property {import("../state.js").State} state
 * @property {Data} data
 * @property {import("../data/data.js").Span | null} selection
 * @property {boolean[]} heard by channel of the sound; empty: cannot be told apart
 * @property {(time: number) => number} seconds of milliseconds
 * @property {(time: number) => void} moved the playhead
 * @property {(text: string) => void} problem
 * @property {(change: "playing" | "sound") => void} tell
 */

const OVER = 60; // milliseconds before the end where playing starts anew
export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];

export class Playback {
  /** @type {Player} */
  #player = new SilentPlayer(1);
  /** @type {Sound | null} */
  #sound = null;
  /** Where playing stops. @type {number | null} */
  #stopAt = null;
  #starting = false;
  #described = "";
  time = 0;
  closeUp = new CloseUp(
    (start, end) => this.#sound?.samples(start, end) ?? Promise.reject(),
    () => this.owner.tell("sound"),
  );
  /** @type {Readiness} */
  readiness = "none";

  /** @param {Owner} owner */
  constructor(owner) {
    this.owner = owner;
  }

  /** Finds the sound of the data that has just come, unless it is the one that is there. */
  load() {
    const described = JSON.stringify([this.owner.data.sound, this.owner.data.duration]);
    if (described === this.#described) return this.hear();
    this.#described = described;
    this.open();
  }

  async open() {
    const { state, data } = this.owner;
    this.#sound?.dispose();
    this.closeUp.clear();
    const sound = (this.#sound = new Sound(state, data));
    sound.onlate = () => this.owner.tell("sound");
    this.#use(new SilentPlayer(data.duration), data.sound ? "preparing" : "none");
    const player = await sound.open();
    if (sound !== this.#sound) return player?.dispose();
    if (player) this.#use(player, data.sound ? "ready" : "none");
    else if (state.model.send) this.#become("later");
    else this.#silent("@noSoundFile");
    if (this.playing) this.play(this.time, this.#stopAt);
  }

  dispose() {
    this.#sound?.dispose();
    this.closeUp.clear();
    this.#sound = null;
    this.owner.state.put("playing", false);
    this.#player.dispose();
  }

  get playing() {
    return /** @type {boolean} */ (this.owner.state.get("playing"));
  }

  /** Whether the kernel should have sent sound by now. */
  get unanswered() {
    return this.#sound?.unanswered ?? false;
  }

  /** @param {number} time */
  seek(time) {
    const inside = Math.min(this.owner.data.duration, Math.max(0, time));
    this.#stopAt = null;
    this.#player.seek(inside);
    this.#setTime(inside);
  }

  /** @param {number} start from where @param {number | null} end up to where; null: the end */
  async play(start, end) {
    const { selection, data, state } = this.owner;
    const repeated = end === null && state.get("loop") ? selection : null;
    const outside = repeated && (start < repeated.start || start >= repeated.end);
    const over = Math.abs(start - this.#soundEnd) < OVER || start >= data.duration;
    this.seek(outside ? repeated.start : over ? 0 : start);
    if (this.time > this.#soundEnd) return this.#refused("@beyond");
    this.#stopAt = end;
    this.#setPlaying(true);
    if (this.readiness === "later") await this.#make();
    if (this.readiness !== "preparing" && this.playing) await this.#start();
  }

  pause() {
    this.#player.pause();
    this.#setPlaying(false);
  }

  /** Moves the playhead along with the sound; called once a frame, and by the player. */
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
    this.owner.state.put("playback_rate", rate);
    this.owner.tell("playing");
  }

  /** One step faster or slower. @param {1 | -1} step */
  stepRate(step) {
    const rate = this.owner.state.get("playback_rate");
    const next = step > 0 ? RATES.find((one) => one > rate) : RATES.findLast((one) => one < rate);
    if (next) this.setRate(next);
  }

  /** Lets be heard which channels the owner says. */
  hear() {
    const { heard } = this.owner;
    if (heard.length) this.#player.hear(heard);
    this.owner.tell("sound");
  }

  /** A message from Python. @param {any} message @param {DataView[]} buffers */
  heard(message, buffers) {
    this.#sound?.heard(message, buffers);
  }

  /** Words may stand beyond it. */
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
      if (name !== "AbortError") this.#refused(because(message)); // aborted: stopped before it began
    } finally {
      this.#starting = false;
    }
  }

  /** Has Python make the sound. */
  async #make() {
    const sound = this.#sound;
    this.#become("preparing");
    try {
      const player = await sound?.make();
      if (sound !== this.#sound) return player?.dispose();
      if (player) this.#use(player, "ready");
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      if (sound === this.#sound) this.#silent(because(message));
    }
  }

  /** @param {Player} player @param {Readiness} readiness */
  #use(player, readiness) {
    this.#player.dispose();
    this.#player = player;
    player.seek(this.time);
    player.setRate(this.owner.state.get("playback_rate"));
    player.onchange = () => this.#playerChanged(player);
    player.onproblem = (text) => this.#refused(because(text));
    this.readiness = readiness;
    this.hear();
  }

  /** @param {string} why */
  #silent(why) {
    this.#become("none");
    this.owner.problem(why);
  }

  /** @param {string} why */
  #refused(why) {
    this.pause();
    this.owner.problem(why);
  }

  /** @param {Readiness} readiness */
  #become(readiness) {
    this.readiness = readiness;
    this.owner.tell("sound");
  }

  /** The player began, stopped or ended on its own (media keys, end of the sound). @param {Player} player */
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
    this.owner.state.put("playing", playing);
    this.owner.tell("playing");
  }

  /** @param {number} time */
  #setTime(time) {
    this.time = time;
    this.owner.state.put("current_time", this.owner.seconds(time));
    this.owner.moved(time);
  }
}

/** What is shown of an error; one that begins with @ is a label already. @param {string} text */
const because = (text) => (text.startsWith("@") ? text : text ? `@cannotPlay: ${text}` : "@cannotPlay");
