// @ts-check
/** Draws the lanes: axis, waveforms, utterances, marks. Words are drawn by words.js. */

import { chooseTickStep, countDecimals, formatTime, listTicks } from "./clock.js";
import { drawRefined, drawWords, widthOf } from "./words.js";
import { countBelow } from "../data/sorted.js";
import { fade } from "./theme.js";
import { lengthOf, xOf } from "../view.js";

/** @typedef {import("../data/data.js").Data} Data */
/** @typedef {import("../data/data.js").Span} Span */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("./theme.js").Theme} Theme */
/**
 * @typedef {object} Scene everything that a drawing needs
 * @property {CanvasRenderingContext2D} ctx in CSS pixels
 * @property {Data} data
 * @property {Span} view
 * @property {number} width
 * @property {number} height
 * @property {number} ratio screen pixels per CSS pixel
 * @property {number} top scroll position of the rows
 * @property {Row[]} rows
 * @property {Theme} theme
 * @property {(tag: string) => boolean} isAudible
 * @property {import("../sound/samples.js").SampleCache} [sampleCache] samples for views where the outline is too coarse
 */

export const AXIS = 24;
const NARROWEST_SPAN = 12; // pixels per utterance on average; if there are fewer, no bounds are drawn
const LABEL_ROOM = 86;

/** The colour of a lane whose words are not coloured by value. @param {Data} data @param {Row} row @param {Theme} theme */
export function rowColour(data, row, theme) {
  if (data.colour.by === "value") return row.lane < 0 ? theme.sound : theme.lanes[0];
  const lane = data.lanes[row.lane];
  if (data.colour.by === "channel") return theme.lanes[Math.max(0, row.channel) % theme.lanes.length];
  return lane ? theme.lanes[Math.max(0, data.systems.indexOf(lane.system)) % theme.lanes.length] : theme.sound;
}

/** @param {Scene} scene */
export function drawLanes(scene) {
  const { ctx, width, height, theme } = scene;
  ctx.clearRect(0, 0, width, height);
  const shown = scene.rows.filter((row) => row.top + row.height > scene.top && row.top < scene.top + height - AXIS);
  drawGrid(scene);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, AXIS, width, height - AXIS);
  ctx.clip();
  ctx.translate(0, AXIS - scene.top);
  for (const row of shown) {
    if (row.kind === "sound") drawSound(scene, row);
    if (row.kind === "words") drawWordRow(scene, row);
  }
  ctx.restore();
  ctx.fillStyle = theme.line;
  ctx.fillRect(0, AXIS - 1, width, 1);
}

