import assert from "node:assert/strict";
import test from "node:test";

import { decode } from "../../../speechkit_nb/views/widget/js/data/data.js";
import { Finder, findHits, parseQuery } from "../../../speechkit_nb/views/widget/js/data/search.js";
import { Columns, lane, specOf } from "./packing.mjs";

function lanesOf(...lists) {
  const columns = new Columns();
  const lanes = lists.map((rows, i) => lane(columns, rows, { tag: String(i) }));
  return decode(specOf(lanes), columns.bytes, new Uint8Array(0)).lanes;
}

const said = (words, final = 0) => words.split(" ").map((word, i) => [word, i * 100, i * 100 + 90, final]);
const found = (lanes, query) => findHits(lanes, parseQuery(query)).map(({ lane: at, first, last }) => [at, first, last]);

test("letter case does not count in text", () => {
  assert.deepEqual(found(lanesOf(said("Добрый день ДОБРЫЙ")), "добрый"), [[0, 0, 0], [0, 2, 2]]);
});

test("a phrase is found across words, also from the middle of one to the middle of another", () => {
  const lanes = lanesOf(said("good morning good night"));
  assert.deepEqual(found(lanes, "good  mor"), [[0, 0, 1]]);
  assert.deepEqual(found(lanes, "ood night"), [[0, 2, 3]]);
});

test("text is taken as it is, not as an expression", () => {
  assert.deepEqual(found(lanesOf(said("a.b axb c++")), "a.b"), [[0, 0, 0]]);
  assert.deepEqual(found(lanesOf(said("a.b axb c++")), "c++"), [[0, 2, 2]]);
});

test("an expression stands between slashes and sees one utterance at a time", () => {
  const lanes = lanesOf([...said("one two"), ["three", 500, 600, 1]]);
  assert.deepEqual(found(lanes, "/t\\w+/"), [[0, 1, 1], [0, 2, 2]]);
  assert.deepEqual(found(lanes, "/.+/"), [[0, 0, 1], [0, 2, 2]]);
  assert.deepEqual(found(lanes, "/^three$/m"), [[0, 2, 2]]);
});

test("hits of all lanes come by time", () => {
  const lanes = lanesOf([["x", 300, 310, 0]], [["x", 100, 110, 0], ["x", 500, 510, 0]]);
  assert.deepEqual(found(lanes, "x").map(([at]) => at), [1, 0, 1]);
});

test("an expression that matches nothing at every place ends", () => {
  assert.deepEqual(found(lanesOf(said("a b")), "/x*/"), []);
});

test("an empty query finds nothing", () => {
  assert.equal(parseQuery("   "), null);
});

test("the finder starts at the playhead and wraps around", () => {
  const finder = new Finder();
  finder.find(lanesOf(said("x y x y x")), "x");
  assert.equal(finder.step(150, 1)?.first, 2);
  assert.deepEqual([1, 1, -1].map((step) => finder.step(0, step)?.first), [4, 0, 4]);
  finder.find(lanesOf(said("x y x y x")), "x");
  assert.equal(finder.step(150, -1)?.first, 0);
});

test("an invalid expression is reported, and finds nothing", () => {
  const finder = new Finder();
  finder.find(lanesOf(said("a")), "/(/");
  assert.deepEqual([finder.bad, finder.hits, finder.step(0, 1)], [true, [], null]);
});
