// @ts-check
/** The tooltip of the word under the pointer. */

import { formatDuration, formatTime } from "../draw/clock.js";
import { el } from "./dom.js";
import { channelName } from "../labels.js";
import { shorten } from "../data/texts.js";

/** @typedef {import("../data/data.js").Data} Data */
/** @typedef {import("../labels.js").Labels} Labels */

const MOST = 300; // characters

/**
 * @param {Data} data @param {number} at lane @param {number} i word @param {Labels} labels
 * @returns {[string, string][]} name and value; the word first, without a name
 */
export function describeWord(data, at, i, labels) {
  const lane = data.lanes[at];
  const channel = data.channels.find(({ tag }) => tag === lane.channelTag);
  const [start, end] = [lane.start[i], lane.endOf(i)];
  const time = (/** @type {number} */ ms) => formatTime(ms, data.duration, 3);
  /** @type {[string, string][]} */
  const rows = [
    ["", shorten(lane.texts.at(i), MOST)],
    ["", `${time(start)} – ${time(end)}  ·  ${formatDuration(end - start, labels)}`],
    ["", channel ? channelName(channel, labels) : lane.channelTag],
  ];
  if (data.systems.length > 1) rows.push([labels.system, lane.system]);
  const value = lane.value?.[i];
  if (value !== undefined) rows.push([data.colour.name, Number.isNaN(value) ? "–" : String(Number(value.toPrecision(4)))]);
  const refined = data.finals[at].inView({ start, end: end + 1 }).find((final) => final.refined)?.refined;
  if (refined) rows.push([labels.refined, shorten(refined, MOST)]);
  for (const mark of data.marks.inView({ start, end: end + 1 })) {
    if (mark.lane === -1 || mark.lane === at) rows.push([data.kinds[mark.kind]?.label ?? "", shorten(mark.text, MOST)]);
  }
  return rows;
}

export class Tooltip {
  constructor() {
    this.element = el("div", { class: "tip", role: "presentation", hidden: true });
  }

  /** @param {[string, string][]} rows @param {{x: number, y: number}} at of the pointer, in `box` @param {{width: number, height: number}} box */
  show(rows, { x, y }, box) {
    const lines = rows.map(([name, value], i) =>
      el("div", { class: i === 0 ? "word" : i === 1 ? "when" : "" }, ...(name ? [el("span", { text: name }), " "] : []), el("bdi", { text: value })),
    );
    this.element.replaceChildren(...lines);
    this.element.hidden = false;
    const { offsetWidth, offsetHeight } = this.element;
    const left = Math.max(4, Math.min(box.width - offsetWidth - 4, x + 12));
    const below = y + 18;
    const top = below + offsetHeight > box.height ? Math.max(4, y - offsetHeight - 12) : below;
    this.element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  hide() {
    this.element.hidden = true;
  }
}
