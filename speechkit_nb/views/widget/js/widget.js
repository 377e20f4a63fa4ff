// @ts-check
/** One view of a session: its elements, and when each of them is painted. */

import { clock } from "./draw/clock.js";
import { el } from "./ui/dom.js";
import { AXIS, drawLanes } from "./draw/draw.js";
import { levelOf, unwritten } from "./draw/words.js";
import { legend, notes } from "./ui/footer.js";
import { gutter, updateSwitches } from "./ui/gutter.js";
import { actionOf } from "./input/keys.js";
import { labelsFor } from "./labels.js";
import { GUTTER, layout, NARROW, rowAt } from "./draw/layout.js";
import { drawOverlay } from "./draw/overlay.js";
import { context, partsOf, resize } from "./ui/parts.js";
import { Pointers } from "./input/pointer.js";
import { isDark, themeOf, watchTheme } from "./draw/theme.js";
import { facts } from "./ui/tooltip.js";
import { lengthOf, timeOf, xOf } from "./view.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./session.js").Change} Change */
/** @typedef {"theme" | "size" | "lanes" | "overlay" | "overview" | "playhead" | "switches" | "bar" | "search" | "problems"} Part */

const TALLEST = 560; // pixels of rows; more are scrolled
const SPOKEN = 1000; // milliseconds between two texts of the playhead
const SLACK = 3; // pixels beside a word that still mean it

/** What has to be painted anew after a change. @type {Record<Change, Part[]>} */
const STALE = {
  data: ["theme", "problems", "bar", "search"],
  view: ["lanes", "overlay", "playhead"],
  time: ["playhead"],
  playing: ["bar", "playhead"],
  selection: ["bar", "overlay"],
  search: ["search", "overlay", "overview"],
  hit: ["search", "overlay"],
  sound: ["bar", "lanes", "switches"],
  problems: ["problems"],
};

export class Widget {
  /** @type {Set<Part>} */
  #stale = new Set();
  #frame = 0;
  #gone = new AbortController();
  #width = 0;
  #height = 0;
  #ratio = 1;
  #spoken = "";
  #told = 0;
  /** @type {[number, number] | null} */
  #pointed = null;

