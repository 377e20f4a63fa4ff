import assert from "node:assert/strict";
import test, { mock } from "node:test";

import { Session } from "../../../speechkit_nb/views/widget/js/session.js";
import { PAUSE, plainModel } from "../../../speechkit_nb/views/widget/js/state.js";
import { Columns, lane, specOf } from "./packing.mjs";

const frames = new Map();
globalThis.matchMedia = () => ({ matches: false }); // the view glides
globalThis.requestAnimationFrame = (act) => (frames.set(frames.size + 1, act), frames.size);
globalThis.cancelAnimationFrame = (frame) => frames.set(frame, null);

/** Lets a glide come to its end. */
function rest() {
  for (let frame = 1; frame <= frames.size; frame++) frames.get(frame)?.(Infinity);
  frames.clear();
}

const DURATION = 9.999625; // s; no whole number of milliseconds
const FIRST = [["good", 500, 900], ["morning", 900, 1500], ["everyone", 8000, 8400]];
const SECOND = [["good", 530, 930], ["mourning", 930, 1530]];

/** Python as the page sees it: `wrote` is what came from the page; `say` sets traits, as an update from the kernel. */
function python(said = {}) {
  const columns = new Columns();
  const lanes = [lane(columns, FIRST, { system: "a" }), lane(columns, SECOND, { system: "b" })];
  const traits = { current_time: 0, playing: false, playback_rate: 1, selection: null, active_word: null };
  const more = { loop: false, search: "", muted: [], solo: [], view_range: [0, DURATION], sound_urls: [] };
  const spec = specOf(lanes, { duration: DURATION });
  const model = plainModel({ spec, columns: columns.bytes, peaks: null, ...traits, ...more, ...said });
  const listeners = new Map();
  const dirty = new Set();
  const wrote = [];
  const put = model.set;
  const heard = (name) => listeners.get(`change:${name}`)?.();
  return Object.assign(model, {
    wrote,
    on: (event, callback) => listeners.set(event, callback),
    off: (event) => listeners.delete(event),
    set: (name, value) => (put(name, value), dirty.add(name), heard(name)),
    save_changes: () => {
      wrote.push(Object.fromEntries([...dirty].map((name) => [name, model.get(name)])));
      dirty.clear();
    },
    hear: (message) => listeners.get("msg:custom")(message, []),
    say: (values) => {
      for (const [name, value] of Object.entries(values)) (put(name, value), dirty.delete(name), heard(name));
    },
    last: (name) => wrote.findLast((one) => name in one)?.[name],
  });
}

/** Runs a test with a session whose pauses are over at once. */
const withSession = (name, said, act) =>
  test(name, () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const model = python(said);
    const session = new Session(model);
    const wait = () => (rest(), mock.timers.tick(PAUSE));
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

withSession("the page that starts says nothing of its own", {}, ({ model, wait }) => {
  wait();
  assert.deepEqual(model.wrote, []);
});

withSession("what Python said before there was a page stands, to the last digit", GIVEN, ({ model, session, wait }) => {
  wait();
  assert.deepEqual(model.wrote, []);
  assertGiven(session);
});

withSession("what Python says while the page starts stands, to the last digit", {}, ({ model, session, wait }) => {
  model.say({ ...GIVEN, active_word: null });
  wait();
  assert.deepEqual(model.wrote, []);
  assertGiven(session);
});

withSession("a view that Python sets stands, though the playhead it sets comes sooner", {}, ({ model, session, wait }) => {
  model.say({ view_range: [0, 1] });
  wait();
  model.say({ view_range: [4, 6] });
  model.say({ current_time: 5.5 });
  wait();
  assert.deepEqual([session.view, session.time], [{ start: 4000, end: 6000 }, 5500]);
  assert.deepEqual(model.wrote, []);
});

withSession("a stretch that Python plays stays in view from its start", { view_range: [0, 2] }, ({ session, wait }) => {
  session.state.model.hear({ kind: "play", start: 6, end: 9 });
  session.playback.time = 6100;
  session.moved(6100);
  wait();
  assert.deepEqual(session.view, { start: 5000, end: 7000 });
});

withSession("the whole recording is what Python holds for whole, and is not discussed", {}, ({ model, session, wait }) => {
  session.zoom(2, 0);
  wait();
  session.fit();
  wait();
  assert.deepEqual(model.last("view_range"), [0, DURATION]);
  session.seek(session.data.duration);
  wait();
  assert.equal(model.last("current_time"), DURATION);
  const { length } = model.wrote;
  model.say({ view_range: [0, DURATION], current_time: DURATION });
  wait();
  assert.equal(model.wrote.length, length);
});

withSession("a range too short for the page is told as it is shown", { view_range: [1, 1.01] }, ({ model }) => {
  assert.deepEqual(model.wrote, [{ view_range: [0.985, 1.025] }]);
});

withSession("one end of a selection after the other reaches Python, who knows the end better", {}, ({ model, session, wait }) => {
  session.seek(1000);
  session.selectSide("start");
  wait();
  assert.deepEqual(model.last("selection"), [1, DURATION]);
  session.seek(2000);
  session.selectSide("end");
  wait();
  assert.deepEqual(model.last("selection"), [1, 2]);
});

withSession("an answer to the first end of a selection does not undo the second", {}, ({ model, session, wait }) => {
  session.seek(1000);
  session.selectSide("start");
  wait();
  session.seek(2000);
  session.selectSide("end");
  model.say({ selection: [0.9, 9.9] }); // an observer in Python that moves ends to those of words
  wait();
  assert.deepEqual([model.last("selection"), session.selection], [[1, 2], { start: 1000, end: 2000 }]);
  model.say({ selection: [0.9, 2.1] });
  wait();
  assert.deepEqual([model.last("selection"), session.selection], [[1, 2], { start: 900, end: 2100 }]);
});

withSession("a word that Python names stays the active one among those said at once", {}, ({ model, session, wait }) => {
  model.say({ active_word: [1, 1] });
  wait();
  assert.deepEqual([session.time, model.last("current_time"), model.last("active_word")], [930, 0.93, undefined]);
  session.seek(1520);
  wait();
  assert.equal(model.last("active_word"), undefined);
  session.seek(8100);
  wait();
  assert.deepEqual(model.last("active_word"), [0, 2]);
});

withSession("a page that starts goes to the word that Python named", { active_word: [1, 1] }, ({ model, session, wait }) => {
  wait();
  assert.deepEqual([session.time, model.wrote], [930, [{ current_time: 0.93 }]]);
});
