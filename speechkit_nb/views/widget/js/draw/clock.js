// @ts-check
/** Times as texts, and the positions of ticks. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .concat([1, 2, 5, 10, 15, 30].map((n) => n * SECOND))
  .concat([1, 2, 5, 10, 15, 30].map((n) => n * MINUTE))
  .concat([1, 2, 3, 6, 12, 24, 48, 96].map((n) => n * HOUR));

/**
 * A time as text, with hours only if `longest` has any: 1:02:03, 2:03, with `decimals` 2:03.4.
 * @param {number} time milliseconds @param {number} longest milliseconds @param {number} decimals 0 to 3
 */
export function formatTime(time, longest, decimals = 0) {
  const unit = 10 ** (3 - decimals);
  const whole = Math.round(Math.abs(time) / unit) * unit;
  const sign = time < 0 && whole > 0 ? "−" : "";
  const hours = Math.floor(whole / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  const seconds = ((whole % MINUTE) / SECOND).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  if (longest < HOUR && hours === 0) return `${sign}${minutes}:${seconds}`;
  return `${sign}${hours}:${String(minutes).padStart(2, "0")}:${seconds}`;
}

/**
 * The smallest step between ticks that leaves `room` pixels for each.
 * @param {number} msPerPixel @param {number} room pixels
 */
export function chooseTickStep(msPerPixel, room) {
  return STEPS.find((step) => step >= msPerPixel * room) ?? STEPS[STEPS.length - 1];
}

/** Number of decimals that ticks of a step need. @param {number} step milliseconds */
export function countDecimals(step) {
  return step >= SECOND ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3;
}

/**
 * The multiples of `step` in view.
 * @param {import("../data/data.js").Span} view @param {number} step milliseconds @returns {number[]}
 */
export function listTicks(view, step) {
  const first = Math.ceil(view.start / step);
  const count = Math.max(0, Math.floor(view.end / step) - first + 1);
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** A duration as text: 340 ms, 2.40 s. @param {number} time milliseconds @param {{ms: string, s: string}} units */
export function formatDuration(time, units) {
  return time < SECOND ? `${Math.round(time)} ${units.ms}` : `${(time / SECOND).toFixed(2)} ${units.s}`;
}
