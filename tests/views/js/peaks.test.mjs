import assert from "node:assert/strict";
import test from "node:test";

import { Peaks, buildLevels } from "../../../speechkit_nb/views/widget/js/data/peaks.js";
import { random } from "./packing.mjs";

function anyPairs(next, n) {
  const pairs = new Int8Array(2 * n);
  for (let i = 0; i < n; i++) {
    pairs[2 * i] = -Math.floor(next() * 127);
    pairs[2 * i + 1] = Math.floor(next() * 127);
  }
  return pairs;
}

test("each level holds the extremes of four bins of the level below", () => {
  const levels = buildLevels(anyPairs(random(6), 103));
  assert.deepEqual(levels.map((pairs) => pairs.length / 2), [103, 26, 7, 2].concat(levels.length > 4 ? [1] : []));
  levels.slice(1).forEach((pairs, at) => {
    for (let i = 0; i < pairs.length; i += 2) {
      const below = levels[at].slice(4 * i, 4 * i + 8);
      assert.equal(pairs[i], Math.min(...below.filter((_, k) => k % 2 === 0)));
      assert.equal(pairs[i + 1], Math.max(...below.filter((_, k) => k % 2 === 1)));
    }
  });
});

test("no peak is lost at any scale, and none is made up", () => {
  const next = random(7);
  const pairs = anyPairs(next, 5000);
  const peaks = new Peaks(pairs, 16);
  const highs = pairs.filter((_, i) => i % 2 === 1);
  for (const n of [1, 7, 100, 999]) {
    const drawn = peaks.envelope(0, 80_000, n).filter((_, i) => i % 2 === 1);
    assert.equal(Math.max(...drawn), Math.max(...highs));
    const share = Math.floor(next() * n);
    const [from, to] = [share, share + 1].map((i) => (i * 5000) / n);
    const inside = highs.slice(Math.floor(from), Math.ceil(to));
    assert.ok(drawn[share] >= Math.max(...inside), "what lies in a part is seen in it");
    const around = highs.slice(Math.max(0, Math.floor(from) - 4 ** 6), Math.ceil(to) + 4 ** 6);
    assert.ok(drawn[share] <= Math.max(...around));
  }
});

test("closer than a bin the line runs from bin to bin", () => {
  const peaks = new Peaks(Int8Array.from([-10, 10, -30, 30]), 16);
  const highs = peaks.envelope(0, 32, 8).filter((_, i) => i % 2 === 1);
  assert.deepEqual([...highs], [10, 10, 12.5, 17.5, 22.5, 27.5, 30, 30]);
});

test("outside the recording there is silence", () => {
  const peaks = new Peaks(Int8Array.from([-10, 10]), 16);
  assert.deepEqual([...peaks.envelope(100, 200, 2)], [0, 0, 0, 0]);
  assert.deepEqual([...peaks.envelope(20, 22, 2)], [0, 0, 0, 0]);
});
