"""The states of a job, and what leads from one to the next.

A row of the journal moves along this table only; the journal itself holds it, so that two kernels that see
the same job at the same moment cannot pull it back and forth.
"""

from __future__ import annotations

from collections.abc import Mapping

MEANING: Mapping[str, str] = {
    "submitting": "the request is on its way; nobody knows yet whether it arrived",
    "submitted": "the service gave an operation id",
    "running": "the service was asked, and is not done yet",
    "done": "its messages are in the journal",
    "failed": "the service refused it, or the recognition ended in an error",
    "cancelled": "stopped, or given up, by the user",
    "expired": "the service has thrown the result away before it was fetched",
    "unknown": "the answer to the request never came; the service may or may not have the job",
}

TRANSITIONS: Mapping[str, Mapping[str, str]] = {
    "submitting": {
        "submitted": "the service answered with an operation id",
        "failed": "the service refused it: nothing is billed",
        "unknown": "the answer was lost, or the process ended before it came",
    },
    "submitted": {
        "running": "the first question: not done yet",
        "done": "its messages were fetched",
        "failed": "the recognition ended in an error",
        "cancelled": "the user cancelled it",
        "expired": "not found, more than three days after its submission",
    },
    "running": {
        "done": "its messages were fetched",
        "failed": "the recognition ended in an error",
        "cancelled": "the user cancelled it",
        "expired": "not found, more than three days after its submission",
    },
    "done": {},
    "failed": {},
    "cancelled": {},
    "expired": {"done": "another kernel had its messages already on the way"},
    "unknown": {
        "submitted": "the answer came after all, in the process that had sent the request",
        "cancelled": "the user gave it up, or sent the recording again",
    },
}

OPEN = ("submitting", "submitted", "running")
"""States in which there is something to wait for."""


def before(state: str) -> tuple[str, ...]:
    """The states from which a job may come into this one.

    >>> before("unknown")
    ('submitting',)
    """
    return tuple(name for name, following in TRANSITIONS.items() if state in following)
