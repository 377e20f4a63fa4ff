"""Plain text and CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .base import FileContent, UnreadableFile


def read_txt(path: Path) -> FileContent:
    """Read the whole file as one text."""
    text = path.read_text(encoding="utf-8-sig")
    return FileContent(pd.DataFrame({"text": pd.Series([text.strip()], dtype="str")}))


def read_csv(path: Path) -> FileContent:
    """Read a table with the column `word` or `text`; only the first of several alternatives is kept."""
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UnreadableFile(str(error)) from None
    frame = frame.rename(columns={"channel": "channel_tag"})
    if "alternative" in frame:
        frame = frame[frame["alternative"].isin(["", "0"])].drop(columns="alternative")
    if "word" not in frame and "text" not in frame:
        raise UnreadableFile(f"it has neither a column word nor text; there are {', '.join(map(str, frame))}")
    try:
        times = {time: frame[time].astype("float64") for time in ("start", "end") if time in frame}
    except ValueError as error:
        raise UnreadableFile(f"{error}; start and end are seconds") from None
    return FileContent(frame.assign(**times))
