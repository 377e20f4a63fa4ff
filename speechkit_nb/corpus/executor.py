"""Runs the scoring of parts on an executor. If a worker process dies, only one part fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from itertools import islice
from uuid import uuid4

from .part_scores import Outcome
from .parts import Part

AT_ONCE = 512
"""Number of parts that are submitted and not finished; enough for several hundred workers."""

Work = Callable[[Part], Outcome]


def run_parts(parts: Sequence[Part], work: Work, executor: Executor | None) -> Iterator[Outcome]:
    """Yield the outcome of each part, in any order.

    Args:
        work: scores a part. It returns errors and does not raise, so an exception of a future means that its
            worker failed.
        executor: default: the current thread. When a worker dies, all parts that fail with it are repeated
            one by one, in a new pool of one process if the given one is broken. Only the part that causes the
            crash fails again.
    """
    if executor is None:
        yield from map(work, parts)
        return
    stranded = list[Part]()
    yield from _run_together(parts, work, executor, stranded)
    yield from _run_one_by_one(stranded, work, executor)


def _run_together(
    parts: Sequence[Part], work: Work, executor: Executor, stranded: list[Part]
) -> Iterator[Outcome]:
    """Yield the outcomes of parts that run in parallel; parts whose worker died are added to `stranded`."""
    waiting = iter(parts)
    at_work = dict[Future[Outcome], Part]()
    try:
        while True:
            for part in islice(waiting, AT_ONCE - len(at_work)):
                try:
                    at_work[_submit(executor, work, part)] = part
                except BrokenExecutor:
                    stranded.append(part)
            if not at_work:
                return
            for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                part = at_work.pop(future)
                if future.exception() is None:
                    yield future.result()
                else:
                    stranded.append(part)
    finally:
        for future in at_work:
            future.cancel()


def _run_one_by_one(parts: Sequence[Part], work: Work, executor: Executor) -> Iterator[Outcome]:
    """Yield the outcomes of parts that run one after another; a part whose worker dies again has an error."""
    with ExitStack() as own:
        for part in parts:
            try:
                future = _submit(executor, work, part)
            except BrokenExecutor:
                executor = own.enter_context(ProcessPoolExecutor(1))
                future = _submit(executor, work, part)
            error = future.exception()
            yield future.result() if error is None else Outcome(part.name, error=_describe_error(error))


def _submit(executor: Executor, work: Work, part: Part) -> Future[Outcome]:
    """Submit with a unique argument: dask caches calls with equal arguments, but files may have changed."""
    return executor.submit(_call, work, part, uuid4().hex)


def _call(work: Work, part: Part, _: str) -> Outcome:
    return work(part)


def _describe_error(error: BaseException) -> str:
    """The error of a worker as text."""
    if isinstance(error, BrokenExecutor):
        return "its worker died (was it killed, or out of memory?)"
    return f"{type(error).__name__}: {error}"
