import assert from "node:assert/strict";
import test from "node:test";

import { chooseDetail, fitText } from "../../../speechkit_nb/views/widget/js/draw/detail.js";
import { findRow, layoutRows } from "../../../speechkit_nb/views/widget/js/draw/layout.js";
import { decode } from "../../../speechkit_nb/views/widget/js/data/data.js";
import { drawInPhrase, countUnwritten } from "../../../speechkit_nb/views/widget/js/draw/words.js";
import { describeView } from "../../../speechkit_nb/views/widget/js/ui/footer.js";
import { labelsFor } from "../../../speechkit_nb/views/widget/js/labels.js";
import { Columns, lane, specOf } from "./packing.mjs";

const SPEECH = { medianMs: 300, medianPhraseMs: 4000, textWidth: 40, phrased: true };

test("zooming in shows more detail", () => {
  const levels = [0.001, 0.01, 0.03, 0.2].map((scale) => chooseDetail(SPEECH, scale));
  assert.deepEqual(levels, ["density", "boxes", "phrases", "text"]);
});

test("without utterances there are no phrases", () => {
  assert.equal(chooseDetail({ ...SPEECH, phrased: false }, 0.03), "boxes");
});

const perLetter = (text) => 7 * text.length;

/** Where a word of the utterance is drawn anew, [left, text], or the box below it, [left, top]. */
function drawnInPhrase(words, i, width = 1000) {
  const columns = new Columns();
  const one = lane(columns, words.map((word, k) => [word, 1000 * k, 1000 * k + 900, 0]));
  const data = decode(specOf([one]), columns.bytes, new Uint8Array(0));
  const drawn = [];
  const ctx = {
    measureText: (text) => ({ width: perLetter(text) }),
    fillText: (text, x) => drawn.push([x, text]),
    fillRect: (x, y) => drawn.push([x, y]),
    beginPath: () => {}, roundRect: () => {}, fill: () => {},
  };
  const scene = { ctx, view: { start: 0, end: 1000 * words.length }, width, theme: { font: `f${width}` }, data };
  drawInPhrase(scene, { lane: 0, top: 0, height: 40, refined: 0 }, data.lanes[0], i, "", "");
  return drawn;
}

test("a word is marked within the text of its utterance, from the right where that is how one reads", () => {
  assert.deepEqual(drawnInPhrase(["ab", "cde"], 1), [[2 + 3 * 7, "cde"]]);
  assert.deepEqual(drawnInPhrase(["שלום", "עולם"], 0), [[2 + 5 * 7, "שלום"]]);
  assert.deepEqual(drawnInPhrase(["שלום", "עולם"], 1), [[2, "עולם"]]);
});

test("a word that is cut off the text of its utterance is marked in the boxes below", () => {
  const [[left, top], ...more] = drawnInPhrase(["a".repeat(50), "b"], 1, 100);
  assert.deepEqual([left, top > 20, more], [50, true, []]);
});

test("a text that fits is left as it is, another one is cut so that it does", () => {
  assert.equal(fitText("hello", 35, perLetter), "hello");
  for (let room = 0; room < 80; room++) {
    const text = fitText("hello world again", room, perLetter);
    assert.ok(perLetter(text) <= room);
    if (text && text !== "hello world again") assert.match(text, /^he.*…$/);
  }
});

test("a word of ten thousand letters is measured in small parts", () => {
  let longest = 0;
  fitText("x".repeat(10_000), 100, (text) => ((longest = Math.max(longest, text.length)), perLetter(text)));
  assert.ok(longest <= 51);
});

function dataOf({ sound = true, systems = ["a", "b"], refined = "" } = {}) {
  const columns = new Columns();
  const tags = ["0", "1"];
  const lanes = tags.flatMap((tag) => systems.map((system) => lane(columns, [["w", 0, 100, 0]], { tag, system })));
  const n = lanes.length;
  const zeros = new Array(n).fill(0);
  const finals = { ...columns.texts(new Array(n).fill(refined)), lane: columns.int32(lanes.keys()), start: columns.int32(zeros), end: columns.int32(zeros) };
  const channels = tags.map((tag, channel) => ({ tag, label: tag, channel, peaks: sound ? [0, 1] : null }));
  return decode(specOf(lanes, { channels, finals }), columns.bytes, new Uint8Array(4));
}

