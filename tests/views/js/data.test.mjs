import assert from "node:assert/strict";
import test from "node:test";

import { bytesOf, decode } from "../../../speechkit_nb/views/widget/js/data/data.js";
import { shorten, textDirection } from "../../../speechkit_nb/views/widget/js/data/texts.js";
import { Columns, lane, specOf } from "./packing.mjs";

const NONE = new Uint8Array(0);

test("words come out as they went in, in any script", () => {
  const columns = new Columns();
  const spec = specOf([lane(columns, [["привет", 0, 400, 0, 0.5], ["שלום", 400, 900, 0], ["𝄞", 1000, 900, 1]], { value: true })]);
  const [first] = decode(spec, columns.bytes, NONE).lanes;
  assert.deepEqual([0, 1, 2].map((i) => first.texts.at(i)), ["привет", "שלום", "𝄞"]);
  assert.deepEqual([...first.start], [0, 400, 1000]);
  assert.equal(first.endOf(2), 1000, "a negative duration counts as none");
  assert.deepEqual([...first.value], [0.5, NaN, NaN]);
});

test("finals and ends of utterances go to their lanes, marks stay together", () => {
  const columns = new Columns();
  const lanes = [lane(columns, [["a", 0, 10, 0]]), lane(columns, [["b", 0, 10, 1]], { tag: "1" })];
  const spec = specOf(lanes, {
    finals: { ...columns.texts(["", "B."]), lane: columns.int32([0, 1]), start: columns.int32([0, 5]), end: columns.int32([10, 20]) },
    eou: { n: 2, lane: columns.int32([1, 1]), time: columns.int32([25, 40]) },
    marks: {
      ...columns.texts(["sub"]),
      lane: columns.int32([-1]),
      start: columns.int32([5]),
      end: columns.int32([8]),
      kind: columns.int32([0]),
      order: columns.int32([0]),
      kinds: [{ id: "sub", label: "substitution" }],
    },
  });
  const data = decode(spec, columns.bytes, NONE);
  assert.deepEqual(data.finals.map(({ items }) => items), [
    [{ lane: 0, start: 0, end: 10, refined: "" }],
    [{ lane: 1, start: 5, end: 20, refined: "B." }],
  ]);
  assert.deepEqual(data.eou.map((times) => [...times]), [[], [25, 40]]);
  assert.deepEqual(data.marks.items, [{ lane: -1, start: 5, end: 8, kind: 0, order: 0, text: "sub" }]);
});

test("marks are ranked by their order, of those at one start the worst stands for all", () => {
  const columns = new Columns();
  const order = [2, 0, 3, 1];
  const marks = {
    ...columns.texts(["b", "c", "d", "e"]),
    lane: columns.int32([0, 0, 0, 0]),
    start: columns.int32([10, 20, 20, 30]),
    end: columns.int32([15, 25, 29, 35]),
    kind: columns.int32([0, 0, 0, 0]),
    order: columns.int32(order),
    kinds: [{ id: "x", label: "x" }],
  };
  const data = decode(specOf([lane(columns, [["a", 0, 40]])], { marks }), columns.bytes, NONE);
  assert.deepEqual(data.ranked.map(({ text }) => text), ["c", "e", "b"]);
  assert.deepEqual(data.marks.items.map(({ text }) => text), ["b", "c", "d", "e"]);
});

test("a spec without words, sound and sections is read", () => {
  const data = decode({ version: 1, duration: 0, channels: [], systems: [], lanes: [] }, NONE, NONE);
  assert.equal(data.duration, 1);
  assert.deepEqual([data.lanes, data.problems, data.sound, data.marks.items], [[], [], null, []]);
});

test("data of another version is refused, with what to do", () => {
  assert.throws(() => decode({ ...specOf([]), version: 2 }, NONE, NONE), /version 1, not 2; reload the page/);
});

test("bytes are read from a view at an odd offset of a larger buffer", () => {
  const message = new Uint8Array([9, 9, 9, 1, 0, 0, 0, 2, 0, 0, 0]);
  const bytes = bytesOf(new DataView(message.buffer, 3, 8));
  assert.equal(bytes.byteOffset % 4, 0);
  assert.deepEqual([...new Int32Array(bytes.buffer, bytes.byteOffset, 2)], [1, 2]);
  assert.equal(bytesOf(null).length, 0);
});

test("aligned bytes are not copied", () => {
  const message = new ArrayBuffer(16);
  assert.equal(bytesOf(new DataView(message, 8)).buffer, message);
});

test("peaks are read channel after channel", () => {
  const peaks = new Uint8Array(Int8Array.from([-1, 1, -2, 2, -9, 9]).buffer);
  const channels = [
    { tag: "0", label: "0", channel: 0, peaks: [0, 2] },
    { tag: "1", label: "1", channel: 1, peaks: [4, 1] },
    { tag: "2", label: "2", channel: null, peaks: null },
  ];
  const data = decode(specOf([], { channels }), NONE, peaks);
  assert.deepEqual(data.channels.map((channel) => channel.peaks?.loudest ?? null), [2, 9, null]);
});

test("the first letter decides the direction of a text", () => {
  assert.equal(textDirection("«שלום»"), "rtl");
  assert.equal(textDirection("12 مرحبا"), "rtl");
  assert.equal(textDirection("привет שלום"), "ltr");
  assert.equal(textDirection(""), "ltr");
});

test("a shortened text never ends in half of a character", () => {
  assert.equal(shorten("abc", 3), "abc");
  assert.equal(shorten("abcd", 3), "ab…");
  assert.equal(shorten("a𝄞bc", 3), "a…");
});

test("problems are in the language of the reader, or in English without a translation", () => {
  const spec = specOf([], { problems: ["channel 1 is silent", "my own"], russian: { "channel 1 is silent": "в канале 1 тишина" } });
  const said = (locale) => decode({ ...spec, locale }, NONE, NONE).problems;
  assert.deepEqual(said("en"), ["channel 1 is silent", "my own"]);
  assert.deepEqual(said("ru"), ["в канале 1 тишина", "my own"]);
  assert.throws(() => decode({ ...spec, version: 2, locale: "ru" }, NONE, NONE), /версии 1, а не 2/);
});