/** Grid lines at the ticks, and their times. @param {Scene} scene */
function drawGrid({ ctx, view, width, height, theme, data }) {
  const step = chooseTickStep(lengthOf(view) / width, LABEL_ROOM);
  const decimals = countDecimals(step);
  ctx.font = `11px ${theme.font}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.direction = "ltr";
  for (const time of listTicks(view, step)) {
    const x = Math.round(xOf(time, view, width));
    ctx.fillStyle = theme.line;
    ctx.globalAlpha = 0.6;
    ctx.fillRect(x, AXIS, 1, height - AXIS);
    ctx.globalAlpha = 1;
    ctx.fillRect(x, AXIS - 7, 1, 7);
    ctx.fillStyle = theme.soft;
    const text = formatTime(time, data.duration, decimals);
    if (x + 4 + widthOf(ctx, text) < width) ctx.fillText(text, x + 4, AXIS / 2);
  }
}

/** The waveform of a channel. @param {Scene} scene @param {Row} row */
function drawSound({ ctx, data, view, width, ratio, theme, isAudible, sampleCache }, row) {
  const { peaks, tag, channel: number } = data.channels[row.channel];
  if (!peaks) return;
  const loudest = Math.max(1, ...data.channels.map((channel) => channel.peaks?.loudest ?? 0));
  const middle = row.top + row.height / 2;
  const scale = (row.height / 2 - 3) / loudest;
  ctx.fillStyle = rowColour(data, row, theme);
  ctx.globalAlpha = isAudible(tag) ? 0.8 : 0.25;
  const n = Math.ceil(width * ratio);
  const end = view.start + (lengthOf(view) * n) / (width * ratio);
  const pairs = peaks.envelope(view.start, end, n);
  if (number !== null && sampleCache?.needsSamples(view, width, peaks.binMs)) sampleCache.refine(pairs, number, { start: view.start, end }, data.fullScale);
  fillEnvelope(ctx, pairs, 1 / ratio, middle, scale);
  ctx.globalAlpha = 1;
}

/**
 * One bar per pair. Bars of whole screen pixels are faster than one path, and leave no gaps.
 * @param {CanvasRenderingContext2D} ctx @param {Float32Array} pairs low, high @param {number} step pixels from bar to bar
 * @param {number} middle @param {number} scale
 */
export function fillEnvelope(ctx, pairs, step, middle, scale) {
  for (let i = 0; i < pairs.length; i += 2) {
    const top = middle - pairs[i + 1] * scale;
    ctx.fillRect((i / 2) * step, top - 0.5, step, middle - pairs[i] * scale - top + 1);
  }
}

/** Utterances, words, refined text, ends of utterances and marks of a lane. @param {Scene} scene @param {Row} row */
function drawWordRow(scene, row) {
  const { data } = scene;
  const colour = rowColour(data, row, scene.theme);
  drawSpans(scene, row, colour);
  const detail = drawWords(scene, row, colour);
  if (row.refined && detail !== "density") drawRefined(scene, row, colour);
  drawEou(scene, row);
  drawMarks(scene, row);
}

/** A pale band behind each utterance, dotted lines at its bounds. @param {Scene} scene @param {Row} row @param {string} colour */
function drawSpans({ ctx, data, view, width }, row, colour) {
  const spans = data.finals[row.lane].inView(view);
  if (!spans.length || (spans.length * NARROWEST_SPAN > width && spans.length > 1)) return;
  ctx.fillStyle = fade(colour, 0.09);
  for (const { start, end } of spans) {
    const [left, right] = [xOf(start, view, width), xOf(end, view, width)];
    ctx.fillRect(left, row.top + 1, right - left, row.height - 2);
  }
  ctx.strokeStyle = fade(colour, 0.55);
  ctx.lineWidth = 1;
  ctx.setLineDash([1, 2]);
  ctx.beginPath();
  for (const { start, end } of spans) {
    for (const time of [start, end]) {
      const x = Math.round(xOf(time, view, width)) + 0.5;
      ctx.moveTo(x, row.top + 1);
      ctx.lineTo(x, row.top + row.height - 1);
    }
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

/** A small triangle at each end of an utterance. @param {Scene} scene @param {Row} row */
function drawEou({ ctx, data, view, width, theme }, row) {
  const times = data.eou[row.lane];
  const [first, last] = [countBelow(times, view.start), countBelow(times, view.end)];
  if ((last - first) * NARROWEST_SPAN > width) return;
  ctx.fillStyle = theme.ink;
  ctx.beginPath();
  for (let i = first; i < last; i++) {
    const x = Math.round(xOf(times[i], view, width)) + 0.5;
    ctx.moveTo(x - 4, row.top + 1);
    ctx.lineTo(x + 4, row.top + 1);
    ctx.lineTo(x, row.top + 7);
  }
  ctx.globalAlpha = 0.65;
  ctx.fill();
  ctx.globalAlpha = 1;
}

const DASHES = [[], [5, 2], [2, 2], [8, 2, 2, 2]]; // kinds of marks differ in more than colour

/** A line under each marked stretch. @param {Scene} scene @param {Row} row */
function drawMarks({ ctx, data, view, width, theme }, row) {
  const y = row.top + row.height - row.refined - 1.5;
  ctx.lineWidth = 3;
  for (const mark of data.marks.inView(view)) {
    if (mark.lane !== -1 && mark.lane !== row.lane) continue;
    const left = xOf(mark.start, view, width);
    ctx.strokeStyle = theme.marks[mark.kind % theme.marks.length];
    ctx.setLineDash(DASHES[mark.kind % DASHES.length]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(Math.max(left + 2, xOf(mark.end, view, width)), y);
    ctx.stroke();
  }
  ctx.setLineDash([]);
}
