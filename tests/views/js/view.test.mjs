import assert from "node:assert/strict";
import test from "node:test";

import { clampSpan, blendViews, clampView, lengthOf, panView, placeTime, revealSpan, SHORTEST, timeOf, xOf, zoomView } from "../../../speechkit_nb/views/widget/js/view.js";
import { random } from "./packing.mjs";

const near = (a, b, slack = 1e-6) => assert.ok(Math.abs(a - b) <= slack, `${a} is not ${b}`);

/** Views of many lengths within many durations. */
function* views(n, seed = 11) {
  const next = random(seed);
  for (let i = 0; i < n; i++) {
    const duration = 1 + Math.floor(next() * 10 ** (1 + 6 * next()));
    const [a, b] = [next() * duration, next() * duration].sort((one, other) => one - other);
    yield { duration, view: clampView({ start: a, end: b }, duration), next };
  }
}

test("pixels and times are each other's inverse", () => {
  for (const { view, next } of views(200)) {
    const x = next() * 1400;
    near(xOf(timeOf(x, view, 1400), view, 1400), x, 1e-3);
  }
});

test("a view always lies within the recording and is never too short", () => {
  for (const { duration, next } of views(300)) {
    const any = clampView({ start: (next() * 4 - 2) * duration, end: (next() * 4 - 2) * duration }, duration);
    assert.ok(any.start >= 0 && any.end <= duration + 1e-6);
    assert.ok(lengthOf(any) >= Math.min(SHORTEST, duration) - 1e-6);
  }
});

test("zooming keeps what is under the pointer where it is, unless an end of the recording comes in the way", () => {
  for (const { duration, view, next } of views(300)) {
    const share = next();
    const time = view.start + share * lengthOf(view);
    const after = zoomView(view, 0.5 + 2 * next(), time, duration);
    const atAnEnd = after.start <= 0 || after.end >= duration - 1e-6;
    if (!atAnEnd) near((time - after.start) / lengthOf(after), share, 1e-6);
  }
});

test("zooming in and out again leads back", () => {
  const view = { start: 40_000, end: 60_000 };
  const back = zoomView(zoomView(view, 4, 47_000, 100_000), 1 / 4, 47_000, 100_000);
  near(back.start, view.start);
  near(back.end, view.end);
});

test("moving stops at the ends and keeps the length", () => {
  const view = { start: 10, end: 1010 };
  assert.deepEqual(panView(view, -500, 5000), { start: 0, end: 1000 });
  assert.deepEqual(panView(view, 9000, 5000), { start: 4000, end: 5000 });
});

test("the playhead is put at a share of the new page", () => {
  assert.deepEqual(placeTime({ start: 0, end: 1000 }, 3000, 0.1, 9000), { start: 2900, end: 3900 });
});

test("a visible span is not moved; a long span is shown whole", () => {
  const view = { start: 1000, end: 2000 };
  assert.equal(revealSpan(view, { start: 1200, end: 1300 }, 9000), view);
  const far = revealSpan(view, { start: 5000, end: 5100 }, 9000);
  near(lengthOf(far), 1000);
  assert.ok(far.start <= 5000 && far.end >= 5100);
  const long = revealSpan(view, { start: 3000, end: 7000 }, 9000);
  assert.ok(long.start <= 3000 && long.end >= 7000);
});

test("a selection drawn backwards or beyond the recording is put right", () => {
  assert.deepEqual(clampSpan(900, 100.4, 1000), { start: 100, end: 900 });
  assert.deepEqual(clampSpan(-50, 2000, 1000), { start: 0, end: 1000 });
});

test("an animation begins and ends at the given views", () => {
  const [from, to] = [{ start: 0, end: 10 }, { start: 100, end: 200 }];
  assert.deepEqual(blendViews(from, to, 0), from);
  assert.deepEqual(blendViews(from, to, 1), to);
});
