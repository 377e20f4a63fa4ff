"""The layout of corpora: which files there are, and how they are divided into parts.

A *table of utterances* is one or several Parquet files with one row per utterance, and one text column for
the reference and for each system. A *corpus of words* is a folder that `write_part` writes:

```
words/system=NAME/PART.parquet     one row per word: recording, channel_tag, word, start, end, ...
finals/system=NAME/PART.parquet    the same as Transcript.finals
```

In a corpus of words the reference is stored like a system. A part has one or several recordings, the same
for all systems. Names are percent-encoded; readers of Hive partitions (pandas, dask) add a column `system`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import ConfigError, SchemaError, show_value
from ..formats import (
    PARQUET_SUFFIX,
    format_part_name,
    list_systems,
    parse_part_name,
    read_words,
    system_folder,
    write_frame,
)
from ..tables import warn_problems
from .parts import FramePart, Part, TablePart, WordsPart, check_same, count_values
from .plan import Plan

Corpus = str | os.PathLike[str] | pd.DataFrame | Sequence[str | os.PathLike[str]]

_ROWS = 50_000
"""Number of rows of a frame in one part."""


def write_part(
    folder: str | os.PathLike[str],
    system: str,
    words: Any,
    *,
    part: str | None = None,
    recordings: Sequence[str] = (),
) -> list[Path]:
    """Write the words of one system, or of the reference, to a corpus of words; existing files are replaced.

    Args:
        folder: folder of the corpus.
        system: name of the system or of the reference.
        words: a transcript, a frame of words or texts, or anything else that `compare` takes for one system.
            All alternatives of a frame are written; rows that cannot be used are left out, with the warning
            `LeftOut`. If a frame has no column `recording`, its recording is `part`.
        part: name of the part; default: the name of its only recording.
        recordings: recordings of the part; needed if some of them may have no words.

    Returns:
        The files that were written: words, and the finals of a transcript.

    Raises:
        SchemaError: if a frame has neither `word` nor `text`, or a column that cannot be read.
        ConfigError: if `words` are of another type, or `part` is None and there is not exactly one recording.
    """
    given = read_words(words, f"the words of {system!r}", all_alternatives=True)
    warn_problems(given.problems)
    frame, finals = given.frame, None if isinstance(words, pd.DataFrame) else getattr(words, "finals", None)
    if "recording" not in frame and part is not None:
        frame = frame.assign(recording=pd.Series(part, frame.index, dtype="str"))
    known = {*recordings, *replace(given, frame=frame).find_recordings()}
    part = _get_only_recording(known) if part is None else part
    facts = {"system": system, "recordings": sorted(known)}
    written = []
    for table, rows in {"words": frame, "finals": finals}.items():
        if rows is not None:
            path = system_folder(Path(folder) / table, system) / format_part_name(part)
            write_frame(rows, path, facts)
            written.append(path)
    return written


def _get_only_recording(recordings: set[str]) -> str:
    """The only recording; raises ConfigError if there is not exactly one."""
    if len(recordings) != 1:
        raise ConfigError(
            f"the words are of {len(recordings) or 'no known'} recordings: name the part with part="
        )
    return next(iter(recordings))


def list_parts(corpus: Corpus, plan: Plan) -> list[Part]:
    """The parts of a corpus: rows in order, or files sorted by name.

    Raises:
        SchemaError: if there are no parts.
        EvaluationError: if a system lacks parts that another one has, and `plan.missing` is `"raise"`.
    """
    if isinstance(corpus, pd.DataFrame):
        return list(_split_frame(corpus))
    if isinstance(corpus, (str, os.PathLike)) and os.path.isdir(Path(corpus) / "words"):
        return _list_word_parts(Path(corpus).absolute(), plan)
    return list(_list_tables(corpus))


def find_timed_systems(corpus: Corpus, plan: Plan) -> tuple[str, ...] | None:
    """Systems of a corpus of words that have word times in any file; None for tables of utterances."""
    if isinstance(corpus, pd.DataFrame) or not isinstance(corpus, (str, os.PathLike)):
        return None
    tables = Path(corpus) / "words"
    if not os.path.isdir(tables):
        return None
    return tuple(name for name, place in plan.places.items() if _has_times(system_folder(tables, place)))


def _has_times(folder: Path) -> bool:
    return any(count_values(path).get("start") for path in sorted(folder.glob(f"*{PARQUET_SUFFIX}")))


def _split_frame(frame: pd.DataFrame) -> list[FramePart]:
    firsts = range(0, len(frame), _ROWS)
    if not len(frame):
        raise SchemaError("the frame has no rows: there is nothing to score")
    parts = [frame.iloc[first : first + _ROWS] for first in firsts]
    return [
        FramePart(f"rows {first} to {first + len(rows) - 1}", rows)
        for first, rows in zip(firsts, parts, strict=True)
    ]


def _list_tables(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[TablePart]:
    if isinstance(given, (str, os.PathLike)):
        path = Path(given).absolute()
        paths = sorted(path.glob(f"*{PARQUET_SUFFIX}")) if os.path.isdir(path) else [path]
        if not paths:
            raise SchemaError(
                f"{os.fspath(path)!r} has neither *{PARQUET_SUFFIX} with one row per utterance "
                "nor a folder 'words'"
            )
    elif isinstance(given, (list, tuple)) and all(isinstance(each, (str, os.PathLike)) for each in given):
        paths = [Path(each).absolute() for each in given]
    else:
        raise ConfigError(
            "the corpus must be a frame, a Parquet file, a list of such files, or a folder, not "
            + show_value(given)
        )
    if not paths:
        raise SchemaError("the corpus has no file: there is nothing to score")
    parts = {parse_part_name(path): TablePart(parse_part_name(path), path) for path in paths}
    if len(parts) < len(paths):
        raise SchemaError(f"{len(paths)} files have only {len(parts)} names; each needs a name of its own")
    for path in paths:
        if not os.path.isfile(path):  # false, not an error, for what cannot be a path
            raise SchemaError(f"there is no file {os.fspath(path)!r}")
    return [parts[name] for name in sorted(parts)]


def _list_word_parts(folder: Path, plan: Plan) -> list[Part]:
    tables = folder / "words"
    names = {}
    for place in [plan.reference, *plan.places.values()]:
        paths = system_folder(tables, place).glob(f"*{PARQUET_SUFFIX}")
        names[place] = {parse_part_name(path) for path in paths if not path.name.startswith(".")}
        if not names[place]:
            there = ", ".join(map(repr, list_systems(tables))) or "none"
            raise SchemaError(f"{os.fspath(tables)!r} has no words of {place!r}; there are those of {there}")
    if plan.missing == "raise":
        check_same(names, "parts")
    return [WordsPart(name, folder) for name in sorted(set().union(*names.values()))]
