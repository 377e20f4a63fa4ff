// @ts-check
/** One view of a session: its elements, and when each is painted. */

import { formatTime } from "./draw/clock.js";
import { el } from "./ui/dom.js";
import { AXIS, drawLanes } from "./draw/draw.js";
import { getDetail, countUnwritten } from "./draw/words.js";
import { createLegend, describeView } from "./ui/footer.js";
import { createNames, updateSwitches } from "./ui/gutter.js";
import { findAction } from "./input/keys.js";
import { labelsFor } from "./labels.js";
import { findRow, GUTTER, layoutRows, NARROW } from "./draw/layout.js";
import { drawOverlay } from "./draw/overlay.js";
import { context, createParts, resize } from "./ui/parts.js";
import { Pointers } from "./input/pointer.js";
import { isDark, readTheme, watchTheme } from "./draw/theme.js";
import { describeWord } from "./ui/tooltip.js";
import { lengthOf, timeOf, xOf } from "./view.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./session.js").Change} Change */
/** @typedef {"theme" | "size" | "lanes" | "overlay" | "overview" | "playhead" | "switches" | "bar" | "search" | "problems"} Part */

const TALLEST = 560; // pixels of rows; higher ones scroll
const ANNOUNCE_INTERVAL = 1000; // milliseconds between two announcements of the playhead
const POINTER_TOLERANCE = 3; // pixels beside a word that still count as the word

