// @ts-check
/** The buttons above the timeline. */

import { formatDuration, formatTime } from "../draw/clock.js";
import { el, icon, iconButton, relabel } from "./dom.js";
import { RATES } from "../sound/playback.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../labels.js").Labels} Labels */

const TYPING = 150; // milliseconds from the last letter to the search

export class Toolbar {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #written = "";

  /** @param {Session} session @param {Labels} labels @param {() => void} help @param {AbortSignal} signal */
  constructor(session, labels, help, signal) {
    this.session = session;
    this.labels = labels;
    this.play = iconButton("play", labels.play, () => session.toggle());
    this.play.classList.add("play");
    this.clock = el("span", { class: "clock" });
    this.whole = el("span", { class: "soft" });
    this.sound = el("span", { class: "soft preparing", role: "status" });
    this.rate = this.#rates();
    this.loop = iconButton("loop", labels.loop, () => session.toggleLoop());
    this.selection = el("button", { type: "button", class: "selection", title: labels.clearSelection, hidden: true });
    this.selection.addEventListener("click", () => session.select(null));
    this.query = el("input", { type: "search", placeholder: labels.search, "aria-label": labels.search, spellcheck: "false", dir: "auto" });
    this.query.addEventListener("input", () => this.#typed(), { signal });
    this.found = el("span", { class: "found", role: "status" });
    this.previous = iconButton("previous", labels.previous, () => session.stepHit(-1));
    this.next = iconButton("next", labels.next, () => session.stepHit(1));
    this.element = el(
      "div",
      { class: "bar", role: "toolbar", "aria-label": labels.timeline },
      el("div", { class: "group" }, this.play, el("span", { class: "times" }, this.clock, this.whole)),
      el("div", { class: "group" }, this.rate, this.loop, this.selection, this.sound),
      el("div", { class: "group grow" }, el("label", { class: "search" }, icon("search"), this.query, this.found), this.previous, this.next),
      el(
        "div",
        { class: "group" },
        iconButton("minus", labels.zoomOut, () => session.zoom(1 / 2)),
        iconButton("plus", labels.zoomIn, () => session.zoom(2)),
        iconButton("fit", labels.fit, () => session.fit()),
        this.#helpButton(help),
      ),
    );
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** Search for the typed text without waiting, and go to the next match. @param {1 | -1} step */
  enter(step) {
    clearTimeout(this.#timer);
    if (this.query.value !== this.session.state.get("search")) this.session.search(this.query.value);
    this.session.stepHit(step);
  }

  find() {
    this.query.focus();
    this.query.select();
  }

  updateTime() {
    const { time, data } = this.session;
    const text = formatTime(time, data.duration, data.duration < 3_600_000 ? 2 : 1);
    if (text !== this.#written) this.clock.textContent = this.#written = text;
  }

  update() {
    const { session, labels } = this;
    const { playing, selection, data } = session;
    const { readiness, isSlow } = session.playback;
    relabel(this.play, playing ? "pause" : "play", playing ? labels.pause : labels.play);
    this.whole.textContent = ` / ${formatTime(data.duration, data.duration)}`;
    const waiting = playing && readiness === "preparing";
    this.sound.textContent = playing && isSlow ? labels.noAnswer : waiting ? labels.preparing : "";
    this.element.classList.toggle("waiting", waiting);
    this.loop.setAttribute("aria-pressed", String(session.state.get("loop")));
    this.loop.disabled = !selection;
    this.selection.hidden = !selection;
    if (selection) {
      const times = [selection.start, selection.end].map((time) => formatTime(time, data.duration, 2));
      const text = `${times.join(" – ")} (${formatDuration(selection.end - selection.start, labels)})`;
      this.selection.replaceChildren(text, icon("close"));
    }
    this.#showRate();
    this.updateTime();
  }

  updateSearch() {
    const { hits, at, bad } = this.session.finder;
    const query = this.session.state.get("search") ?? "";
    const typing = /** @type {ShadowRoot} */ (this.query.getRootNode()).activeElement === this.query;
    if (!typing) this.query.value = query;
    const { labels } = this;
    const text = hits.length ? (at < 0 ? String(hits.length) : `${at + 1}/${hits.length}`) : labels.noMatch;
    this.found.textContent = !query.trim() ? "" : bad ? labels.badRegex : text;
    this.found.classList.toggle("bad", Boolean(query.trim()) && !hits.length);
    this.previous.disabled = this.next.disabled = !hits.length;
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.session.search(this.query.value), TYPING);
  }

  /** @param {() => void} help */
  #helpButton(help) {
    const button = el("button", { type: "button", class: "icon", title: this.labels.help, "aria-label": this.labels.help, text: "?" });
    button.addEventListener("click", help);
    return button;
  }

  #rates() {
    const select = el("select", { title: this.labels.speed, "aria-label": this.labels.speed });
    for (const rate of RATES) select.append(el("option", { value: rate, text: `${rate}×` }));
    select.addEventListener("change", () => this.session.playback.setRate(Number(select.value)));
    return select;
  }

  #showRate() {
    const rate = String(this.session.state.get("playback_rate"));
    if (![...this.rate.options].some(({ value }) => value === rate)) this.rate.append(el("option", { value: rate, text: `${rate}×` }));
    this.rate.value = rate;
  }
}
