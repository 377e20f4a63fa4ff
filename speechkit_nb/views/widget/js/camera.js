// @ts-check
/** What is in view, and how that changes: at once, in a glide, or along with the playhead. */

import { blended, clampView, lengthOf, moved, placed, revealed, zoomed } from "./view.js";

/** @typedef {import("./data/data.js").Span} Span */

const GLIDE = 160; // milliseconds a jump takes
const TURN = 0.96; // the page is turned when the playhead is this share of the way through the view
const MARGIN = 0.06; // where it stands on the new page

export class Camera {
  #frame = 0;
  #following = true;
  /** @type {Span} */
  view = { start: 0, end: 1 };
  /** What will be in view when it has come to rest. */
  #goal = this.view;
  duration = 1;

  /** @param {(moving: boolean) => void} changed moving: on the way to somewhere else */
  constructor(changed) {
    this.changed = changed;
  }

  stop() {
    cancelAnimationFrame(this.#frame);
  }

  /** @param {Span} view */
  show(view) {
    this.stop();
    this.view = this.#goal = clampView(view, this.duration);
    this.changed(false);
  }

  /** As `show`, but the eye can follow, unless it must not. @param {Span} wanted */
  glide(wanted) {
    this.stop();
    const to = (this.#goal = clampView(wanted, this.duration));
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.show(to);
    const [from, begun] = [this.view, performance.now()];
    const step = (/** @type {number} */ now) => {
      const share = Math.min(1, Math.max(0, (now - begun) / GLIDE));
      this.view = share < 1 ? blended(from, to, share) : to;
      this.changed(share < 1);
      if (share < 1) this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** @param {number} factor @param {number} time stays where it is */
  zoom(factor, time) {
    this.show(zoomed(this.view, factor, time, this.duration));
  }

  /** @param {number} by milliseconds */
  pan(by) {
    this.show(moved(this.view, by, this.duration));
  }

  /** @param {Span} span */
  reveal(span) {
    const view = revealed(this.#goal, span, this.duration);
    if (view !== this.#goal) this.glide(view);
  }

  /** Where the playhead went out of view by hand it is left alone until it is back. @param {number} time */
  released(time) {
    this.#following = this.#share(time) >= 0 && this.#share(time) < 1;
  }

  /** From now on the playhead is kept in view. */
  attach() {
    this.#following = true;
  }

  /** Turns the page when the playhead comes to its end. @param {number} time */
  follow(time) {
    const share = this.#share(time);
    if (!this.#following) {
      this.#following = share >= 0 && share < TURN;
    } else if (share < 0 || share > TURN) {
      const view = placed(this.#goal, time, MARGIN, this.duration);
      if (Math.abs(view.start - this.#goal.start) > 1) this.glide(view);
    }
  }

  /** @param {number} time */
  #share(time) {
    return (time - this.#goal.start) / lengthOf(this.#goal);
  }
}
