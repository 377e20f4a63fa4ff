import assert from "node:assert/strict";
import test, { mock } from "node:test";

import { createModel, isEqual, SAVE_INTERVAL, State } from "../../../speechkit_nb/views/widget/js/state.js";

/** A model like that of anywidget: setting a value also calls the listeners of the page. */
function modelOf(values) {
  const listeners = new Map();
  const model = {
    ...createModel(values),
    saved: 0,
    save_changes: () => void (model.saved += 1),
    on: (event, callback) => listeners.set(event, [...(listeners.get(event) ?? []), callback]),
    off: (event, callback) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== callback)),
    notify: (event) => (listeners.get(event) ?? []).forEach((callback) => callback()),
    listening: () => [...listeners.values()].flat().length,
  };
  const { set } = model;
  model.set = (name, value) => (set(name, value), model.notify(`change:${name}`));
  return model;
}

test("Python gets a change at most five times a second, and always the last value", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = modelOf({ current_time: 0 });
  const state = new State(model);
  for (let ms = 0; ms < 2000; ms += 10) {
    state.set("current_time", ms);
    mock.timers.tick(10);
  }
  mock.timers.tick(SAVE_INTERVAL);
  assert.ok(model.saved <= 2000 / SAVE_INTERVAL + 2, `${model.saved}`);
  assert.equal(model.get("current_time"), 1990);
  mock.timers.reset();
});

test("an equal value is not sent", () => {
  const model = modelOf({ selection: [1, 2] });
  const state = new State(model);
  state.set("selection", [1, 2]);
  assert.equal(model.saved, 0);
});

test("a listener knows whether Python changed the value", () => {
  const model = modelOf({ search: "" });
  const state = new State(model);
  const calls = [];
  state.on("search", (fromPython) => calls.push(fromPython));
  state.set("search", "a");
  model.set("search", "b");
  assert.deepEqual(calls, [false, true]);
  state.dispose();
});

test("a late echo of an older local value changes nothing", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = modelOf({ current_time: 0 });
  const state = new State(model);
  const calls = [];
  state.on("current_time", (fromPython) => fromPython && calls.push(state.get("current_time")));
  state.set("current_time", 1);
  state.set("current_time", 2);
  model.set("current_time", 1);
  assert.deepEqual([calls, state.get("current_time"), model.get("current_time")], [[], 2, 2]);
  model.set("current_time", 7);
  assert.deepEqual([calls, state.get("current_time")], [[7], 7]);
  state.dispose();
  mock.timers.reset();
});

test("Python can reset a value that the page has just set", () => {
  const model = modelOf({ playing: false });
  const state = new State(model);
  const calls = [];
  state.on("playing", (fromPython) => calls.push([fromPython, state.get("playing")]));
  state.set("playing", true);
  model.set("playing", false);
  assert.deepEqual(calls, [[false, true], [true, false]]);
  state.dispose();
});

test("a trait that the model lacks stays in the page", () => {
  const model = modelOf({});
  const state = new State(model);
  state.set("loop", true);
  assert.deepEqual([state.get("loop"), model.get("loop"), model.saved], [true, undefined, 0]);
  assert.deepEqual([state.get("muted"), state.get("playback_rate"), state.get("selection")], [[], 1, null]);
});

test("dispose sends all values and stops listening", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = modelOf({ current_time: 0 });
  const state = new State(model);
  state.on("current_time", () => {});
  state.set("current_time", 1);
  state.set("current_time", 2);
  state.dispose();
  mock.timers.tick(10 * SAVE_INTERVAL);
  assert.deepEqual([model.saved, model.listening()], [2, 0]);
  mock.timers.reset();
});

test("lists are compared by their items", () => {
  assert.ok(isEqual([1, [2, null]], [1, [2, null]]));
  assert.ok(!isEqual([1, 2], [1, 2, 3]));
  assert.ok(!isEqual(null, [1]));
  assert.ok(isEqual(NaN, NaN));
});
