// @ts-check
/** The timeline widget: the default export for anywidget, `mount` for a page without a kernel. */

import { Session } from "./session.js";
import { plainModel } from "./state.js";
import { Widget } from "./widget.js";

/** @typedef {import("./state.js").Model} Model */

/**
 * Called once for each model. Its views share the data, the sound and one playhead; the session begins with the first
 * view and ends with the last. A view's own model stops listening with that view, so the first one is used.
 */
export default function timeline() {
  /** @type {Model | undefined} */
  let lasting;
  /** @type {Session | null} */
  let session = null;
  let views = 0;
  return {
    /** @param {{model: Model}} given */
    initialize({ model }) {
      lasting = model;
    },
    /** @param {{model: Model, el: HTMLElement}} given @returns {() => void} what removes the view */
    render({ model, el }) {
      session ??= new Session(lasting ?? model);
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
 * Draws a timeline in a page of its own.
 * @param {HTMLElement} element @param {Record<string, unknown>} state the traits by name; bytes as Uint8Array or base64
 * @returns {() => void} what removes it
 */
export function mount(element, state) {
  const bytes = ["columns", "peaks", "sound"].map((name) => [name, unpacked(state[name])]);
  return timeline().render({ model: plainModel({ ...state, ...Object.fromEntries(bytes) }), el: element });
}

/** @param {unknown} given */
function unpacked(given) {
  if (typeof given !== "string") return given;
  if ("fromBase64" in Uint8Array) return /** @type {any} */ (Uint8Array).fromBase64(given); // ten times as fast
  const characters = atob(given);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
