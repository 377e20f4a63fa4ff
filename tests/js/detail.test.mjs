import assert from "node:assert/strict";
import test from "node:test";

import { detailOf, fitted } from "../../speechkit_nb/views/js/detail.js";
import { layout, rowAt } from "../../speechkit_nb/views/js/layout.js";
import { decode } from "../../speechkit_nb/views/js/data.js";
import { notes } from "../../speechkit_nb/views/js/footer.js";
import { labelsFor } from "../../speechkit_nb/views/js/labels.js";
import { Columns, lane, specOf } from "./packing.mjs";

const SPEECH = { medianMs: 300, medianPhraseMs: 4000, textWidth: 40, phrased: true };

test("detail grows as one zooms in", () => {
  const levels = [0.001, 0.01, 0.03, 0.2].map((scale) => detailOf(SPEECH, scale));
  assert.deepEqual(levels, ["density", "boxes", "phrases", "text"]);
});

test("without utterances there are no phrases", () => {
  assert.equal(detailOf({ ...SPEECH, phrased: false }, 0.03), "boxes");
});

const perLetter = (text) => 7 * text.length;

test("a text that fits is left as it is, another one is cut so that it does", () => {
  assert.equal(fitted("hello", 35, perLetter), "hello");
  for (let room = 0; room < 80; room++) {
    const text = fitted("hello world again", room, perLetter);
    assert.ok(perLetter(text) <= room);
    if (text && text !== "hello world again") assert.match(text, /^he.*…$/);
  }
});

test("a word of ten thousand letters is measured in small parts", () => {
  let longest = 0;
  fitted("x".repeat(10_000), 100, (text) => ((longest = Math.max(longest, text.length)), perLetter(text)));
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
    const { rows, height } = layout(dataOf(), narrow);
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
  const { rows } = layout(dataOf(), false);
  assert.equal(rowAt(rows, rows[1].top), rows[1]);
  assert.equal(rowAt(rows, rows[0].top - 1), null);
});

test("only lanes with refined text have room for it", () => {
  const tall = (refined) => layout(dataOf({ refined }), false).height;
  assert.ok(tall("W.") > tall(""));
});

test("words of a channel that is not listed are shown below", () => {
  const data = dataOf({ systems: ["a"] });
  data.lanes[1].channelTag = "7";
  assert.deepEqual(layout(data, false).rows.at(-1).channel, -1);
});

test("the note says how many words there are, and what to do to read them", () => {
  const [data, labels] = [dataOf(), labelsFor("en")];
  assert.deepEqual(notes(data, { start: 0, end: 50 }, () => "density", labels), ["4 words in view", "zoom in to read"]);
  assert.deepEqual(notes(data, { start: 0, end: 50 }, () => "text", labels), ["4 words in view"]);
  assert.deepEqual(notes(data, { start: 500, end: 900 }, () => "text", labels), ["no words in view"]);
});

test("Russian counts its words", () => {
  const { words } = labelsFor(null, "ru-RU");
  assert.deepEqual([1, 2, 5, 11, 21, 112, 1234].map((n) => words(n).split(" на")[0]), [
    "1 слово", "2 слова", "5 слов", "11 слов", "21 слово", "112 слов", "1\u00a0234 слова",
  ]);
});

test("both languages say the same things", () => {
  const [en, ru] = [labelsFor("en"), labelsFor("ru")];
  assert.deepEqual(Object.keys(en), Object.keys(ru));
  assert.deepEqual([en.keys.length, en.mouse.length], [ru.keys.length, ru.mouse.length]);
  assert.equal(labelsFor(null, "de"), en);
});
