// @ts-check
/** The list of keys and gestures that lies over the timeline when asked for. */

import { el, iconButton } from "./dom.js";

/** @typedef {import("../labels.js").Labels} Labels */

/** @param {Labels} labels @param {() => void} close */
export function helpPanel(labels, close) {
  const lines = (/** @type {[string, string][]} */ entries) =>
    el("dl", {}, ...entries.flatMap(([name, what]) => [el("dt", { text: name }), el("dd", { text: what })]));
  return el(
    "div",
    { class: "help", role: "dialog", "aria-label": labels.help, hidden: true },
    el("header", {}, el("strong", { text: labels.help }), iconButton("close", labels.close, close)),
    el("div", { class: "columns" }, lines(labels.mouse), lines(labels.keys)),
  );
}
