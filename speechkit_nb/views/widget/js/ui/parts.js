// @ts-check
/** The elements of one view. */

import { formatTime } from "../draw/clock.js";
import { channelName } from "../labels.js";
import { el, iconButton } from "./dom.js";
import { Overview } from "./overview.js";
import css from "./style.css";
import { Toolbar } from "./toolbar.js";
import { Tooltip } from "./tooltip.js";

/** @typedef {ReturnType<typeof createParts>} Parts */
/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../labels.js").Labels} Labels */

const MOST_LISTED = 60; // words of a lane in the list
const REST = 500; // milliseconds without a change of the view before the list is written

/**
 * @param {Session} session @param {Labels} labels
 * @param {() => void} toggleHelp @param {AbortSignal} signal
 */
export function createParts(session, labels, toggleHelp, signal) {
  const toolbar = new Toolbar(session, labels, toggleHelp, signal);
  const overview = new Overview(session, labels.overview, signal);
  const reader = new WordList(session, labels, signal);
  const tip = new Tooltip();
  const help = createHelp(labels, toggleHelp);
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

/** Set the size of a canvas in CSS pixels, sharp on any screen. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height @param {number} ratio */
export function resize(canvas, width, height, ratio) {
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

/** @param {HTMLCanvasElement} canvas */
export const context = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/** The list of keys and mouse actions; hidden at first. @param {Labels} labels @param {() => void} close */
function createHelp(labels, close) {
  const lines = (/** @type {[string, string][]} */ entries) =>
    el("dl", {}, ...entries.flatMap(([name, what]) => [el("dt", { text: name }), el("dd", { text: what })]));
  return el(
    "div",
    { class: "help", role: "dialog", "aria-label": labels.help, hidden: true },
    el("header", {}, el("strong", { text: labels.help }), iconButton("close", labels.close, close)),
    el("div", { class: "columns" }, lines(labels.mouse), lines(labels.keys)),
  );
}

/** The words in view as text, for screen readers. */
class WordList {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Session} session @param {Labels} labels @param {AbortSignal} signal */
  constructor(session, labels, signal) {
    this.session = session;
    this.labels = labels;
    this.element = el("section", { class: "unseen", "aria-label": labels.wordsInView });
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  update() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), REST);
  }

  #write() {
    const { data, view } = this.session;
    const lists = data.lanes.map((lane) => {
      const [first, last] = lane.inView(view.start, view.end);
      const words = [];
      for (let i = first; i < Math.min(last, first + MOST_LISTED); i++) {
        words.push(el("li", {}, el("bdi", { text: lane.texts.at(i).slice(0, 200) }), ` ${formatTime(lane.start[i], data.duration, 1)}`));
      }
      if (last > first + MOST_LISTED) words.push(el("li", { text: this.labels.more(last - first - MOST_LISTED) }));
      return [el("h4", { text: nameLane(data, lane, this.labels) }), el("ol", {}, ...words)];
    });
    this.element.replaceChildren(...lists.flat());
  }
}

/** Channel and system of a lane. @param {import("../data/data.js").Data} data @param {import("../data/lane.js").Lane} lane @param {Labels} labels */
function nameLane(data, lane, labels) {
  const channel = data.channels.find(({ tag }) => tag === lane.channelTag);
  const name = channel ? channelName(channel, labels) : lane.channelTag;
  return data.systems.length > 1 ? `${name}, ${lane.system}` : name;
}
