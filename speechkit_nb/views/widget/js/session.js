// @ts-check
/** Shared by all views of one model: data, camera, playback and search; applies what Python sets. */

import { Camera } from "./camera.js";
import { bytesOf, decode } from "./data/data.js";
import { findAudible } from "./sound/mixer.js";
import { Playback } from "./sound/playback.js";
import { Finder } from "./data/search.js";
import { State } from "./state.js";
import { clampSpan } from "./view.js";

/** @typedef {import("./data/data.js").Span} Span */
/** @typedef {import("./data/data.js").Data} Data */
/** @typedef {"data" | "view" | "time" | "playing" | "selection" | "search" | "hit" | "sound" | "problems"} Change */

const NOTHING = { version: 1, duration: 0, channels: [], systems: [], lanes: [] };

export class Session {
  /** @type {Set<(change: Change) => void>} */
  #listeners = new Set();
  #isDisposed = false;
  /** Number of the ranked mark shown last. */
  #rank = -1;
  /** @type {Data} */
  data = decode(NOTHING, bytesOf(null), bytesOf(null));
  finder = new Finder();
  camera = new Camera((moving) => this.#onViewChange(moving));
  playback = new Playback(this);
  /** Shown in the widget; a text that begins with @ is the name of a label. @type {string[]} */
  problems = [];
  /** Why the data could not be read. */
  failed = "";

  /** @param {import("./state.js").Model} model */
  constructor(model) {
    this.state = new State(model);
    this.#subscribeToPython();
    model.on("msg:custom", this.#onMessage);
    this.#load();
    this.#startAtWord();
  }

  /** @param {(change: Change) => void} listener @returns {() => void} unsubscribes */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  dispose() {
    this.#isDisposed = true;
    this.camera.stop();
    this.playback.dispose();
    this.state.model.off("msg:custom", this.#onMessage);
    this.state.dispose();
    this.#listeners.clear();
  }

  /** @param {Change} change */
  notify(change) {
    for (const listener of this.#listeners) listener(change);
  }

  /** @param {string} text */
  addProblem(text) {
    if (this.problems.includes(text)) return;
    this.problems = [...this.problems, text];
    this.notify("problems");
  }

  // --- the view, moved by the user

  get view() {
    return this.camera.view;
  }

  /** @param {Span} view */
  show(view) {
    this.camera.show(view);
    this.camera.updateFollowing(this.time);
  }

  /** @param {number} factor @param {number} [time] stays at its pixel; default: the playhead, or the middle */
  zoom(factor, time) {
    const { start, end } = this.view;
    const anchor = this.time >= start && this.time < end ? this.time : (start + end) / 2;
    this.camera.zoom(factor, time ?? anchor);
    this.camera.updateFollowing(this.time);
  }

  /** @param {number} by milliseconds */
  pan(by) {
    this.camera.pan(by);
    this.camera.updateFollowing(this.time);
  }

  fit() {
    this.camera.glide({ start: 0, end: this.data.duration });
  }

  // --- the playhead

  get time() {
    return this.playback.time;
  }

  get playing() {
    return this.playback.playing;
  }

  /** @param {number} time */
  seek(time) {
    this.camera.startFollowing();
    this.playback.seek(time);
  }

  /** @param {number} [start] @param {number | null} [end] null: the end of the sound */
  play(start = this.time, end = null) {
    this.camera.startFollowing();
    return this.playback.play(start, end);
  }

  toggle() {
    if (this.playing) this.playback.pause();
    else this.play();
  }

  /** Go to the next or previous word of the lane of the active word. @param {1 | -1} step */
  stepWord(step) {
    const at = this.state.get("active_word")?.[0] ?? 0;
    const word = this.data.lanes[at]?.next(this.time, step) ?? -1;
    if (word >= 0) this.goToWord(at, word);
  }

  /** Put the playhead on a word. @param {number} at lane @param {number} word */
  goToWord(at, word) {
    const lane = this.data.lanes[at];
    this.state.set("active_word", [at, word]);
    this.seek(lane.start[word]);
    this.camera.reveal({ start: lane.start[word], end: lane.endOf(word) });
  }

  /** @param {1 | -1} step */
  stepMark(step) {
    const mark = this.data.marks.neighbour(this.time, step);
    if (mark) this.#goToMark(mark);
  }

  /** Go to the worst mark, then to the next worst, or back. @param {1 | -1} step */
  stepRank(step) {
    const { ranked } = this.data;
    const here = this.#rank < 0 && Math.abs(this.time - ranked[0]?.start) < 1 ? 0 : this.#rank; // the view may open at the worst mark
    const mark = ranked[here + step];
    if (!mark) return;
    this.#rank = here + step;
    this.#goToMark(mark);
  }

  /** Seconds for Python; not beyond its exact duration, which may be no whole number of ms. @param {number} time @returns {number} s */
  seconds(time) {
    return Math.min(Math.round(time) / 1000, this.state.get("spec")?.duration ?? Infinity);
  }

  /** @param {number} time of the playhead */
  onTimeChange(time) {
    this.state.set("active_word", this.#wordAt(time));
    if (this.playing) this.camera.follow(time);
    this.notify("time");
  }

  // --- selection and channels

  /** @returns {Span | null} */
  get selection() {
    const given = this.state.get("selection");
    return given?.length === 2 ? clampSpan(given[0] * 1000, given[1] * 1000, this.data.duration) : null;
  }

  /** @param {Span | null} span */
  select(span) {
    const chosen = span && clampSpan(span.start, span.end, this.data.duration);
    this.state.set("selection", chosen && chosen.end > chosen.start ? this.#seconds(chosen) : null);
    this.notify("selection");
  }

  /** Put one end of the selection at the playhead. @param {"start" | "end"} side */
  setSelectionEdge(side) {
    const { time, selection } = this;
    const { duration } = this.data;
    if (side === "start") this.select({ start: time, end: selection && selection.end > time ? selection.end : duration });
    else this.select({ start: selection && selection.start < time ? selection.start : 0, end: time });
  }

  toggleLoop() {
    this.state.set("loop", !this.state.get("loop"));
    this.notify("selection");
  }

  /** @param {"muted" | "solo"} list @param {string} tag */
  toggleChannel(list, tag) {
    const tags = /** @type {string[]} */ (this.state.get(list));
    this.state.set(list, tags.includes(tag) ? tags.filter((one) => one !== tag) : [...tags, tag]);
    this.playback.updateAudible();
  }

  /** Tags of the channels that can be muted separately. */
  get channelTags() {
    const tags = this.data.channels.filter(({ channel }) => channel !== null).map(({ tag }) => tag);
    return tags.length > 1 && !this.data.sound?.mixed ? tags : [];
  }

  /** @param {string} tag */
  isAudible(tag) {
    const tags = this.channelTags;
    return findAudible(tags, this.state.get("muted"), this.state.get("solo"))[tags.indexOf(tag)] ?? true;
  }

  /** Whether each channel of the sound is audible; empty: channels cannot be muted separately. */
  get audibleChannels() {
    if (!this.channelTags.length) return [];
    /** @type {boolean[]} */
    const audible = [];
    for (const { tag, channel } of this.data.channels) if (channel !== null) audible[channel] = this.isAudible(tag);
    return Array.from(audible, (one) => one ?? true);
  }

  // --- search

  /** @param {string} query */
  search(query) {
    this.state.set("search", query);
    this.#runSearch();
  }

  /** @param {1 | -1} step */
  stepHit(step) {
    const hit = this.finder.step(this.time, step);
    if (!hit) return;
    this.goToWord(hit.lane, hit.first);
    this.camera.reveal(hit);
    this.notify("hit");
  }

  // --- private

  /** @param {Span} mark */
  #goToMark(mark) {
    this.seek(mark.start);
    this.camera.reveal(mark);
  }

  #subscribeToPython() {
    const { state } = this;
    const on = (/** @type {import("./state.js").Name} */ name, /** @type {() => void} */ act) =>
      state.on(name, (fromPython) => fromPython && act());
    const load = coalesce(() => this.#isDisposed || this.#load());
    for (const name of /** @type {const} */ (["spec", "columns", "peaks"])) on(name, load);
    on("sound_urls", () => this.playback.open());
    on("current_time", () => this.#applyRemoteTime(1000 * state.get("current_time")));
    on("playing", () => (state.get("playing") ? this.play() : this.playback.pause()));
    on("playback_rate", () => this.playback.setRate(state.get("playback_rate")));
    on("view_range", () => this.camera.glide(this.#viewFromState()));
    on("active_word", () => this.#applyRemoteWord());
    on("search", () => this.#runSearch());
    for (const name of /** @type {const} */ (["selection", "loop"])) on(name, () => this.notify("selection"));
    for (const name of /** @type {const} */ (["muted", "solo"])) on(name, () => this.playback.updateAudible());
  }

  #load() {
    const { state } = this;
    const { ranked } = this.data;
    try {
      this.data = decode(state.get("spec"), bytesOf(state.get("columns")), bytesOf(state.get("peaks")));
      this.failed = "";
    } catch (error) {
      this.failed = error instanceof Error ? error.message : String(error);
    }
    if (!haveSameMarks(ranked, this.data.ranked)) this.#rank = -1;
    this.problems = [...this.data.problems, ...this.problems.filter((one) => one.startsWith("@"))];
    this.camera.duration = this.data.duration;
    this.camera.show(this.#viewFromState());
    this.playback.time = Math.min(this.data.duration, 1000 * state.get("current_time"));
    this.notify("data");
    this.#runSearch();
    this.playback.load();
  }

  #viewFromState() {
    const given = this.state.get("view_range");
    const known = given?.length === 2 && given[1] > given[0];
    return known ? { start: given[0] * 1000, end: given[1] * 1000 } : { start: 0, end: this.data.duration };
  }

  #onMessage = (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => {
    this.playback.onMessage(message, buffers);
    if (message?.kind === "problem") this.addProblem(String(message.text));
    if (message?.kind !== "play") return;
    this.play(message.start == null ? this.time : message.start * 1000, message.end == null ? null : message.end * 1000);
    this.camera.reveal({ start: this.time, end: this.time });
  };

  /** @param {number} time */
  #applyRemoteTime(time) {
    this.seek(time);
    this.camera.reveal({ start: this.time, end: this.time });
  }

  #applyRemoteWord() {
    const [at, word] = this.state.get("active_word") ?? [-1, -1];
    if (word >= 0 && word < (this.data.lanes[at]?.length ?? 0)) this.goToWord(at, word);
  }

  /** Python may have set a word, but no time, before the page existed. */
  #startAtWord() {
    const [at, word] = this.state.get("active_word") ?? [-1, -1];
    const start = this.data.lanes[at]?.start[word];
    if (this.time === 0 && start !== undefined) this.playback.seek(start);
  }

  /** The active word if the playhead is in it, else the word in the first lane that has one. @param {number} time */
  #wordAt(time) {
    const { lanes } = this.data;
    const [at, word] = this.state.get("active_word") ?? [-1, -1];
    const start = lanes[at]?.start[word];
    if (start === time || (start < time && time < lanes[at].endOf(word))) return [at, word];
    const lane = lanes.findIndex((one) => one.at(time) >= 0);
    return lane < 0 ? null : [lane, lanes[lane].at(time)];
  }

  /** @param {Span} span */
  #seconds(span) {
    return [this.seconds(span.start), this.seconds(span.end)];
  }

  #runSearch() {
    this.finder.find(this.data.lanes, this.state.get("search") ?? "");
    this.notify("search");
  }

  /** @param {boolean} moving */
  #onViewChange(moving) {
    if (!moving) this.state.set("view_range", this.#seconds(this.view));
    this.notify("view");
  }
}

/** @param {import("./data/data.js").Mark[]} some @param {import("./data/data.js").Mark[]} others */
const haveSameMarks = (some, others) =>
  some.length === others.length && some.every(({ start, text }, i) => start === others[i].start && text === others[i].text);

/** A function that calls `act` once for many calls in a row. @param {() => void} act */
function coalesce(act) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    queueMicrotask(() => {
      isWaiting = false;
      act();
    });
  };
}
