"""A timeline as one HTML page with the same code and data as the widget; the page loads nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from html import escape
from typing import Any

from ...audio import Recording
from ...tables import Problem, count_noun_ru, translate_problems
from ..scene.audio_encoding import MOST_CHANNELS, describe_sound, encode_sound

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; connect-src data: blob:"
)
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 1rem; background: Canvas; color: CanvasText;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }}
img {{ display: block; max-width: 100%; background: #fff; }}
</style>
</head>
<body>
<main id="timeline"></main>
<noscript>{picture}<p>Turn on JavaScript to zoom and to play the sound.</p></noscript>
<script type="application/json" id="state">{state}</script>
<script type="module">
const state = JSON.parse(document.getElementById("state").textContent);
const {{ mount }} = await import("data:text/javascript;base64,{code}");
mount(document.getElementById("timeline"), state);
</script>
</body>
</html>
"""


def render_page(state: Mapping[str, Any], code: str, picture: bytes | None = None) -> str:
    """The page of a timeline.

    Args:
        state: the traits by name; see the module `packing`.
        code: the JavaScript that draws it.
        picture: PNG, shown if JavaScript is turned off.
    """
    image = f'<img alt="" src="data:image/png;base64,{_base64(picture)}">' if picture else ""
    return PAGE.format(
        language=state["spec"]["locale"] or "en",
        policy=POLICY,
        title=escape(state["spec"]["title"] or "Timeline"),
        picture=image,
        state=_escape_script(json.dumps(state, default=_base64)),
        code=_base64(code.encode()),
    )


def add_sound(state: Mapping[str, Any], recording: Recording | None) -> dict[str, Any]:
    """The state with the whole sound in it, or without sound if `recording` is None.

    A page has no kernel to request windows from, so that more than two channels are mixed to one.

    Raises:
        AudioError: if the recording cannot be read.
    """
    if recording is None:
        return {**state, "spec": {**state["spec"], "sound": None}, "sound": b"", "sound_urls": []}
    mixed = recording.n_channels > MOST_CHANNELS
    content, type_ = encode_sound(recording, ["audio/ogg"], mixed)
    sound = {**describe_sound(recording), "whole": False, "mixed": mixed, "window_seconds": None}
    spec = {**state["spec"], "sound": sound}
    if mixed:
        problem = _describe_mixing(recording.n_channels)
        spec["problems"] = [*spec["problems"], str(problem)]
        spec["russian"] = spec["russian"] | translate_problems([problem])
    return {**state, "spec": spec, "sound": content, "sound_type": type_, "sound_urls": []}


def _describe_mixing(n_channels: int) -> Problem:
    ru = count_noun_ru(n_channels, "канал сведён", "канала сведены", "каналов сведены")
    return Problem(
        f"the {n_channels} channels are mixed to one in this page and cannot be muted",
        f"{ru} на этой странице в один, по отдельности их не выключить",
    )


def _escape_script(text: str) -> str:
    """JSON that cannot end the script element around it."""
    return text.replace("<", "\\u003c")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
