import assert from "node:assert/strict";
import test from "node:test";

import { decode } from "../../../speechkit_nb/views/widget/js/data/data.js";
import { countBelow, median, Timed } from "../../../speechkit_nb/views/widget/js/data/sorted.js";
import { Columns, lane, random, specOf } from "./packing.mjs";

const NONE = new Uint8Array(0);

function laneOf(rows) {
  const columns = new Columns();
  const spec = specOf([lane(columns, rows)]);
  return decode(spec, columns.bytes, NONE).lanes[0];
}

/** Words that overlap, take no time, or end before they start. */
function anyRows(next, n) {
  const rows = Array.from({ length: n }, (_, i) => {
    const start = Math.floor(next() * 3000);
    return [`w${i}`, start, start + Math.floor(next() * 400) - 50, Math.floor(i / 4)];
  });
  return rows.sort((a, b) => a[1] - b[1]);
}

test("the words looked at hold every word that touches the view, and few others", () => {
  const next = random(2);
  for (let round = 0; round < 200; round++) {
    const rows = anyRows(next, Math.floor(next() * 40));
    const words = laneOf(rows);
    const [start, end] = [Math.floor(next() * 3500) - 200, 0].map((time, i, both) => (i ? both[0] + 1 + next() * 900 : time));
    const [first, last] = words.inView(start, end);
    rows.forEach(([text, from, to], i) => {
      if (from < end && to >= start) assert.ok(first <= i && i < last, `${text} of ${rows.length} in ${start}..${end}`);
      if (from >= end) assert.ok(i >= last);
    });
  }
});

test("the word at a time is the last begun of those that hold it", () => {
  const next = random(3);
  for (let round = 0; round < 200; round++) {
    const rows = anyRows(next, 30);
    const words = laneOf(rows);
    const time = Math.floor(next() * 3500);
    const slow = rows.findLastIndex(([, from, to]) => from <= time && time < to);
    assert.equal(words.at(time), slow);
  }
});

test("a word beside the pointer is found within the slack only", () => {
  const words = laneOf([["a", 100, 200], ["b", 500, 500]]);
  assert.equal(words.at(205), -1);
  assert.equal(words.at(205, 6), 0);
  assert.equal(words.at(300, 20), -1);
  assert.equal(words.at(497, 4), 1, "a word that takes no time can be pointed at");
  assert.equal(words.at(503, 4), 1);
});

test("steps go to the words before and after, and stop at the ends", () => {
  const words = laneOf([["a", 100, 200], ["b", 300, 400]]);
  assert.deepEqual([words.next(0, 1), words.next(100, 1), words.next(300, 1)], [0, 1, -1]);
  assert.deepEqual([words.next(350, -1), words.next(300, -1), words.next(100, -1)], [1, 0, -1]);
});

test("shares of speech are those of a count millisecond by millisecond", () => {
  const next = random(4);
  for (let round = 0; round < 30; round++) {
    const rows = anyRows(next, 12);
    const shares = laneOf(rows).speech.shares(0, 3600, 36);
    shares.forEach((share, bin) => {
      let spoken = 0;
      for (const [, from, to] of rows) for (let ms = bin * 100; ms < bin * 100 + 100; ms++) if (ms >= from && ms < to) spoken++;
      assert.ok(Math.abs(share - Math.min(1, spoken / 100)) < 1e-6, `bin ${bin}: ${share}, not ${spoken / 100}`);
    });
  }
});

test("words of one final make an utterance", () => {
  const words = laneOf([["one", 0, 1, 0], ["two", 2, 3, 0], ["three", 4, 5, 1]]);
  assert.deepEqual([...words.phraseStarts], [0, 2, 3]);
  assert.deepEqual([words.phrase(0), words.phrase(1)], ["one two", "three"]);
  assert.deepEqual([0, 1, 2].map((word) => words.phraseOf(word)), [0, 0, 1]);
});

test("an empty lane has nothing anywhere", () => {
  const words = laneOf([]);
  assert.deepEqual(words.inView(0, 1000), [0, 0]);
  assert.deepEqual([words.at(0), words.at(0, 50), words.next(0, 1), words.next(0, -1), words.medianMs], [-1, -1, -1, -1, 0]);
  assert.deepEqual([...words.speech.shares(0, 10, 2)], [0, 0]);
});

test("the count of lower values is that of a walk from the left", () => {
  const next = random(5);
  for (let round = 0; round < 100; round++) {
    const values = Array.from({ length: Math.floor(next() * 20) }, () => Math.floor(next() * 10)).sort((a, b) => a - b);
    const limit = Math.floor(next() * 12) - 1;
    assert.equal(countBelow(values, limit), values.filter((value) => value < limit).length);
  }
});

test("the median is the middle value, 0 of none", () => {
  const of = (...values) => median(values.length, (i) => values[i]);
  assert.deepEqual([of(), of(7), of(9, 1, 5)], [0, 7, 5]);
});

test("spans in view include one that began long before", () => {
  const spans = new Timed([{ start: 0, end: 900 }, { start: 100, end: 200 }, { start: 500, end: 600 }, { start: 950, end: 960 }]);
  assert.deepEqual(spans.inView({ start: 400, end: 700 }).map(({ start }) => start), [0, 500]);
  assert.deepEqual([spans.neighbour(100, 1)?.start, spans.neighbour(100, -1)?.start, spans.neighbour(0, -1)], [500, 0, null]);
});

test("words that take no time have the room to the next one", () => {
  const rows = [0, 300, 700].map((start) => ["w", start, start, 0]);
  assert.equal(laneOf(rows).medianMs, 300);
  assert.equal(laneOf([["w", 0, 200, 0], ["w", 900, 1100, 0]]).medianMs, 200);
});
