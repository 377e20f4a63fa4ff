// @ts-check
/** The words in view as text, for those who read with a screen reader. */

import { clock } from "../draw/clock.js";
import { el } from "./dom.js";
import { channelName } from "../labels.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../labels.js").Labels} Labels */

const MOST = 60; // words of a lane
const REST = 500; // milliseconds without change before the list is made

export class Reader {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later;

  /** @param {Session} session @param {Labels} labels @param {AbortSignal} signal */
  constructor(session, labels, signal) {
    this.session = session;
    this.labels = labels;
    this.element = el("section", { class: "unseen", "aria-label": labels.wordsInView });
    signal.addEventListener("abort", () => clearTimeout(this.#later));
  }

  update() {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.#write(), REST);
  }

  #write() {
    const { data, view } = this.session;
    const lists = data.lanes.map((lane) => {
      const [first, last] = lane.inView(view.start, view.end);
      const words = [];
      for (let i = first; i < Math.min(last, first + MOST); i++) {
        words.push(el("li", {}, el("bdi", { text: lane.texts.at(i).slice(0, 200) }), ` ${clock(lane.start[i], data.duration, 1)}`));
      }
      if (last > first + MOST) words.push(el("li", { text: this.labels.more(last - first - MOST) }));
      return [el("h4", { text: nameOf(data, lane, this.labels) }), el("ol", {}, ...words)];
    });
    this.element.replaceChildren(...lists.flat());
  }
}

/** Channel and system of a lane. @param {import("../data/data.js").Data} data @param {import("../data/lane.js").Lane} lane @param {Labels} labels */
export function nameOf(data, lane, labels) {
  const channel = data.channels.find(({ tag }) => tag === lane.channelTag);
  const name = channel ? channelName(channel, labels) : lane.channelTag;
  return data.systems.length > 1 ? `${name}, ${lane.system}` : name;
}
