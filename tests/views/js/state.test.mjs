import assert from "node:assert/strict";
import test, { mock } from "node:test";

import { PAUSE, plainModel, same, State } from "../../../speechkit_nb/views/widget/js/state.js";

/** A model as anywidget makes it: setting tells, in the page, too. */
function modelOf(values) {
  const listeners = new Map();
  const model = {
    ...plainModel(values),
    saved: 0,
    save_changes: () => void (model.saved += 1),
    on: (event, callback) => listeners.set(event, [...(listeners.get(event) ?? []), callback]),
    off: (event, callback) => listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== callback)),
    tell: (event) => (listeners.get(event) ?? []).forEach((callback) => callback()),
    listening: () => [...listeners.values()].flat().length,
  };
  const { set } = model;
  model.set = (name, value) => (set(name, value), model.tell(`change:${name}`));
  return model;
}

test("Python hears at most five times a second, and the last value always", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = modelOf({ current_time: 0 });
  const state = new State(model);
  for (let ms = 0; ms < 2000; ms += 10) {
    state.put("current_time", ms);
    mock.timers.tick(10);
  }
  mock.timers.tick(PAUSE);
  assert.ok(model.saved <= 2000 / PAUSE + 2, `${model.saved}`);
  assert.equal(model.get("current_time"), 1990);
  mock.timers.reset();
});

test("a value that is the same already is not sent", () => {
  const model = modelOf({ selection: [1, 2] });
  const state = new State(model);
  state.put("selection", [1, 2]);
  assert.equal(model.saved, 0);
});

test("who listens learns whether Python did it", () => {
  const model = modelOf({ search: "" });
  const state = new State(model);
  const heard = [];
  state.on("search", (fromPython) => heard.push(fromPython));
  state.put("search", "a");
  model.set("search", "b");
  assert.deepEqual(heard, [false, true]);
  state.dispose();
});

test("a value of ours that comes back late from Python changes nothing", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = modelOf({ current_time: 0 });
  const state = new State(model);
  const heard = [];
  state.on("current_time", (fromPython) => fromPython && heard.push(state.get("current_time")));
  state.put("current_time", 1);
  state.put("current_time", 2);
  model.set("current_time", 1);
  assert.deepEqual([heard, state.get("current_time"), model.get("current_time")], [[], 2, 2]);
  model.set("current_time", 7);
  assert.deepEqual([heard, state.get("current_time")], [[7], 7]);
  state.dispose();
  mock.timers.reset();
});

test("Python can set back what the page has just set", () => {
  const model = modelOf({ playing: false });
  const state = new State(model);
  const heard = [];
  state.on("playing", (fromPython) => heard.push([fromPython, state.get("playing")]));
  state.put("playing", true);
  model.set("playing", false);
  assert.deepEqual(heard, [[false, true], [true, false]]);
  state.dispose();
});

test("what the model lacks is kept in the page", () => {
  const model = modelOf({});
  const state = new State(model);
  state.put("loop", true);
  assert.deepEqual([state.get("loop"), model.get("loop"), model.saved], [true, undefined, 0]);
  assert.deepEqual([state.get("muted"), state.get("playback_rate"), state.get("selection")], [[], 1, null]);
});

test("after the end all is sent and nothing listens", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = modelOf({ current_time: 0 });
  const state = new State(model);
  state.on("current_time", () => {});
  state.put("current_time", 1);
  state.put("current_time", 2);
  state.dispose();
  mock.timers.tick(10 * PAUSE);
  assert.deepEqual([model.saved, model.listening()], [2, 0]);
  mock.timers.reset();
});

test("lists are equal by what they hold", () => {
  assert.ok(same([1, [2, null]], [1, [2, null]]));
  assert.ok(!same([1, 2], [1, 2, 3]));
  assert.ok(!same(null, [1]));
  assert.ok(same(NaN, NaN));
});
