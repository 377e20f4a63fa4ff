// @ts-check
/** The elements of one view. */

import { el } from "./dom.js";
import { helpPanel } from "./help.js";
import { Overview } from "./overview.js";
import { Reader } from "./reader.js";
import css from "./style.css";
import { Toolbar } from "./toolbar.js";
import { Tooltip } from "./tooltip.js";

/** @typedef {ReturnType<typeof partsOf>} Parts */

/**
 * @param {import("../session.js").Session} session @param {import("../labels.js").Labels} labels
 * @param {() => void} toggleHelp @param {AbortSignal} signal
 */
export function partsOf(session, labels, toggleHelp, signal) {
  const toolbar = new Toolbar(session, labels, toggleHelp, signal);
  const overview = new Overview(session, labels.overview, signal);
  const reader = new Reader(session, labels, signal);
  const tip = new Tooltip();
  const help = helpPanel(labels, toggleHelp);
  const title = el("div", { class: "title", dir: "auto" });
  const problems = el("ul", { class: "problems", role: "status" });
  const names = el("div", { class: "names" });
  const [lanes, over] = [el("canvas"), el("canvas")];
  const playhead = el("div", { class: "playhead" });
  const slider = { role: "slider", tabindex: 0, "aria-label": labels.playhead, "aria-valuemin": 0 };
  const track = el("div", { class: "track", ...slider }, el("div", { class: "pictures" }, lanes, over, playhead));
  const stage = el("div", { class: "stage" }, el("div", { class: "lanes" }, names, track));
  const [note, legend] = [el("span"), el("span", { class: "legend" })];
  const box = el(
    "div",
    { class: "box" },
    title,
    toolbar.element,
    problems,
    overview.element,
    el("div", { class: "middle" }, stage, tip.element, help),
    el("div", { class: "footer" }, note, legend),
    reader.element,
  );
  const host = el("div", { class: "speechkit-timeline" });
  const root = host.attachShadow({ mode: "open" });
  root.append(el("style", { text: css }), box);
  return { host, root, box, title, toolbar, problems, overview, names, stage, track, lanes, over, playhead, tip, help, note, legend, reader };
}

/** A canvas of that many CSS pixels, sharp on any screen. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height @param {number} ratio */
export function resize(canvas, width, height, ratio) {
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

/** @param {HTMLCanvasElement} canvas */
export const context = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
