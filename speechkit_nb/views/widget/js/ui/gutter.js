// @ts-check
/** Names of channels and systems beside the rows (above them in a narrow view), and their buttons. */

import { el } from "./dom.js";
import { AXIS, rowColour } from "../draw/draw.js";
import { channelName } from "../labels.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../draw/layout.js").Row} Row */
/** @typedef {import("../labels.js").Labels} Labels */
/** @typedef {import("../draw/theme.js").Theme} Theme */

/** @param {Session} session @param {readonly Row[]} rows @param {boolean} narrow @param {Labels} labels @param {Theme} theme @returns {HTMLElement[]} */
export function createNames(session, rows, narrow, labels, theme) {
  const named = new Set();
  return rows.flatMap((row) => {
    if (narrow && row.kind !== "title") return [];
    const first = !named.has(row.channel);
    named.add(row.channel);
    const label = el("div", { class: `name ${row.kind}` }, ...content(session, row, first, labels));
    label.style.top = `${row.top + AXIS}px`;
    label.style.height = `${row.height - row.refined}px`;
    if (session.data.colour.by === "channel") label.style.color = rowColour(session.data, row, theme);
    if (row.lane >= 0) label.style.setProperty("--colour", rowColour(session.data, row, theme));
    return [label];
  });
}

/** @param {Session} session @param {Row} row @param {boolean} first of its channel @param {Labels} labels */
function content(session, row, first, labels) {
  const { data } = session;
  const channel = data.channels[row.channel];
  const lane = data.lanes[row.lane];
  if (lane && (data.systems.length > 1 || !first)) return [el("bdi", { class: "system", title: lane.system, text: lane.system })];
  const label = channel ? channelName(channel, labels) : (lane?.label ?? "");
  const parts = [el("bdi", { class: "channel", title: label, text: label })];
  const below = el("span", { class: "switches" });
  if (channel && session.channelTags.includes(channel.tag)) below.append(...switches(session, channel, labels));
  if (channel?.peaks?.loudest === 0) below.append(el("bdi", { class: "soft", text: labels.silence }));
  return below.hasChildNodes() ? [...parts, below] : parts;
}

/** Mute and solo. @param {Session} session @param {{tag: string, label: string}} channel @param {Labels} labels */
function switches(session, channel, labels) {
  const { tag } = channel;
  const one = (/** @type {"muted" | "solo"} */ list, /** @type {string} */ letter, /** @type {string} */ name) => {
    const title = `${name}: ${channelName(channel, labels)}`;
    const button = el("button", { type: "button", class: list, "data-tag": tag, "aria-label": title, title, text: letter });
    button.addEventListener("click", () => session.toggleChannel(list, tag));
    return button;
  };
  return [one("muted", "M", labels.mute), one("solo", "S", labels.solo)];
}

/** Show which channels are muted and solo. @param {Session} session @param {HTMLElement} names holds the switches */
export function updateSwitches(session, names) {
  for (const list of /** @type {const} */ (["muted", "solo"])) {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (names.querySelectorAll(`button.${list}`))) {
      button.setAttribute("aria-pressed", String(session.state.get(list).includes(button.dataset["tag"])));
    }
  }
}
