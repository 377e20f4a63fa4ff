"""Errors and disagreements as marks of a timeline."""

from __future__ import annotations

import numpy as np
import pandas as pd

KINDS = {"sub": "substitution", "ins": "insertion", "del": "deletion"}
LETTERS = {"sub": "S", "ins": "I", "del": "D"}
DIFFER = "systems differ"
CHOSEN = "chosen"
COLUMNS = ("start", "end", "kind", "text", "system", "channel_tag")


def marks_of(
    alignment: pd.DataFrame | None,
    disagreements: pd.DataFrame,
    where: pd.DataFrame | None = None,
    *,
    lane: str | None = None,
) -> pd.DataFrame:
    """Marks as of `TimelineView.mark`: of each error in the lane of its system, of each disagreement in
    `lane`, or in all of its channel; or of the rows `where`, in the lane of their system if they have one.

    Args:
        alignment, disagreements: of one recording. Rows whose time is not known are left out.
    """
    if where is not None:
        return _chosen(where)
    parts = [] if alignment is None else [_errors(alignment)]
    texts = disagreements.drop(columns=["size", "start", "end", "recording", "channel_tag"], errors="ignore")
    said = [_told(row) for row in texts.to_dict("records")]
    spans = disagreements[["start", "end"]].assign(
        kind=DIFFER, text=pd.Series(said, disagreements.index, dtype="str")
    )
    if lane is not None:
        spans = spans.assign(system=pd.Series(lane, spans.index, dtype="str"))
    return _only_known([*parts, _with_channel(spans, disagreements)])


def errors_in_time(alignment: pd.DataFrame) -> pd.DataFrame:
    """The errors with `at` and `until`, seconds: of the system's word, else the reference's; NaN: unknown."""
    wrong = alignment[alignment["op"] != "ok"]
    return wrong.assign(
        at=wrong["hyp_start"].fillna(wrong["ref_start"]), until=wrong["hyp_end"].fillna(wrong["ref_end"])
    )


def _errors(alignment: pd.DataFrame) -> pd.DataFrame:
    wrong = errors_in_time(alignment)
    words = [wrong[side].fillna("").astype("str") for side in ("ref_word", "hyp_word")]
    op = wrong["op"].astype("str")
    arrow = pd.Series(np.where(op == "sub", " → ", ""), wrong.index, dtype="str")
    marks = pd.DataFrame(
        {
            "start": wrong["at"],
            "end": wrong["until"],
            "kind": op.map(KINDS),
            "text": op.map(LETTERS) + ": " + words[0] + arrow + words[1],
            "system": wrong["system"],
        }
    )
    return _with_channel(marks, wrong)


def _chosen(where: pd.DataFrame) -> pd.DataFrame:
    """Rows of whatever frame of a comparison."""
    if "op" in where:
        return _only_known([_errors(where)])
    prefix = "ref_" if "ref_start" in where else ""
    marks = pd.DataFrame({"start": where[f"{prefix}start"], "end": where[f"{prefix}end"], "kind": CHOSEN})
    if "start_error" in where:
        off = (1000 * where[["start_error", "end_error"]]).round().astype("int64")
        text = [
            f"{word}: start {a:+d} ms, end {b:+d} ms"
            for word, a, b in zip(where["ref_word"], off["start_error"], off["end_error"], strict=True)
        ]
    else:
        text = [_told(row) for row in where.drop(columns=list(marks), errors="ignore").to_dict("records")]
    marks = marks.assign(text=pd.Series(text, where.index, dtype="str"))
    if "system" in where:
        marks = marks.assign(system=where["system"])
    return _only_known([_with_channel(marks, where)])


def _told(row: dict[object, object]) -> str:
    return "; ".join(f"{name}: {text or '(nothing)'}" for name, text in row.items() if isinstance(text, str))


def _with_channel(marks: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    return marks.assign(channel_tag=frame["channel_tag"]) if "channel_tag" in frame else marks


def _only_known(parts: list[pd.DataFrame]) -> pd.DataFrame:
    marks = pd.concat(parts, ignore_index=True)
    return marks.reindex(columns=[c for c in COLUMNS if c in marks]).dropna(subset=["start", "end"])
