"""Parts given out to workers, and what they answer, as it comes. A worker that dies loses one part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from itertools import islice
from uuid import uuid4

from .part_scores import Outcome
from .parts import Part

AT_ONCE = 512
"""Parts that are waiting or at work; enough for some hundred workers."""

Work = Callable[[Part], Outcome]


def outcomes(parts: Sequence[Part], work: Work, executor: Executor | None) -> Iterator[Outcome]:
    """What became of each part, in any order.

    Args:
        work: scores a part; it reports errors, so that one that a future raises is its worker's.
        executor: what runs it; this thread by default. Parts whose worker died, and what died with it, are
            tried again one by one, in processes of their own if the pool is broken: so the part that
            kills is found, and the others are done.
    """
    if executor is None:
        yield from map(work, parts)
        return
    stranded = list[Part]()
    yield from _together(parts, work, executor, stranded)
    yield from _one_by_one(stranded, work, executor)


def _together(
    parts: Sequence[Part], work: Work, executor: Executor, stranded: list[Part]
) -> Iterator[Outcome]:
    """Parts whose worker died are put into `stranded`."""
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


def _one_by_one(parts: Sequence[Part], work: Work, executor: Executor) -> Iterator[Outcome]:
    with ExitStack() as own:
        for part in parts:
            try:
                future = _submit(executor, work, part)
            except BrokenExecutor:
                executor = own.enter_context(ProcessPoolExecutor(1))
                future = _submit(executor, work, part)
            error = future.exception()
            yield future.result() if error is None else Outcome(part.name, error=_said(error))


def _submit(executor: Executor, work: Work, part: Part) -> Future[Outcome]:
    """Each call is new: dask takes calls with the same arguments as one, though files may have changed."""
    return executor.submit(_call, work, part, uuid4().hex)


def _call(work: Work, part: Part, _: str) -> Outcome:
    return work(part)


def _said(error: BaseException) -> str:
    if isinstance(error, BrokenExecutor):
        return "its worker died (was it killed, or out of memory?)"
    return f"{type(error).__name__}: {error}"
