// @ts-check
/** Draws words at the level of detail that fits. */

import { chooseDetail, fitText } from "./detail.js";
import { countBelow, median } from "../data/sorted.js";
import { parseColour, fade, lightness, scaleColour } from "./theme.js";
import { textDirection } from "../data/texts.js";
import { lengthOf, xOf } from "../view.js";

/** @typedef {import("./draw.js").Scene} Scene */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("../data/lane.js").Lane} Lane */
/** @typedef {import("./detail.js").Detail} Detail */

const FONT = 12.5;
const SMALL = 11;
const STEP = 2; // pixels of one bar of the density
const LEAST = 0.14; // height of the density if there is any speech
const PADDING = 4;
const INSET = 3; // pixels above and below the boxes
const STRIP = 4; // height of the boxes under the text of an utterance
const SAMPLED = 64; // words measured to find a typical width

/** @param {Scene} scene @param {Row} row @param {string} colour @returns {Detail} */
export function drawWords(scene, row, colour) {
  const lane = scene.data.lanes[row.lane];
  const detail = getDetail(scene, lane);
  if (detail === "density") drawDensity(scene, row, lane, colour);
  else if (detail === "text") drawTexts(scene, row, lane, colour);
  else drawBoxes(scene, row, lane, colour, detail);
  return detail;
}

/** The level of detail of a lane. @param {Pick<Scene, "ctx" | "view" | "width" | "theme">} scene @param {Lane} lane */
export function getDetail({ ctx, view, width, theme }, lane) {
  const { medianMs, medianPhraseMs } = lane;
  const phrased = lane.phraseStarts.length - 1 < 0.7 * lane.length;
  setFont(ctx, theme.font);
  return chooseDetail({ medianMs, medianPhraseMs, textWidth: typicalWidth(ctx, lane), phrased }, width / lengthOf(view));
}

/** @type {WeakMap<Lane, {font: string, width: number}>} */
const typical = new WeakMap();

/** Median width of a sample of words, pixels. @param {CanvasRenderingContext2D} ctx @param {Lane} lane */
function typicalWidth(ctx, lane) {
  let known = typical.get(lane);
  if (known?.font !== ctx.font) {
    const step = Math.max(1, Math.floor(lane.length / SAMPLED));
    const widthAt = (/** @type {number} */ i) => widthOf(ctx, lane.texts.at(i * step).slice(0, 40));
    known = { font: ctx.font, width: median(Math.floor(lane.length / step), widthAt) + PADDING };
    lane.widths.fill(0);
    typical.set(lane, known);
  }
  return known.width;
}

const MAX_WIDTHS = 4000; // cached widths of texts in one font
/** @type {Map<string, Map<string, number>>} */
const widths = new Map();

/** Width of a text; cached, since each measurement allocates kilobytes. @param {CanvasRenderingContext2D} ctx @param {string} text */
export function widthOf(ctx, text) {
  const { font } = ctx;
  let known = widths.get(font);
  if (!known || known.size >= MAX_WIDTHS) widths.set(font, (known = new Map()));
  let width = known.get(text);
  if (width === undefined) known.set(text, (width = ctx.measureText(text).width));
  return width;
}

/** @param {CanvasRenderingContext2D} ctx @param {string} family @param {number} size */
export function setFont(ctx, family, size = FONT) {
  const font = `${size}px ${family}`;
  if (ctx.font !== font) ctx.font = font;
  ctx.textBaseline = "middle";
}

/** @param {Scene} scene @param {Row} row @param {Lane} lane @param {string} colour */
function drawDensity({ ctx, view, width, data }, row, lane, colour) {
  const n = Math.ceil(width / STEP);
  const shares = lane.speech.shares(view.start, view.start + (lengthOf(view) * n * STEP) / width, n);
  const height = row.height - row.refined - 2 * INSET;
  const base = row.top + INSET + height;
  const byValue = data.colour.by === "value" && lane.value;
  ctx.fillStyle = fade(colour, 0.6);
  for (let i = 0; i < n; i++) {
    if (!shares[i]) continue;
    const tall = height * (LEAST + (1 - LEAST) * shares[i]);
    if (byValue) ctx.fillStyle = scaleColour(meanValue(lane, view.start + (i * STEP * lengthOf(view)) / width, (STEP * lengthOf(view)) / width), data.colour);
    ctx.fillRect(i * STEP, base - tall, STEP, tall);
  }
}

/** Mean value of the words that start in a stretch; if there are none, the value of the word before. @param {Lane} lane @param {number} start @param {number} length */
function meanValue(lane, start, length) {
  const first = countBelow(lane.start, start);
  const last = Math.max(first + 1, countBelow(lane.start, start + length, first));
  const values = [...(lane.value?.subarray(Math.min(first, lane.length - 1), last) ?? [])].filter(Number.isFinite);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN;
}

/**
 * Position and size of the box of a word.
 * @param {Pick<Scene, "view" | "width">} scene @param {Row} row @param {Lane} lane @param {number} i
 */
