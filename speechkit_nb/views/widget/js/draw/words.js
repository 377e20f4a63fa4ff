// @ts-check
/** Paints words at the level of detail there is room for. */

import { detailOf, fitted } from "./detail.js";
import { countBelow, median } from "../data/sorted.js";
import { channelsOf, lightness, pale, scaled } from "./theme.js";
import { direction } from "../data/texts.js";
import { lengthOf, xOf } from "../view.js";

/** @typedef {import("./draw.js").Scene} Scene */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("../data/lane.js").Lane} Lane */
/** @typedef {import("./detail.js").Detail} Detail */

const FONT = 12.5;
const SMALL = 11;
const STEP = 2; // pixels of one bar of the density
const LEAST = 0.14; // height of the density where there is any speech at all
const PADDING = 4;
const INSET = 3; // above and below the boxes
const STRIP = 4; // height of the boxes under the text of an utterance
const SAMPLED = 64; // words measured to know a typical one

/** @param {Scene} scene @param {Row} row @param {string} colour @returns {Detail} */
export function drawWords(scene, row, colour) {
  const lane = scene.data.lanes[row.lane];
  const detail = levelOf(scene, lane);
  if (detail === "density") drawDensity(scene, row, lane, colour);
  else if (detail === "text") drawTexts(scene, row, lane, colour);
  else drawBoxes(scene, row, lane, colour, detail);
  return detail;
}

/** How much of a lane is drawn. @param {Pick<Scene, "ctx" | "view" | "width" | "theme">} scene @param {Lane} lane */
export function levelOf({ ctx, view, width, theme }, lane) {
  const { medianMs, medianPhraseMs } = lane;
  const phrased = lane.phraseStarts.length - 1 < 0.7 * lane.length;
  setFont(ctx, theme.font);
  return detailOf({ medianMs, medianPhraseMs, textWidth: typicalWidth(ctx, lane), phrased }, width / lengthOf(view));
}

/** @type {WeakMap<Lane, {font: string, width: number}>} */
const typical = new WeakMap();

/** Pixels that the median of some words takes. @param {CanvasRenderingContext2D} ctx @param {Lane} lane */
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

const KNOWN = 4000; // widths of texts in one font
/** @type {Map<string, Map<string, number>>} */
const widths = new Map();

/** How wide a text is. Kept, as measuring leaves kilobytes behind each time. @param {CanvasRenderingContext2D} ctx @param {string} text */
export function widthOf(ctx, text) {
  const { font } = ctx;
  let known = widths.get(font);
  if (!known || known.size >= KNOWN) widths.set(font, (known = new Map()));
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
  ctx.fillStyle = pale(colour, 0.6);
  for (let i = 0; i < n; i++) {
    if (!shares[i]) continue;
    const tall = height * (LEAST + (1 - LEAST) * shares[i]);
    if (byValue) ctx.fillStyle = scaled(meanValue(lane, view.start + (i * STEP * lengthOf(view)) / width, (STEP * lengthOf(view)) / width), data.colour);
    ctx.fillRect(i * STEP, base - tall, STEP, tall);
  }
}

/** Mean value of the words that begin in a stretch, or of the one before. @param {Lane} lane @param {number} start @param {number} length */
function meanValue(lane, start, length) {
  const first = countBelow(lane.start, start);
  const last = Math.max(first + 1, countBelow(lane.start, start + length, first));
  const values = [...(lane.value?.subarray(Math.min(first, lane.length - 1), last) ?? [])].filter(Number.isFinite);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN;
}

/**
 * Where the box of a word stands.
 * @param {Pick<Scene, "view" | "width">} scene @param {Row} row @param {Lane} lane @param {number} i
 */
export function boxOf({ view, width }, row, lane, i) {
  const left = xOf(lane.start[i], view, width);
  const right = xOf(lane.endOf(i), view, width);
  const gap = right - left > 6 ? 1 : right - left > 2 ? 0.5 : 0;
  return { left, width: Math.max(1, right - left - gap), top: row.top + INSET, height: row.height - row.refined - 2 * INSET };
}

/**
 * The same where the text of the utterance stands above it.
 * @param {Pick<Scene, "view" | "width">} scene @param {Row} row @param {Lane} lane @param {number} i
 */
export function stripOf(scene, row, lane, i) {
  const box = boxOf(scene, row, lane, i);
  return { ...box, top: box.top + box.height - STRIP, height: STRIP };
}

/** @param {Scene} scene @param {Lane} lane @param {number} i @param {string} colour */
const wordColour = (scene, lane, i, colour) =>
  scene.data.colour.by === "value" && lane.value ? scaled(lane.value[i], scene.data.colour) : colour;

/** Boxes; below the text of each utterance where there is room for it. @param {Scene} scene @param {Row} row @param {Lane} lane @param {string} colour @param {Detail} detail */
function drawBoxes(scene, row, lane, colour, detail) {
  const { ctx, view } = scene;
  const phrases = detail === "phrases";
  const [first, last] = lane.inView(view.start, view.end);
  const byValue = scene.data.colour.by === "value" && lane.value;
  ctx.fillStyle = pale(colour, phrases ? 0.75 : 0.55);
  for (let i = first; i < last; i++) {
    const box = phrases ? stripOf(scene, row, lane, i) : boxOf(scene, row, lane, i);
    if (byValue) ctx.fillStyle = wordColour(scene, lane, i, colour);
    ctx.fillRect(box.left, box.top, box.width, box.height);
  }
  if (phrases) drawPhrases(scene, row, lane, first, last);
}