/** The parts to repaint after each change. @type {Record<Change, Part[]>} */
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
  #disposal = new AbortController();
  #width = 0;
  #height = 0;
  #ratio = 1;
  #currentWords = "";
  #announcedAt = 0;
  /** @type {[number, number] | null} */
  #hovered = null;

  /** @param {Session} session @param {HTMLElement} element the parent of the view */
  constructor(session, element) {
    this.session = session;
    this.labels = labelsFor(session.state.get("spec")?.locale);
    this.parts = createParts(session, this.labels, () => this.#toggleHelp(), this.#disposal.signal);
    this.rows = layoutRows(session.data, false).rows;
    element.append(this.parts.host);
    this.theme = readTheme(this.parts.box);
    this.#listen();
    this.#invalidate("theme", "problems", "bar", "search");
  }

  dispose() {
    this.#disposal.abort();
    cancelAnimationFrame(this.#frame);
    this.parts.host.remove();
  }

  #listen() {
    const { signal } = this.#disposal;
    const end = this.session.subscribe((change) => this.#onChange(change));
    signal.addEventListener("abort", end);
    watchTheme(() => this.#invalidate("theme"), signal);
    const sizes = new ResizeObserver(() => this.#invalidate("size"));
    sizes.observe(this.parts.track);
    signal.addEventListener("abort", () => sizes.disconnect());
    window.addEventListener("resize", () => this.#invalidate("size"), { signal }); // zoom of the page, or another screen
    this.parts.stage.addEventListener("scroll", () => this.#invalidate("lanes", "overlay"), { signal });
    new Pointers(this.session, this.#pointerStage(), signal);
    window.addEventListener("keydown", (event) => this.#key(event), { capture: true, signal });
  }

  /** @returns {import("./input/pointer.js").Stage} */
  #pointerStage() {
    return {
      element: this.parts.track,
      width: () => this.#width,
      position: (event) => {
        const { left, top } = this.parts.track.getBoundingClientRect();
        return { x: event.clientX - left, y: event.clientY - top };
      },
      hitTest: (x, y) => this.#hitTest(x, y),
      onHover: (word, event) => this.#onHover(word, event),
      hasFocus: () => this.parts.root.activeElement === this.parts.track,
    };
  }

  /** @param {number} x @param {number} y @returns {import("./input/pointer.js").HitTest} */
  #hitTest(x, y) {
    const { view, data } = this.session;
    const time = timeOf(x, view, this.#width);
    const row = findRow(this.rows, y - AXIS);
    if (!row || row.lane < 0) return { time, word: null };
    const word = data.lanes[row.lane].at(time, (POINTER_TOLERANCE * lengthOf(view)) / this.#width);
    return { time, word: word < 0 ? null : [row.lane, word] };
  }

  /** @param {[number, number] | null} word @param {MouseEvent | null} event */
  #onHover(word, event) {
    if (word?.join() !== this.#hovered?.join()) this.#invalidate("overlay");
    this.#hovered = word;
    if (!word || !event) return this.parts.tip.hide();
    const panel = /** @type {HTMLElement} */ (this.parts.tip.element.parentElement).getBoundingClientRect();
    const at = { x: event.clientX - panel.left, y: event.clientY - panel.top };
    this.parts.tip.show(describeWord(this.session.data, word[0], word[1], this.labels), at, panel);
  }

  /** Keys go to the widget with the focus, before the notebook handles them. @param {KeyboardEvent} event */
  #key(event) {
    if (!event.composedPath().includes(this.parts.host)) return;
    const inside = this.parts.root.activeElement;
    if (inside === this.parts.toolbar.query) return this.#keyInSearch(event);
    const pressing = inside instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter");
    const choosing = inside instanceof HTMLSelectElement && !event.key.startsWith("Escape");
    if (pressing || choosing) return event.stopPropagation();
    const act = findAction(event, this.session, {
      help: () => this.#toggleHelp(),
      find: () => this.parts.toolbar.find(),
      leave: () => this.#leave(),
      helpShown: () => !this.parts.help.hidden,
    });
    if (act) event.preventDefault();
    if (act || isTyped(event)) event.stopPropagation(); // a letter must not delete a cell
    act?.();
  }

  /** Give the focus back to the element around the timeline, such as the cell of a notebook. */
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
  #onChange(change) {
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
    if (has("theme")) this.#updateTheme();
    if (has("theme", "size")) this.#updateLayout();
    if (this.#width > 0) {
      if (has("theme", "size", "lanes")) this.#paintLanes();
      if (has("theme", "size", "overview")) this.parts.overview.draw(this.parts.overview.element.clientWidth, this.#ratio, this.theme);
      else if (has("lanes")) this.parts.overview.place();
      if (has("theme", "size", "overlay", "lanes") || this.#currentWordsChanged()) this.#paintOverlay();
      if (has("theme", "size", "lanes", "playhead")) this.#placePlayhead();
    }
    if (has("theme", "size", "switches")) updateSwitches(this.session, this.parts.names);
    if (has("bar")) this.parts.toolbar.update();
    if (has("search")) this.parts.toolbar.updateSearch();
    if (this.session.playing) this.#invalidate("playhead");
  }

  #updateTheme() {
    const { box, legend: place } = this.parts;
    box.dataset["theme"] = isDark(/** @type {Element} */ (this.parts.host.parentElement ?? document.body)) ? "dark" : "light";
    this.theme = readTheme(box);
    const { data } = this.session;
    place.replaceChildren(...createLegend(data, this.theme));
    this.parts.title.textContent = data.title;
    this.parts.track.setAttribute("aria-valuemax", String(data.duration / 1000));
  }

  /** Fit rows and names into the available size. */
  #updateLayout() {
    const { box, stage, track, names } = this.parts;
    const narrow = box.clientWidth < NARROW;
    const { rows, height } = layoutRows(this.session.data, narrow);
    this.rows = rows;
    box.classList.toggle("narrow", narrow);
    box.style.setProperty("--gutter", narrow ? "0px" : `${GUTTER}px`);
    stage.style.maxHeight = `${TALLEST}px`;
    track.style.height = `${height + AXIS}px`;
    this.#width = track.clientWidth;
    this.#height = Math.min(TALLEST, height + AXIS);
    this.#ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.parts.lanes, this.parts.over]) resize(canvas, this.#width, this.#height, this.#ratio);
    names.replaceChildren(...createNames(this.session, rows, narrow, this.labels, this.theme));
  }

  /** @param {HTMLCanvasElement} canvas @returns {import("./draw/draw.js").Scene} */
  #scene(canvas) {
    const ctx = context(canvas);
    ctx.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const { data, view } = this.session;
    const top = this.parts.stage.scrollTop;
    const isAudible = (/** @type {string} */ tag) => this.session.isAudible(tag);
    const size = { width: this.#width, height: this.#height, ratio: this.#ratio };
    const { sampleCache } = this.session.playback;
    return { ctx, data, view, ...size, top, rows: this.rows, theme: this.theme, isAudible, sampleCache };
  }

  #paintLanes() {
    const scene = this.#scene(this.parts.lanes);
    drawLanes(scene);
    if (this.#needsSamples) this.session.playback.sampleCache.request(scene.view, 1000 * (scene.data.sound?.duration ?? 0));
    this.#updateNote(scene);
    this.parts.reader.update();
  }

  get #binMs() {
    return this.session.data.channels.find(({ peaks }) => peaks)?.peaks?.binMs ?? 0;
  }

  /** Whether the outline of the sound is too coarse for the view. */
  get #needsSamples() {
    return this.session.playback.sampleCache.needsSamples(this.session.view, this.#width, this.#binMs);
  }

  /** @param {import("./draw/draw.js").Scene} scene */
  #updateNote(scene) {
    const { data, view } = scene;
    const narrow = this.rows.reduce((sum, row) => sum + (row.kind === "words" ? countUnwritten(scene, row) : 0), 0);
    const texts = describeView(data, view, (lane) => getDetail(scene, data.lanes[lane]), narrow, this.labels);
    if (this.#needsSamples && this.session.playback.sampleCache.missing) texts.push(this.labels.coarse(Math.round(this.#binMs)));
    if (this.session.playback.readiness === "none") texts.push(this.labels.noSound);
    const text = texts.join(" · ");
    if (this.parts.note.textContent !== text) this.parts.note.textContent = text;
  }

  #paintOverlay() {
    const { selection, state, time, finder } = this.session;
    const highlights = { selection, loop: state.get("loop"), time, hovered: this.#hovered, hits: finder.hits, hit: finder.hit };
    drawOverlay(this.#scene(this.parts.over), highlights);
  }

  /** Whether the words under the playhead have changed since the overlay was painted. */
  #currentWordsChanged() {
    const { data, time } = this.session;
    const currentWords = data.lanes.map((lane) => lane.at(time)).join();
    const changed = currentWords !== this.#currentWords;
    this.#currentWords = currentWords;
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
    if (!playing || now - this.#announcedAt > ANNOUNCE_INTERVAL) this.#announcePlayhead(now);
  }

  /** Update the text of the playhead for screen readers. @param {number} now */
  #announcePlayhead(now) {
    this.#announcedAt = now;
    const { data, time } = this.session;
    const words = data.lanes.flatMap((lane) => (lane.at(time) >= 0 ? [lane.texts.at(lane.at(time)).slice(0, 80)] : []));
    this.parts.track.setAttribute("aria-valuenow", (time / 1000).toFixed(2));
    this.parts.track.setAttribute("aria-valuetext", [formatTime(time, data.duration, 1), ...words].join(", "));
  }

  #showProblems() {
    const { failed, problems } = this.session;
    const texts = (failed ? [`${this.labels.failed}: ${failed}`] : []).concat(problems.map((one) => this.#translate(one)));
    this.parts.problems.replaceChildren(...texts.map((text) => el("li", { text, dir: "auto" })));
  }

  /** @param {string} problem a text that begins with @ is the name of a label */
  #translate(problem) {
    const [, name, rest] = /^@(\w+)(.*)$/s.exec(problem) ?? [];
    return name && name in this.labels ? `${this.labels[/** @type {"cannotPlay"} */ (name)]}${rest}` : problem;
  }
}

/** Whether a key writes a character or a new line, without Ctrl, Alt or Meta. @param {KeyboardEvent} event */
const isTyped = ({ key, shiftKey, ctrlKey, metaKey, altKey }) =>
  (key.length === 1 || (key === "Enter" && !shiftKey)) && !ctrlKey && !metaKey && !altKey;
