import assert from "node:assert/strict";
import test from "node:test";

import { audible, sides } from "../../speechkit_nb/views/js/mixer.js";
import { SilentPlayer } from "../../speechkit_nb/views/js/players.js";
import { addressOf } from "../../speechkit_nb/views/js/sound.js";
import { windowAt } from "../../speechkit_nb/views/js/windows.js";
import { wheelFactor } from "../../speechkit_nb/views/js/pointer.js";
import { channelsOf, scaled } from "../../speechkit_nb/views/js/theme.js";

test("solo silences the others, mute wins over solo", () => {
  const tags = ["0", "1", "2"];
  assert.deepEqual(audible(tags, [], []), [true, true, true]);
  assert.deepEqual(audible(tags, ["1"], []), [true, false, true]);
  assert.deepEqual(audible(tags, [], ["2"]), [false, false, true]);
  assert.deepEqual(audible(tags, ["2"], ["2"]), [false, false, false]);
  assert.deepEqual(audible(tags, [], ["gone"]), [true, true, true]);
});

test("two channels keep their sides until one is heard alone", () => {
  assert.deepEqual(sides([true, true]), [-1, 1]);
  assert.deepEqual(sides([true, false]), [0, 0]);
  assert.deepEqual(sides([true, true, true]), [0, 0, 0]);
});

test("a file's address is below the base of the server", () => {
  const page = "https://hub.example/user/ann/lab/tree/a.ipynb";
  assert.equal(addressOf("files/data/talk%20one.wav", "/user/ann", page), "https://hub.example/user/ann/files/data/talk%20one.wav");
  assert.equal(addressOf("files/t.wav", "/", page), "https://hub.example/files/t.wav");
  assert.equal(addressOf("https://cdn.example/t.wav", "/", page), "https://cdn.example/t.wav");
  assert.equal(addressOf("talk.wav", undefined, "file:///home/ann/page.html"), "file:///home/ann/talk.wav");
});

test("silence keeps time, at any speed, and stops at the end", async () => {
  let now = 0;
  const player = new SilentPlayer(10_000, () => now);
  player.seek(1000);
  await player.play();
  now = 500;
  assert.equal(player.time, 1500);
  player.setRate(2);
  now = 1000;
  assert.equal(player.time, 2500);
  player.pause();
  now = 9000;
  assert.equal(player.time, 2500);
  await player.play();
  now = 99_000;
  assert.deepEqual([player.time, player.playing], [10_000, false]);
});

test("windows lie on a grid and end with the recording", () => {
  assert.deepEqual(windowAt(0, 20_000, 45_000), { number: 0, start: 0, end: 20_000 });
  assert.deepEqual(windowAt(44_000, 20_000, 45_000), { number: 2, start: 40_000, end: 45_000 });
});

test("the wheel zooms both ways by the same factor, pages are not leapt over", () => {
  const turn = (deltaY, deltaMode = 0, ctrlKey = false) => wheelFactor({ deltaY, deltaMode, ctrlKey });
  assert.ok(Math.abs(turn(100) * turn(-100) - 1) < 1e-9);
  assert.ok(turn(-100) > 1);
  assert.equal(turn(-5000), turn(-160));
  assert.equal(turn(3, 1), turn(48));
  assert.ok(turn(-4, 0, true) > turn(-4), "a pinch comes in small steps");
});

test("values take colours from low to high, no value is grey", () => {
  const scale = { low: 0, high: 10, stops: ["#000000", "#ffffff"] };
  assert.deepEqual([-5, 0, 5, 10, 99].map((value) => scaled(value, scale)), ["#000000", "#000000", "#808080", "#ffffff", "#ffffff"]);
  assert.equal(scaled(NaN, scale), "#8a8a8a");
  assert.equal(scaled(3, { ...scale, low: 3, high: 3 }), "#808080");
});

test("colours are read in the ways browsers write them", () => {
  assert.deepEqual(channelsOf("#0a141e"), [10, 20, 30, 1]);
  assert.deepEqual(channelsOf("rgb(10, 20, 30)"), [10, 20, 30, 1]);
  assert.deepEqual(channelsOf("rgba(10 20 30 / 0.5)"), [10, 20, 30, 0.5]);
  assert.equal(channelsOf("transparent"), null);
});
