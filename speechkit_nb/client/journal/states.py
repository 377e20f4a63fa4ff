"""The states of a job: what each means, what may follow it, and what a user may do with a job in it.

Everything that depends on a state is in this table. The journal allows only the transitions in it, so that
two kernels that change the same job at the same time cannot set it back to an earlier state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Look = Literal["good", "bad", "unsure", "active", "plain"]
Action = Literal["wait", "cancel", "open", "delete", "resubmit", "abandon"]


@dataclass(frozen=True)
class JobState:
    """One state of a job.

    Attributes:
        meaning: one sentence for the documentation.
        label, icon: as shown in tables and panels.
        actions: what a user may do with a job in this state.
        successors: the states that may follow, each with the reason.
        is_polled: whether the service can be asked for its status.
        is_failure: whether it has no result and will not get one, although the user did not stop it.
        is_uncertain: whether it is not known if the service has the job.
        is_billed: whether it is billed; None if that is not known.
        is_stored: whether the service stores a result for three days from the end of the job.
    """

    meaning: str
    label: str
    icon: str
    actions: tuple[Action, ...]
    successors: Mapping[str, str] = field(default_factory=dict)
    is_polled: bool = False
    is_failure: bool = False
    is_uncertain: bool = False
    is_billed: bool | None = True
    is_stored: bool = False

    @property
    def is_open(self) -> bool:
        """Whether there is something to wait for."""
        return "wait" in self.actions

    @property
    def look(self) -> Look:
        """How tables and panels colour it."""
        if self.is_open:
            return "active"
        if self.is_failure:
            return "bad"
        if self.is_uncertain:
            return "unsure"
        return "good" if "open" in self.actions else "plain"

    @property
    def needs_attention(self) -> bool:
        """Whether the user should act, since nothing more happens automatically."""
        return not self.is_open and (self.is_failure or self.is_uncertain)


DAMAGED = "damaged"

STATES: Mapping[str, JobState] = {
    "submitting": JobState(
        meaning="the request is being sent; it is not known yet whether it arrived",
        label="submitting",
        icon="↑",
        actions=("wait",),
        successors={
            "submitted": "the service answered with an operation id",
            "failed": "the service refused it: nothing is billed",
            "unknown": "the answer was lost, or the process ended before it came",
        },
        is_uncertain=True,
        is_billed=False,
    ),
    "submitted": JobState(
        meaning="the service returned an operation id",
        label="submitted",
        icon="…",
        actions=("wait", "cancel"),
        successors={
            "running": "the first status check: not done yet",
            "done": "its messages were fetched",
            "failed": "the recognition ended in an error",
            "cancelled": "the user cancelled it",
            "expired": "not found, more than three days after its submission",
        },
        is_polled=True,
    ),
    "running": JobState(
        meaning="the status was checked at least once, and it is not done yet",
        label="running",
        icon="▶",
        actions=("wait", "cancel"),
        successors={
            "done": "its messages were fetched",
            "failed": "the recognition ended in an error",
            "cancelled": "the user cancelled it",
            "expired": "not found, more than three days after its submission",
        },
        is_polled=True,
    ),
    "done": JobState(
        meaning="its messages are in the journal",
        label="done",
        icon="✓",
        actions=("open", "delete"),
        is_stored=True,
    ),
    "failed": JobState(
        meaning="the service refused it, or the recognition ended in an error",
        label="failed",
        icon="✕",
        actions=("resubmit",),
        is_failure=True,
        is_billed=False,
    ),
    "cancelled": JobState(
        meaning="cancelled or abandoned by the user",
        label="cancelled",
        icon="–",
        actions=("resubmit",),
    ),
    "expired": JobState(
        meaning="the service deleted the result before it was fetched",
        label="expired",
        icon="⌛",
        actions=("resubmit",),
        successors={"done": "another kernel was already fetching its messages"},
        is_failure=True,
        is_stored=True,
    ),
    "unknown": JobState(
        meaning="the answer to the request never came; the service may or may not have the job",
        label="unknown",
        icon="?",
        actions=("resubmit", "abandon"),
        successors={
            "submitted": "the answer came after all, in the process that had sent the request",
            "cancelled": "the user abandoned it, or sent the recording again",
        },
        is_uncertain=True,
        is_billed=None,
    ),
    DAMAGED: JobState(
        meaning="its row in the journal cannot be read; this is never written, only shown",
        label="damaged",
        icon="!",
        actions=(),
        is_uncertain=True,
        is_billed=None,
    ),
}

OPEN = tuple(name for name, state in STATES.items() if state.is_open)
"""States in which there is something to wait for."""
FAILED = tuple(name for name, state in STATES.items() if state.is_failure)
"""States of jobs that have no result and were not stopped by the user."""
UNCERTAIN = tuple(name for name, state in STATES.items() if state.is_uncertain)
"""States in which it is not known whether the service has the job."""
REUSABLE = ("done", *reversed(OPEN))
"""States in which a job is used again for the same sound, in order of preference."""


def predecessors(state: str) -> tuple[str, ...]:
    """The states from which a job may come into this one.

    >>> predecessors("unknown")
    ('submitting',)
    """
    return tuple(name for name, other in STATES.items() if state in other.successors)