export function boxOf({ view, width }, row, lane, i) {
  const left = xOf(lane.start[i], view, width);
  const right = xOf(lane.endOf(i), view, width);
  const gap = right - left > 6 ? 1 : right - left > 2 ? 0.5 : 0;
  return { left, width: Math.max(1, right - left - gap), top: row.top + INSET, height: row.height - row.refined - 2 * INSET };
}

/**
 * Position and size of the box of a word below the text of its utterance.
 * @param {Pick<Scene, "view" | "width">} scene @param {Row} row @param {Lane} lane @param {number} i
 */
export function stripOf(scene, row, lane, i) {
  const box = boxOf(scene, row, lane, i);
  return { ...box, top: box.top + box.height - STRIP, height: STRIP };
}

/** @param {Scene} scene @param {Lane} lane @param {number} i @param {string} colour */
const wordColour = (scene, lane, i, colour) =>
  scene.data.colour.by === "value" && lane.value ? scaleColour(lane.value[i], scene.data.colour) : colour;

/** Boxes of words; with detail "phrases" below the texts of utterances. @param {Scene} scene @param {Row} row @param {Lane} lane @param {string} colour @param {Detail} detail */
function drawBoxes(scene, row, lane, colour, detail) {
  const { ctx, view } = scene;
  const phrases = detail === "phrases";
  const [first, last] = lane.inView(view.start, view.end);
  const byValue = scene.data.colour.by === "value" && lane.value;
  ctx.fillStyle = fade(colour, phrases ? 0.75 : 0.55);
  for (let i = first; i < last; i++) {
    const box = phrases ? stripOf(scene, row, lane, i) : boxOf(scene, row, lane, i);
    if (byValue) ctx.fillStyle = wordColour(scene, lane, i, colour);
    ctx.fillRect(box.left, box.top, box.width, box.height);
  }
  if (phrases) drawPhrases(scene, row, lane, first, last);
}

/**
 * Position of the text of an utterance, and its room.
 * @param {Pick<Scene, "view" | "width">} scene @param {Row} row @param {Lane} lane @param {number} phrase
 */
function phraseBox({ view, width }, row, lane, phrase) {
  const [from, to] = [lane.phraseStarts[phrase], lane.phraseStarts[phrase + 1]];
  const left = Math.max(2, xOf(lane.start[from], view, width) + 1);
  const end = to < lane.length ? xOf(lane.start[to], view, width) : width;
  const y = row.top + INSET + (row.height - row.refined - 2 * INSET - STRIP) / 2;
  return { left, room: Math.min(width, end) - left - 6, y };
}

/** @param {CanvasRenderingContext2D} ctx @param {string} family */
function setPhraseFont(ctx, family) {
  setFont(ctx, family, SMALL + 0.5);
  ctx.textAlign = "left";
  return (/** @type {string} */ text) => widthOf(ctx, text);
}

/** The text of each utterance, shortened to its room. @param {Scene} scene @param {Row} row @param {Lane} lane @param {number} first @param {number} last words */
function drawPhrases(scene, row, lane, first, last) {
  if (first >= last) return;
  const { ctx, theme } = scene;
  const measure = setPhraseFont(ctx, theme.font);
  ctx.fillStyle = theme.ink;
  for (let phrase = lane.phraseOf(first); phrase <= lane.phraseOf(last - 1); phrase++) {
    const { left, room, y } = phraseBox(scene, row, lane, phrase);
    if (room < 14) continue;
    const text = fitText(lane.phrase(phrase), room, measure);
    ctx.direction = textDirection(text);
    ctx.fillText(text, left, y);
  }
}

/**
 * Highlight a word within the text of its utterance; if it is cut off there, highlight its box below the text.
 * @param {Scene} scene @param {Row} row @param {Lane} lane @param {number} i @param {string} fill @param {string} ink
 */
export function drawInPhrase(scene, row, lane, i, fill, ink) {
  const { ctx, theme } = scene;
  const phrase = lane.phraseOf(i);
  const { left, room, y } = phraseBox(scene, row, lane, phrase);
  const measure = setPhraseFont(ctx, theme.font);
  const word = lane.texts.at(i);
  const towards = textDirection(lane.phrase(phrase));
  const wide = measure(word);
  const from = measure(lane.phrase(phrase, i));
  const shown = Math.min(room, measure(fitText(lane.phrase(phrase), room, measure)));
  const x = towards === "rtl" ? left + shown - from - wide : left + from;
  ctx.fillStyle = fill;
  if (x < left || x + wide > left + room) {
    const strip = stripOf(scene, row, lane, i);
    return ctx.fillRect(strip.left, strip.top, Math.max(3, strip.width), strip.height);
  }
  fillRounded(ctx, { left: x - 2.5, top: y - 8, width: wide + 5, height: 15.5 }, 3);
  ctx.fillStyle = ink;
  ctx.direction = towards;
  ctx.fillText(word, x, y);
}

