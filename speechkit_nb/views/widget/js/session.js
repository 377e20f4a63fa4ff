// @ts-check
/** What all views of one model share. It composes: camera, playback, search; and follows what Python sets. */

import { Camera } from "./camera.js";
import { bytesOf, decode } from "./data/data.js";
import { audible } from "./sound/mixer.js";
import { Playback } from "./sound/playback.js";
import { Finder } from "./data/search.js";
import { State } from "./state.js";
import { between } from "./view.js";

/** @typedef {import("./data/data.js").Span} Span */
/** @typedef {import("./data/data.js").Data} Data */
/** @typedef {"data" | "view" | "time" | "playing" | "selection" | "search" | "hit" | "sound" | "problems"} Change */

const NOTHING = { version: 1, duration: 0, channels: [], systems: [], lanes: [] };

export class Session {
  /** @type {Set<(change: Change) => void>} */
  #listeners = new Set();
  #gone = false;
  /** Which of the ranked marks was gone to. */
  #rank = -1;
  /** @type {Data} */
  data = decode(NOTHING, bytesOf(null), bytesOf(null));
  finder = new Finder();
  camera = new Camera((moving) => this.#viewed(moving));
  playback = new Playback(this);
  /** Shown in the widget; one that begins with @ names a label. @type {string[]} */
  problems = [];
  /** Why the data could not be read. */
  failed = "";

  /** @param {import("./state.js").Model} model */
  constructor(model) {
    this.state = new State(model);
    this.#followPython();
    model.on("msg:custom", this.#heard);
    this.#load();
    this.#startAtWord();
  }

  /** @param {(change: Change) => void} listener @returns {() => void} what ends it */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  dispose() {
    this.#gone = true;
    this.camera.stop();
    this.playback.dispose();
    this.state.model.off("msg:custom", this.#heard);
    this.state.dispose();
    this.#listeners.clear();
  }

  /** @param {Change} change */
  tell(change) {
    for (const listener of this.#listeners) listener(change);
  }

  /** @param {string} text */
  problem(text) {
    if (this.problems.includes(text)) return;
    this.problems = [...this.problems, text];
    this.tell("problems");
  }

  // --- the view, moved by hand

  get view() {
    return this.camera.view;
  }

  /** @param {Span} view */
  show(view) {
    this.camera.show(view);
    this.camera.released(this.time);
  }

  /** @param {number} factor @param {number} [time] stays where it is; the playhead, or the middle */
  zoom(factor, time) {
    const { start, end } = this.view;
    const anchor = this.time >= start && this.time < end ? this.time : (start + end) / 2;
    this.camera.zoom(factor, time ?? anchor);
    this.camera.released(this.time);
  }

  /** @param {number} by milliseconds */
  pan(by) {
    this.camera.pan(by);
    this.camera.released(this.time);
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
    this.camera.attach();
    this.playback.seek(time);
  }

  /** @param {number} [start] from where @param {number | null} [end] up to where */
  play(start = this.time, end = null) {
    this.camera.attach();
    return this.playback.play(start, end);
  }

  toggle() {
    if (this.playing) this.playback.pause();
    else this.play();
  }

  /** To the next or previous word of the lane that was played last. @param {1 | -1} step */
  stepWord(step) {
    const at = this.state.get("active_word")?.[0] ?? 0;
    const word = this.data.lanes[at]?.next(this.time, step) ?? -1;
    if (word >= 0) this.toWord(at, word);
  }

  /** Puts the playhead on a word. @param {number} at lane @param {number} word */
  toWord(at, word) {
    const lane = this.data.lanes[at];
    this.state.put("active_word", [at, word]);
    this.seek(lane.start[word]);
    this.camera.reveal({ start: lane.start[word], end: lane.endOf(word) });
  }

  /** @param {1 | -1} step */
  stepMark(step) {
    const mark = this.data.marks.neighbour(this.time, step);
    if (mark) this.#toMark(mark);
  }

  /** To the worst mark, then to the next worst, or back. @param {1 | -1} step */
  stepRank(step) {
    const { ranked } = this.data;
    const here = this.#rank < 0 && Math.abs(this.time - ranked[0]?.start) < 1 ? 0 : this.#rank; // it opens at the worst
    const mark = ranked[here + step];
    if (!mark) return;
    this.#rank = here + step;
    this.#toMark(mark);
  }

  /** As Python has it, who knows the end to less than a millisecond. @param {number} time @returns {number} s */
  seconds(time) {
    return Math.min(Math.round(time) / 1000, this.state.get("spec")?.duration ?? Infinity);
  }

  /** @param {number} time the playhead stands at now */
  moved(time) {
    this.state.put("active_word", this.#wordAt(time));
    if (this.playing) this.camera.follow(time);
    this.tell("time");
  }

  // --- selection and channels

  /** @returns {Span | null} */
  get selection() {
    const given = this.state.get("selection");
    return given?.length === 2 ? between(given[0] * 1000, given[1] * 1000, this.data.duration) : null;
  }

  /** @param {Span | null} span */
  select(span) {
    const chosen = span && between(span.start, span.end, this.data.duration);
    this.state.put("selection", chosen && chosen.end > chosen.start ? this.#seconds(chosen) : null);
    this.tell("selection");
  }

  /** One end of the selection at the playhead. @param {"start" | "end"} side */
  selectSide(side) {
    const { time, selection } = this;
    const { duration } = this.data;
    if (side === "start") this.select({ start: time, end: selection && selection.end > time ? selection.end : duration });
    else this.select({ start: selection && selection.start < time ? selection.start : 0, end: time });
  }

  toggleLoop() {
    this.state.put("loop", !this.state.get("loop"));
    this.tell("selection");
  }

  /** @param {"muted" | "solo"} list @param {string} tag */
  toggleChannel(list, tag) {
    const tags = /** @type {string[]} */ (this.state.get(list));
    this.state.put(list, tags.includes(tag) ? tags.filter((one) => one !== tag) : [...tags, tag]);
    this.playback.hear();
  }

  /** Tags of the channels that can be silenced one by one. */
  get channelTags() {
    const tags = this.data.channels.filter(({ channel }) => channel !== null).map(({ tag }) => tag);
    return tags.length > 1 && !this.data.sound?.mixed ? tags : [];
  }

  /** @param {string} tag */
  isHeard(tag) {
    const tags = this.channelTags;
    return audible(tags, this.state.get("muted"), this.state.get("solo"))[tags.indexOf(tag)] ?? true;
  }

  /** Which channels of the sound are heard; empty: it is one. */
  get heard() {
    if (!this.channelTags.length) return [];
    /** @type {boolean[]} */
    const heard = [];
    for (const { tag, channel } of this.data.channels) if (channel !== null) heard[channel] = this.isHeard(tag);
    return Array.from(heard, (one) => one ?? true);
  }

  // --- search

  /** @param {string} query */
  search(query) {
    this.state.put("search", query);
    this.#find();
  }

  /** @param {1 | -1} step */
  stepHit(step) {
    const hit = this.finder.step(this.time, step);
    if (!hit) return;
    this.toWord(hit.lane, hit.first);
    this.camera.reveal(hit);
    this.tell("hit");
  }

  // --- inside

  /** @param {Span} mark */
  #toMark(mark) {
    this.seek(mark.start);
    this.camera.reveal(mark);
  }

  #followPython() {
    const { state } = this;
    const on = (/** @type {import("./state.js").Name} */ name, /** @type {() => void} */ act) =>
      state.on(name, (fromPython) => fromPython && act());
    const load = coalesced(() => this.#gone || this.#load());
    for (const name of /** @type {const} */ (["spec", "columns", "peaks"])) on(name, load);
    on("sound_urls", () => this.playback.open());
    on("current_time", () => this.#told(1000 * state.get("current_time")));
    on("playing", () => (state.get("playing") ? this.play() : this.playback.pause()));
    on("playback_rate", () => this.playback.setRate(state.get("playback_rate")));
    on("view_range", () => this.camera.glide(this.#givenView()));
    on("active_word", () => this.#toldWord());
    on("search", () => this.#find());
    for (const name of /** @type {const} */ (["selection", "loop"])) on(name, () => this.tell("selection"));
    for (const name of /** @type {const} */ (["muted", "solo"])) on(name, () => this.playback.hear());
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
    if (!sameMarks(ranked, this.data.ranked)) this.#rank = -1;
    this.problems = [...this.data.problems, ...this.problems.filter((one) => one.startsWith("@"))];
    this.camera.duration = this.data.duration;
    this.camera.show(this.#givenView());
    this.playback.time = Math.min(this.data.duration, 1000 * state.get("current_time"));
    this.tell("data");
    this.#find();
    this.playback.load();
  }

  #givenView() {
    const given = this.state.get("view_range");
    const known = given?.length === 2 && given[1] > given[0];
    return known ? { start: given[0] * 1000, end: given[1] * 1000 } : { start: 0, end: this.data.duration };
  }

  #heard = (/** @type {any} */ message, /** @type {DataView[]} */ buffers) => {
    this.playback.heard(message, buffers);
    if (message?.kind === "problem") this.problem(String(message.text));
    if (message?.kind !== "play") return;
    this.play(message.start == null ? this.time : message.start * 1000, message.end == null ? null : message.end * 1000);
    this.camera.reveal({ start: this.time, end: this.time });
  };

  /** @param {number} time */
  #told(time) {
    this.seek(time);
    this.camera.reveal({ start: this.time, end: this.time });
  }

  #toldWord() {
    const [at, word] = this.state.get("active_word") ?? [-1, -1];
    if (word >= 0 && word < (this.data.lanes[at]?.length ?? 0)) this.toWord(at, word);
  }

  /** Before there was a page Python may have named a word, and no time. */
  #startAtWord() {
    const [at, word] = this.state.get("active_word") ?? [-1, -1];
    const start = this.data.lanes[at]?.start[word];
    if (this.time === 0 && start !== undefined) this.playback.seek(start);
  }

  /** The active word while the playhead is in it, or that of the first lane that has one. @param {number} time */
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

  #find() {
    this.finder.find(this.data.lanes, this.state.get("search") ?? "");
    this.tell("search");
  }

  /** @param {boolean} moving */
  #viewed(moving) {
    if (!moving) this.state.put("view_range", this.#seconds(this.view));
    this.tell("view");
  }
}

/** @param {import("./data/data.js").Mark[]} some @param {import("./data/data.js").Mark[]} others */
const sameMarks = (some, others) =>
  some.length === others.length && some.every(({ start, text }, i) => start === others[i].start && text === others[i].text);

/** What is called once for many calls in a row. @param {() => void} act */
function coalesced(act) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      act();
    });
  };
}
