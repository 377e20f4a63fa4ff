import assert from "node:assert/strict";
import test from "node:test";

import { audible, sides } from "../../../speechkit_nb/views/widget/js/sound/mixer.js";
import { SilentPlayer } from "../../../speechkit_nb/views/widget/js/sound/players.js";
import { addressOf, PATIENCE, Sound } from "../../../speechkit_nb/views/widget/js/sound/sound.js";
import { plainModel, State } from "../../../speechkit_nb/views/widget/js/state.js";
import { windowAt } from "../../../speechkit_nb/views/widget/js/sound/windows.js";
import { wheelFactor } from "../../../speechkit_nb/views/widget/js/input/pointer.js";
import { channelsOf, scaled } from "../../../speechkit_nb/views/widget/js/draw/theme.js";

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

/** A sound in windows, and a kernel that is at the other end of `send`. */
function windowed(send) {
  const listeners = new Map();
  const model = { ...plainModel({}), send, on: (name, heard) => listeners.set(name, heard), off: (name) => listeners.delete(name) };
  const data = { sound: { duration: 60, whole: false, window_seconds: 60 }, channels: [{ channel: 0 }], duration: 60_000 };
  const sound = new Sound(new State(model), data);
  const told = [];
  sound.onlate = () => told.push(sound.unanswered);
  return { sound, told, listeners };
}

test("a kernel that does not answer is told after a while, and waited for nevertheless", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [];
  const { sound, told, listeners } = windowed((question) => asked.push(question));
  const window = (await sound.make()).ask(0, 20_000);
  t.mock.timers.tick(PATIENCE - 1);
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  assert.deepEqual(told, [true]);
  sound.heard({ kind: "window", id: asked[0].id }, [new DataView(new ArrayBuffer(8))]);
  assert.equal((await window).byteLength, 8);
  assert.deepEqual(told, [true, false]);
  assert.equal(listeners.size, 0);
});

test("an answer in time is no matter for words", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { sound, told } = windowed(({ id }) => queueMicrotask(() => sound.heard({ kind: "window", id }, [new DataView(new ArrayBuffer(4))])));
  await (await sound.make()).ask(0, 20_000);
  t.mock.timers.tick(10 * PATIENCE);
  assert.deepEqual(told, []);
});

test("when the line to the kernel is cut while it is waited for, the waiting ends", async () => {
  let alive = true;
  const { sound, listeners } = windowed(() => {
    if (!alive) throw new Error("dead");
  });
  const window = (await sound.make()).ask(0, 20_000);
  alive = false;
  listeners.get("comm_live_update")();
  await assert.rejects(window, /@noSoundFile/);
});

test("nothing is waited for after the end", async () => {
  const { sound, listeners } = windowed(() => {});
  const window = (await sound.make()).ask(0, 20_000);
  sound.dispose();
  await assert.rejects(window);
  assert.equal(listeners.size, 0);
});
