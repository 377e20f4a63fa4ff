import assert from "node:assert/strict";
import test from "node:test";

import { stretchSamples } from "../../../speechkit_nb/views/widget/js/sound/stretch.js";
import { random } from "./packing.mjs";

const RATE = 16_000;
const tone = (hertz, seconds) => Float32Array.from({ length: seconds * RATE }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / RATE));

/** Crossings of zero from below a second: the pitch of a tone. */
function pitch(sound) {
  let n = 0;
  for (let i = 1; i < sound.length; i++) if (sound[i - 1] < 0 && sound[i] >= 0) n++;
  return (n * RATE) / sound.length;
}

const loudness = (sound) => Math.sqrt(sound.reduce((sum, value) => sum + value * value, 0) / sound.length);

for (const rate of [0.25, 0.5, 0.75, 1.25, 1.5, 2, 3, 4]) {
  test(`at ${rate} times the speed a tone keeps its pitch and loudness, and lasts as long as it should`, async () => {
    for (const hertz of [110, 233, 880]) {
      const [out] = await stretchSamples([tone(hertz, 2)], rate, RATE);
      assert.equal(out.length, Math.round((2 * RATE) / rate));
      const middle = out.subarray(RATE / 20, -RATE / 20);
      assert.ok(Math.abs(pitch(middle) / hertz - 1) < 0.02, `${pitch(middle)} for ${hertz}`);
      assert.ok(Math.abs(loudness(middle) / Math.SQRT1_2 - 1) < 0.1, `${loudness(middle)} at ${hertz}`);
    }
  });

  test(`at ${rate} times the speed everything is heard within 20 ms of its place, by the clock that goes faster`, async () => {
    const noise = random(7);
    const bursts = new Float32Array(4 * RATE);
    for (const second of [0.5, 1.2, 2.9]) for (let i = 0; i < 0.2 * RATE; i++) bursts[second * RATE + i] = noise() - 0.5;
    const [out] = await stretchSamples([bursts], rate, RATE);
    for (const second of [0.5, 1.2, 2.9]) {
      const from = Math.max(0, Math.round((second * RATE) / rate - 0.1 * RATE));
      const first = out.subarray(from).findIndex((value) => Math.abs(value) > 0.05);
      assert.ok(Math.abs((from + first) / RATE - second / rate) * Math.min(1, rate) < 0.02, `${(from + first) / RATE} for ${second / rate}`);
    }
  });
}

test("channels stay together", async () => {
  const noise = random(3);
  const left = Float32Array.from({ length: RATE }, () => noise() - 0.5);
  const right = left.map((value) => value / 2);
  const [a, b] = await stretchSamples([left, right], 1.5, RATE);
  a.forEach((value, i) => assert.ok(Math.abs(value / 2 - b[i]) < 1e-6));
});

test("the beginning is played as it is, silence stays silence, and nothing stays nothing", async () => {
  const sound = tone(200, 1);
  const [out] = await stretchSamples([sound], 2, RATE);
  assert.deepEqual(out.subarray(0, 100), sound.subarray(0, 100));
  assert.ok((await stretchSamples([new Float32Array(RATE)], 0.5, RATE))[0].every((value) => value === 0));
  assert.equal((await stretchSamples([new Float32Array(0)], 2, RATE))[0].length, 0);
});
