import assert from "node:assert/strict";
import test from "node:test";

import { chooseTickStep, countDecimals, formatDuration, formatTime, listTicks } from "../../../speechkit_nb/views/widget/js/draw/clock.js";

test("times are written with hours only where there are any", () => {
  assert.equal(formatTime(65_000, 600_000), "1:05");
  assert.equal(formatTime(65_000, 7_200_000), "0:01:05");
  assert.equal(formatTime(3_723_456, 7_200_000, 3), "1:02:03.456");
  assert.equal(formatTime(0, 1000, 2), "0:00.00");
});

test("a rounded time is never 60 seconds", () => {
  assert.equal(formatTime(59_999, 600_000), "1:00");
  assert.equal(formatTime(59_996, 600_000, 2), "1:00.00");
  assert.equal(formatTime(3_599_960, 7_200_000, 1), "1:00:00.0");
});

test("negative times have a sign, zero has none", () => {
  assert.equal(formatTime(-1500, 10_000, 1), "−0:01.5");
  assert.equal(formatTime(-0.2, 10_000), "0:00");
});

test("ticks are the finest that leave room, and at round times", () => {
  assert.equal(chooseTickStep(1, 86), 100);
  assert.equal(chooseTickStep(10_800_000 / 1258, 86), 900_000);
  assert.deepEqual(listTicks({ start: 950, end: 1310 }, 100), [1000, 1100, 1200, 1300]);
  assert.deepEqual(listTicks({ start: 0, end: 200 }, 100), [0, 100, 200]);
});

test("ticks of a step are told apart", () => {
  for (const step of [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 15_000]) {
    const texts = listTicks({ start: 0, end: 10 * step }, step).map((time) => formatTime(time, 60_000, countDecimals(step)));
    assert.equal(new Set(texts).size, 11, `${step}: ${texts}`);
  }
});

test("durations change their unit at a second", () => {
  const units = { ms: "ms", s: "s" };
  assert.equal(formatDuration(340.4, units), "340 ms");
  assert.equal(formatDuration(2345, units), "2.35 s");
});
