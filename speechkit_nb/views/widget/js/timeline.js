// @ts-check
/** The timeline widget: the default export for anywidget, `mount` for a page without a kernel. */

import { Session } from "./session.js";
import { createModel } from "./state.js";
import { Widget } from "./widget.js";

/** @typedef {import("./state.js").Model} Model */

/**
 * Called once per model. Its views share the data, the sound and one playhead; the session lasts from the first view to
 * the last. The model given to a view stops sending events when that view is removed, so the model of `initialize` is used.
 */
export default function timeline() {
  /** @type {Model | undefined} */
  let firstModel;
  /** @type {Session | null} */
  let session = null;
  let views = 0;
  return {
    /** @param {{model: Model}} given */
    initialize({ model }) {
      firstModel = model;
    },
    /** @param {{model: Model, el: HTMLElement}} given @returns {() => void} removes the view */
    render({ model, el }) {
      session ??= new Session(firstModel ?? model);
      views += 1;
      const widget = new Widget(session, el);
      return () => {
        widget.dispose();
        views -= 1;
        if (views > 0) return;
        session?.dispose();
        session = null;
      };
    },
  };
}

/**
 * Draw a timeline in a page without a kernel.
 * @param {HTMLElement} element @param {Record<string, unknown>} state the traits by name; bytes as Uint8Array or base64
 * @returns {() => void} removes it
 */
export function mount(element, state) {
  const bytes = ["columns", "peaks", "sound"].map((name) => [name, toBytes(state[name])]);
  return timeline().render({ model: createModel({ ...state, ...Object.fromEntries(bytes) }), el: element });
}

/** @param {unknown} given */
function toBytes(given) {
  if (typeof given !== "string") return given;
  if ("fromBase64" in Uint8Array) return /** @type {any} */ (Uint8Array).fromBase64(given); // ten times faster
  const characters = atob(given);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
