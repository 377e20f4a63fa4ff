import assert from "node:assert/strict";
import test, { mock } from "node:test";

import { Session } from "../../../speechkit_nb/views/widget/js/session.js";
import { SAVE_INTERVAL, createModel } from "../../../speechkit_nb/views/widget/js/state.js";
import { Columns, lane, specOf } from "./packing.mjs";

const frames = new Map();
globalThis.matchMedia = () => ({ matches: false }); // views are animated
globalThis.requestAnimationFrame = (act) => (frames.set(frames.size + 1, act), frames.size);
globalThis.cancelAnimationFrame = (frame) => frames.set(frame, null);

/** Run an animation to its end. */
function rest() {
  for (let frame = 1; frame <= frames.size; frame++) frames.get(frame)?.(Infinity);
  frames.clear();
}

const DURATION = 9.999625; // s; not a whole number of milliseconds
const FIRST = [["good", 500, 900], ["morning", 900, 1500], ["everyone", 8000, 8400]];
const SECOND = [["good", 530, 930], ["mourning", 930, 1530]];

/** Python as the page sees it: `wrote` holds the updates from the page; `update` sets traits, like the kernel. */
function python(given = {}) {
  const columns = new Columns();
  const lanes = [lane(columns, FIRST, { system: "a" }), lane(columns, SECOND, { system: "b" })];
  const traits = { current_time: 0, playing: false, playback_rate: 1, selection: null, active_word: null };
  const more = { loop: false, search: "", muted: [], solo: [], view_range: [0, DURATION], sound_urls: [] };
  const spec = specOf(lanes, { duration: DURATION });
  const model = createModel({ spec, columns: columns.bytes, peaks: null, ...traits, ...more, ...given });
  const listeners = new Map();
  const dirty = new Set();
  const wrote = [];
  const put = model.set;
  const notify = (name) => listeners.get(`change:${name}`)?.();
  return Object.assign(model, {
    wrote,
    on: (event, callback) => listeners.set(event, callback),
    off: (event) => listeners.delete(event),
    set: (name, value) => (put(name, value), dirty.add(name), notify(name)),
    save_changes: () => {
      wrote.push(Object.fromEntries([...dirty].map((name) => [name, model.get(name)])));
      dirty.clear();
    },
    receive: (message) => listeners.get("msg:custom")(message, []),
    update: (values) => {
      for (const [name, value] of Object.entries(values)) (put(name, value), dirty.delete(name), notify(name));
    },
    last: (name) => wrote.findLast((one) => name in one)?.[name],
  });
}

/** Run a test with a session and mocked timers. */
const withSession = (name, given, act) =>
  test(name, () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const model = python(given);
    const session = new Session(model);
    const wait = () => (rest(), mock.timers.tick(SAVE_INTERVAL));
    try {
      act({ model, session, wait });
    } finally {
      session.dispose();
      mock.timers.reset();
    }
  });

const GIVEN = {
  view_range: [1.00025, 3.00075],
  current_time: 2.00049,
  selection: [1.2504, DURATION],
  playback_rate: 1.5,
};

function assertGiven({ view, time, selection, state }) {
  const [start, end] = GIVEN.view_range.map((one) => 1000 * one);
  assert.deepEqual([view, time], [{ start, end }, 1000 * GIVEN.current_time]);
  assert.deepEqual(selection, { start: 1250, end: 10000 });
  assert.equal(state.get("playback_rate"), 1.5);
}

withSession("a page that starts sends nothing", {}, ({ model, wait }) => {
  wait();
  assert.deepEqual(model.wrote, []);
});

withSession("state that Python set before the page existed is kept exactly", GIVEN, ({ model, session, wait }) => {
  wait();
  assert.deepEqual(model.wrote, []);
  assertGiven(session);
});

withSession("state that Python sets while the page starts is kept exactly", {}, ({ model, session, wait }) => {
  model.update({ ...GIVEN, active_word: null });
  wait();
  assert.deepEqual(model.wrote, []);
  assertGiven(session);
});

withSession("a view that Python sets is kept when Python also sets the playhead", {}, ({ model, session, wait }) => {
  model.update({ view_range: [0, 1] });
  wait();
  model.update({ view_range: [4, 6] });
  model.update({ current_time: 5.5 });
  wait();
  assert.deepEqual([session.view, session.time], [{ start: 4000, end: 6000 }, 5500]);
  assert.deepEqual(model.wrote, []);
});

withSession("a stretch that Python plays stays in view from its start", { view_range: [0, 2] }, ({ session, wait }) => {
  session.state.model.receive({ kind: "play", start: 6, end: 9 });
  session.playback.time = 6100;
  session.onTimeChange(6100);
  wait();
  assert.deepEqual(session.view, { start: 5000, end: 7000 });
});

withSession("the whole recording has the exact duration of Python, and is sent once", {}, ({ model, session, wait }) => {
  session.zoom(2, 0);
  wait();
  session.fit();
  wait();
  assert.deepEqual(model.last("view_range"), [0, DURATION]);
  session.seek(session.data.duration);
  wait();
  assert.equal(model.last("current_time"), DURATION);
  const { length } = model.wrote;
  model.update({ view_range: [0, DURATION], current_time: DURATION });
  wait();
  assert.equal(model.wrote.length, length);
});

withSession("a range too short for the page is sent as it is shown", { view_range: [1, 1.01] }, ({ model }) => {
  assert.deepEqual(model.wrote, [{ view_range: [0.985, 1.025] }]);
});

withSession("both ends of a selection reach Python, within its exact duration", {}, ({ model, session, wait }) => {
  session.seek(1000);
  session.setSelectionEdge("start");
  wait();
  assert.deepEqual(model.last("selection"), [1, DURATION]);
  session.seek(2000);
  session.setSelectionEdge("end");
  wait();
  assert.deepEqual(model.last("selection"), [1, 2]);
});

withSession("an answer to the first end of a selection does not undo the second", {}, ({ model, session, wait }) => {
  session.seek(1000);
  session.setSelectionEdge("start");
  wait();
  session.seek(2000);
  session.setSelectionEdge("end");
  model.update({ selection: [0.9, 9.9] }); // an observer in Python that moves ends to those of words
  wait();
  assert.deepEqual([model.last("selection"), session.selection], [[1, 2], { start: 1000, end: 2000 }]);
  model.update({ selection: [0.9, 2.1] });
  wait();
  assert.deepEqual([model.last("selection"), session.selection], [[1, 2], { start: 900, end: 2100 }]);
});

withSession("a word that Python sets stays active among words at the same time", {}, ({ model, session, wait }) => {
  model.update({ active_word: [1, 1] });
  wait();
  assert.deepEqual([session.time, model.last("current_time"), model.last("active_word")], [930, 0.93, undefined]);
  session.seek(1520);
  wait();
  assert.equal(model.last("active_word"), undefined);
  session.seek(8100);
  wait();
  assert.deepEqual(model.last("active_word"), [0, 2]);
});

withSession("a page that starts goes to the word that Python set", { active_word: [1, 1] }, ({ model, session, wait }) => {
  wait();
  assert.deepEqual([session.time, model.wrote], [930, [{ current_time: 0.93 }]]);
});