/** @param {Scene} scene @param {Row} row @param {Lane} lane @param {string} colour */
function drawTexts(scene, row, lane, colour) {
  const { ctx, view, theme } = scene;
  const [first, last] = lane.inView(view.start, view.end);
  setFont(ctx, theme.font);
  ctx.textAlign = "center";
  const byValue = scene.data.colour.by === "value" && lane.value;
  for (let i = first; i < last; i++) {
    if (lane.end[i] < view.start && lane.endOf(i) < view.start) continue;
    const box = boxOf(scene, row, lane, i);
    const fill = wordColour(scene, lane, i, colour);
    ctx.fillStyle = byValue ? fill : fade(colour, theme.dark ? 0.32 : 0.2);
    fillRounded(ctx, box, 4);
    ctx.fillStyle = byValue ? inkFor(fill) : theme.ink;
    drawLabel(scene, lane, i, box, theme.ink);
  }
}

/** Black or white, whichever is more legible on a colour. @param {string} colour "#rrggbb" */
export const inkFor = (colour) => (lightness(parseColour(colour) ?? [0, 0, 0]) > 0.5 ? "#111" : "#fff");

/** @param {CanvasRenderingContext2D} ctx @param {{left: number, top: number, width: number, height: number}} box @param {number} radius */
export function fillRounded(ctx, { left, top, width, height }, radius) {
  ctx.beginPath();
  ctx.roundRect(left, top, width, height, Math.min(radius, width / 2));
  ctx.fill();
}

/**
 * Draw the text of a word in the middle of the visible part of its box; it may reach to the next word. The fill is set.
 * @param {Pick<Scene, "ctx" | "view" | "width">} scene @param {Lane} lane @param {number} i
 * @param {ReturnType<typeof boxOf>} box @param {string} outside colour of a text that is wider than its box
 */
export function drawLabel(scene, lane, i, box, outside) {
  const label = labelOf(scene, lane, i, box);
  if (!label) return;
  const { ctx } = scene;
  ctx.direction = textDirection(label.text);
  if (label.runsOver) ctx.fillStyle = outside;
  ctx.fillText(label.text, label.middle, box.top + box.height / 2 + 0.5);
}

/**
 * The text of a word and its position; null if there is no room.
 * @param {Pick<Scene, "ctx" | "view" | "width">} scene @param {Lane} lane @param {number} i @param {{left: number, width: number}} box
 */
function labelOf({ ctx, view, width }, lane, i, box) {
  const next = Math.min(width, xOf(lane.roomOf(i), view, width)) - 1;
  const left = Math.max(0, box.left);
  const right = Math.min(next, box.left + box.width);
  if ((box.left < 0 ? right : next) - left < 5) return null;
  const text = lane.texts.at(i);
  const measure = (/** @type {string} */ part) => widthOf(ctx, part);
  const wide = (lane.widths[i] ||= measure(text.slice(0, 4000)));
  if (wide <= right - left - 2) return { text, middle: (left + right) / 2, runsOver: false };
  const room = next - left - 1;
  if (box.left < 0 && wide > room) return null; // no half word at the edge
  const shown = wide <= room ? text : fitText(text, room, measure);
  if (!shown) return null;
  return { text: shown, middle: left + 1 + (shown === text ? wide : measure(shown)) / 2, runsOver: wide > right - left + 6 };
}

/** Number of words without room for text, in a lane with detail "text"; words at an edge do not count. @param {Scene} scene @param {Row} row */
export function countUnwritten(scene, row) {
  const lane = scene.data.lanes[row.lane];
  const { view } = scene;
  if (getDetail(scene, lane) !== "text") return 0;
  const [first, last] = lane.inView(view.start, view.end);
  let n = 0;
  for (let i = first; i < last; i++) {
    const cut = lane.start[i] < view.start || Math.max(lane.endOf(i), lane.roomOf(i)) > view.end;
    if (!cut && !labelOf(scene, lane, i, boxOf(scene, row, lane, i))) n++;
  }
  return n;
}

/** The refined text, below the words. @param {Scene} scene @param {Row} row @param {string} colour */
export function drawRefined({ ctx, data, view, width, theme }, row, colour) {
  setFont(ctx, theme.font, SMALL);
  ctx.textAlign = "left";
  const measure = (/** @type {string} */ text) => widthOf(ctx, text);
  const top = row.top + row.height - row.refined;
  for (const final of data.finals[row.lane].inView(view)) {
    if (!final.refined) continue;
    const [start, end] = [xOf(final.start, view, width), xOf(final.end, view, width)];
    const left = Math.max(2, start + 3);
    const text = fitText(final.refined, Math.min(width, end) - left - 3, measure);
    if (!text) continue;
    ctx.fillStyle = fade(colour, 0.5);
    ctx.fillRect(start + 1, top, Math.max(1, end - start - 2), 1);
    ctx.fillStyle = theme.soft;
    ctx.direction = textDirection(text);
    ctx.fillText(text, left, top + row.refined / 2 + 0.5);
  }
}
