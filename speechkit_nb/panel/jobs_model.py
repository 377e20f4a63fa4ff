"""What the panel needs of a client. It imports none: whoever makes a panel hands one over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from .job_row import Row
from .result_view import Result


class Shown(NamedTuple):
    """A look into the journal: the newest jobs, how many there are in all, and what is to be said."""

    rows: list[Row]
    total: int
    news: list[str]


class Desk(Protocol):
    """A client as the panel uses it. Every method may take long, and may raise; jobs go by their number.

    Attributes:
        name: what it is connected to.
        client: what it was made of, for the user.
    """

    name: str
    client: Any

    def look(self, most: int) -> Shown:
        """The newest jobs of the journal."""

    def submit(self, sources: Sequence[str | Path], options: Mapping[str, Any]) -> None:
        """Send recordings to be recognized; each becomes a row of the journal."""

    def open(self, id: int) -> Result:
        """The result of a job that is done."""

    def cancel(self, id: int) -> None:
        """Ask the service to stop it."""

    def send_again(self, id: int) -> None:
        """Send its recording as a new job."""

    def abandon(self, id: int) -> None:
        """Take an unknown job for not sent."""

    def delete(self, id: int) -> None:
        """Let the service forget its result."""

    def go_on(self) -> None:
        """Ask after the jobs that an earlier kernel left open."""

    def close(self) -> None:
        """Hang up."""


Connect = Callable[[str | None], Desk]
