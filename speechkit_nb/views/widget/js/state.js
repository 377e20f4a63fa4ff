// @ts-check
/** The state that Python and the page share: told at once in the page, to Python at most five times a second. */

/**
 * @typedef {object} Model what anywidget hands to render; mount makes one of plain values
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: (...given: any[]) => void) => void} on
 * @property {(event: string, callback: (...given: any[]) => void) => void} off
 * @property {(content: object) => void} [send] absent: there is no kernel
 */
/** @typedef {"spec" | "columns" | "peaks" | "sound" | "sound_type" | "sound_urls" | "current_time" | "playing" | "playback_rate" | "selection" | "loop" | "view_range" | "active_word" | "search" | "muted" | "solo"} Name */

export const PAUSE = 200; // milliseconds between two messages to Python
const FINEST = 0.0006; // below what the page rounds to, so that it does not answer Python with its own rounding
/** Only a hand changes these, so what it did last is not taken back by Python's answer to what it did before. */
const BY_HAND = new Set(["selection", "loop", "search", "muted", "solo"]);

/** Where neither the page nor Python has said anything. @type {Partial<Record<Name, unknown>>} */
const PRESET = {
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
  /** What the page has set, until Python sets something else. @type {Map<Name, unknown>} */
  #ours = new Map();
  /** @type {Map<Name, Set<(fromPython: boolean) => void>>} */
  #listeners = new Map();
  /** @type {[string, () => void][]} */
  #watched = [];
  /** @type {Set<Name>} */
  #unsaved = new Set();
  /** What was sent last. @type {Map<Name, unknown>} */
  #sent = new Map();
  #own = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
  }

  /** @param {Name} name @returns {any} */
  get(name) {
    return this.#ours.has(name) ? this.#ours.get(name) : (this.model.get(name) ?? PRESET[name] ?? null);
  }

  /** Sets a value from the page. @param {Name} name @param {unknown} value */
  put(name, value) {
    if (same(this.get(name), value)) return;
    this.#ours.set(name, value);
    if (this.model.get(name) !== undefined) this.#hand(name);
    this.#tell(name, false);
  }

  /**
   * Calls back after each change of a value.
   * @param {Name} name @param {(fromPython: boolean) => void} callback @returns {() => void} what ends that
   */
  on(name, callback) {
    let callbacks = this.#listeners.get(name);
    if (!callbacks) {
      this.#listeners.set(name, (callbacks = new Set()));
      const heard = () => this.#own || this.#heard(name);
      this.model.on(`change:${name}`, heard);
      this.#watched.push([name, heard]);
    }
    callbacks.add(callback);
    return () => void this.#listeners.get(name)?.delete(callback);
  }

  /** Sends what is not sent yet, and listens no more. */
  dispose() {
    clearTimeout(this.#timer);
    if (this.#unsaved.size) this.model.save_changes();
    for (const [name, heard] of this.#watched) this.model.off(`change:${name}`, heard);
    this.#listeners.clear();
  }

  /** The model has another value: Python's, or what was sent comes back while ours has moved on. @param {Name} name */
  #heard(name) {
    const value = this.model.get(name);
    if (this.#ours.has(name) && same(value, this.#ours.get(name))) return;
    const late = BY_HAND.has(name) || same(value, this.#sent.get(name));
    if (this.#unsaved.has(name) && late) return this.#hand(name);
    this.#ours.delete(name);
    this.#tell(name, true);
  }

  /** @param {Name} name @param {boolean} fromPython */
  #tell(name, fromPython) {
    for (const callback of this.#listeners.get(name) ?? []) callback(fromPython);
  }

  /** Gives our value to the model. @param {Name} name */
  #hand(name) {
    this.#own = true;
    try {
      this.model.set(name, this.#ours.get(name));
    } finally {
      this.#own = false;
    }
    this.#unsaved.add(name);
    if (this.#timer === undefined) this.#save();
  }

  #save() {
    this.#timer = undefined;
    if (!this.#unsaved.size) return;
    for (const name of this.#unsaved) this.#sent.set(name, this.#ours.get(name));
    this.#unsaved.clear();
    this.model.save_changes();
    this.#timer = setTimeout(() => this.#save(), PAUSE);
  }
}

/** A model of plain values, for a page without a kernel. @param {Record<string, unknown>} values @returns {Model} */
export function plainModel(values) {
  const held = new Map(Object.entries(values));
  return {
    get: (name) => held.get(name),
    set: (name, value) => void held.set(name, value),
    save_changes: () => {},
    on: () => {},
    off: () => {},
  };
}

/** Whether two values of the state are equal, as far as the page can tell. @param {unknown} a @param {unknown} b @returns {boolean} */
export function same(a, b) {
  if (typeof a === "number" && typeof b === "number" && Math.abs(a - b) < FINEST) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  return Object.is(a, b);
}
