"""Computes the frames of a comparison with functions of `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd
from rapidfuzz.distance import Levenshtein

from ..evaluate import Evidence, UtteranceCounts, compare_pairs
from .contributions import error_contributions, top_contributions
from .groups import STRETCH


def count_systems(alignment: pd.DataFrame, by: Sequence[str], systems: Sequence[str]) -> pd.DataFrame:
    """Counts of words, characters and utterances by system, for `summarize_systems`."""
    return UtteranceCounts.from_alignment(alignment, by, systems).total()


def list_contributions(
    alignment: pd.DataFrame, by: Sequence[str], systems: Sequence[str]
) -> dict[str, list[str]]:
    """For each pair the words and, if there are several, the recordings that contribute most to the
    difference, each with the difference in errors (a minus b)."""
    several = "recording" in by and alignment["recording"].nunique() > 1
    texts = {}
    for column, key in {"words": "word", **({"recordings": "recording"} if several else {})}.items():
        parts = error_contributions(alignment, key)
        texts[column] = [
            top_contributions(parts[(parts["a"] == a) & (parts["b"] == b)], key)
            for a, b in combinations(systems, 2)
        ]
    return texts


def compare_timing(evidence: Evidence | None, level: float, seed: int) -> pd.DataFrame:
    """One row per pair of systems with times: `a`, `b`, `aas_delta`, `delta_low`, `delta_high` (seconds;
    below 0 a is better), `n_groups`, `bootstrap_p`, `ratio_p`, `swap_p`, `p_holm`, `holm_of`, `n_words`; see
    `compare_pairs`. No rows if there are no words to compare."""
    columns = [
        *("a", "b", "aas_delta", "delta_low", "delta_high", "n_groups"),
        *("bootstrap_p", "ratio_p", "swap_p", "p_holm", "holm_of", "n_words"),
    ]
    if evidence is None:
        return pd.DataFrame(columns=columns)
    frame = compare_pairs(evidence, level=level, seed=seed).rename(columns={"wer_delta": "aas_delta"})
    for column in ("aas_delta", "delta_low", "delta_high"):
        frame[column] = frame[column] / 1e6
    n_words = int(evidence.moments.total[len(evidence.systems)])
    return frame.assign(n_words=n_words)[columns]


def list_stretches(alignment: pd.DataFrame, by: Sequence[str], systems: Sequence[str]) -> pd.DataFrame:
    """One row per stretch of speech: `by`, `stretch`, `start`, `end`, `text` of the reference, `n_words`,
    and one column per system with its number of errors."""
    units = [*by, STRETCH]
    marked = alignment.assign(error=(alignment["op"] != "ok").astype("int64"))
    errors = marked.groupby([*units, "system"], sort=False, observed=True, dropna=False)["error"].sum()
    wide = errors.unstack("system", fill_value=0).reindex(columns=list(systems), fill_value=0)
    words = alignment[alignment["ref_word"].notna()]
    words = words[words["system"] == words["system"].iloc[0]] if len(words) else words
    groups = words.groupby(units, sort=False, observed=True, dropna=False)
    facts = groups.agg(
        start=("ref_start", "min"),
        end=("ref_end", "max"),
        text=("ref_word", " ".join),
        n_words=("ref_word", "size"),
    )
    wide.columns = pd.Index(list(wide.columns))
    frame = facts.join(wide, how="outer").reset_index()
    return frame.astype({"n_words": "Int64"}).fillna({"n_words": 0}).astype({"n_words": "int64"})


def count_differences(words: Mapping[str, pd.DataFrame], grid: pd.DataFrame) -> pd.DataFrame:
    """Without a reference, one row per system: `n_words`, and how many of them are where systems differ."""
    counts = {name: grid[name].ne("").astype("int64") for name in words}
    rows = {
        name: {"n_words": int(n.sum()), "n_differing": int(n[grid["differs"]].sum())}
        for name, n in counts.items()
    }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")
    return frame.assign(differing=(frame["n_differing"] / frame["n_words"]).where(frame["n_words"] > 0))


def disagreement_pairs(words: Mapping[str, pd.DataFrame], by: Sequence[str]) -> pd.DataFrame:
    """Without a reference, one row per pair: `a`, `b`, `n_a`, `n_b` (words), `n_different` (edit distance in
    words), and `disagreement`, the edit distance divided by the mean number of words."""
    texts = {name: _utterances(frame, by) for name, frame in words.items()}
    rows = []
    for a, b in combinations(words, 2):
        units = texts[a].keys() | texts[b].keys()
        edits = sum(Levenshtein.distance(texts[a].get(unit, []), texts[b].get(unit, [])) for unit in units)
        n_a, n_b = len(words[a]), len(words[b])
        rows.append((a, b, n_a, n_b, edits, 2 * edits / (n_a + n_b) if n_a + n_b else float("nan")))
    return pd.DataFrame(rows, columns=["a", "b", "n_a", "n_b", "n_different", "disagreement"])


def _utterances(frame: pd.DataFrame, by: Sequence[str]) -> dict[object, list[str]]:
    if not by:
        return {(): frame["word"].tolist()}
    groups = frame.groupby(list(by), sort=False, observed=True)["word"]
    return {key: words.tolist() for key, words in groups}