test("rows follow each other without overlap, sound before its words", () => {
  for (const narrow of [false, true]) {
    const { rows, height } = layoutRows(dataOf(), narrow);
    rows.slice(1).forEach((row, i) => assert.ok(row.top >= rows[i].top + rows[i].height));
    assert.ok(height >= rows.at(-1).top + rows.at(-1).height);
    const kinds = rows.filter(({ kind }) => kind !== "title").map(({ kind, channel, lane: at }) => [kind, channel, at]);
    assert.deepEqual(kinds, [
      ["sound", 0, -1], ["words", 0, 0], ["words", 0, 1],
      ["sound", 1, -1], ["words", 1, 2], ["words", 1, 3],
    ]);
  }
});

test("a row is found by a height, the gap between rows is none", () => {
  const { rows } = layoutRows(dataOf(), false);
  assert.equal(findRow(rows, rows[1].top), rows[1]);
  assert.equal(findRow(rows, rows[0].top - 1), null);
});

test("only lanes with refined text have room for it", () => {
  const tall = (refined) => layoutRows(dataOf({ refined }), false).height;
  assert.ok(tall("W.") > tall(""));
});

test("words of a channel that is not listed are shown below", () => {
  const data = dataOf({ systems: ["a"] });
  data.lanes[1].channelTag = "7";
  assert.deepEqual(layoutRows(data, false).rows.at(-1).channel, -1);
});

test("the note has the number of words, and how to read them", () => {
  const [data, labels] = [dataOf(), labelsFor("en")];
  assert.deepEqual(describeView(data, { start: 0, end: 50 }, () => "density", 0, labels), ["4 words in view", "zoom in to read"]);
  assert.deepEqual(describeView(data, { start: 0, end: 50 }, () => "text", 0, labels), ["4 words in view"]);
  assert.deepEqual(describeView(data, { start: 0, end: 50 }, () => "text", 3, labels), ["4 words in view", "3 too narrow to be written"]);
  assert.deepEqual(describeView(data, { start: 500, end: 900 }, () => "text", 0, labels), ["no words in view"]);
});

/** Letters of seven pixels. */
const ctx = { font: "", textBaseline: "", measureText: (text) => ({ width: perLetter(text) }) };

function rowOf(words, view) {
  const columns = new Columns();
  const data = decode(specOf([lane(columns, words)]), columns.bytes, new Uint8Array(0));
  return countUnwritten({ ctx, data, view, width: 1000, theme: { font: "sans" } }, { kind: "words", lane: 0, top: 0, height: 27, refined: 0 });
}

test("words whose text has no room at all are counted; shortened and overhanging texts are not", () => {
  const view = { start: 0, end: 1000 }; // a pixel a millisecond
  const roomy = ["a", "b", "c", "d", "e"].map((text, i) => [text, 500 + 90 * i, 580 + 90 * i, 0]);
  assert.equal(rowOf(roomy, view), 0);
  assert.equal(rowOf([["narrow", 10, 14, 0], ["next", 14, 100, 0], ...roomy], view), 1);
  assert.equal(rowOf([["runs", 10, 11, 0], ["next", 100, 200, 0], ...roomy], view), 0);
  assert.equal(rowOf([["shorten", 10, 40, 0], ["next", 40, 200, 0], ...roomy], view), 0);
  assert.equal(rowOf([["same", 10, 60, 0], ["place", 10, 60, 0], ...roomy], view), 1, "the one below has no room");
});

test("words that the edge of the view cuts are not called narrow", () => {
  const words = ["a", "b", "c"].map((text, i) => [text, 300 * i, 300 * i + 200, 0]);
  assert.equal(rowOf(words, { start: 198, end: 602 }), 0);
});

test("where there is no text at all, none is missed", () => {
  const words = Array.from({ length: 400 }, (_, i) => ["word", i * 2, i * 2 + 1, 0]);
  assert.equal(rowOf(words, { start: 0, end: 1000 }), 0);
});

test("Russian counts narrow words", () => {
  const { narrow } = labelsFor("ru");
  assert.deepEqual([1, 12, 21].map(narrow), ["1 слишком узкое для надписи", "12 слишком узких для надписи", "21 слишком узкое для надписи"]);
});

test("Russian counts its words", () => {
  const { words } = labelsFor(null, "ru-RU");
  assert.deepEqual([1, 2, 5, 11, 21, 112, 1234].map((n) => words(n).split(" на")[0]), [
    "1 слово", "2 слова", "5 слов", "11 слов", "21 слово", "112 слов", "1\u00a0234 слова",
  ]);
});

test("both languages have the same labels", () => {
  const [en, ru] = [labelsFor("en"), labelsFor("ru")];
  assert.deepEqual(Object.keys(en), Object.keys(ru));
  assert.deepEqual([en.keys.length, en.mouse.length], [ru.keys.length, ru.mouse.length]);
  assert.equal(labelsFor(null, "de"), en);
});
