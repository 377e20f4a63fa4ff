// @ts-check
/** The actions of keys. */

import { lengthOf } from "../view.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {{help: () => void, find: () => void, leave: () => void, helpShown: () => boolean}} Commands actions of the widget itself */

/**
 * The action of a key; null if it has none. Letters are found by the position of the key, so that they work with a
 * Russian layout.
 * @param {{key: string, code: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} event
 * @param {Session} session @param {Commands} commands @returns {(() => void) | null}
 */
export function findAction(event, session, commands) {
  const { key, code, shiftKey } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const page = lengthOf(session.view) * 0.9;
  const far = shiftKey ? 5000 : 1000;
  /** @type {Record<string, () => void>} */
  const byName = {
    " ": () => session.toggle(),
    ArrowLeft: () => jump(session, -far),
    ArrowRight: () => jump(session, far),
    ArrowDown: () => jump(session, -far), // as on any slider
    ArrowUp: () => jump(session, far),
    PageUp: () => session.pan(-page),
    PageDown: () => session.pan(page),
    Home: () => jump(session, -Infinity),
    End: () => jump(session, Infinity),
    "+": () => session.zoom(1.5),
    "=": () => session.zoom(1.5),
    "-": () => session.zoom(1 / 1.5),
    0: () => session.fit(),
    "?": commands.help,
    "/": commands.find,
    Escape: () => escape(session, commands),
  };
  /** @type {Record<string, () => void>} */
  const byCode = {
    BracketLeft: () => session.setSelectionEdge("start"),
    BracketRight: () => session.setSelectionEdge("end"),
    Comma: () => (shiftKey ? session.playback.stepRate(-1) : session.stepWord(-1)),
    Period: () => (shiftKey ? session.playback.stepRate(1) : session.stepWord(1)),
    KeyL: () => session.toggleLoop(),
    KeyZ: () => session.selection && session.camera.glide(session.selection),
    KeyS: commands.find,
    KeyN: () => session.stepHit(shiftKey ? -1 : 1),
    KeyM: () => session.stepMark(shiftKey ? -1 : 1),
    KeyW: () => session.stepRank(shiftKey ? -1 : 1),
    Slash: shiftKey ? commands.help : commands.find,
  };
  return byName[key] ?? byCode[code] ?? null;
}

/** @param {Session} session @param {number} by milliseconds */
function jump(session, by) {
  const time = Math.min(session.data.duration, Math.max(0, session.time + by));
  session.seek(time);
  session.camera.reveal({ start: time, end: time });
}

/** @param {Session} session @param {Commands} commands */
function escape(session, commands) {
  if (commands.helpShown()) commands.help();
  else if (session.selection) session.select(null);
  else commands.leave();
}
