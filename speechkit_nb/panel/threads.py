"""Threads of the panel, so that neither disk nor network ever blocks the kernel."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from ..errors import SpeechkitError

log = logging.getLogger("speechkit_nb")

Task = Callable[[], object]
ShowError = Callable[[str], None]


class Worker:
    """One daemon thread that runs tasks in their order.

    Args:
        name: of the thread.
        show_error: called with the message of a task that fails; the thread goes on with the next task.
        regular: a task to run whenever `interval` seconds have passed without another task.
        interval: seconds.
    """

    def __init__(
        self, name: str, show_error: ShowError, regular: Task | None = None, interval: float | None = None
    ) -> None:
        self._show_error, self._regular, self._interval = show_error, regular, interval
        self._tasks: queue.Queue[Task | None] = queue.Queue()
        self._closed = False
        self._thread = threading.Thread(target=self._run_tasks, name=name, daemon=True)
        self._thread.start()

    def run(self, task: Task) -> None:
        """Run the task soon, unless the worker is closed; returns at once."""
        if not self._closed:
            self._tasks.put(task)

    def wait(self) -> None:
        """Wait until all tasks so far are done."""
        self._tasks.join()

    def close(self) -> None:
        """Accept no more tasks; those in the queue are still run. Returns at once."""
        self._closed = True
        self._tasks.put(None)

    def _run_tasks(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=self._interval)
            except queue.Empty:
                if self._regular is not None:
                    run_task(self._regular, self._show_error)
                continue
            if task is not None:
                run_task(task, self._show_error)
            self._tasks.task_done()
            if task is None:
                return


def run_task(task: Task, show_error: ShowError) -> None:
    """Run a task; if it fails, show the message of the error instead of ending the thread.

    >>> run_task(lambda: open("/nowhere/at/all"), print)
    /nowhere/at/all: No such file or directory
    """
    try:
        task()
    except SpeechkitError as error:
        show_error(str(error))
    except OSError as error:
        show_error(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    except Exception as error:
        log.exception("in the job panel")
        show_error(f"{type(error).__name__}: {error}")
