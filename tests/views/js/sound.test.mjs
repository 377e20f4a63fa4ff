import assert from "node:assert/strict";
import test from "node:test";

import { findAudible, panPositions } from "../../../speechkit_nb/views/widget/js/sound/mixer.js";
import { SilentPlayer } from "../../../speechkit_nb/views/widget/js/sound/players.js";
import { resolveUrl, SLOW, Sound } from "../../../speechkit_nb/views/widget/js/sound/sound.js";
import { createModel, State } from "../../../speechkit_nb/views/widget/js/state.js";
import { windowAt } from "../../../speechkit_nb/views/widget/js/sound/windows.js";
import { wheelFactor } from "../../../speechkit_nb/views/widget/js/input/pointer.js";
import { parseColour, scaleColour } from "../../../speechkit_nb/views/widget/js/draw/theme.js";

test("solo silences the others, mute wins over solo", () => {
  const tags = ["0", "1", "2"];
  assert.deepEqual(findAudible(tags, [], []), [true, true, true]);
  assert.deepEqual(findAudible(tags, ["1"], []), [true, false, true]);
  assert.deepEqual(findAudible(tags, [], ["2"]), [false, false, true]);
  assert.deepEqual(findAudible(tags, ["2"], ["2"]), [false, false, false]);
  assert.deepEqual(findAudible(tags, [], ["gone"]), [true, true, true]);
});

test("two channels keep their sides unless only one is audible", () => {
  assert.deepEqual(panPositions([true, true]), [-1, 1]);
  assert.deepEqual(panPositions([true, false]), [0, 0]);
  assert.deepEqual(panPositions([true, true, true]), [0, 0, 0]);
});

test("a file's URL is below the base URL of the server", () => {
  const page = "https://hub.example/user/ann/lab/tree/a.ipynb";
  assert.equal(resolveUrl("files/data/talk%20one.wav", "/user/ann", page), "https://hub.example/user/ann/files/data/talk%20one.wav");
  assert.equal(resolveUrl("files/t.wav", "/", page), "https://hub.example/files/t.wav");
  assert.equal(resolveUrl("https://cdn.example/t.wav", "/", page), "https://cdn.example/t.wav");
  assert.equal(resolveUrl("talk.wav", undefined, "file:///home/ann/page.html"), "file:///home/ann/talk.wav");
});

test("the silent player runs at any speed, and stops at the end", async () => {
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

test("windows are on a grid and end with the recording", () => {
  assert.deepEqual(windowAt(0, 20_000, 45_000), { number: 0, start: 0, end: 20_000 });
  assert.deepEqual(windowAt(44_000, 20_000, 45_000), { number: 2, start: 40_000, end: 45_000 });
});

test("the wheel zooms in and out by the same factor, at most one page at once", () => {
  const turn = (deltaY, deltaMode = 0, ctrlKey = false) => wheelFactor({ deltaY, deltaMode, ctrlKey });
  assert.ok(Math.abs(turn(100) * turn(-100) - 1) < 1e-9);
  assert.ok(turn(-100) > 1);
  assert.equal(turn(-5000), turn(-160));
  assert.equal(turn(3, 1), turn(48));
  assert.ok(turn(-4, 0, true) > turn(-4), "a pinch comes in small steps");
});

test("values have colours from low to high, a missing value is grey", () => {
  const scale = { low: 0, high: 10, stops: ["#000000", "#ffffff"] };
  assert.deepEqual([-5, 0, 5, 10, 99].map((value) => scaleColour(value, scale)), ["#000000", "#000000", "#808080", "#ffffff", "#ffffff"]);
  assert.equal(scaleColour(NaN, scale), "#8a8a8a");
  assert.equal(scaleColour(3, { ...scale, low: 3, high: 3 }), "#808080");
});

test("all forms of CSS colours of browsers are read", () => {
  assert.deepEqual(parseColour("#0a141e"), [10, 20, 30, 1]);
  assert.deepEqual(parseColour("rgb(10, 20, 30)"), [10, 20, 30, 1]);
  assert.deepEqual(parseColour("rgba(10 20 30 / 0.5)"), [10, 20, 30, 0.5]);
  assert.equal(parseColour("transparent"), null);
});

/** A sound in windows, and a kernel behind `send`. */
function windowed(send) {
  const listeners = new Map();
  const model = { ...createModel({}), send, on: (name, callback) => listeners.set(name, callback), off: (name) => listeners.delete(name) };
  const data = { sound: { duration: 60, whole: false, window_seconds: 60 }, channels: [{ channel: 0 }], duration: 60_000 };
  const sound = new Sound(new State(model), data);
  const changes = [];
  sound.onSlowChange = () => changes.push(sound.isSlow);
  return { sound, changes, listeners };
}

test("a kernel that does not answer is reported after a while, and its late answer is used", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const requests = [];
  const { sound, changes, listeners } = windowed((request) => requests.push(request));
  const window = (await sound.encode()).readWindow(0, 20_000);
  t.mock.timers.tick(SLOW - 1);
  assert.deepEqual(changes, []);
  t.mock.timers.tick(1);
  assert.deepEqual(changes, [true]);
  sound.onMessage({ kind: "window", id: requests[0].id }, [new DataView(new ArrayBuffer(8))]);
  assert.equal((await window).byteLength, 8);
  assert.deepEqual(changes, [true, false]);
  assert.equal(listeners.size, 0);
});

test("an answer in time is not reported", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sound, changes } = windowed(({ id }) => queueMicrotask(() => sound.onMessage({ kind: "window", id }, [new DataView(new ArrayBuffer(4))])));
  await (await sound.encode()).readWindow(0, 20_000);
  t.mock.timers.tick(10 * SLOW);
  assert.deepEqual(changes, []);
});

test("a request is rejected when the connection to the kernel is lost", async () => {
  let alive = true;
  const { sound, listeners } = windowed(() => {
    if (!alive) throw new Error("dead");
  });
  const window = (await sound.encode()).readWindow(0, 20_000);
  alive = false;
  listeners.get("comm_live_update")();
  await assert.rejects(window, /@noSoundFile/);
});

test("dispose rejects open requests", async () => {
  const { sound, listeners } = windowed(() => {});
  const window = (await sound.encode()).readWindow(0, 20_000);
  sound.dispose();
  await assert.rejects(window);
  assert.equal(listeners.size, 0);
});
