// @ts-check
/** Arithmetic of the visible stretch of time: times and pixels, zooming, panning, limits of the recording. */

/** @typedef {import("./data/data.js").Span} Span */

export const SHORTEST = 40; // milliseconds, the shortest view

/** @param {number} time @param {Span} view @param {number} width @returns {number} pixels */
export const xOf = (time, view, width) => ((time - view.start) / (view.end - view.start)) * width;

/** @param {number} x @param {Span} view @param {number} width @returns {number} milliseconds */
export const timeOf = (x, view, width) => view.start + (x / width) * (view.end - view.start);

/** @param {Span} view */
export const lengthOf = (view) => view.end - view.start;

/**
 * The nearest stretch that lies within the recording and is neither too short nor too long.
 * @param {Span} view @param {number} duration @returns {Span}
 */
export function clampView(view, duration) {
  const shortest = Math.min(SHORTEST, duration);
  const length = Math.min(duration, Math.max(shortest, lengthOf(view)));
  const middle = (view.start + view.end) / 2;
  const wanted = length === lengthOf(view) ? view.start : middle - length / 2;
  const start = Math.min(duration - length, Math.max(0, wanted));
  return { start, end: start + length };
}

/**
 * Zoom in by `factor` (out if below 1); `time` stays at the same pixel.
 * @param {Span} view @param {number} factor @param {number} time @param {number} duration @returns {Span}
 */
export function zoomView(view, factor, time, duration) {
  const share = (time - view.start) / lengthOf(view);
  const shortest = Math.min(SHORTEST, duration);
  const length = Math.min(duration, Math.max(shortest, lengthOf(view) / factor));
  const start = time - share * length;
  return clampView({ start, end: start + length }, duration);
}

/** @param {Span} view @param {number} by milliseconds @param {number} duration @returns {Span} */
export function panView(view, by, duration) {
  return clampView({ start: view.start + by, end: view.end + by }, duration);
}

/**
 * A view of the same length with `time` at `share` of its width.
 * @param {Span} view @param {number} time @param {number} share @param {number} duration @returns {Span}
 */
export function placeTime(view, time, share, duration) {
  return panView(view, time - share * lengthOf(view) - view.start, duration);
}

/**
 * A view that contains the span: the same view if it does, else moved, and widened if too short.
 * @param {Span} view @param {Span} span @param {number} duration @returns {Span}
 */
export function revealSpan(view, span, duration) {
  if (span.start >= view.start && span.end <= view.end) return view;
  const needed = 1.25 * (span.end - span.start);
  const middle = (span.start + span.end) / 2;
  const length = Math.max(lengthOf(view), needed);
  return clampView({ start: middle - length / 2, end: middle + length / 2 }, duration);
}

/** @param {number} a @param {number} b @param {number} duration @returns {Span} the span between two times, whole milliseconds within the recording */
export function clampSpan(a, b, duration) {
  const inside = (/** @type {number} */ time) => Math.min(duration, Math.max(0, Math.round(time)));
  return { start: inside(Math.min(a, b)), end: inside(Math.max(a, b)) };
}

/**
 * A view between two others.
 * @param {Span} from @param {Span} to @param {number} share 0 to 1 @returns {Span}
 */
export function blendViews(from, to, share) {
  const eased = 1 - (1 - share) ** 3;
  const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * eased;
  return { start: mix(from.start, to.start), end: mix(from.end, to.end) };
}
