"""One job of the table as HTML: its state, its estimated progress, its options and its error."""

from __future__ import annotations

import time
from collections.abc import Mapping
from html import escape

from ..client import JobRecord, Pace
from .jobs_model import JobRow

MAX_PROGRESS = 0.95
TABLE_HEAD = (
    '<div class="sk-cells sk-head" aria-hidden="true"><span>Recording</span><span>State</span>'
    "<span>Model and options</span><span>Sent</span></div>"
)


def row_html(row: JobRow, now: float) -> str:
    """The cells of a job: recording, state, options, time of submission, and its error if there is one.

    Args:
        row: the job.
        now: seconds since the epoch.
    """
    record = row.record
    cells = [
        ("recording", "sk-name", f'<bdi title="{escape(_title(record))}">{escape(record.recording)}</bdi>'),
        ("state", "", _state_html(record, now)),
        ("model", "sk-help", escape(describe_options(record.options))),
        ("sent", "sk-help", escape(_submission(row, now))),
    ]
    html = "".join(
        f'<span class="{style}"><span class="sk-sr">{name}: </span>{content}</span>'
        for name, style, content in cells
    )
    error = describe_error(record)
    if error:
        style = "sk-note" if record.state == "cancelled" else "sk-error"
        html += f'<span class="{style}" dir="auto">{escape(error)}</span>'
    return f'<div class="sk-cells">{html}</div>'


def estimate_progress(duration: float | None, waited: float) -> float:
    """The estimated share of a recognition that is done after `waited` seconds; never 1.

    >>> estimate_progress(60, 5), estimate_progress(60, 1000), estimate_progress(None, 0)
    (0.5, 0.95, 0.0)
    """
    expected = max((duration or 0.0) * Pace.estimate, 1.0)
    return min(max(waited, 0.0) / expected, MAX_PROGRESS)


def describe_options(options: Mapping[str, object]) -> str:
    """Model and options in short.

    >>> describe_options({"model": "general", "language": ["en-US"], "normalize": True})
    'general · en-US · normalize'
    """
    return " · ".join(_describe_option(name, value) for name, value in options.items() if value is not None)


def _describe_option(name: str, value: object) -> str:
    if name in ("model", "language"):
        return ", ".join(value) if isinstance(value, list) else str(value)
    if value is True:
        return name
    return f"{name}={value}" if len(str(value)) < 20 else name


def describe_error(record: JobRecord) -> str:
    """Why a job has no result; empty if it has one, or may still get one."""
    error = record.error or ""
    if record.state == "unknown":
        reason = f" ({error})" if error else ""
        return (
            f"It is not known whether the service received this job{reason}. Send again makes a new job, "
            "which may be billed twice. Give up sends nothing."
        )
    return error if record.state == "cancelled" or record.state_info.is_failure else ""


def _state_html(record: JobRecord, now: float) -> str:
    state = record.state_info
    icon = f'<span aria-hidden="true">{state.icon}</span> '
    html = f'<span class="sk-state sk-{state.look}">{icon}{escape(state.label)}</span>'
    if state.is_polled:
        percent = round(100 * estimate_progress(record.duration, record.waited(now)))
        text = f"about {percent} %, estimated" if percent < 100 * MAX_PROGRESS else "longer than estimated"
        html += (
            f' <span class="sk-help">{text}</span>'
            f'<progress max="100" value="{percent}" aria-label="estimated progress"></progress>'
        )
    elif record.state == "done" and record.finished_at and record.submitted_at:
        took = _format_seconds(record.finished_at - record.submitted_at)
        audio = f" for {_format_seconds(record.duration)} of audio" if record.duration else ""
        html += f' <span class="sk-help">in {took}{audio}</span>'
    return html


def _title(record: JobRecord) -> str:
    return f"job {record.number}, operation {record.operation_id or 'not known'}, {record.service}"


def _format_seconds(seconds: float) -> str:
    """
    >>> _format_seconds(0.5), _format_seconds(46.2), _format_seconds(190), _format_seconds(8000)
    ('1 s', '46 s', '3:10 min', '2:13 h')
    """
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    unit, rest = ("min", whole) if whole < 3600 else ("h", whole // 60)
    return f"{rest // 60}:{rest % 60:02d} {unit}"


def _submission(row: JobRow, now: float) -> str:
    """Local time of the submission, with the day if not today, and the service if it is another one."""
    moment, today = time.localtime(row.record.submitted_at or row.record.created_at), time.localtime(now)
    text = time.strftime("%H:%M:%S" if moment[:3] == today[:3] else "%d %b %H:%M", moment)
    return text if row.is_own else f"{text} to {row.record.service}"
