// @ts-check
/** Mouse, pen and touch on the lanes: pan, zoom, select, play. */

import { lengthOf, timeOf, xOf } from "../view.js";

/** @typedef {import("../session.js").Session} Session */
/**
 * @typedef {object} HitTest the time and word at a point of the lanes
 * @property {number} time
 * @property {[number, number] | null} word lane and word
 */
/**
 * @typedef {object} Stage the area in which pointers move
 * @property {HTMLElement} element
 * @property {() => number} width pixels
 * @property {(event: MouseEvent) => {x: number, y: number}} position
 * @property {(x: number, y: number) => HitTest} hitTest
 * @property {(word: [number, number] | null, event: MouseEvent | null) => void} onHover
 * @property {() => boolean} hasFocus
 */

const CLICK_TOLERANCE = 4; // pixels that the pointer may move during a click
const EDGE = 5; // pixels around an edge of the selection that drag it
const DOUBLE = 240; // milliseconds to wait for a second click
const LINE = 16; // pixels per line of a wheel
const WHEEL = 0.0022; // zoom per pixel of the wheel

/**
 * The zoom factor of a wheel event; a pinch on a touchpad arrives as small steps with ctrl.
 * @param {{deltaY: number, deltaMode: number, ctrlKey: boolean}} event
 */
export function wheelFactor({ deltaY, deltaMode, ctrlKey }) {
  const pixels = Math.max(-160, Math.min(160, deltaMode === 1 ? deltaY * LINE : deltaY));
  const pinch = ctrlKey && Math.abs(pixels) < 40;
  return Math.exp(-pixels * (pinch ? 5 : 1) * WHEEL);
}

export class Pointers {
  /** @type {Map<number, {x: number, y: number}>} pointers that are down */
  #down = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #playLater;
  /** @type {((x: number) => void) | null} action of a move */
  #drag = null;
  #moved = false;
  /** @type {{x: number, y: number}} */
  #from = { x: 0, y: 0 };
  #pinch = 0;

  /** @param {Session} session @param {Stage} stage @param {AbortSignal} signal */
  constructor(session, stage, signal) {
    this.session = session;
    this.stage = stage;
    const { element } = stage;
    element.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    element.addEventListener("pointermove", (event) => this.#move(event), { signal });
    element.addEventListener("pointerup", (event) => this.#release(event), { signal });
    element.addEventListener("pointercancel", (event) => this.#forget(event), { signal });
    element.addEventListener("pointerleave", () => stage.onHover(null, null), { signal });
    element.addEventListener("dblclick", (event) => this.#double(event), { signal });
    element.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    signal.addEventListener("abort", () => clearTimeout(this.#playLater));
  }

  /** @param {number} x */
  #time(x) {
    return timeOf(x, this.session.view, this.stage.width());
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0) return;
    const at = this.stage.position(event);
    this.#down.set(event.pointerId, at);
    this.stage.element.setPointerCapture(event.pointerId);
    if (this.#down.size === 2) return this.#startPinch();
    this.#moved = false;
    this.#from = at;
    this.#drag = this.#createDrag(event, at.x);
  }

  /** @param {PointerEvent} event @param {number} x @returns {(x: number) => void} */
  #createDrag(event, x) {
    const { session } = this;
    const anchor = event.shiftKey ? this.#time(x) : this.#oppositeEdge(x);
    if (anchor !== null) return (now) => session.select({ start: anchor, end: this.#time(now) });
    let last = x;
    return (now) => {
      session.pan(((last - now) * lengthOf(session.view)) / this.stage.width());
      last = now;
    };
  }

  /** The opposite edge of the selection if an edge is at x; else null. @param {number} x */
  #oppositeEdge(x) {
    const { selection, view } = this.session;
    if (!selection) return null;
    const [left, right] = [selection.start, selection.end].map((time) => xOf(time, view, this.stage.width()));
    if (Math.abs(x - right) <= EDGE) return selection.start;
    return Math.abs(x - left) <= EDGE ? selection.end : null;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = this.stage.position(event);
    if (!this.#down.has(event.pointerId)) return this.#hover(event, at);
    this.#down.set(event.pointerId, at);
    if (this.#down.size === 2) return this.#keepPinch();
    if (!this.#moved && Math.hypot(at.x - this.#from.x, at.y - this.#from.y) < CLICK_TOLERANCE) return;
    if (!this.#moved) this.stage.onHover(null, null);
    this.#moved = true;
    this.stage.element.classList.toggle("dragging", !event.shiftKey);
    this.#drag?.(at.x);
  }

  /** @param {PointerEvent} event @param {{x: number, y: number}} at */
  #hover(event, at) {
    const { word } = this.stage.hitTest(at.x, at.y);
    this.stage.onHover(word, event);
    const edge = this.#oppositeEdge(at.x) !== null;
    this.stage.element.style.cursor = edge ? "ew-resize" : event.shiftKey ? "text" : word ? "pointer" : "";
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const pressed = this.#down.size === 1 && this.#down.has(event.pointerId) && !this.#moved && this.#drag;
    this.#forget(event);
    if (pressed && !event.shiftKey) this.#click(event);
  }

  /** @param {PointerEvent} event */
  #forget(event) {
    this.#down.delete(event.pointerId);
    this.#drag = null;
    this.stage.element.classList.remove("dragging");
  }

  /** Seek at once, but play a moment later: the first click of a double click must not play. @param {PointerEvent} event */
  #click(event) {
    const { session } = this;
    const { x, y } = this.stage.position(event);
    const { time, word } = this.stage.hitTest(x, y);
    const start = word ? session.data.lanes[word[0]].start[word[1]] : time;
    clearTimeout(this.#playLater);
    this.stage.onHover(null, null);
    session.playback.pause();
    session.seek(start);
    if (word) session.state.set("active_word", word);
    if (!event.altKey) this.#playLater = setTimeout(() => session.play(start), DOUBLE);
  }

  /** @param {MouseEvent} event */
  #double(event) {
    const { x, y } = this.stage.position(event);
    const { word } = this.stage.hitTest(x, y);
    clearTimeout(this.#playLater);
    if (!word) return void this.session.play();
    const lane = this.session.data.lanes[word[0]];
    this.session.play(lane.start[word[1]], lane.endOf(word[1]));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const { session, stage } = this;
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.shiftKey || sideways) {
      const pixels = (event.deltaX || event.deltaY) * (event.deltaMode === 1 ? LINE : 1);
      event.preventDefault();
      return session.pan((pixels * lengthOf(session.view)) / stage.width());
    }
    const meant = event.ctrlKey || event.metaKey;
    if (!meant && !stage.hasFocus()) return;
    const before = lengthOf(session.view);
    session.zoom(wheelFactor(event), this.#time(stage.position(event).x));
    if (meant || lengthOf(session.view) !== before) event.preventDefault();
  }

  #measureFingers() {
    const [a, b] = [...this.#down.values()];
    return { middle: (a.x + b.x) / 2, apart: Math.max(20, Math.abs(a.x - b.x)) };
  }

  #startPinch() {
    this.#drag = null;
    this.#moved = true;
    const { middle, apart } = this.#measureFingers();
    this.#pinch = apart;
    this.#from = { x: middle, y: 0 };
  }

  #keepPinch() {
    const { session, stage } = this;
    const { middle, apart } = this.#measureFingers();
    session.zoom(apart / this.#pinch, this.#time(middle));
    session.pan(((this.#from.x - middle) * lengthOf(session.view)) / stage.width());
    this.#pinch = apart;
    this.#from = { x: middle, y: 0 };
  }
}
