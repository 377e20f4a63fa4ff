"""When the server stops: a signal, or the process that started it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")
PARENT_CHECK_SECONDS = 1.0


async def wait_for_stop(with_stdin: bool, announce: Callable[[], None]) -> None:
    """Return at SIGTERM, SIGINT or SIGHUP (unless the signal is ignored, as under nohup).

    Args:
        with_stdin: return as well when standard input ends or the parent process changes. The process that
            started this server holds the other end of standard input, so it is gone, however it ended.
        announce: called once signals are handled. A signal before that would kill the process at once.
    """
    stop = asyncio.Event()
    _stop_on_signals(stop)
    announce()
    if not with_stdin:
        await stop.wait()
        return
    _stop_at_end_of_stdin(stop)
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), PARENT_CHECK_SECONDS)
        except TimeoutError:
            continue


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # the event loop of Windows
            signal.signal(number, lambda *_: _set(loop, stop))


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def wait() -> None:
        # not sys.stdin: a thread that reads it holds its lock, and the interpreter could not exit
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        _set(loop, stop)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def _set(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop is closed: the server has stopped already
        loop.call_soon_threadsafe(stop.set)
