"""Every function that users call refuses what it cannot use with an error of the toolkit.

To add a function, add a line to `DOORS`: valid arguments, by name. Each argument is replaced in turn by each
value of `HOSTILE`.
"""

import datetime
import decimal
import warnings
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import speechkit_nb as sk
from speechkit_nb.errors import SpeechkitError

NAN = float("nan")
WORDS = pd.DataFrame({"word": ["a", "b"], "start": [0.0, 1.0], "end": [0.5, 1.5]})
SILENCE = sk.Recording(np.zeros(8000), 16000)
TEXTS = pd.DataFrame({"recording": ["r", "s"], "reference": ["a b", "c"], "one": ["a b", "x"]})


class Unwilling:
    """An object that fails at everything."""

    def _fail(self, *_: Any) -> Any:
        raise RuntimeError("no")

    __repr__ = __str__ = __bool__ = __eq__ = __lt__ = __float__ = _fail  # type: ignore[assignment]
    __hash__ = object.__hash__


HOSTILE: dict[str, Any] = {
    "None": None,
    "a flag": True,
    "zero": 0,
    "minus one": -1,
    "5,000 digits": 10**5000,
    "NaN": NAN,
    "infinity": float("inf"),
    "a complex number": 1j,
    "a decimal": decimal.Decimal("NaN"),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "a duration": datetime.timedelta(seconds=1),
    "no text": "",
    "a text": "no-such-thing",
    "half a character": "a\ud800b",
    "a null character": "a\0b.wav",
    "an unbalanced brace": "{a / b",
    "a long word": "x" * 10**5,
    "bytes": b"\xff\xfe",
    "a list": [],
    "a list of lists": [["a"]],
    "a list of None": [None],
    "a mapping": {},
    "a mapping of numbers": {1: 2},
    "a set": {"a"},
    "a tuple": ("a", "b"),
    "an iterator": iter(()),
    "an array": np.zeros((2, 2)),
    "an array of objects": np.array([None, "a"], dtype=object),
    "a series": pd.Series(["a", None]),
    "a frame without columns": pd.DataFrame(),
    "a frame without rows": WORDS.iloc[:0],
    "a frame of other columns": pd.DataFrame({"x": [1], "words": [2]}),
    "a frame with a column twice": pd.concat([WORDS, WORDS], axis=1),
    "a frame of lists": WORDS.assign(word=[["a"], {}]),
    "a frame with odd times": WORDS.assign(start=[-1, np.inf], end=[NAN, -np.inf]),
    "a frame with text as times": WORDS.assign(start="soon"),
    "a frame with huge times": WORDS.assign(start=pd.Series([10**400, 1e300], dtype=object)),
    "a frame without words": WORDS.assign(word=[None, " "]),
    "a class": sk.Transcript,
    "a function": len,
    "an object": object(),
    "an unwilling object": Unwilling(),
}

Door = tuple[Callable[..., Any], dict[str, Any]]
DOORS: dict[str, Door] = {
    "compare": (
        lambda **options: sk.compare(**options).pairs,
        {
            "systems": {"one": WORDS, "two": "a"},
            "reference": "a b",
            "normalizer": "en",
            "by": None,
            "collar": None,
            "groups": None,
            "pause": 0.5,
            "missing": "raise",
            "level": 0.95,
            "seed": 0,
        },
    ),
    "compare, one system": (lambda words: sk.compare({"one": words}, "a b").summary, {"words": WORDS}),
    "compare, a name": (
        lambda name: sk.compare({name: WORDS}, "a b").summary if isinstance(name, Hashable) else None,
        {"name": "one"},
    ),
    "score": (
        sk.score,
        {
            "corpus": TEXTS,
            "reference": "reference",
            "systems": ["one"],
            "utterance": None,
            "by": (),
            "group": None,
            "normalizer": "none",
            "collar": None,
            "missing": "raise",
            "executor": None,
            "out": None,
        },
    ),
    "score, a text": (
        lambda value: sk.score(TEXTS.assign(one=pd.Series([value, "c"], dtype=object)), systems=["one"]),
        {"value": "a"},
    ),
    "wer": (sk.wer, {"reference": "a", "hypothesis": "b", "normalizer": None}),
    "align": (
        sk.align,
        {
            "reference": WORDS,
            "systems": {"one": WORDS},
            "by": None,
            "normalizer": "none",
            "collar": 0.5,
            "missing": "raise",
        },
    ),
    "align, one system": (lambda words: sk.align("a b", {"one": words}), {"words": WORDS}),
    "align, a word": (
        lambda word: sk.align("a b", {"one": pd.DataFrame({"word": pd.Series([word], dtype=object)})}),
        {"word": "a"},
    ),
    "force_align": (
        sk.force_align,
        {
            "recording": SILENCE,
            "text": {0: "one"},
            "language": "en-US",
            "pronunciations": {"one": "W AH N"},
        },
    ),
    "force_align, a channel": (
        lambda channel: sk.force_align(SILENCE, {channel: "one"}) if isinstance(channel, Hashable) else None,
        {"channel": 0},
    ),
    "Recording, a rate": (lambda rate: sk.Recording(np.zeros(80), rate), {"rate": 8000}),
    "force_align, a word": (
        lambda word: (
            sk.force_align(SILENCE, {0: word}, pronunciations={word: "W AH N"})
            if isinstance(word, Hashable)
            else None
        ),
        {"word": "one"},
    ),
    "normalizer": (sk.normalizer, {"how": "en", "numbers": None, "equivalents": None}),
    "a normalizer": (sk.normalizer("ru"), {"text": "a"}),
    "read_reference": (sk.read_reference, {"path": "no-such.ctm", "tiers": None, "recording": None}),
    "plot_timeline": (lambda words: sk.plot_timeline(words).figure.clear(), {"words": WORDS}),
    "TimelineView": (lambda systems: sk.TimelineView(None, systems), {"systems": WORDS}),
    "TimelineView, one system": (lambda words: sk.TimelineView(None, {"one": words}), {"words": WORDS}),
}
# results of `compare` and `score` that take arguments
COMPARISON = sk.compare({"one": WORDS, "two": "a"}, WORDS.assign(speaker="s"))
SCORES = sk.score(TEXTS.assign(noise="low"), systems=["one"], by="noise")
DOORS |= {
    "Comparison.rates": (COMPARISON.rates, {"by": "speaker"}),
    "Comparison.carried_by": (COMPARISON.carried_by, {"by": "speaker"}),
    "Scores.timing_at": (SCORES.timing_at, {"collar": 0.05}),
    "Scores.alignment": (SCORES.alignment, {"parts": None, "systems": None}),
}


def list_attacks() -> Iterator[Any]:
    for door, (_, arguments) in DOORS.items():
        for argument in arguments:
            yield pytest.param(door, argument, id=f"{door}: {argument}")


@pytest.mark.parametrize(("door", "argument"), list(list_attacks()))
def test_nothing_but_errors_of_the_toolkit_comes_out(door, argument, tmp_path, monkeypatch):
    """Every value is used or refused with a `SpeechkitError` that has a message, for every argument."""
    monkeypatch.chdir(tmp_path)
    call, arguments = DOORS[door]
    raw = []
    for name, value in HOSTILE.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                call(**arguments | {argument: value})
        except SpeechkitError as error:
            if len(str(error)) < 10:
                raw.append(f"{name}: the message {str(error)!r}")
        except Exception as error:
            raw.append(f"{name}: {type(error).__name__}: {str(error)[:100]}")
    assert raw == []
