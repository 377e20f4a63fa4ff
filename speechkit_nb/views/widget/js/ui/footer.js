// @ts-check
/** The line below the lanes: number of words in view, what is hidden, what the colours mean. */

import { el } from "./dom.js";
import { scaleColour } from "../draw/theme.js";

/** @typedef {import("../data/data.js").Data} Data */
/** @typedef {import("../labels.js").Labels} Labels */
/** @typedef {import("../draw/detail.js").Detail} Detail */

/**
 * @param {Data} data @param {import("../data/data.js").Span} view @param {(lane: number) => Detail} detail
 * @param {number} narrow number of words without room for text, if other words have room @param {Labels} labels
 * @returns {string[]}
 */
export function describeView(data, view, detail, narrow, labels) {
  if (!data.lanes.length) return data.channels.some(({ peaks }) => peaks) ? [] : [labels.nothing];
  const counts = data.lanes.map((lane) => {
    const [first, last] = lane.inView(view.start, view.end);
    return last - first;
  });
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (!count) return [labels.noWords];
  const levels = counts.flatMap((n, lane) => (n ? [detail(lane)] : []));
  const parts = [labels.words(count)];
  if (narrow) parts.push(labels.narrow(narrow));
  if (levels.some((level) => level === "boxes" || level === "density")) parts.push(labels.zoomToRead);
  else if (levels.includes("phrases")) parts.push(labels.zoomForWords);
  return parts;
}

/** The meaning of the colours of words and marks. @param {Data} data @param {import("../draw/theme.js").Theme} theme */
export function createLegend(data, theme) {
  const marks = data.kinds.map(({ label }, i) => key(label, theme.marks[i % theme.marks.length], "line"));
  return [...colours(data, theme), ...marks];
}

/** @param {Data} data @param {import("../draw/theme.js").Theme} theme @returns {HTMLElement[]} */
function colours(data, theme) {
  const { by, name, low, high } = data.colour;
  if (by === "value") {
    const stops = Array.from({ length: 9 }, (_, i) => scaleColour(low + ((high - low) * i) / 8, data.colour));
    const bar = el("i", { class: "scale" });
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    return [el("bdi", { text: name }), el("span", { text: number(low) }), bar, el("span", { text: number(high) })];
  }
  if (by !== "system" || data.systems.length < 2) return [];
  return data.systems.map((system, i) => key(system, theme.lanes[i % theme.lanes.length], "swatch"));
}

/** @param {string} name @param {string} colour @param {string} shape */
function key(name, colour, shape) {
  const sample = el("i", { class: shape });
  sample.style.background = colour;
  return el("span", { class: "key" }, sample, el("bdi", { text: name }));
}

/** @param {number} value */
const number = (value) => String(Number(value.toPrecision(3)));
