"""`Experiment`, the result of `experiment`: recordings with all combinations of options."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd

from ..client import OPEN, Client, Job, JobSet, api_version, billed_seconds, find_day
from ..comparison import Comparison, compare
from ..errors import (
    EvaluationError,
    JobError,
    count_noun,
    few,
    join_names,
    make_encodable,
    make_printable,
)
from ..tables import TEXT_KINDS
from ..text_options import TEXT_OPTIONS, find_effects
from ..transcript import Transcript
from ..views import render_table
from .plan import HOUR, REFUSED, Cell, Plan, format_hours

PLANNED = "planned"
OWN = ("status", "number", "reused", "duration", "billed", "cost", "text", "error")
_ID = re.compile(r" \(x-request-id [^)]*\)$")
ADVICE = (
    ". It is in experiment.jobs.unknown: resubmit() sends it again, which may be billed twice, abandon() "
    "gives it up; then call sk.experiment again"
)
"""What to do about a job of which nobody knows whether the service has it."""
MOST_ERRORS = 5
RAW, NORMALIZED, _ = TEXT_KINDS


class Experiment:
    """Recordings recognized with all combinations of options; made by `experiment`.

    `frame` has one row per recording and variant, `variants` one per variant, `compare` says which is best.

    Args:
        client: of the service.
        plan: what is sent.
        send: sends rows in the form of `Client.submit_many`.
    """

    def __init__(self, client: Client, plan: Plan, send: Callable[[list[Any]], JobSet]) -> None:
        self.client, self.plan, self._send = client, plan, send
        self._jobs: JobSet | None = None
        self._texts: dict[int, str] = {}

    def run(self) -> Experiment:
        """Send what is planned, unless it was sent; returns the experiment."""
        if self._jobs is None:
            self._jobs = self._send([cell.item for cell in self.plan.cells if cell.action != REFUSED])
        return self

    @property
    def jobs(self) -> JobSet:
        """The jobs, in the order of the rows of `frame`; a refused combination has none.

        Raises:
            JobError: if nothing was sent yet.
        """
        if self._jobs is None:
            raise JobError("nothing was sent yet: experiment.run() sends what experiment.plan has")
        return self._jobs

    def wait(self, timeout: float | None = None, progress: Any = True) -> Experiment:
        """Wait until every job is done or has failed, as `JobSet.wait`; returns the experiment."""
        self.jobs.wait(timeout, progress)
        return self

    @property
    def frame(self) -> pd.DataFrame:
        """One row per recording and variant, as far as it is known now.

        `recording`, `variant` and one column per option; `status` of the job, `planned` before it is sent;
        its `number` in the journal, and whether it was sent earlier (`reused`); `duration` and `billed`
        seconds, and their `cost`, whenever they were paid; 0 if another row has the same job; the `text`, as
        normalization leaves it, and the `error`. Columns of your own table follow.
        """
        frame = self._describe_cells()
        jobs = zip(self._find_jobs(), frame["status"], strict=True)
        texts = [self._read_text(job) if job and status == "done" else "" for job, status in jobs]
        frame["text"] = pd.Series(texts, index=frame.index, dtype="str")
        return frame

    def _describe_cells(self) -> pd.DataFrame:
        """`frame` without the texts, which have to be decoded."""
        frame = self.plan.describe_cells()
        seen, rows = set[int](), []
        for cell, job in zip(self.plan.cells, self._find_jobs(), strict=True):
            rows.append(self._describe_planned(cell) if job is None else self._describe_job(cell, job, seen))
        own = pd.DataFrame(rows, columns=list(OWN), index=frame.index)
        types = {"number": "Int64", "reused": "boolean", "status": "str", "text": "str", "error": "str"}
        own = own.astype(types | dict.fromkeys(("duration", "billed", "cost"), "float64"))
        frame = pd.concat([frame, own], axis=1)
        names = dict.fromkeys(name for cell in self.plan.cells for name in cell.item.metadata)
        for name in (name for name in names if name != "variant"):
            values = [cell.item.metadata.get(name) for cell in self.plan.cells]
            frame[make_encodable(f"my_{name}" if name in frame else name)] = values
        return frame

    @property
    def variants(self) -> pd.DataFrame:
        """One row per variant, index `variant`: the number of its rows in `frame` by outcome (`n_done`,
        `n_failed`, `n_open`), `billed` seconds, `hours`, and `cost`, as far as they are known."""
        frame = self._describe_cells()
        is_done, is_open = frame["status"] == "done", frame["status"].isin([PLANNED, *OPEN])
        counts = pd.DataFrame(
            {
                "variant": frame["variant"],
                "n_done": is_done,
                "n_failed": ~is_done & ~is_open,
                "n_open": is_open,
                "billed": frame["billed"],
                "cost": frame["cost"],
            }
        )
        totals = counts.groupby("variant", sort=False).sum(min_count=1)
        totals = totals.reindex([variant.name for variant in self.plan.variants]).rename_axis("variant")
        totals.insert(4, "hours", totals["billed"] / HOUR)
        return totals.astype(dict.fromkeys(("n_done", "n_failed", "n_open"), "int64"))

    @property
    def transcripts(self) -> dict[str, dict[str, Transcript]]:
        """The results, by variant and recording; waits for the jobs, and leaves out those without a result.

        `compare` takes it: it is a system per variant.
        """
        self.wait()
        found: dict[str, dict[str, Transcript]] = {variant.name: {} for variant in self.plan.variants}
        for cell, job in zip(self.plan.cells, self._find_jobs(), strict=True):
            if job is not None and job.record.state == "done":
                found[cell.variant][cell.recording] = job.result(progress=False)
        return found

    def compare(self, reference: Any = None, *, refined: bool = False, **options: Any) -> Comparison:
        """Compare the variants on the same recordings; waits for the jobs.

        A recording without a result in one variant is left out of all, and a variant without any result is
        left out; both are in `problems` of the comparison.

        Args:
            reference: the correct words, as for `sk.compare`; None compares the variants with each other.
            refined: compare `refined_text`, which normalization writes, without times. By default the
                recognized words are compared, which normalization does not change.
            options: of `sk.compare`, such as `normalizer`.

        Raises:
            EvaluationError: if there is no result.
            ConfigError, SchemaError: as `sk.compare`.
        """
        results = {variant: parts for variant, parts in self.transcripts.items() if parts}
        if not results:
            errors = list(dict.fromkeys(filter(None, self._describe_cells()["error"])))
            raise EvaluationError(f"no variant has a result: {few(errors, str) or 'nothing was recognized'}")
        systems: Mapping[str, Any] = results
        if refined:
            systems = {
                variant: {name: self._read_texts(one) for name, one in parts.items()}
                for variant, parts in results.items()
            }
        compared = compare(systems, reference, **{"missing": "common", **options})
        told = [] if refined else self._explain_effects(results)
        problems = (*told, *self._list_lacking(results))
        material = replace(compared.material, problems=(*problems, *compared.material.problems))
        return replace(compared, material=material)

    def _find_jobs(self) -> list[Job | None]:
        """The job of each cell; None if it was refused or is not sent yet."""
        sent = self._jobs if self._jobs is not None else JobSet()
        jobs = iter([sent[number] for number in range(len(sent))])  # iteration would wait for each
        return [None if cell.action == REFUSED else next(jobs, None) for cell in self.plan.cells]

    def _describe_planned(self, cell: Cell) -> dict[str, Any]:
        """The columns `OWN` of a row without a job."""
        found, is_refused = cell.estimate, cell.action == REFUSED
        billed = 0.0 if is_refused else found.billed
        return {
            "status": "failed" if is_refused else PLANNED,
            "duration": found.duration,
            "billed": billed,
            "cost": self._find_cost(cell, billed, time.time()),
            "text": "",
            "error": found.error,
        }

    def _describe_job(self, cell: Cell, job: Job, seen: set[int]) -> dict[str, Any]:
        """The columns `OWN` of a row with a job; a job in `seen` is billed in an earlier row."""
        record = job.record
        billed = 0.0 if job.number in seen else billed_seconds(replace(record, is_reused=False))
        seen.add(job.number)
        return {
            "status": record.state,
            "number": job.number,
            "reused": job.reused,
            "duration": record.duration,
            "billed": billed,
            "cost": self._find_cost(cell, billed, record.submitted_at or record.created_at),
            "text": "",
            "error": _ID.sub("", record.error or "") + (ADVICE if record.state == "unknown" else ""),
        }

    def _find_cost(self, cell: Cell, billed: float | None, at: float) -> float | None:
        if not billed:
            return billed if self.plan.prices.are_given else None
        return billed * self.plan.prices.find(cell.model, find_day(at)).amount

    def _read_text(self, job: Job) -> str:
        if job.number not in self._texts:
            self._texts[job.number] = job.result(progress=False).refined_text
        return self._texts[job.number]

    def _explain_effects(self, variants: Iterable[str]) -> list[str]:
        """Which options of the variants make no difference, as words are compared and not texts."""
        compared = [variant.options for variant in self.plan.variants if variant.name in variants]
        names = [name for name in TEXT_OPTIONS if len({bool(options.get(name)) for options in compared}) > 1]
        if not names:
            return []
        return [
            f"variants differ in {join_names(names)}, which changes texts, but the recognized words are "
            "compared: refined=True compares the texts"
        ]

    def _read_texts(self, transcript: Transcript) -> pd.DataFrame:
        """The refined texts, one row per channel, and their kind."""
        finals, given = transcript.finals, transcript.info
        best = finals[finals["alternative"] == 0]
        texts = best["refined_text"].replace("", None).fillna(best["text"])
        joined = texts.groupby(best["channel_tag"]).agg(" ".join)
        options = [name for name in TEXT_OPTIONS if given.get(name)]
        is_changed = find_effects(api_version(self.client), options, given.get("language", ()))
        kind = NORMALIZED if is_changed else RAW
        frame = pd.DataFrame({"channel_tag": joined.index.astype("str"), "text": joined.to_numpy()})
        return frame.assign(text_kind=kind)

    def _list_lacking(self, results: Mapping[str, Any]) -> list[str]:
        frame = self._describe_cells()
        lacking = frame[~frame["variant"].isin(list(results))]
        return [
            f"variant {variant!r} is left out, since it has no result: {few(errors.unique().tolist(), str)}"
            for variant, errors in lacking.groupby("variant", sort=False)["error"]
        ]

    def _describe(self, frame: pd.DataFrame) -> str:
        """Jobs, hours and cost in one sentence."""
        counts = Counter(frame["status"])
        states = ", ".join(f"{n:,} {status}" for status, n in counts.most_common())
        n_reused = int(frame["reused"].fillna(False).sum())
        reused = f"; {n_reused:,} used again, nothing was sent for them" if n_reused else ""
        prices = self.plan.prices.are_given
        cost = f", cost {frame['cost'].sum():,.2f}" if prices else ", no prices given"
        n_unknown = int(frame["billed"].isna().sum())
        unknown = f" and {count_noun(n_unknown, 'job')} of unknown length" if n_unknown else ""
        size = f"{count_noun(len(set(frame['recording'])), 'recording')} × "
        size += count_noun(len(self.plan.variants), "variant")
        return f"{size}: {states}{reused}; {format_hours(frame['billed'].sum() / HOUR)} billed{unknown}{cost}"

    def _list_problems(self, frame: pd.DataFrame) -> list[str]:
        """What was found in the grid, and each error once."""
        wrong = frame[frame["error"] != ""]
        told = [
            f"{few(part['variant'].unique().tolist())}: {error} ({count_noun(len(part), 'job')})"
            for error, part in wrong.groupby("error", sort=False)
        ]
        more = [f"... and {len(told) - MOST_ERRORS} more, see .frame"] if len(told) > MOST_ERRORS else []
        return [*self.plan.problems, *told[:MOST_ERRORS], *more]

    def __repr__(self) -> str:
        frame = self._describe_cells()
        lines = [f"Experiment({self._describe(frame)})", *self._list_problems(frame)]
        return make_printable("\n".join(lines))

    def _repr_html_(self) -> str:
        frame, totals = self._describe_cells(), self.variants
        columns: dict[str, Any] = {"": "text", "done": "number", "failed": "number", "open": "number"}
        columns |= {"billed, s": "number"} | ({"cost": "number"} if self.plan.prices.are_given else {})
        rows = [
            [
                str(variant),
                *(f"{row[name]:.0f}" for name in ("n_done", "n_failed", "n_open")),
                "unknown" if pd.isna(row["billed"]) else f"{row['billed']:,.0f}",
                *([row["cost"]] if "cost" in columns else []),
            ]
            for variant, row in totals.iterrows()
        ]
        problems = "".join(f"<li dir='auto'>{escape(text)}</li>" for text in self._list_problems(frame))
        notes = f"<ul>{problems}</ul>" if problems else ""
        return f"<div><p>{escape(self._describe(frame))}</p>{render_table(columns, rows)}{notes}</div>"


Experiment.__module__ = "speechkit_nb"  # it prints under the name that users import
