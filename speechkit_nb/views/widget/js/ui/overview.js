// @ts-check
/** The strip with the whole recording, and a frame around the view that can be dragged. */

import { el } from "./dom.js";
import { fillEnvelope } from "../draw/draw.js";
import { fade } from "../draw/theme.js";
import { lengthOf, timeOf, xOf } from "../view.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../draw/theme.js").Theme} Theme */
/** @typedef {"start" | "end" | "move"} Grip */

export const HEIGHT = 44;
const EDGE = 7; // pixels around an edge of the frame that drag it
const THINNEST = 8; // pixels, width of the frame
const STEP = 2;

export class Overview {
  #width = 1;

  /** @param {Session} session @param {string} label @param {AbortSignal} signal */
  constructor(session, label, signal) {
    this.session = session;
    this.canvas = el("canvas");
    this.frame = el("div", { class: "frame" });
    this.playhead = el("div", { class: "playhead" });
    this.element = el("div", { class: "overview", title: label }, this.canvas, this.frame, this.playhead);
    this.element.addEventListener("pointerdown", (event) => this.#grab(event), { signal });
    this.element.addEventListener("pointermove", (event) => this.#point(event), { signal });
  }

  /** Draw the whole recording; needed only after a change of data, size, theme or search. @param {number} width @param {number} ratio @param {Theme} theme */
  draw(width, ratio, theme) {
    this.#width = width;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(HEIGHT * ratio);
    const ctx = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    ctx.scale(ratio, ratio);
    this.#drawSound(ctx, theme, ratio);
    this.#drawWords(ctx, theme);
    this.#drawHits(ctx, theme);
    this.place();
  }

  /** Place the frame and the playhead. */
  place() {
    const { view, data } = this.session;
    const whole = { start: 0, end: data.duration };
    const left = xOf(view.start, whole, this.#width);
    const width = Math.max(THINNEST, xOf(view.end, whole, this.#width) - left);
    this.frame.style.transform = `translateX(${Math.min(left, this.#width - width)}px)`;
    this.frame.style.width = `${width}px`;
    this.frame.classList.toggle("all", width >= this.#width - 1);
    this.placePlayhead();
  }

  placePlayhead() {
    const { time, data } = this.session;
    this.playhead.style.transform = `translateX(${(time / data.duration) * this.#width}px)`;
  }

  /** The waveform of all channels together. @param {CanvasRenderingContext2D} ctx @param {Theme} theme @param {number} ratio */
  #drawSound(ctx, theme, ratio) {
    const { data } = this.session;
    const peaks = data.channels.flatMap((channel) => (channel.peaks ? [channel.peaks] : []));
    if (!peaks.length) return;
    const loudest = Math.max(1, ...peaks.map((one) => one.loudest));
    const all = peaks.map((one) => one.envelope(0, data.duration, this.canvas.width));
    const mixed = all[0].map((_, i) => (i % 2 ? Math.max(...all.map((one) => one[i])) : Math.min(...all.map((one) => one[i]))));
    ctx.fillStyle = theme.sound;
    ctx.globalAlpha = 0.55;
    const room = data.lanes.length ? HEIGHT - 10 : HEIGHT;
    fillEnvelope(ctx, mixed, 1 / ratio, room / 2, (room / 2 - 3) / loudest);
    ctx.globalAlpha = 1;
  }

  /** The stretches with speech in any lane. @param {CanvasRenderingContext2D} ctx @param {Theme} theme */
  #drawWords(ctx, theme) {
    const { data } = this.session;
    const sounding = data.channels.some(({ peaks }) => peaks);
    const [top, tall] = sounding ? [HEIGHT - 8, 6] : [4, HEIGHT - 8];
    const n = Math.ceil(this.#width / STEP);
    const all = data.lanes.map((lane) => lane.speech.shares(0, data.duration, n));
    ctx.fillStyle = theme.accent;
    for (let i = 0; i < n; i++) {
      const share = Math.max(0, ...all.map((one) => one[i]));
      if (!share) continue;
      ctx.globalAlpha = 0.2 + 0.7 * share;
      ctx.fillRect(i * STEP, top, STEP, tall);
    }
    ctx.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} ctx @param {Theme} theme */
  #drawHits(ctx, theme) {
    const { finder, data } = this.session;
    ctx.fillStyle = theme.alert || fade("#d55e00", 1);
    let last = -1;
    for (const { start } of finder.hits) {
      const x = Math.round((start / data.duration) * this.#width);
      if (x === last) continue;
      ctx.fillRect(x, 1, 1.5, 7);
      last = x;
    }
  }

  /** @param {number} x @returns {Grip | null} null: outside the frame */
  #grip(x) {
    const { view, data } = this.session;
    const whole = { start: 0, end: data.duration };
    const [left, right] = [xOf(view.start, whole, this.#width), xOf(view.end, whole, this.#width)];
    const roomy = right - left > 3 * EDGE;
    if (roomy && Math.abs(x - left) <= EDGE && left > 0) return "start";
    if (roomy && Math.abs(x - right) <= EDGE && right < this.#width) return "end";
    return x >= left - EDGE && x <= Math.max(right, left + THINNEST) + EDGE ? "move" : null;
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const grip = this.#grip(this.#x(event));
    this.element.style.cursor = grip === "move" ? "grab" : grip ? "ew-resize" : "pointer";
  }

  /** @param {MouseEvent} event */
  #x(event) {
    return event.clientX - this.element.getBoundingClientRect().left;
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    if (event.button !== 0) return;
    const { session, element } = this;
    const whole = { start: 0, end: session.data.duration };
    const timeAt = (/** @type {MouseEvent} */ at) => timeOf(this.#x(at), whole, this.#width);
    const grip = this.#grip(this.#x(event));
    if (!grip) this.#centre(timeAt(event));
    const begun = { time: timeAt(event), view: grip ? session.view : this.#centred(timeAt(event)) };
    const move = (/** @type {PointerEvent} */ at) => {
      const by = timeAt(at) - begun.time;
      const { start, end } = begun.view;
      if (grip === "start") session.show({ start: Math.max(0, Math.min(end - 1, start + by)), end });
      else if (grip === "end") session.show({ start, end: Math.min(whole.end, Math.max(start + 1, end + by)) });
      else session.show({ start: start + by, end: end + by });
    };
    element.setPointerCapture(event.pointerId);
    element.addEventListener("pointermove", move);
    const release = () => element.removeEventListener("pointermove", move);
    element.addEventListener("pointerup", release, { once: true });
    element.addEventListener("pointercancel", release, { once: true });
  }

  /** @param {number} time */
  #centred(time) {
    const half = lengthOf(this.session.view) / 2;
    return { start: time - half, end: time + half };
  }

  /** @param {number} time */
  #centre(time) {
    this.session.show(this.#centred(time));
  }
}
