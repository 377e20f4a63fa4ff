"""When the server ends: a signal, or the process that started it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")
PARENT_CHECK_SECONDS = 1.0


async def until_told_to_stop(with_stdin: bool, announce: Callable[[], None]) -> None:
    """Returns at SIGTERM, SIGINT or SIGHUP (unless ignored, as under nohup).

    Args:
        announce: called when it listens to signals, so that none is answered by a sudden death.
        with_stdin: return, too, when standard input ends or the parent process is another one: whoever
            started this server holds the other end and is gone, however it ended.
    """
    stop = asyncio.Event()
    _on_signals(stop)
    announce()
    if not with_stdin:
        await stop.wait()
        return
    _on_end_of_stdin(stop)
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), PARENT_CHECK_SECONDS)
        except TimeoutError:
            continue


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # the event loop of Windows
            signal.signal(number, lambda *_: _set(loop, stop))


def _on_end_of_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def wait() -> None:
        # os.read, not sys.stdin: the interpreter can not finish while a thread holds the lock of the latter.
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        _set(loop, stop)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def _set(loop: Any, stop: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop is closed: the server has ended already
        loop.call_soon_threadsafe(stop.set)