  /** @param {Session} session @param {HTMLElement} element becomes the home of the view */
  constructor(session, element) {
    this.session = session;
    this.labels = labelsFor(session.state.get("spec")?.locale);
    this.parts = partsOf(session, this.labels, () => this.#toggleHelp(), this.#gone.signal);
    this.rows = layout(session.data, false).rows;
    element.append(this.parts.host);
    this.theme = themeOf(this.parts.box);
    this.#listen();
    this.#invalidate("theme", "problems", "bar", "search");
  }

  dispose() {
    this.#gone.abort();
    cancelAnimationFrame(this.#frame);
    this.parts.host.remove();
  }

  #listen() {
    const { signal } = this.#gone;
    const end = this.session.subscribe((change) => this.#changed(change));
    signal.addEventListener("abort", end);
    watchTheme(() => this.#invalidate("theme"), signal);
    const sizes = new ResizeObserver(() => this.#invalidate("size"));
    sizes.observe(this.parts.track);
    signal.addEventListener("abort", () => sizes.disconnect());
    window.addEventListener("resize", () => this.#invalidate("size"), { signal }); // zoom of the page, another screen
    this.parts.stage.addEventListener("scroll", () => this.#invalidate("lanes", "overlay"), { signal });
    new Pointers(this.session, this.#pointerStage(), signal);
    window.addEventListener("keydown", (event) => this.#key(event), { capture: true, signal });
  }

  /** @returns {import("./input/pointer.js").Stage} */
  #pointerStage() {
    return {
      element: this.parts.track,
      width: () => this.#width,
      at: (event) => {
        const { left, top } = this.parts.track.getBoundingClientRect();
        return { x: event.clientX - left, y: event.clientY - top };
      },
      place: (x, y) => this.#place(x, y),
      pointed: (word, event) => this.#point(word, event),
      focused: () => this.parts.root.activeElement === this.parts.track,
    };
  }

  /** @param {number} x @param {number} y @returns {import("./input/pointer.js").Place} */
  #place(x, y) {
    const { view, data } = this.session;
    const time = timeOf(x, view, this.#width);
    const row = rowAt(this.rows, y - AXIS);
    if (!row || row.lane < 0) return { time, word: null };
    const word = data.lanes[row.lane].at(time, (SLACK * lengthOf(view)) / this.#width);
    return { time, word: word < 0 ? null : [row.lane, word] };
  }

  /** @param {[number, number] | null} word @param {MouseEvent | null} event */
  #point(word, event) {
    if (word?.join() !== this.#pointed?.join()) this.#invalidate("overlay");
    this.#pointed = word;
    if (!word || !event) return this.parts.tip.hide();
    const middle = /** @type {HTMLElement} */ (this.parts.tip.element.parentElement).getBoundingClientRect();
    const at = { x: event.clientX - middle.left, y: event.clientY - middle.top };
    this.parts.tip.show(facts(this.session.data, word[0], word[1], this.labels), at, middle);
  }

  /** Keys go to the widget that has the focus, before the notebook takes them for its own. @param {KeyboardEvent} event */
  #key(event) {
    if (!event.composedPath().includes(this.parts.host)) return;
    const inside = this.parts.root.activeElement;
    if (inside === this.parts.toolbar.query) return this.#keyInSearch(event);
    const pressing = inside instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter");
    const choosing = inside instanceof HTMLSelectElement && !event.key.startsWith("Escape");
    if (pressing || choosing) return event.stopPropagation();
    const act = actionOf(event, this.session, {
      help: () => this.#toggleHelp(),
      find: () => this.parts.toolbar.find(),
      leave: () => this.#leave(),
      helpShown: () => !this.parts.help.hidden,
    });
    if (act) event.preventDefault();
    if (act || isTyped(event)) event.stopPropagation(); // a letter must not delete a cell
    act?.();
  }

  /** Gives the keyboard back to what the timeline lies in, such as the cell of a notebook. */
  #leave() {
    /** @type {HTMLElement | null} */ (this.parts.root.activeElement)?.blur();
    /** @type {HTMLElement | null | undefined} */ (this.parts.host.parentElement?.closest("[tabindex]"))?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #keyInSearch(event) {
    if (event.ctrlKey || event.metaKey) return;
    event.stopPropagation();
    if (event.key === "Enter") this.parts.toolbar.enter(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") this.parts.track.focus();
  }

  #toggleHelp() {
    const { help, track } = this.parts;
    help.hidden = !help.hidden;
    if (help.hidden) return track.focus();
    help.querySelector("button")?.focus({ preventScroll: true });
    help.scrollIntoView({ block: "nearest" });
  }

  /** @param {Change} change */
  #changed(change) {
    this.#invalidate(...STALE[change]);
  }

  /** @param {...Part} parts */
  #invalidate(...parts) {
    for (const part of parts) this.#stale.add(part);
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#frame = 0;
    this.session.playback.tick();
    const stale = new Set(this.#stale);
    this.#stale.clear();
    const has = (/** @type {Part[]} */ ...parts) => parts.some((part) => stale.has(part));
    if (has("problems")) this.#showProblems();
    if (has("theme")) this.#takeTheme();
    if (has("theme", "size")) this.#arrange();
    if (this.#width > 0) {
      if (has("theme", "size", "lanes")) this.#paintLanes();
      if (has("theme", "size", "overview")) this.parts.overview.draw(this.parts.overview.element.clientWidth, this.#ratio, this.theme);
      else if (has("lanes")) this.parts.overview.place();
      if (has("theme", "size", "overlay", "lanes") || this.#spokenChanged()) this.#paintOverlay();
      if (has("theme", "size", "lanes", "playhead")) this.#placePlayhead();
    }
    if (has("theme", "size", "switches")) updateSwitches(this.session, this.parts.names);
    if (has("bar")) this.parts.toolbar.update();
    if (has("search")) this.parts.toolbar.updateSearch();
    if (this.session.playing) this.#invalidate("playhead");
  }

  #takeTheme() {
    const { box, legend: place } = this.parts;
    box.dataset["theme"] = isDark(/** @type {Element} */ (this.parts.host.parentElement ?? document.body)) ? "dark" : "light";
    this.theme = themeOf(box);
    const { data } = this.session;
    place.replaceChildren(...legend(data, this.theme));
    this.parts.title.textContent = data.title;
    this.parts.track.setAttribute("aria-valuemax", String(data.duration / 1000));
  }

  /** Takes the size there is, and puts rows and names in it. */
  #arrange() {
    const { box, stage, track, names } = this.parts;
    const narrow = box.clientWidth < NARROW;
    const { rows, height } = layout(this.session.data, narrow);
    this.rows = rows;
    box.classList.toggle("narrow", narrow);
    box.style.setProperty("--gutter", narrow ? "0px" : `${GUTTER}px`);
    stage.style.maxHeight = `${TALLEST}px`;
    track.style.height = `${height + AXIS}px`;
    this.#width = track.clientWidth;
    this.#height = Math.min(TALLEST, height + AXIS);
    this.#ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.parts.lanes, this.parts.over]) resize(canvas, this.#width, this.#height, this.#ratio);
    names.replaceChildren(...gutter(this.session, rows, narrow, this.labels, this.theme));
  }

  /** @param {HTMLCanvasElement} canvas @returns {import("./draw/draw.js").Scene} */
  #scene(canvas) {
    const ctx = context(canvas);
    ctx.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const { data, view } = this.session;
    const top = this.parts.stage.scrollTop;
    const isHeard = (/** @type {string} */ tag) => this.session.isHeard(tag);
    const size = { width: this.#width, height: this.#height, ratio: this.#ratio };
    const { closeUp } = this.session.playback;
    return { ctx, data, view, ...size, top, rows: this.rows, theme: this.theme, isHeard, closeUp };
  }

  #paintLanes() {
    const scene = this.#scene(this.parts.lanes);
    drawLanes(scene);
    if (this.#isClose) this.session.playback.closeUp.look(scene.view, 1000 * (scene.data.sound?.duration ?? 0));
    this.#showNotes(scene);
    this.parts.reader.update();
  }

  get #binMs() {
    return this.session.data.channels.find(({ peaks }) => peaks)?.peaks?.binMs ?? 0;
  }

  /** Whether the outline of the sound is too coarse for what is in view. */
  get #isClose() {
    return this.session.playback.closeUp.isClose(this.session.view, this.#width, this.#binMs);
  }

  /** @param {import("./draw/draw.js").Scene} scene */
  #showNotes(scene) {
    const { data, view } = scene;
    const narrow = this.rows.reduce((sum, row) => sum + (row.kind === "words" ? unwritten(scene, row) : 0), 0);
    const texts = notes(data, view, (lane) => levelOf(scene, data.lanes[lane]), narrow, this.labels);
    if (this.#isClose && this.session.playback.closeUp.missing) texts.push(this.labels.coarse(Math.round(this.#binMs)));
    if (this.session.playback.readiness === "none") texts.push(this.labels.noSound);
    const text = texts.join(" · ");
    if (this.parts.note.textContent !== text) this.parts.note.textContent = text;
  }

  #paintOverlay() {
    const { selection, state, time, finder } = this.session;
    const marked = { selection, loop: state.get("loop"), time, pointed: this.#pointed, hits: finder.hits, hit: finder.hit };
    drawOverlay(this.#scene(this.parts.over), marked);
  }

  /** Whether other words are said now than when the overlay was painted. */
  #spokenChanged() {
    const { data, time } = this.session;
    const spoken = data.lanes.map((lane) => lane.at(time)).join();
    const changed = spoken !== this.#spoken;
    this.#spoken = spoken;
    return changed;
  }

  #placePlayhead() {
    const { time, view, playing } = this.session;
    const x = xOf(time, view, this.#width);
    const shown = x >= -1 && x <= this.#width + 1;
    this.parts.playhead.style.visibility = shown ? "visible" : "hidden";
    if (shown) this.parts.playhead.style.transform = `translateX(${Math.round(x * this.#ratio) / this.#ratio}px)`;
    this.parts.overview.placePlayhead();
    this.parts.toolbar.updateTime();
    const now = performance.now();
    if (!playing || now - this.#told > SPOKEN) this.#tellPlayhead(now);
  }

  /** Where the playhead is, in words. @param {number} now */
  #tellPlayhead(now) {
    this.#told = now;
    const { data, time } = this.session;
    const words = data.lanes.flatMap((lane) => (lane.at(time) >= 0 ? [lane.texts.at(lane.at(time)).slice(0, 80)] : []));
    this.parts.track.setAttribute("aria-valuenow", (time / 1000).toFixed(2));
    this.parts.track.setAttribute("aria-valuetext", [clock(time, data.duration, 1), ...words].join(", "));
  }

  #showProblems() {
    const { failed, problems } = this.session;
    const texts = (failed ? [`${this.labels.failed}: ${failed}`] : []).concat(problems.map((one) => this.#said(one)));
    this.parts.problems.replaceChildren(...texts.map((text) => el("li", { text, dir: "auto" })));
  }

  /** @param {string} problem one that begins with @ names a label */
  #said(problem) {
    const [, name, rest] = /^@(\w+)(.*)$/s.exec(problem) ?? [];
    return name && name in this.labels ? `${this.labels[/** @type {"cannotPlay"} */ (name)]}${rest}` : problem;
  }
}

/** A letter, digit or sign, or Enter, without a key that makes it a command. @param {KeyboardEvent} event */
const isTyped = ({ key, shiftKey, ctrlKey, metaKey, altKey }) =>
  (key.length === 1 || (key === "Enter" && !shiftKey)) && !ctrlKey && !metaKey && !altKey;
