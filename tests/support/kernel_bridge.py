"""A timeline in Chromium, connected to a TimelineView in the test instead of in a kernel."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from comm.base_comm import BaseComm
from playwright.sync_api import Page
from timeline_pages import WATCH, Timeline

from speechkit_nb.views.widget.timeline_view import BUNDLE, CONTENT, STATE, TimelineView

MOUNT = """
async ([code, state]) => {
    const { default: timeline } = await import(`data:text/javascript;base64,${code}`);
    const codes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const bytes = (text) => new DataView(codes(text).buffer);
    const held = new Map(Object.entries(state));
    for (const name of ["columns", "peaks", "sound"]) held.set(name, bytes(held.get(name)));
    const listeners = new Map();
    const wire = (window.wire = { state: "open", asked: [] });
    const heard = (event) => listeners.get(event) ?? [];
    wire.tell = (event, ...given) => [...heard(event)].forEach((act) => act(...given));
    const model = {
        get: (name) => held.get(name),
        set: (name, value) => void held.set(name, value),
        save_changes: () => {},
        on: (event, act) => void listeners.set(event, [...heard(event), act]),
        off: (event, act) => void listeners.set(event, heard(event).filter((one) => one !== act)),
        send: async (content) => {
            wire.asked.push(content);
            if (wire.state === "silent") return;
            const answers = await window.toPython(content);
            for (const [answer, buffers] of answers) wire.tell("msg:custom", answer, buffers.map(bytes));
        },
    };
    const { send } = model;
    model.send = (content) => {
        if (wire.state === "cut") throw new Error("closed");
        send(content);
    };
    const widget = timeline();
    widget.initialize({ model });
    widget.render({ model, el: document.querySelector("main") });
}
"""


class Wire(BaseComm):
    """Stores the messages that Python sends."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        super().__init__(target_name="jupyter.widget")

    def publish_msg(self, msg_type: str, data: Any = None, *given: Any, **keys: Any) -> None:
        if data and data.get("method") == "custom":
            self.sent.append([data["content"], [_base64(buffer) for buffer in keys.get("buffers") or []]])

    def taken(self) -> list[Any]:
        sent, self.sent = self.sent, []
        return sent


def wired(page: Page, view: TimelineView, folder: Path) -> Timeline:
    """Show the view on an empty page; `window.wire.state` may be set to "silent" or "cut"."""
    wire = view.comm = Wire()
    message = {"method": "custom"}

    def to_python(content: Any) -> list[Any]:
        view._handle_msg({"content": {"data": message | {"content": content}}, "buffers": []})
        return wire.taken()

    page.expose_function("toPython", to_python)
    page.add_init_script(f"({WATCH})()")
    path = folder / "wired.html"
    path.write_text("<!doctype html><meta charset=utf-8><main></main>")
    page.goto(path.as_uri())
    state = {name: getattr(view, name) for name in (*CONTENT, *STATE)}
    page.evaluate(MOUNT, [_base64(BUNDLE.read_bytes()), json.loads(json.dumps(state, default=_base64))])
    return Timeline(page).ready()


def _base64(content: Any) -> str:
    return base64.b64encode(content).decode("ascii")
