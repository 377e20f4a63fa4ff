"""The one reader of frames of words and texts that users pass.

Everything that takes such a frame reads it here, so a comparison, a score and a timeline of the same frame
have the same words. Values are converted to the dtypes of `WORDS` where their meaning is clear. A row or a
time that cannot be used is left out and reported; a frame whose meaning is not clear raises SchemaError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from numbers import Number, Real
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype, is_bool_dtype, is_complex_dtype, is_numeric_dtype

from ..errors import LeftOut, SchemaError, count_noun, show_value, warn
from .problems import Problem, count_noun_ru
from .schemas import UTTERANCE_KEYS, check_columns

LONG = 30.0
"""Seconds; if the median duration of several words is longer than this, their times are not in seconds."""

LATEST = 1e10
"""Seconds, three hundred years; an absolute time is below it, and microseconds of it fit into 64 bits."""

OTHER_TIMES = (
    *("begin", "stop", "begin_time", "start_time", "end_time", "start_ms", "end_ms", "start_time_ms"),
    *("end_time_ms", "onset", "offset", "duration", "tmin", "tmax", "time"),
)
"""Names of columns with times that are not read, but mentioned if there are no others."""


@runtime_checkable
class HasWords(Protocol):
    """A transcript, or a set of jobs: anything with a frame of words."""

    @property
    def words(self) -> pd.DataFrame: ...


class WordFrame(NamedTuple):
    """A frame that was read.

    Attributes:
        frame: the rows that can be used, with the index and all columns of the given frame.
        problems: what was left out or changed, or looks wrong; one sentence each.
    """

    frame: pd.DataFrame
    problems: tuple[Problem, ...]


def read_word_frame(given: pd.DataFrame, name: str, *, all_alternatives: bool = False) -> WordFrame:
    """Read a frame with the column `word`, one row per word, or `text`, one row per utterance.

    - Levels of the index are columns, too. An index of audformat (`file`, `start`, `end`) has recordings
      and times; a column `channel` is used as `channel_tag` if that is missing.
    - `word`, `text`, `recording` and `channel_tag` become text: bytes in UTF-8, and numbers without ".0".
      Words are stripped; rows without a word are left out.
    - `start` and `end` become seconds: numbers are seconds, a Timedelta is converted. Infinite times are
      taken as unknown, NaN.
    - Only the first alternative is read: the lowest number in the frame, also in rows without a number.
    - `final_index` and `word_index` become integers, -1 where they are missing.

    Args:
        given: is not changed.
        name: what it is called in messages, such as `"system 'general'"`.
        all_alternatives: whether to read all alternatives.

    Raises:
        SchemaError: if there is no column of words or texts, a column occurs twice, or a value cannot be
            read.

    >>> given = pd.DataFrame({"word": [" a", "b", ""], "start": [0, 1, 2], "end": [1, np.inf, 3]})
    >>> frame, problems = read_word_frame(given, "x")
    >>> frame.to_dict("list")
    {'word': ['a', 'b'], 'start': [0.0, 1.0], 'end': [1.0, nan]}
    >>> str(problems[0])
    'x: 1 row without a word is left out (row 2, counted from 0)'
    """
    frame = _collect_columns(given, name)
    reader = _Reader(name, np.arange(len(frame)))
    if "alternative" in frame:
        frame = reader.read_alternatives(frame, all_alternatives)
    column = "word" if "word" in frame else "text"
    texts = {key: reader.read_texts(frame[key]) for key in (column, *UTTERANCE_KEYS) if key in frame}
    frame = frame.assign(**texts)
    frame = reader.check_keys(frame)
    if column == "word":
        frame = reader.read_times(reader.drop_empty_words(frame))
    numbers = [key for key in ("final_index", "word_index") if key in frame]
    frame = frame.assign(**{key: reader.read_integers(frame[key], unknown=-1) for key in numbers})
    frame.attrs = dict(given.attrs)
    return WordFrame(frame, tuple(reader.problems))


def warn_problems(problems: Iterable[str]) -> None:
    """Issue a warning for each problem of a frame."""
    for problem in problems:
        warn(LeftOut(str(problem)))


def _collect_columns(given: pd.DataFrame, name: str) -> pd.DataFrame:
    """A copy of the frame with the levels of its index as columns, under the names of `WORDS`."""
    check_columns(given, name)
    frame = given.copy(deep=False)
    for level, label in enumerate(given.index.names):
        if label is not None and label not in frame:
            column = "recording" if label == "file" and "recording" not in frame else label
            frame[column] = given.index.get_level_values(level)
    # a name that is a level and a column is ambiguous in pandas
    frame.index = given.index.set_names([None] * given.index.nlevels)
    if "channel_tag" not in frame and "channel" in frame:
        frame = frame.rename(columns={"channel": "channel_tag"})
    if "word" not in frame and "text" not in frame:
        there = ", ".join(map(str, frame)) or "none"
        raise SchemaError(f"{name}: there is neither a column word nor text; there are {there}")
    return frame


class _Unreadable(Exception):
    """What a value is, where it cannot be read."""


class _Reader:
    """Reads the columns of one frame.

    Attributes:
        name: of the frame, in messages.
        rows: for each row that is left, its position in the given frame.
        problems: those found so far.
    """

    def __init__(self, name: str, rows: NDArray[np.int64]) -> None:
        self.name, self.rows, self.problems = name, rows, list[Problem]()

    def report(self, english: str, russian: str, where: NDArray[np.bool_] | None = None) -> None:
        """Add a problem. `where` are the rows it is about; the message has the first of them."""
        if where is not None:
            row = self.rows[np.flatnonzero(where)[0]]
            english += f" (row {row}, counted from 0)" if where.sum() == 1 else f" (the first is row {row})"
            russian += f" (строка {row}, считая с 0)" if where.sum() == 1 else f" (первая: строка {row})"
        self.problems.append(Problem(f"{self.name}: {english}", f"{self.name}: {russian}"))

    def read_alternatives(self, frame: pd.DataFrame, all_alternatives: bool) -> pd.DataFrame:
        """The rows of the first alternative, numbered 0, or all rows."""
        numbers = self.read_integers(frame["alternative"], unknown=-1)
        known = numbers[frame["alternative"].notna().to_numpy()]
        lowest = int(known.min()) if len(known) else 0
        if lowest < 0:
            raise SchemaError(f"{self.name}: there is an alternative {lowest}; the first alternative is 0")
        if lowest:
            self.report(
                f"the lowest number of an alternative is {lowest}, not 0; its rows are used as the first",
                f"наименьший номер варианта {lowest}, а не 0; его строки считаются первым вариантом",
            )
        frame = frame.assign(alternative=np.maximum(numbers - lowest, 0))
        is_first = frame["alternative"].to_numpy() == 0
        return frame if all_alternatives else self.keep(frame, is_first)

    def keep(self, frame: pd.DataFrame, rows: NDArray[np.bool_]) -> pd.DataFrame:
        if rows.all():
            return frame
        self.rows = self.rows[rows]
        return frame[rows]

    def check_keys(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Drop a key column without values; raise SchemaError if only some rows have a value."""
        for key in UTTERANCE_KEYS:
            missing = frame[key].isna().to_numpy() if key in frame else np.zeros(0, bool)
            if missing.any() and missing.all():
                frame = frame.drop(columns=key)
            elif missing.any():
                raise SchemaError(
                    f"{self.name}: {missing.sum()} of {len(missing)} rows have no {key} (the first is row "
                    f"{self.rows[missing][0]}): fill it in, or drop these rows"
                )
        return frame

    def drop_empty_words(self, frame: pd.DataFrame) -> pd.DataFrame:
        words = frame["word"].str.strip()
        empty = words.fillna("").eq("").to_numpy()
        if empty.any():
            n, are = int(empty.sum()), "is" if empty.sum() == 1 else "are"
            self.report(
                f"{count_noun(n, 'row')} without a word {are} left out",
                f"пропущено: {count_noun_ru(n, 'строка', 'строки', 'строк')} без слова",
                empty,
            )
        return self.keep(frame.assign(word=words), ~empty)

    def read_times(self, frame: pd.DataFrame) -> pd.DataFrame:
        """`start` and `end` in seconds, as far as they are there."""
        there = [column for column in ("start", "end") if column in frame]
        frame = frame.assign(**{column: self.read_seconds(frame[column]) for column in there})
        if len(there) < 2 and len(frame):
            self.report_missing_times(frame, there)
        elif len(frame):
            self.check_times(frame["start"].to_numpy(), frame["end"].to_numpy())
        return frame

    def report_missing_times(self, frame: pd.DataFrame, there: list[str]) -> None:
        others = ", ".join(str(column) for column in frame if column in OTHER_TIMES)
        if there:
            lacking = "end" if there == ["start"] else "start"
            self.report(
                f"there is a column {there[0]!r} but no {lacking!r}, so the words have no times"
                + (f"; there are {others}" if others else ""),
                f"есть столбец {there[0]!r}, но нет {lacking!r}, поэтому у слов нет времени",
            )
        elif others:
            self.report(
                "there are no columns 'start' and 'end' in seconds, so the words have no times; there are "
                + others,
                f"нет столбцов 'start' и 'end' в секундах, поэтому у слов нет времени; есть {others}",
            )

    def check_times(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> None:
        durations = (end - start)[~np.isnan(end - start)]
        length = float(np.median(durations)) if len(durations) > 1 else 0.0
        if length > LONG:
            self.report(
                f"half of its words last longer than {length:.0f} s; start and end are seconds: divide "
                "milliseconds by 1000",
                f"половина слов длится дольше {length:.0f} с; start и end задаются в секундах: разделите "
                "миллисекунды на 1000",
            )
        early = (start < 0) | (end < 0)
        if early.any():
            n = int(early.sum())
            self.report(
                f"{count_noun(n, 'word')} {'has' if n == 1 else 'have'} a time before 0",
                f"время раньше 0: {count_noun_ru(n)}",
                early,
            )

    # --- values of one column

    def read_texts(self, values: pd.Series) -> pd.Series:
        """As `str`, NaN where missing."""
        if values.dtype == "str":
            return values
        if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
            return values.astype("str")
        if infer_dtype(values, skipna=True) == "string":
            try:
                return values.astype("str")
            except UnicodeEncodeError:  # half a surrogate pair
                self.report_surrogates(values)
        return pd.Series(self.convert(values, _write_text, None), values.index, dtype="str")

    def report_surrogates(self, values: pd.Series) -> None:
        halves = np.array([isinstance(v, str) and _has_surrogates(v) for v in values], bool)
        n = int(halves.sum())
        self.report(
            f"{count_noun(n, str(values.name))} {'has' if n == 1 else 'have'} half a character (a "
            "surrogate), which is replaced",
            f"половина символа (суррогат) заменена: {count_noun_ru(n, 'строка', 'строки', 'строк')}",
            halves,
        )

    def read_seconds(self, values: pd.Series) -> NDArray[np.float64]:
        """As float64, NaN where missing or infinite."""
        dtype = values.dtype
        if is_numeric_dtype(dtype) and not is_bool_dtype(dtype) and not is_complex_dtype(dtype):
            seconds = values.to_numpy("float64", na_value=np.nan)
        elif dtype.kind == "m":
            seconds = values.dt.total_seconds().to_numpy("float64", na_value=np.nan)
        else:
            seconds = np.array(self.convert(values, _read_seconds, np.nan), "float64")
        endless = np.abs(seconds) >= LATEST
        if endless.any():
            n = int(endless.sum())
            self.report(
                f"{count_noun(n, 'value')} of {values.name!r} {'is' if n == 1 else 'are'} infinite or too "
                "large, and taken as unknown",
                f"в столбце {values.name!r} бесконечное или слишком большое время, оно считается "
                f"неизвестным: {count_noun_ru(n, 'строка', 'строки', 'строк')}",
                endless,
            )
            seconds = np.where(endless, np.nan, seconds)
        return seconds

    def read_integers(self, values: pd.Series, unknown: int) -> NDArray[np.int64]:
        """As int64, `unknown` where missing."""
        if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iub":
            return values.to_numpy("int64")
        return np.array(self.convert(values, _read_integer, unknown), "int64")

    def convert(self, values: pd.Series, read: Callable[[Any], Any], missing: Any) -> list[Any]:
        """The result of `read` for each value, or `missing`.

        Raises:
            SchemaError: if a value cannot be read.
        """
        objects, known = values.astype(object), values.notna()
        result = []
        for row, (value, is_known) in enumerate(zip(objects, known, strict=True)):
            try:
                result.append(read(value) if is_known else missing)
            except _Unreadable as wanted:
                raise SchemaError(
                    f"{self.name}: column {values.name!r} is {values.dtype}, not {wanted}; "
                    f"row {self.rows[row]} has {show_value(value)}"
                ) from None
        return result


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _write_text(value: Any) -> str:
    """
    >>> _write_text(5.0), _write_text(b"a"), _write_text("\\ud83d\\ude00"), _write_text("a\\ud800")
    ('5', 'a', '😀', 'a\ufffd')
    """
    try:
        if isinstance(value, str):
            # two halves of a character that were written one by one are joined here
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < 1e15:
            return str(int(value))
        if isinstance(value, Number) and not isinstance(value, bool):
            return str(value)
    except ValueError:  # bytes in another encoding; an integer of thousands of digits
        pass
    raise _Unreadable("text, whole numbers, or bytes in UTF-8")


def _read_seconds(value: Any) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "s"))
    if isinstance(value, (Real, Decimal)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return np.inf
    raise _Unreadable("seconds as float64")


def _read_integer(value: Any) -> int:
    """
    >>> _read_integer("2"), _read_integer(2.0)
    (2, 2)
    """
    try:
        number = float(value) if isinstance(value, (str, Real, Decimal)) else np.nan
    except (ValueError, OverflowError):
        number = np.nan
    if not number.is_integer() or abs(number) >= 1e15:
        raise _Unreadable("whole numbers")
    return int(number)
