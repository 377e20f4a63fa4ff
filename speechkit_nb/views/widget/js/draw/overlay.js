// @ts-check
/** Draws what changes often: the selection, matches, and the words under the playhead and under the pointer. */

import { AXIS, rowColour } from "./draw.js";
import { boxOf, drawInPhrase, drawLabel, inkFor, getDetail, fillRounded, setFont, stripOf, widthOf } from "./words.js";
import { shorten, textDirection } from "../data/texts.js";
import { fade } from "./theme.js";
import { xOf } from "../view.js";

/** @typedef {import("./draw.js").Scene} Scene */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("../data/search.js").Hit} Hit */
/**
 * @typedef {object} Highlights
 * @property {import("../data/data.js").Span | null} selection
 * @property {boolean} loop
 * @property {number} time of the playhead
 * @property {[number, number] | null} hovered lane and word
 * @property {Hit[]} hits
 * @property {Hit | null} hit the current match
 */

const MOST_HITS = 400; // matches outlined in one view

/** @param {Scene} scene @param {Highlights} highlights */
export function drawOverlay(scene, highlights) {
  const { ctx, width, height } = scene;
  ctx.clearRect(0, 0, width, height);
  drawSelection(scene, highlights);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, AXIS, width, height - AXIS);
  ctx.clip();
  ctx.translate(0, AXIS - scene.top);
  drawHits(scene, highlights);
  for (const row of scene.rows) {
    if (row.kind !== "words") continue;
    drawCurrentWord(scene, row, highlights.time);
    if (highlights.hovered?.[0] === row.lane) outline(scene, row, highlights.hovered[1], scene.theme.ink, 1);
  }
  ctx.restore();
}

/** @param {Scene} scene @param {Highlights} highlights */
function drawSelection({ ctx, view, width, height, theme }, { selection, loop }) {
  if (!selection) return;
  const [left, right] = [xOf(selection.start, view, width), xOf(selection.end, view, width)];
  ctx.fillStyle = theme.accent;
  ctx.globalAlpha = 0.14;
  ctx.fillRect(left, 0, right - left, height);
  ctx.globalAlpha = 0.9;
  for (const x of [left, right]) ctx.fillRect(Math.round(x) - 0.5, 0, 1, height);
  if (loop) ctx.fillRect(left, 0, right - left, 3);
  ctx.globalAlpha = 1;
}

/** @param {Scene} scene @param {Highlights} highlights */
function drawHits(scene, { hits, hit }) {
  const { view, rows } = scene;
  const shown = hits.filter(({ start, end }) => end >= view.start && start < view.end);
  if (shown.length > MOST_HITS) return;
  for (const one of shown) {
    const row = rows.find(({ kind, lane }) => kind === "words" && lane === one.lane);
    if (!row) continue;
    for (let i = one.first; i <= one.last; i++) drawHit(scene, row, i, one === hit);
  }
}

/** @param {Scene} scene @param {Row} row @param {number} i @param {boolean} current */
function drawHit(scene, row, i, current) {
  const { theme, data } = scene;
  if (getDetail(scene, data.lanes[row.lane]) === "phrases") {
    drawInPhrase(scene, row, data.lanes[row.lane], i, current ? theme.alert : fade(theme.alert, 0.25), current ? theme.page : theme.ink);
  }
  outline(scene, row, i, theme.alert, current ? 2.5 : 1.25);
}

/** The word under the playhead, in the full colour of its lane. @param {Scene} scene @param {Row} row @param {number} time */
function drawCurrentWord(scene, row, time) {
  const { ctx, data, theme } = scene;
  const lane = data.lanes[row.lane];
  const i = lane.at(time);
  if (i < 0) return;
  const box = boxOf(scene, row, lane, i);
  const byValue = data.colour.by === "value";
  const [fill, ink] = byValue ? [theme.ink, theme.page] : [rowColour(data, row, theme), inkFor(rowColour(data, row, theme))];
  const detail = getDetail(scene, lane);
  if (detail === "phrases") return drawInPhrase(scene, row, lane, i, fill, ink);
  setFont(ctx, theme.font);
  ctx.textAlign = "center";
  ctx.fillStyle = fill;
  if (detail !== "text" || lane.widths[i] > box.width - 2) return drawWidened(scene, lane, i, box, fill, ink);
  fillRounded(ctx, box, 4);
  ctx.fillStyle = ink;
  drawLabel(scene, lane, i, box, theme.ink);
}

/**
 * A word under the playhead that is wider than its box gets a wider box.
 * @param {Scene} scene @param {import("../data/lane.js").Lane} lane @param {number} i @param {ReturnType<typeof boxOf>} box
 * @param {string} fill @param {string} ink
 */
function drawWidened({ ctx, width }, lane, i, box, fill, ink) {
  const text = shorten(lane.texts.at(i), 40);
  const wide = Math.max(box.width, widthOf(ctx, text) + 10);
  const left = Math.max(0, Math.min(width - wide, box.left + (box.width - wide) / 2));
  ctx.fillStyle = fill;
  fillRounded(ctx, { ...box, left, width: wide }, 4);
  ctx.fillStyle = ink;
  ctx.direction = textDirection(text);
  ctx.fillText(text, left + wide / 2, box.top + box.height / 2 + 0.5);
}

/** @param {Scene} scene @param {Row} row @param {number} i @param {string} colour @param {number} thick */
function outline(scene, row, i, colour, thick) {
  const { ctx, data } = scene;
  const lane = data.lanes[row.lane];
  const box = getDetail(scene, lane) === "phrases" ? stripOf(scene, row, lane, i) : boxOf(scene, row, lane, i);
  ctx.strokeStyle = colour;
  ctx.lineWidth = thick;
  ctx.beginPath();
  ctx.roundRect(box.left, box.top, Math.max(3, box.width), box.height, Math.min(4, box.width / 2));
  ctx.stroke();
}
