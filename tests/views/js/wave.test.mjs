import assert from "node:assert/strict";
import test from "node:test";

import { listStretches, SampleCache, STRETCH } from "../../../speechkit_nb/views/widget/js/sound/samples.js";
import { endOf, refine, parseWav } from "../../../speechkit_nb/views/widget/js/data/wave.js";
import { random } from "./packing.mjs";

/** A WAV file, with a part that nobody asked for before its samples. */
function wav(rows, rate = 1000) {
  const nChannels = rows[0].length;
  const view = new DataView(new ArrayBuffer(12 + 24 + 10 + 8 + 2 * nChannels * rows.length));
  const name = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  ["RIFF", "", "WAVE", "fmt "].forEach((text, i) => name(4 * i, text));
  view.setUint32(16, 16, true);
  view.setUint16(22, nChannels, true);
  view.setUint32(24, rate, true);
  view.setUint16(34, 16, true);
  name(36, "odd ");
  view.setUint32(40, 1, true);
  name(46, "data");
  view.setUint32(50, 2 * nChannels * rows.length, true);
  rows.flat().forEach((value, i) => view.setInt16(54 + 2 * i, value * 32768, true));
  return view.buffer;
}

test("samples are read from a WAV file, channel by channel", () => {
  const wave = parseWav(wav([[0.5, -1], [0.25, 0], [-0.5, 0.75]]), 4000);
  assert.deepEqual(wave, { start: 4000, rate: 1000, channels: [Float32Array.of(0.5, 0.25, -0.5), Float32Array.of(-1, 0, 0.75)] });
  assert.equal(endOf(wave), 4003);
  assert.throws(() => parseWav(new ArrayBuffer(60), 0), /not a 16-bit WAV file/);
});

test("a pixel has the extremes of the line through its samples, slowly and plainly computed the same", () => {
  const noise = random(11);
  const samples = Float32Array.from({ length: 300 }, () => noise() - 0.5);
  const wave = { start: 100, rate: 2000, channels: [samples] };
  for (const step of [0.05, 0.3, 0.5, 1.7, 6]) {
    const pairs = new Float32Array(2 * 40);
    refine(pairs, wave, 0, 110, step, 2);
    for (let i = 0; i < 40 && 110 + (i + 1) * step <= 250; i++) {
      let [low, high] = [Infinity, -Infinity];
      for (let part = 0; part <= 2000; part++) {
        const at = (110 + (i + part / 2000) * step - 100) * 2;
        const before = Math.min(298, Math.floor(at));
        const value = samples[before] + (samples[before + 1] - samples[before]) * (at - before);
        [low, high] = [Math.min(low, value), Math.max(high, value)];
      }
      assert.ok(Math.abs(pairs[2 * i] / 2 - low) < 0.01 && Math.abs(pairs[2 * i + 1] / 2 - high) < 0.01, `${step} ${i}`);
    }
  }
});

test("pixels beside the samples are left as they are", () => {
  const pairs = new Float32Array(8).fill(9);
  refine(pairs, { start: 10, rate: 1000, channels: [new Float32Array(10)] }, 0, 0, 10, 1);
  assert.deepEqual([...pairs], [9, 9, 0, 0, 9, 9, 9, 9]);
  refine(pairs, { start: 10, rate: 1000, channels: [new Float32Array(10)] }, 3, 0, 10, 1);
  assert.equal(pairs[0], 9, "there is no channel 3");
});

test("stretches lie on a grid and end with the sound", () => {
  assert.deepEqual(listStretches({ start: 3999, end: 8001 }, 20_000), [0, 1, 2]);
  assert.deepEqual(listStretches({ start: 8000, end: 12_000 }, 9000), [2]);
  assert.deepEqual(listStretches({ start: 12_500, end: 13_000 }, 9000), []);
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

function sampleCache(read) {
  const asked = [];
  const view = { start: 0, end: 10_000 };
  const made = new SampleCache((start, end) => (asked.push([start, end]), read(start)), () => made.request(view, 10_000));
  return { made, asked, view };
}

test("a view at rest is asked for once, stretch by stretch, one that moves is not", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { made, asked, view } = sampleCache(async (start) => ({ start, rate: 1, channels: [new Float32Array(4)] }));
  for (let move = 0; move < 5; move++) {
    made.request({ start: 9000, end: 9500 }, 10_000);
    t.mock.timers.tick(60);
  }
  assert.deepEqual(asked, []);
  made.request(view, 10_000);
  for (let i = 0; i < 8; i++) {
    t.mock.timers.tick(500);
    await settled();
  }
  assert.deepEqual(asked, [[0, STRETCH], [STRETCH, 2 * STRETCH], [2 * STRETCH, 10_000]]);
  assert.equal(made.missing, false);
});

test("a kernel that is busy is asked one thing, one that has nothing is asked no more", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let refuse;
  const { made, asked, view } = sampleCache(() => new Promise((_, reject) => (refuse = reject)));
  for (let i = 0; i < 4; i++) {
    made.request(view, 10_000);
    t.mock.timers.tick(500);
    await settled();
  }
  assert.equal(asked.length, 1);
  refuse(new Error("gone"));
  await settled();
  made.request(view, 10_000);
  t.mock.timers.tick(500);
  assert.deepEqual([asked.length, made.missing], [1, true]);
  made.clear();
  made.request(view, 10_000);
  t.mock.timers.tick(500);
  assert.equal(asked.length, 2, "another sound has come");
});