/**
 * Where the text of an utterance stands, and how much room it has.
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

/** The text of each utterance, as much as there is room for. @param {Scene} scene @param {Row} row @param {Lane} lane @param {number} first @param {number} last words */
function drawPhrases(scene, row, lane, first, last) {
  if (first >= last) return;
  const { ctx, theme } = scene;
  const measure = setPhraseFont(ctx, theme.font);
  ctx.fillStyle = theme.ink;
  for (let phrase = lane.phraseOf(first); phrase <= lane.phraseOf(last - 1); phrase++) {
    const { left, room, y } = phraseBox(scene, row, lane, phrase);
    if (room < 14) continue;
    const text = fitted(lane.phrase(phrase), room, measure);
    ctx.direction = direction(text);
    ctx.fillText(text, left, y);
  }
}

/**
 * A word within the text of its utterance, on a ground of the colour; where it is cut off, its box below the text.
 * @param {Scene} scene @param {Row} row @param {Lane} lane @param {number} i @param {string} fill @param {string} ink
 */
export function drawInPhrase(scene, row, lane, i, fill, ink) {
  const { ctx, theme } = scene;
  const phrase = lane.phraseOf(i);
  const { left, room, y } = phraseBox(scene, row, lane, phrase);
  const measure = setPhraseFont(ctx, theme.font);
  const word = lane.texts.at(i);
  const towards = direction(lane.phrase(phrase));
  const wide = measure(word);
  const from = measure(lane.phrase(phrase, i));
  const shown = Math.min(room, measure(fitted(lane.phrase(phrase), room, measure)));
  const x = towards === "rtl" ? left + shown - from - wide : left + from;
  ctx.fillStyle = fill;
  if (x < left || x + wide > left + room) {
    const strip = stripOf(scene, row, lane, i);
    return ctx.fillRect(strip.left, strip.top, Math.max(3, strip.width), strip.height);
  }
  rounded(ctx, { left: x - 2.5, top: y - 8, width: wide + 5, height: 15.5 }, 3);
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
    ctx.fillStyle = byValue ? fill : pale(colour, theme.dark ? 0.32 : 0.2);
    rounded(ctx, box, 4);
    ctx.fillStyle = byValue ? inkOn(fill) : theme.ink;
    drawLabel(scene, lane, i, box, theme.ink);
  }
}

/** Black or white, what is read better. @param {string} colour "#rrggbb" */
export const inkOn = (colour) => (lightness(channelsOf(colour) ?? [0, 0, 0]) > 0.5 ? "#111" : "#fff");

/** @param {CanvasRenderingContext2D} ctx @param {{left: number, top: number, width: number, height: number}} box @param {number} radius */
export function rounded(ctx, { left, top, width, height }, radius) {
  ctx.beginPath();
  ctx.roundRect(left, top, width, height, Math.min(radius, width / 2));
  ctx.fill();
}

/**
 * The text of a word, in the middle of what is seen of its box; it may run on to the next word. The fill is set.
 * @param {Pick<Scene, "ctx" | "view" | "width">} scene @param {Lane} lane @param {number} i
 * @param {ReturnType<typeof boxOf>} box @param {string} outside colour of a text that is wider than its box
 */
export function drawLabel(scene, lane, i, box, outside) {
  const label = labelOf(scene, lane, i, box);
  if (!label) return;
  const { ctx } = scene;
  ctx.direction = direction(label.text);
  if (label.runsOver) ctx.fillStyle = outside;
  ctx.fillText(label.text, label.middle, box.top + box.height / 2 + 0.5);
}

/**
 * What is written of a word, and where; null where there is no room.
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
  if (box.left < 0 && wide > room) return null; // half of a word at the edge
  const shown = wide <= room ? text : fitted(text, room, measure);
  if (!shown) return null;
  return { text: shown, middle: left + 1 + (shown === text ? wide : measure(shown)) / 2, runsOver: wide > right - left + 6 };
}

/** How many words of a lane at the level of text have no room for any; not those at an edge. @param {Scene} scene @param {Row} row */
export function unwritten(scene, row) {
  const lane = scene.data.lanes[row.lane];
  const { view } = scene;
  if (levelOf(scene, lane) !== "text") return 0;
  const [first, last] = lane.inView(view.start, view.end);
  let n = 0;
  for (let i = first; i < last; i++) {
    const cut = lane.start[i] < view.start || Math.max(lane.endOf(i), lane.roomOf(i)) > view.end;
    if (!cut && !labelOf(scene, lane, i, boxOf(scene, row, lane, i))) n++;
  }
  return n;
}

/** What was refined, under what was said first. @param {Scene} scene @param {Row} row @param {string} colour */
export function drawRefined({ ctx, data, view, width, theme }, row, colour) {
  setFont(ctx, theme.font, SMALL);
  ctx.textAlign = "left";
  const measure = (/** @type {string} */ text) => widthOf(ctx, text);
  const top = row.top + row.height - row.refined;
  for (const final of data.finals[row.lane].inView(view)) {
    if (!final.refined) continue;
    const [start, end] = [xOf(final.start, view, width), xOf(final.end, view, width)];
    const left = Math.max(2, start + 3);
    const text = fitted(final.refined, Math.min(width, end) - left - 3, measure);
    if (!text) continue;
    ctx.fillStyle = pale(colour, 0.5);
    ctx.fillRect(start + 1, top, Math.max(1, end - start - 2), 1);
    ctx.fillStyle = theme.soft;
    ctx.direction = direction(text);
    ctx.fillText(text, left, top + row.refined / 2 + 0.5);
  }
}
