"""A timeline as one HTML page: the same code and the same data, nothing that has to be loaded."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from html import escape
from typing import Any

from ...audio import Recording
from ..scene import audio_encoding as sounds
from ..scene.messages import Problem, count_noun_ru, translate_problems

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
<noscript>{picture}<p>This page needs JavaScript to be zoomed and heard.</p></noscript>
<script type="application/json" id="state">{state}</script>
<script type="module">
const state = JSON.parse(document.getElementById("state").textContent);
const {{ mount }} = await import("data:text/javascript;base64,{code}");
mount(document.getElementById("timeline"), state);
</script>
</body>
</html>
"""


def page(state: Mapping[str, Any], code: str, picture: bytes | None = None) -> str:
    """The page with a timeline in `state` (names and blobs as in `columns`), drawn by `code`.

    Args:
        picture: PNG that is seen where there is no JavaScript.
    """
    drawn = f'<img alt="" src="data:image/png;base64,{_base64(picture)}">' if picture else ""
    return PAGE.format(
        language=state["spec"]["locale"] or "en",
        policy=POLICY,
        title=escape(state["spec"]["title"] or "Timeline"),
        picture=drawn,
        state=_script_safe(json.dumps(state, default=_base64)),
        code=_base64(code.encode()),
    )


def with_sound(state: Mapping[str, Any], recording: Recording | None) -> dict[str, Any]:
    """The state with the whole sound in it, or, if `recording` is None, without any. A page has nobody to
    ask for windows, so that more than two channels are mixed to one.

    Raises:
        AudioError: the recording cannot be read.
    """
    if recording is None:
        return {**state, "spec": {**state["spec"], "sound": None}, "sound": b"", "sound_urls": []}
    mixed = recording.n_channels > sounds.MOST_CHANNELS
    content, type_ = sounds.encoded(recording, ["audio/ogg"], mixed)
    facts = {**sounds.facts(recording), "whole": False, "mixed": mixed, "window_seconds": None}
    spec = {**state["spec"], "sound": facts}
    if mixed:
        told = _mixed(recording.n_channels)
        spec["problems"] = [*spec["problems"], str(told)]
        spec["russian"] = spec["russian"] | translate_problems([told])
    return {**state, "spec": spec, "sound": content, "sound_type": type_, "sound_urls": []}


def _mixed(n_channels: int) -> Problem:
    ru = count_noun_ru(n_channels, "канал сведён", "канала сведены", "каналов сведены")
    return Problem(
        f"the {n_channels} channels are mixed to one in this page and cannot be muted",
        f"{ru} на этой странице в один, по отдельности их не выключить",
    )


def _script_safe(text: str) -> str:
    """JSON that cannot end the script it stands in."""
    return text.replace("<", "\\u003c")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
