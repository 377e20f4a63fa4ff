// @ts-check
/** Paints what changes while one looks: the selection, matches, the words that are being said or pointed at. */

import { AXIS, rowColour } from "./draw.js";
import { boxOf, drawInPhrase, drawLabel, inkOn, levelOf, rounded, setFont, stripOf, widthOf } from "./words.js";
import { direction, shortened } from "../data/texts.js";
import { pale } from "./theme.js";
import { xOf } from "../view.js";

/** @typedef {import("./draw.js").Scene} Scene */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("../data/search.js").Hit} Hit */
/**
 * @typedef {object} Marked
 * @property {import("../data/data.js").Span | null} selection
 * @property {boolean} loop
 * @property {number} time of the playhead
 * @property {[number, number] | null} pointed lane and word
 * @property {Hit[]} hits
 * @property {Hit | null} hit the one that was jumped to
 */

const MOST_HITS = 400; // outlined in one view

/** @param {Scene} scene @param {Marked} marked */
export function drawOverlay(scene, marked) {
  const { ctx, width, height } = scene;
  ctx.clearRect(0, 0, width, height);
  drawSelection(scene, marked);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, AXIS, width, height - AXIS);
  ctx.clip();
  ctx.translate(0, AXIS - scene.top);
  drawHits(scene, marked);
  for (const row of scene.rows) {
    if (row.kind !== "words") continue;
    drawSpoken(scene, row, marked.time);
    if (marked.pointed?.[0] === row.lane) outline(scene, row, marked.pointed[1], scene.theme.ink, 1);
  }
  ctx.restore();
}

/** @param {Scene} scene @param {Marked} marked */
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

/** @param {Scene} scene @param {Marked} marked */
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
  if (levelOf(scene, data.lanes[row.lane]) === "phrases") {
    drawInPhrase(scene, row, data.lanes[row.lane], i, current ? theme.alert : pale(theme.alert, 0.25), current ? theme.page : theme.ink);
  }
  outline(scene, row, i, theme.alert, current ? 2.5 : 1.25);
}

/** The word under the playhead, in the full colour of its lane. @param {Scene} scene @param {Row} row @param {number} time */
function drawSpoken(scene, row, time) {
  const { ctx, data, theme } = scene;
  const lane = data.lanes[row.lane];
  const i = lane.at(time);
  if (i < 0) return;
  const box = boxOf(scene, row, lane, i);
  const byValue = data.colour.by === "value";
  const [fill, ink] = byValue ? [theme.ink, theme.page] : [rowColour(data, row, theme), inkOn(rowColour(data, row, theme))];
  const detail = levelOf(scene, lane);
  if (detail === "phrases") return drawInPhrase(scene, row, lane, i, fill, ink);
  setFont(ctx, theme.font);
  ctx.textAlign = "center";
  ctx.fillStyle = fill;
  if (detail !== "text" || lane.widths[i] > box.width - 2) return widened(scene, lane, i, box, fill, ink);
  rounded(ctx, box, 4);
  ctx.fillStyle = ink;
  drawLabel(scene, lane, i, box, theme.ink);
}

/**
 * A spoken word that has no room in its box gets one that holds it.
 * @param {Scene} scene @param {import("../data/lane.js").Lane} lane @param {number} i @param {ReturnType<typeof boxOf>} box
 * @param {string} fill @param {string} ink
 */
function widened({ ctx, width }, lane, i, box, fill, ink) {
  const text = shortened(lane.texts.at(i), 40);
  const wide = Math.max(box.width, widthOf(ctx, text) + 10);
  const left = Math.max(0, Math.min(width - wide, box.left + (box.width - wide) / 2));
  ctx.fillStyle = fill;
  rounded(ctx, { ...box, left, width: wide }, 4);
  ctx.fillStyle = ink;
  ctx.direction = direction(text);
  ctx.fillText(text, left + wide / 2, box.top + box.height / 2 + 0.5);
}

/** @param {Scene} scene @param {Row} row @param {number} i @param {string} colour @param {number} thick */
function outline(scene, row, i, colour, thick) {
  const { ctx, data } = scene;
  const lane = data.lanes[row.lane];
  const box = levelOf(scene, lane) === "phrases" ? stripOf(scene, row, lane, i) : boxOf(scene, row, lane, i);
  ctx.strokeStyle = colour;
  ctx.lineWidth = thick;
  ctx.beginPath();
  ctx.roundRect(box.left, box.top, Math.max(3, box.width), box.height, Math.min(4, box.width / 2));
  ctx.stroke();
}
