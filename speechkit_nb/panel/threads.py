"""Threads behind the panel, so that neither disk nor network ever holds up the kernel."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from ..errors import SpeechkitError

log = logging.getLogger("speechkit_nb")


class Worker:
    """One thread that does what it is given, one task after the other.

    Args:
        name: of the thread.
        report: gets the words for whatever went wrong; the thread goes on with the next task.
    """

    def __init__(self, name: str, report: Callable[[str], None]) -> None:
        self._name = name
        self._report = report
        self._tasks: queue.Queue[Callable[[], Any] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def do(self, task: Callable[[], Any]) -> None:
        """Do it soon, unless the worker is closed; returns at once."""
        if self._closed:
            return
        self._tasks.put(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Wait until everything given so far is done."""
        self._tasks.join()

    def close(self) -> None:
        """Take no more tasks; those it has are done. Waits for nothing."""
        self._closed = True
        if self._thread is not None:
            self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            attempt(task, self._report)
            self._tasks.task_done()
        self._tasks.task_done()


class Ticker:
    """One thread that calls `tick` again and again.

    Args:
        name: of the thread.
        tick: what to do.
        report: gets the words for whatever went wrong.
        seconds: pause between two calls.
    """

    def __init__(
        self, name: str, tick: Callable[[], Any], report: Callable[[str], None], seconds: float
    ) -> None:
        self._tick, self._report, self._seconds = tick, report, seconds
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Do not wait for the end of the pause."""
        self._wake.set()

    def close(self) -> None:
        """No call begins after this."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            attempt(self._tick, self._report)
            self._wake.wait(self._seconds)


def attempt(task: Callable[[], Any], report: Callable[[str], None]) -> None:
    """Do it; what goes wrong is reported in words instead of being raised in a thread nobody reads.

    >>> attempt(lambda: open("/nowhere/at/all"), print)
    /nowhere/at/all: No such file or directory
    """
    try:
        task()
    except SpeechkitError as error:
        report(str(error))
    except OSError as error:
        report(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    except Exception as error:
        log.exception("in the job panel")
        report(f"{type(error).__name__}: {error}")
