// @ts-check
/** The state that Python and the page share. Changes reach the page at once, and Python at most five times a second. */

/**
 * @typedef {object} Model the argument of anywidget's render; `createModel` makes one from plain values
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: (...given: any[]) => void) => void} on
 * @property {(event: string, callback: (...given: any[]) => void) => void} off
 * @property {(content: object) => void} [send] absent: there is no kernel
 */
/** @typedef {"spec" | "columns" | "peaks" | "sound" | "sound_type" | "sound_urls" | "current_time" | "playing" | "playback_rate" | "selection" | "loop" | "view_range" | "active_word" | "search" | "muted" | "solo"} Name */

export const SAVE_INTERVAL = 200; // milliseconds between two messages to Python
const TOLERANCE = 0.0006; // less than the page rounds to, so that rounding alone is never sent to Python
/** Only the user changes these, so an answer of Python to an earlier change must not undo the latest one. */
const LOCAL_WINS = new Set(["selection", "loop", "search", "muted", "solo"]);

/** Values until the page or Python sets one. @type {Partial<Record<Name, unknown>>} */
const DEFAULTS = {
  current_time: 0,
  playing: false,
  playback_rate: 1,
  loop: false,
  search: "",
  muted: [],
  solo: [],
  sound_urls: [],
};

export class State {
  /** Values set by the page, until Python sets another. @type {Map<Name, unknown>} */
  #local = new Map();
  /** @type {Map<Name, Set<(fromPython: boolean) => void>>} */
  #listeners = new Map();
  /** @type {[string, () => void][]} */
  #subscriptions = [];
  /** @type {Set<Name>} */
  #unsaved = new Set();
  /** The values sent last. @type {Map<Name, unknown>} */
  #sent = new Map();
  #isSending = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
  }

  /** @param {Name} name @returns {any} */
  get(name) {
    return this.#local.has(name) ? this.#local.get(name) : (this.model.get(name) ?? DEFAULTS[name] ?? null);
  }

  /** Set a value from the page. @param {Name} name @param {unknown} value */
  set(name, value) {
    if (isEqual(this.get(name), value)) return;
    this.#local.set(name, value);
    if (this.model.get(name) !== undefined) this.#sendLocal(name);
    this.#notify(name, false);
  }

  /**
   * Call `callback` after each change of a value.
   * @param {Name} name @param {(fromPython: boolean) => void} callback @returns {() => void} unsubscribes
   */
  on(name, callback) {
    let callbacks = this.#listeners.get(name);
    if (!callbacks) {
      this.#listeners.set(name, (callbacks = new Set()));
      const listener = () => this.#isSending || this.#applyRemote(name);
      this.model.on(`change:${name}`, listener);
      this.#subscriptions.push([name, listener]);
    }
    callbacks.add(callback);
    return () => void this.#listeners.get(name)?.delete(callback);
  }

  /** Send unsent values, and stop listening. */
  dispose() {
    clearTimeout(this.#timer);
    if (this.#unsaved.size) this.model.save_changes();
    for (const [name, listener] of this.#subscriptions) this.model.off(`change:${name}`, listener);
    this.#listeners.clear();
  }

  /** The model has another value: a new one of Python, or an echo of an older local one. @param {Name} name */
  #applyRemote(name) {
    const value = this.model.get(name);
    if (this.#local.has(name) && isEqual(value, this.#local.get(name))) return;
    const isStale = LOCAL_WINS.has(name) || isEqual(value, this.#sent.get(name));
    if (this.#unsaved.has(name) && isStale) return this.#sendLocal(name);
    this.#local.delete(name);
    this.#notify(name, true);
  }

  /** @param {Name} name @param {boolean} fromPython */
  #notify(name, fromPython) {
    for (const callback of this.#listeners.get(name) ?? []) callback(fromPython);
  }

  /** Give the local value to the model. @param {Name} name */
  #sendLocal(name) {
    this.#isSending = true;
    try {
      this.model.set(name, this.#local.get(name));
    } finally {
      this.#isSending = false;
    }
    this.#unsaved.add(name);
    if (this.#timer === undefined) this.#save();
  }

  #save() {
    this.#timer = undefined;
    if (!this.#unsaved.size) return;
    for (const name of this.#unsaved) this.#sent.set(name, this.#local.get(name));
    this.#unsaved.clear();
    this.model.save_changes();
    this.#timer = setTimeout(() => this.#save(), SAVE_INTERVAL);
  }
}

/** A model of plain values, for a page without a kernel. @param {Record<string, unknown>} values @returns {Model} */
export function createModel(values) {
  const current = new Map(Object.entries(values));
  return {
    get: (name) => current.get(name),
    set: (name, value) => void current.set(name, value),
    save_changes: () => {},
    on: () => {},
    off: () => {},
  };
}

/** Whether two values of the state are equal, within rounding. @param {unknown} a @param {unknown} b @returns {boolean} */
export function isEqual(a, b) {
  if (typeof a === "number" && typeof b === "number" && Math.abs(a - b) < TOLERANCE) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
  return Object.is(a, b);
}
