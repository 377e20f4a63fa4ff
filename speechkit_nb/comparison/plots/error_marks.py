"""Converts errors and disagreements to marks of a timeline, the worst first."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import PlotError, few

KINDS = {"sub": "substitution", "ins": "insertion", "del": "deletion"}
LETTERS = {"sub": "S", "ins": "I", "del": "D"}
DIFFER = "systems differ"
CHOSEN = "chosen"
UNITS = ("system", "recording", "channel_tag")
COLUMNS = ("start", "end", "kind", "text", "system", "channel_tag")


def make_marks(
    alignment: pd.DataFrame | None,
    disagreements: pd.DataFrame,
    where: pd.DataFrame | None = None,
    *,
    lane: str | None = None,
) -> pd.DataFrame:
    """Make a frame of marks for `TimelineView.mark`.

    An error is marked in the lane of its system; a disagreement in `lane`, or in all lanes of its channel.
    If `where` is given, only its rows are marked, in the lane of their system if they have one.

    Marks are sorted by number of words, the largest first: of a disagreement its size, of an error outside
    disagreements the length of its run of errors. All other errors follow. Rows of `where` keep their order.

    Args:
        alignment, disagreements: frames of one recording. Rows with unknown times are left out.
    """
    if where is not None:
        return _chosen(where)
    parts = [_differing(disagreements, lane)]
    if alignment is not None:
        parts.append(_errors(alignment).assign(words=_ranks(alignment, disagreements)))
    marks = pd.concat(parts, ignore_index=True)
    return _known(marks.sort_values("words", ascending=False, kind="stable", ignore_index=True))


def _differing(disagreements: pd.DataFrame, lane: str | None) -> pd.DataFrame:
    texts = disagreements.drop(columns=["size", "start", "end", "recording", "channel_tag"], errors="ignore")
    labels = [_describe_row(row) for row in texts.to_dict("records")]
    spans = disagreements[["start", "end"]].assign(
        kind=_of_kinds(np.full(len(disagreements), DIFFER)),
        text=pd.Series(labels, disagreements.index, dtype="str"),
        words=disagreements["size"],
    )
    if lane is not None:
        spans = spans.assign(system=pd.Series(lane, spans.index, dtype="str"))
    return _with_channel(spans, disagreements)


def errors_in_time(alignment: pd.DataFrame) -> pd.DataFrame:
    """The errors with start `at` and end `until` in seconds, of the system's word, or of the reference word
    if there is none; NaN if unknown."""
    wrong = alignment[alignment["op"] != "ok"]
    return wrong.assign(
        at=wrong["hyp_start"].fillna(wrong["ref_start"]), until=wrong["hyp_end"].fillna(wrong["ref_end"])
    )


def error_runs(alignment: pd.DataFrame) -> pd.Series[int]:
    """For the first error of each run of consecutive errors of a system the length of the run; 0 for the
    other errors of the run."""
    wrong = alignment["op"] != "ok"
    new = wrong != wrong.shift()
    for name in UNITS:
        if name in alignment:
            new |= alignment[name] != alignment[name].shift()
    run = new.cumsum()[wrong]
    lengths = run.groupby(run).transform("size")
    return lengths.where(~run.duplicated(), 0)


def _ranks(alignment: pd.DataFrame, disagreements: pd.DataFrame) -> pd.Series[int]:
    """The length of the run that starts at each error; 0 within disagreements."""
    spans = disagreements.dropna(subset=["start", "end"])
    return error_runs(alignment).where(~_inside(errors_in_time(alignment), spans), 0)


def _inside(wrong: pd.DataFrame, spans: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each error overlaps a span of its channel."""
    if "channel_tag" not in spans or "channel_tag" not in wrong:
        return _overlapping(wrong, spans)
    found = np.zeros(len(wrong), bool)
    for tag, own in spans.groupby("channel_tag"):
        rows = (wrong["channel_tag"] == tag).to_numpy()
        found[rows] = _overlapping(wrong[rows], own)
    return found


def _overlapping(wrong: pd.DataFrame, spans: pd.DataFrame) -> NDArray[np.bool_]:
    # an error overlaps a span if the latest end of all spans that start before its end is after its start
    spans = spans.sort_values("start")
    before = np.searchsorted(spans["start"], wrong["until"])  # spans that begin before the error ends
    reach = np.r_[-np.inf, np.maximum.accumulate(spans["end"].to_numpy(float))]
    return np.asarray(reach[before] > wrong["at"].to_numpy())


def _of_kinds(kinds: np.ndarray | pd.Series[str]) -> pd.Categorical:
    """A categorical with all kinds, so that a kind has the same colour in every timeline."""
    return pd.Categorical(kinds, [*KINDS.values(), DIFFER])


def _errors(alignment: pd.DataFrame) -> pd.DataFrame:
    wrong = errors_in_time(alignment)
    words = [wrong[side].fillna("").astype("str") for side in ("ref_word", "hyp_word")]
    op = wrong["op"].astype("str")
    arrow = pd.Series(np.where(op == "sub", " → ", ""), wrong.index, dtype="str")
    marks = pd.DataFrame(
        {
            "start": wrong["at"],
            "end": wrong["until"],
            "kind": _of_kinds(op.map(KINDS)),
            "text": op.map(LETTERS) + ": " + words[0] + arrow + words[1],
            "system": wrong["system"],
        }
    )
    return _with_channel(marks, wrong)


def _chosen(where: pd.DataFrame) -> pd.DataFrame:
    """Marks of rows of any frame of a comparison."""
    if "op" in where:
        return _known(_errors(where))
    prefix = "ref_" if "ref_start" in where else ""
    if not {f"{prefix}start", f"{prefix}end"} <= set(where):
        raise PlotError(
            "where must be rows of .alignment, .timing_errors or .disagreements, which have times; "
            f"it has the columns {few(list(where)) or 'none'}"
        )
    marks = pd.DataFrame({"start": where[f"{prefix}start"], "end": where[f"{prefix}end"], "kind": CHOSEN})
    if "start_error" in where:
        off = (1000 * where[["start_error", "end_error"]]).round().astype("int64")
        text = [
            f"{word}: start {a:+d} ms, end {b:+d} ms"
            for word, a, b in zip(where["ref_word"], off["start_error"], off["end_error"], strict=True)
        ]
    else:
        text = [
            _describe_row(row) for row in where.drop(columns=list(marks), errors="ignore").to_dict("records")
        ]
    marks = marks.assign(text=pd.Series(text, where.index, dtype="str"))
    if "system" in where:
        marks = marks.assign(system=where["system"])
    return _known(_with_channel(marks, where))


def _describe_row(row: dict[object, object]) -> str:
    """The text of a mark: the words of each system in the row."""
    return "; ".join(f"{name}: {text or '(nothing)'}" for name, text in row.items() if isinstance(text, str))


def _with_channel(marks: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    return marks.assign(channel_tag=frame["channel_tag"]) if "channel_tag" in frame else marks


def _known(marks: pd.DataFrame) -> pd.DataFrame:
    """The marks with known times, with the columns `COLUMNS`."""
    return marks.reindex(columns=[c for c in COLUMNS if c in marks]).dropna(subset=["start", "end"])
