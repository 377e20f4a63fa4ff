// @ts-check
/** The view: it changes at once, in an animation, or with the playhead. */

import { blendViews, clampView, lengthOf, panView, placeTime, revealSpan, zoomView } from "./view.js";

/** @typedef {import("./data/data.js").Span} Span */

const GLIDE = 160; // milliseconds of an animation
const TURN = 0.96; // share of the view at which the playhead turns the page
const MARGIN = 0.06; // share of the view where the playhead is on the new page

export class Camera {
  #frame = 0;
  #following = true;
  /** @type {Span} */
  view = { start: 0, end: 1 };
  /** The view at the end of the animation. */
  #goal = this.view;
  duration = 1;

  /** @param {(moving: boolean) => void} changed moving: an animation is running */
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

  /** As `show`, with an animation, unless the user prefers reduced motion. @param {Span} wanted */
  glide(wanted) {
    this.stop();
    const to = (this.#goal = clampView(wanted, this.duration));
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.show(to);
    const [from, begun] = [this.view, performance.now()];
    const step = (/** @type {number} */ now) => {
      const share = Math.min(1, Math.max(0, (now - begun) / GLIDE));
      this.view = share < 1 ? blendViews(from, to, share) : to;
      this.changed(share < 1);
      if (share < 1) this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  /** @param {number} factor @param {number} time stays at its pixel */
  zoom(factor, time) {
    this.show(zoomView(this.view, factor, time, this.duration));
  }

  /** @param {number} by milliseconds */
  pan(by) {
    this.show(panView(this.view, by, this.duration));
  }

  /** @param {Span} span */
  reveal(span) {
    const view = revealSpan(this.#goal, span, this.duration);
    if (view !== this.#goal) this.glide(view);
  }

  /** After the user has moved the view: follow the playhead only if it is still in view. @param {number} time */
  updateFollowing(time) {
    this.#following = this.#share(time) >= 0 && this.#share(time) < 1;
  }

  /** Keep the playhead in view from now on. */
  startFollowing() {
    this.#following = true;
  }

  /** Turn the page when the playhead reaches its end. @param {number} time */
  follow(time) {
    const share = this.#share(time);
    if (!this.#following) {
      this.#following = share >= 0 && share < TURN;
    } else if (share < 0 || share > TURN) {
      const view = placeTime(this.#goal, time, MARGIN, this.duration);
      if (Math.abs(view.start - this.#goal.start) > 1) this.glide(view);
    }
  }

  /** @param {number} time */
  #share(time) {
    return (time - this.#goal.start) / lengthOf(this.#goal);
  }
}
