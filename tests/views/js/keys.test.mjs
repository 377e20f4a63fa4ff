import assert from "node:assert/strict";
import test from "node:test";

import { findAction } from "../../../speechkit_nb/views/widget/js/input/keys.js";
import { describeWord } from "../../../speechkit_nb/views/widget/js/ui/tooltip.js";
import { decode } from "../../../speechkit_nb/views/widget/js/data/data.js";
import { channelName, labelsFor } from "../../../speechkit_nb/views/widget/js/labels.js";
import { Columns, lane, specOf } from "./packing.mjs";

const PLAIN = { code: "", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false };

/** What a key calls, in order, on something that answers to every name. */
function called(event, known = {}) {
  const calls = [];
  const session = new Proxy(
    { view: { start: 0, end: 10_000 }, time: 4000, data: { duration: 20_000 }, camera: { reveal: () => {} }, ...known },
    { get: (target, name) => (name in target ? target[name] : (...given) => void calls.push([name, ...given])) },
  );
  const commands = { help: () => calls.push(["help"]), find: () => calls.push(["find"]), leave: () => calls.push(["leave"]), helpShown: () => false };
  const act = findAction({ ...PLAIN, ...event }, session, commands);
  act?.();
  return act && calls;
}

test("arrows go by one second, with shift by five, and stop at the ends", () => {
  assert.deepEqual(called({ key: "ArrowRight" }), [["seek", 5000]]);
  assert.deepEqual(called({ key: "ArrowLeft", shiftKey: true }), [["seek", 0]]);
  assert.deepEqual(called({ key: "End" }), [["seek", 20_000]]);
});

test("up and down move the playhead, as on any slider", () => {
  assert.deepEqual(called({ key: "ArrowUp" }), [["seek", 5000]]);
  assert.deepEqual(called({ key: "ArrowDown", shiftKey: true }), [["seek", 0]]);
});

test("letters are found by key position, also in a Russian layout", () => {
  assert.deepEqual(called({ key: "т", code: "KeyN" }), [["stepHit", 1]]);
  assert.deepEqual(called({ key: "Д", code: "KeyL", shiftKey: true }), [["toggleLoop"]]);
  assert.deepEqual(called({ key: "ц", code: "KeyW" }), [["stepRank", 1]]);
  assert.deepEqual(called({ key: "W", code: "KeyW", shiftKey: true }), [["stepRank", -1]]);
  assert.deepEqual(called({ key: "х", code: "BracketLeft" }), [["setSelectionEdge", "start"]]);
});

test("a command of the browser or the notebook is not taken", () => {
  assert.equal(called({ key: "s", code: "KeyS", ctrlKey: true }), null);
  assert.equal(called({ key: "ArrowLeft", metaKey: true }), null);
  assert.equal(called({ key: "Tab" }), null);
  assert.equal(called({ key: "b", code: "KeyB" }), null);
});

test("escape clears the selection first, then leaves", () => {
  assert.deepEqual(called({ key: "Escape" }, { selection: { start: 0, end: 1 } }), [["select", null]]);
  assert.deepEqual(called({ key: "Escape" }, { selection: null }), [["leave"]]);
});

test("channels with a number are called so in the language of the view, others by their name", () => {
  const names = [["1", "channel 1"], ["2", "speaker 2"], ["anna", "anna"]].map(([tag, label]) => channelName({ tag, label }, labelsFor("ru")));
  assert.deepEqual(names, ["канал 1", "говорящий 2", "anna"]);
});

test("a tooltip has the word, its times, its channel, its value and what it was refined to", () => {
  const columns = new Columns();
  const lanes = ["a", "b"].map((system) => lane(columns, [["x".repeat(999), 1000, 1340, 0, 0.25]], { system, value: system === "b" }));
  const finals = { ...columns.texts(["", "X."]), lane: columns.int32([0, 1]), start: columns.int32([900, 900]), end: columns.int32([1400, 1400]) };
  const spec = specOf(lanes, { finals, colour: { by: "value", name: "agreement", low: 0, high: 1, stops: [] } });
  const rows = describeWord(decode(spec, columns.bytes, new Uint8Array(0)), 1, 0, labelsFor("en"));
  assert.equal(rows[0][1].length, 300);
  assert.deepEqual(rows.slice(1), [
    ["", "0:01.000 – 0:01.340  ·  340 ms"],
    ["", "channel 0"],
    ["System", "b"],
    ["agreement", "0.25"],
    ["Refined", "X."],
  ]);
});
