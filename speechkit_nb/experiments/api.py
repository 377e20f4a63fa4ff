"""`experiment`: recognizes recordings with all combinations of options."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from ..client import Client, JobSet, connect
from ..errors import ConfigError, LimitError, check_number, check_type
from .plan import make_plan
from .result import Experiment

FAILURES = 20
"""Consecutive failures, besides those of one recording with all variants, after which sending stops."""


def experiment(
    recordings: Any,
    models: str | Iterable[str] | None = None,
    *,
    client: Client | None = None,
    prices: Any = None,
    max_hours: float | None = None,
    send: bool = True,
    reuse: bool = True,
    progress: bool = True,
    bucket: str | None = None,
    sample_rate: int | None = None,
    encoding: str | None = None,
    n_channels: int | None = None,
    container: str | None = None,
    **options: Any,
) -> Experiment:
    """Recognize recordings with all combinations of options, and return at once.

    Shows what it costs, and sends each recording once per combination. The same call in a new kernel finds
    its jobs in the journal, and sends only the rest. A combination that the service refuses is a failed row
    of `frame`; the others go on.

    Args:
        recordings: as for `Client.submit_many`; a table may have options of single recordings, such as their
            `language`.
        models: names of models; default: `"general"`.
        client: default: that of `sk.connect()`.
        prices: as for `Client.costs`; without them hours are shown, and no cost.
        max_hours: billed hours above which a terminal or a notebook asks whether to go on; a program gets a
            LimitError.
        send: False only plans: see `plan` of the experiment, and its `run()`.
        reuse: whether jobs of the journal with the same sound, or link, and the same options are used again.
        progress: whether to show the cost, and a bar.
        bucket, sample_rate, encoding, n_channels, container: as for `Client.submit_many`.
        options: fields of `RecognitionConfig`, each with one value or a list of values, such as
            `normalize=[False, True]`. Several languages in one request are a list in the list.

    Raises:
        ConfigError: if an option or a price is not valid, or one of a model is missing.
        AudioError: if there are no recordings, or two have the same name.
        LimitError: if it is above `max_hours`, or above the quota of the account. In all these cases nothing
            is sent.
    """
    if client is not None:
        check_type("client", client, Client, "made by sk.connect()")
    for option, value in (("send", send), ("reuse", reuse), ("progress", progress)):
        check_type(option, value, bool, "True or False")
    if max_hours is not None:
        max_hours = check_number("max_hours", max_hours, 0, 1e9)
    if models is not None and "model" in options:
        raise ConfigError("give models or model, not both: they are the same option")
    client = connect() if client is None else client
    format: dict[str, Any] = {
        "sample_rate": sample_rate,
        "encoding": encoding,
        "n_channels": n_channels,
        "container": container,
    }
    format = {name: value for name, value in format.items() if value is not None}
    grid = options if models is None else {"model": models, **options}
    plan = make_plan(client, recordings, grid, prices, reuse=reuse, bucket=bucket, format=format)

    def submit(items: list[Any]) -> JobSet:
        stop_after = FAILURES + len(plan.variants)
        return client.submit_many(
            items, progress=progress, reuse=reuse, bucket=bucket, stop_after=stop_after, **format
        )

    made = Experiment(client, plan, submit)
    if not send:
        return made
    plan.check_quota()
    excess = plan.explain_excess(max_hours)
    if excess and not _ask(f"{excess}. Send it now? [y/N] "):
        raise LimitError(f"{excess}. Nothing was sent")
    if progress and not excess:
        print(plan.summary)
    return made.run()


def _ask(question: str) -> bool:
    """Ask the user of a terminal or a notebook; False if nobody can answer."""
    has_kernel = getattr(getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)(), "kernel", None)
    if has_kernel is None and not sys.stdin.isatty():
        return False
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, NotImplementedError):  # a notebook that is run without a user
        return False
