"""What the panel says about one job: its state, how far it may be, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

SIGNS = {
    "submitting": "↑",
    "submitted": "…",
    "running": "▶",
    "done": "✓",
    "failed": "✕",
    "cancelled": "–",
    "expired": "⌛",
    "unknown": "?",
}
ON_ITS_WAY = ("submitted", "running")
ACTIONS = {
    "submitted": ("cancel",),
    "running": ("cancel",),
    "done": ("open", "delete"),
    "failed": ("retry",),
    "cancelled": ("retry",),
    "expired": ("retry",),
    "unknown": ("resend", "abandon"),
}
SECONDS_PER_SECOND = 1 / 6
"""Expected recognition time for a second of audio; SpeechKit takes about 10 s a minute."""


@dataclass(frozen=True)
class Row:
    """A job as the journal has it. Times are seconds since the epoch, `duration` seconds.

    Attributes:
        id: its number in the journal.
        here: whether the panel's client can ask the service about it.
    """

    id: int
    recording: str
    state: str
    service: str = ""
    operation_id: str | None = None
    duration: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    created_at: float = 0.0
    submitted_at: float | None = None
    finished_at: float | None = None
    error: str | None = None
    here: bool = True

    @property
    def actions(self) -> tuple[str, ...]:
        """What can be done with it; of another service's job only the result in the journal is there."""
        possible = ACTIONS.get(self.state, ())
        return possible if self.here else tuple(name for name in possible if name == "open")


def estimated(duration: float | None, waited: float) -> float:
    """Share of the recognition that may be over after `waited` seconds; never the whole.

    >>> estimated(60, 5), estimated(60, 1000), estimated(None, 0)
    (0.5, 0.95, 0.0)
    """
    expected = max((duration or 0.0) * SECONDS_PER_SECOND, 1.0)
    return min(max(waited, 0.0) / expected, 0.95)


def row_html(row: Row, now: float) -> str:
    """The cells of a row: recording, state, what was asked for, when."""
    cells = [
        ("recording", "sk-name", f'<bdi title="{escape(_title(row))}">{escape(row.recording)}</bdi>'),
        ("state", "", _state(row, now)),
        ("model", "sk-help", escape(asked(row))),
        ("sent", "sk-help", escape(_moment(row, now))),
    ]
    html = "".join(
        f'<span class="{style}"><span class="sk-sr">{name}: </span>{content}</span>'
        for name, style, content in cells
    )
    error = explained(row)
    if error:
        style = "sk-note" if row.state == "cancelled" else "sk-error"
        html += f'<span class="{style}" dir="auto">{escape(error)}</span>'
    return f'<div class="sk-cells">{html}</div>'


HEAD = (
    '<div class="sk-cells sk-head" aria-hidden="true"><span>Recording</span><span>State</span>'
    "<span>Model and options</span><span>Sent</span></div>"
)


def asked(row: Row) -> str:
    """Model and options in a few words.

    >>> asked(Row(1, "a.wav", "done", options={"model": "general", "language": ["en-US"], "normalize": True}))
    'general · en-US · normalize'
    """
    return " · ".join(_option(name, value) for name, value in row.options.items() if value is not None)


def _option(name: str, value: Any) -> str:
    if name in ("model", "language"):
        return ", ".join(value) if isinstance(value, list) else str(value)
    if value is True:
        return name
    return f"{name}={value}" if len(str(value)) < 20 else name


def explained(row: Row) -> str:
    """What went wrong, in words; empty if nothing did."""
    error = row.error or ""
    if row.state == "unknown":
        why = f" ({error})" if error else ""
        return (
            f"Nobody knows whether the service got this job{why}. Sending it again may be billed twice; "
            "giving up sends nothing."
        )
    return error if row.state in ("failed", "expired", "cancelled") else ""


def _state(row: Row, now: float) -> str:
    sign = f'<span aria-hidden="true">{SIGNS.get(row.state, "")}</span> '
    html = f'<span class="sk-state sk-{escape(row.state)}">{sign}{escape(row.state)}</span>'
    if row.state in ON_ITS_WAY:
        waited = now - (row.submitted_at or row.created_at)
        percent = round(100 * estimated(row.duration, waited))
        words = f"about {percent} %, an estimate" if percent < 95 else "it takes longer than estimated"
        html += (
            f' <span class="sk-help">{words}</span>'
            f'<progress max="100" value="{percent}" aria-label="estimated progress"></progress>'
        )
    elif row.state == "done" and row.finished_at and row.submitted_at:
        took = row.finished_at - row.submitted_at
        of = f" for {_length(row.duration)} of audio" if row.duration else ""
        html += f' <span class="sk-help">in {_length(took)}{of}</span>'
    return html


def _title(row: Row) -> str:
    return f"job {row.id}, operation {row.operation_id or 'not known'}, {row.service}"


def _length(seconds: float) -> str:
    """
    >>> _length(0.5), _length(46.2), _length(190), _length(8000)
    ('1 s', '46 s', '3:10 min', '2:13 h')
    """
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    unit, rest = ("min", whole) if whole < 3600 else ("h", whole // 60)
    return f"{rest // 60}:{rest % 60:02d} {unit}"


def _moment(row: Row, now: float) -> str:
    """When it was sent, by the clock on the wall; the day only if it was another one. And where to."""
    at = time.localtime(row.submitted_at or row.created_at)
    today = time.localtime(now)
    same = at[:3] == today[:3]
    clock = time.strftime("%H:%M:%S" if same else "%d %b %H:%M", at)
    return clock if row.here else f"{clock} to {row.service}"
