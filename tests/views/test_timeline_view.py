"""TimelineView: data for the browser, traits and methods in Python, sound, HTML pages."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from answers import final, refinement, serialized
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from local_server import wait_until
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import speechkit_nb as sk
from speechkit_nb.cli.main import main
from speechkit_nb.errors import AudioError, ConfigError, PlotError, SchemaError
from speechkit_nb.paths import cache_folder
from speechkit_nb.views.plots.marks import WIDTH
from speechkit_nb.views.scene import audio_encoding, cache
from speechkit_nb.views.scene.audio_encoding import describe_sound, encode_sound
from speechkit_nb.views.scene.packing import pack
from speechkit_nb.views.scene.peaks import BIN, read_peaks
from speechkit_nb.views.scene.systems import list_channels, read_systems
from speechkit_nb.views.widget.html_export import render_page

RATE = 8000
SIZE = round(BIN * RATE)
DATA = Path(__file__).parents[2] / "data"


class RecordedView(sk.TimelineView):
    """A view that stores its messages to the browser."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        super().__init__(*given, **options)

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.sent.append((content, buffers or []))

    def ask(self, **content: Any) -> None:
        """Send a message from the browser."""
        self._handle_custom_msg(content, [])


def frame(*rows: tuple[str, float, float], tag: str = "0", **columns: Any) -> pd.DataFrame:
    """Words, starts and ends."""
    return pd.DataFrame(rows, columns=["word", "start", "end"]).assign(channel_tag=tag, **columns)


def tone(seconds: float = 2.0, n_channels: int = 1, rate: int = RATE) -> np.ndarray:
    """Each channel another pitch; shape (n_channels, n_samples)."""
    t = np.arange(int(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * 200 * (c + 1) * t) for c in range(n_channels)]).astype("f4")


def recording(seconds: float = 2.0, n_channels: int = 1, rate: int = RATE) -> sk.Recording:
    return sk.Recording(tone(seconds, n_channels, rate), rate, id="tone")


def wav_file(path: Path, seconds: float = 2.0, n_channels: int = 1) -> Path:
    soundfile.write(path, tone(seconds, n_channels).T, RATE, format="WAV")
    return path


# --- how JavaScript reads the columns, slowly


def ints(blob: bytes, at: int, n: int, kind: str = "i") -> list[Any]:
    assert at % 4 == 0
    return list(struct.unpack_from(f"<{n}{kind}", blob, at))


def texts(blob: bytes, packed: dict[str, int], n: int) -> list[str]:
    offsets = ints(blob, packed["text_offsets"], n + 1, "I")
    assert offsets[-1] == packed["text_bytes"]
    utf8 = blob[packed["text"] : packed["text"] + packed["text_bytes"]]
    return [utf8[a:b].decode() for a, b in itertools.pairwise(offsets)]


def lane_words(spec: dict[str, Any], blob: bytes, lane: int) -> list[tuple[str, int, int]]:
    """Word, start and end in ms."""
    packed = spec["lanes"][lane]
    n = packed["n_words"]
    return list(
        zip(
            texts(blob, packed, n),
            ints(blob, packed["start"], n),
            ints(blob, packed["end"], n),
            strict=True,
        )
    )


def utterances(spec: dict[str, Any], blob: bytes) -> list[tuple[int, int, int, str]]:
    """Lane, start and end in ms, refined text."""
    packed = spec["finals"]
    n = packed["n"]
    numbers = [ints(blob, packed[name], n) for name in ("lane", "start", "end")]
    return list(zip(*numbers, texts(blob, packed, n), strict=True))


def words_of(view: sk.TimelineView, lane: int = 0) -> list[tuple[str, int, int]]:
    return lane_words(view.spec, view.columns, lane)


# --- columns

spoken = st.lists(
    st.tuples(
        st.text(max_size=8),
        st.integers(0, 5000),
        st.integers(-100, 900),
        st.sampled_from("012"),
        st.integers(0, 3),
    ),
    max_size=25,
)


def join_surrogates(text: str) -> str:
    """Two halves of a character make one; a single half is replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(spoken)
def test_columns_hold_what_the_frame_holds(said: list[tuple[str, int, int, str, int]]):
    """Held against sorting and grouping word by word: texts, times, and the utterance of each word."""
    rows = [(word, ms / 1000, (ms + length) / 1000, tag, k) for word, ms, length, tag, k in said]
    words = pd.DataFrame(rows, columns=["word", "start", "end", "channel_tag", "final_index"])
    systems = read_systems(words.astype({"start": float, "end": float, "final_index": "int64"}))
    packed = pack(systems, list_channels(systems, None))
    spec, blob = packed.spec, packed.columns
    said = [word for word in said if word[0].strip()]
    assert [lane["channel_tag"] for lane in spec["lanes"]] == sorted({tag for *_, tag, _ in said})
    found = utterances(spec, blob)
    for number, lane in enumerate(spec["lanes"]):
        own = sorted((w for w in said if w[3] == lane["channel_tag"]), key=lambda w: w[1])
        clean = [(join_surrogates(word).strip(), ms, max(ms, ms + n)) for word, ms, n, *_ in own]
        assert lane_words(spec, blob, number) == clean
        bounds: dict[int, list[int]] = {}
        for _, ms, length, _, k in own:
            low, high = bounds.get(k, [ms, ms + length])
            bounds[k] = [min(low, ms), max(high, ms + length)]
        belongs = ints(blob, lane["final"], lane["n_words"])
        for (_, _, _, _, k), row in zip(own, belongs, strict=True):
            assert found[row] == (number, bounds[k][0], max(bounds[k]), "")


def test_refinements_and_ends_of_utterances_come_with_a_transcript():
    """An utterance has the bounds of its final, and its refinement, empty if there is none."""
    eou = serialized(channel_tag="0", audio_cursors={"eou_time_ms": 1900}, eou_update={"time_ms": 1900})
    told = [final(0, "hello there", start=0, end=2000), refinement(0, "Hello there."), eou]
    view = sk.TimelineView(None, sk.Transcript([*told, final(1, "hi", start=2000, end=2500)]))
    assert utterances(view.spec, view.columns) == [(0, 0, 2000, "Hello there."), (0, 2000, 2500, "")]
    assert ints(view.columns, view.spec["lanes"][0]["final"], 3) == [0, 0, 1]
    packed = view.spec["eou"]
    assert (packed["n"], ints(view.columns, packed["time"], 1)) == (1, [1900])


def test_words_of_unknown_utterances_are_grouped_by_pauses():
    """A frame without `final_index` can still be read utterance by utterance."""
    view = sk.TimelineView(None, frame(("a", 0, 1), ("b", 1.2, 2), ("c", 3, 4)))
    assert [row[1:3] for row in utterances(view.spec, view.columns)] == [(0, 2000), (3000, 4000)]


def test_a_lane_per_channel_and_system():
    """Channel after channel, in it the systems as they were given; an absent answer keeps its lane."""
    both = {"a": pd.concat([frame(("x", 0, 1)), frame(("y", 0, 1), tag="1")]), "b": frame(("z", 0, 1))}
    view = sk.TimelineView(recording(n_channels=2), both)
    lanes = [(lane["channel_tag"], lane["system"], lane["n_words"]) for lane in view.spec["lanes"]]
    assert lanes == [("0", "a", 1), ("0", "b", 1), ("1", "a", 1), ("1", "b", 0)]
    assert view.spec["systems"] == ["a", "b"]
    assert [channel["channel"] for channel in view.spec["channels"]] == [0, 1]


def test_speakers_of_one_channel_share_its_sound():
    """The sound comes first, without words of its own."""
    words = pd.concat([frame(("x", 0, 1)), frame(("y", 0, 1), tag="1")])
    view = sk.TimelineView(recording(), words)
    channels = [(channel["label"], channel["channel"]) for channel in view.spec["channels"]]
    assert channels == [("audio", 0), ("speaker 0", None), ("speaker 1", None)]
    assert [lane["channel_tag"] for lane in view.spec["lanes"]] == ["0", "1"]
    assert view.spec["problems"] == []


def test_a_column_channel_will_do():
    """Reference frames often have the number of the channel instead of the tag."""
    words = frame(("x", 0, 1), ("y", 0, 1)).drop(columns="channel_tag").assign(channel=[0, 1])
    assert [lane["channel_tag"] for lane in sk.TimelineView(None, words).spec["lanes"]] == ["0", "1"]


def test_an_hour_of_words_is_small():
    """At most 40 bytes a word, Cyrillic and a colour included."""
    n = 9000
    starts = np.arange(n) * 0.4
    words = pd.DataFrame({"word": ["разговор"] * n, "start": starts, "end": starts + 0.3, "score": 0.5})
    view = sk.TimelineView(None, words.assign(final_index=np.arange(n) // 10), color="score")
    assert len(view.columns) / n <= 40


# --- colours


def test_words_are_coloured_by_a_column_of_numbers():
    """The range is that of all systems; a missing number stays missing, a missing column is none."""
    words = frame(("a", 0, 1), ("b", 1, 2), ("c", 2, 3), score=[2.0, np.nan, -1.0])
    view = sk.TimelineView(None, {"with": words, "without": frame(("a", 0, 1))})
    view.color = "score"
    colour = view.spec["colour"]
    assert (colour["by"], colour["name"], colour["low"], colour["high"]) == ("value", "score", -1, 2)
    assert all(re.fullmatch("#[0-9a-f]{6}", stop) for stop in colour["stops"])
    values = ints(view.columns, view.spec["lanes"][0]["value"], 3, "f")
    np.testing.assert_array_equal(values, [2, np.nan, -1])
    assert view.spec["lanes"][1]["value"] is None
    view.color = "system"
    assert view.spec["colour"]["by"] == "system"


@pytest.mark.parametrize(
    ("color", "why"),
    [("scor", "no numeric column of that name"), ("word", "no numeric column"), ("no", "no numbers in it")],
)
def test_a_colour_that_is_none_is_refused(color: str, why: str):
    """The message names the columns that there are; the view stays as it is."""
    words = frame(("a", 0, 1), score=0.5, no=np.nan)
    with pytest.raises(PlotError, match=f"color='{color}': {why}.* there are 'channel', 'system', .*'score'"):
        sk.TimelineView(None, words, color=color)
    view = sk.TimelineView(None, words)
    with pytest.raises(PlotError, match=f"color='{color}'"):
        view.color = color
    assert view.color == view.spec["colour"]["by"] == "channel"


# --- what is wrong


def problems(*given: Any) -> list[str]:
    return list(sk.TimelineView(*given).spec["problems"])


def test_nothing_is_wrong_with_a_recording_and_its_words():
    """No word of complaint."""
    assert problems(recording(), frame(("a", 0, 1))) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (frame(), "there are no words in 'words'"),
        (frame(("a", np.nan, 1), ("b", 0, 1)), "1 word without times left out of 'words'"),
        (frame(("a", 3e6, 3e6 + 1), ("b", 0, 1)), "1 word without times left out"),
        (frame(("a", 1, 0), ("b", 0, 1)), "1 word of 'words' with an end before the start"),
        (frame(("a", 1, 1), ("b", 1, 2)), "1 word of 'words' without duration"),
        (
            frame(("a", 0, 1), ("b", 0.5, 2)),
            "1 word of 'words' with a start before the end of an earlier word",
        ),
        (frame(("a", 0, 1), ("b", 2, 3)), "1 word of 'words' ends after the recording, which lasts 2.00 s"),
        (frame(("a", 0, 1), tag="7"), ""),
    ],
)
def test_what_is_wrong_with_words_is_said(words: pd.DataFrame, told: str):
    """What can be drawn is drawn, the rest is counted."""
    said = problems(recording(), words)
    assert len(said) == bool(told)
    assert told in "".join(said)


def test_milliseconds_are_recognized():
    """As by `compare`."""
    assert problems(None, frame(("a", 0, 400), ("b", 500, 900))) == [
        "words: half of its words last longer than 400 s; start and end are seconds: divide milliseconds by "
        "1000"
    ]


def test_channels_without_sound_are_told():
    """Words of a third channel of a stereo recording have no waveform."""
    words = pd.concat([frame(("a", 0, 1), tag=tag) for tag in "012"])
    assert problems(recording(n_channels=2), words) == [
        "channel 2 has words and no sound: the recording has 2 channels"
    ]


def test_a_silent_channel_is_told():
    """Silence is a result, and often a mistake."""
    samples = tone(n_channels=2)
    samples[1] = 0
    assert problems(sk.Recording(samples, RATE)) == ["channel 1 is silent"]


def test_words_that_take_no_time_overlap_or_are_long_are_shown():
    """They are words; only an end before a start is put right."""
    words = frame(("zero", 1, 1), ("back", 2, 1), ("over", 1, 3), ("x" * 10_000, 1, 2), ("<script>", 0, 1))
    view = sk.TimelineView(None, words)
    assert words_of(view) == [
        ("<script>", 0, 1000),
        ("zero", 1000, 1000),
        ("over", 1000, 3000),
        ("x" * 10_000, 1000, 2000),
        ("back", 2000, 2000),
    ]


def test_half_a_surrogate_pair_is_replaced():
    """It cannot be written as UTF-8."""
    words = pd.DataFrame({"word": pd.Series(["a\ud800b"], dtype=object), "start": 0.0, "end": 1.0})
    view = sk.TimelineView(None, words)
    assert [word for word, *_ in words_of(view)] == ["a\ufffdb"]
    assert view.spec["problems"] == [
        "words: 1 word has half a character (a surrogate), which is replaced (row 0, counted from 0)"
    ]


def test_an_empty_frame_alone_still_makes_a_view():
    """There is a problem about it, and no picture."""
    view = sk.TimelineView(None, frame())
    assert view.spec["problems"] == ["there are no words in 'words'"]
    assert view.to_png() is None
    assert view.selected_words.empty


def test_nothing_at_all_is_refused():
    """So are arguments that are no recording or no words."""
    with pytest.raises(PlotError, match="nothing to show: pass a recording, words, or both"):
        sk.TimelineView()
    with pytest.raises(PlotError, match="recording must be a Recording, its path, or None, not "):
        sk.TimelineView(frame(("a", 0, 1)))
    with pytest.raises(PlotError, match="'b' is of type str; pass a frame of words or a transcript"):
        sk.TimelineView(None, {"b": "words.csv"})
    with pytest.raises(AudioError, match="there is no file"):
        sk.TimelineView("gone.wav")
    with pytest.raises(SchemaError, match="b: column 'end' is missing; there are word, start"):
        sk.TimelineView(None, {"b": frame(("a", 0, 1)).drop(columns="end")})
    with pytest.raises(SchemaError, match="words: column 'start' is str, not seconds"):
        sk.TimelineView(None, frame(("a", 0, 1)).astype({"start": str}))


def test_unknown_keywords_are_refused():
    """The message names the nearest one, and all."""
    with pytest.raises(
        ConfigError, match=r"no option 'colour'; did you mean 'color'\? There are color, title"
    ):
        sk.TimelineView(recording(), colour="system")
    with pytest.raises(ConfigError, match="locale must be 'en' or 'ru', not 'de'"):
        sk.TimelineView(recording(), locale="de")


def test_a_recording_deleted_before_the_view_was_made(tmp_path):
    """Its words are shown, and why there is no sound."""
    path = wav_file(tmp_path / "talk.wav")
    known = sk.Recording(path)
    path.unlink()
    view = sk.TimelineView(known, frame(("a", 0, 1)))
    assert "there is no file" in view.spec["problems"][0]
    assert view.spec["channels"][0]["peaks"] is None
    assert len(words_of(view)) == 1


def test_a_transcript_whose_recording_is_gone_is_shown_without_sound(tmp_path):
    """It was saved long ago; the words are still there."""
    path = wav_file(tmp_path / "talk.wav")
    view = sk.Transcript([final(0, "hello")], "talk.wav", path).view()
    assert (view.spec["title"], view.spec["sound"]["duration"], view.spec["problems"]) == (
        "talk.wav",
        2.0,
        [],
    )
    path.unlink()
    view = sk.Transcript([final(0, "hello")], "talk.wav", path).view()
    assert view.spec["sound"] is None
    assert view.spec["problems"] == [f"there is no file {path}, so there is no sound"]


# --- both ways to Python


def test_selected_words_are_those_in_the_selection():
    """Of all systems, by start, with the columns of their frames; words that only touch it are left out."""
    words = frame(("a", 0, 1), ("b", 1, 2), ("zero", 2, 2), ("c", 2, 3), ("d", 3, 4), score=1.0)
    view = sk.TimelineView(None, {"x": words, "y": frame(("e", 2.5, 2.6))})
    assert view.selected_words.empty
    assert list(view.selected_words)[:3] == ["system", "word", "start"]
    view.selection = (2, 3)
    assert view.selected_words[["system", "word"]].to_numpy().tolist() == [
        ["x", "zero"],
        ["x", "c"],
        ["y", "e"],
    ]
    assert view.selected_words["score"].tolist()[:2] == [1.0, 1.0]
    view.selection = None
    assert view.selected_words.empty


def test_the_word_under_the_playhead():
    """It is the row of the frame that the browser names."""
    both = {"x": frame(("a", 0, 1)), "y": frame(("c", 1, 2), ("b", 0, 1), score=[3.0, 2.0])}
    view = sk.TimelineView(None, both)
    assert view.current_word is None
    view.set_state({"active_word": [1, 1]})
    word = view.current_word
    assert (word["system"], word["word"], word["start"], word["score"], word.name) == ("y", "c", 1, 3, 0)


def test_a_view_says_in_a_line_what_it_shows():
    """For a terminal and a log."""
    view = sk.TimelineView(recording(), {"x": frame(("a", 0, 1)), "y": frame(("a", 0, 1))})
    assert repr(view) == "TimelineView('tone', 2.0 s, 2 words in 2 lanes)"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("current_time", 3, r"current_time=3 lies outside of this timeline, which goes from 0 to 2 s"),
        ("current_time", -1, "current_time=-1 lies outside"),
        ("current_time", float("nan"), "current_time=nan lies outside"),
        (
            "selection",
            (1, 0.5),
            "selection from 1 to 0.5 s: start must be before end, and both inside; .* 0 to 2 s",
        ),
        ("selection", (1, 1), "selection from 1 to 1 s: start must be before end"),
        ("selection", (1, 5), "selection from 1 to 5 s: start must be before end, and both inside"),
        ("view_range", (-1, 1), "view_range from -1 to 1 s"),
        ("playback_rate", 9, "playback_rate must be 0.25 to 4, not 9"),
        ("muted", ["3"], r"muted: no channel '3' with sound; there are \['0', '1'\]"),
        ("solo", ["x"], "solo: no channel 'x'"),
        ("active_word", (0, 7), r"active_word=\(0, 7\): the lanes have \[1, 0\] words"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: Any, message: str):
    """The old value stays, also if the browser sends the wrong one."""
    view = sk.TimelineView(recording(n_channels=2), frame(("a", 0, 1)))
    before = getattr(view, name)
    with pytest.raises(PlotError, match=message):
        setattr(view, name, value)
    assert getattr(view, name) == before
    with pytest.raises(PlotError, match=message):
        view.set_state({name: value})
    assert getattr(view, name) == before


def test_the_state_is_set_and_followed():
    """From Python by assignment or at once; from the browser, whose rounding is forgiven."""
    view = sk.TimelineView(
        recording(n_channels=2), frame(("a", 0, 1)), selection=(0, 1), muted=["1"], search="a"
    )
    assert (view.selection, view.muted, view.search, view.view_range) == ((0, 1), ["1"], "a", (0, 2))
    seen = []
    view.observe(lambda change: seen.append(change["new"]), "selection")
    view.set_state({"selection": [0.5, 2.0000001], "current_time": 2.001, "view_range": None})
    assert (view.selection, view.current_time, view.view_range) == ((0.5, 2), 2, (0, 2))
    assert seen == [(0.5, 2)]


def test_playing_is_asked_of_the_browser():
    """From the playhead or a given time, to a given time or the end."""
    view = RecordedView(recording(), frame(("a", 0, 1)), current_time=0.5)
    view.play()
    view.play(1, 1.5)
    assert [content for content, _ in view.sent] == [
        {"kind": "play", "start": 0.5, "end": None},
        {"kind": "play", "start": 1, "end": 1.5},
    ]
    view.playing = True
    view.pause()
    assert view.playing is False
    with pytest.raises(PlotError, match=r"play from 1 to 5 s: start must be before end.*'tone' lasts 2 s"):
        view.play(1, 5)
    with pytest.raises(PlotError, match="nothing to play: this timeline has no recording"):
        sk.TimelineView(None, frame(("a", 0, 1))).play()


def test_a_problem_can_be_added_and_survives_another_colour():
    """Each problem is shown once."""
    view = sk.TimelineView(recording(), frame(("a", 0, 1)))
    view.add_problem("the reference is not proofread")
    view.add_problem("the reference is not proofread")
    view.color = "system"
    assert view.spec["problems"] == ["the reference is not proofread"]


# --- peaks


@settings(max_examples=settings.default.max_examples // 2)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(3, 3 * SIZE + 5)),
        elements=st.floats(-1, 1, width=32),
    )
)
def test_peaks_are_the_extremes_of_each_bin(samples: np.ndarray):
    """Held against a loop; the loudest sample of all channels is 127."""
    peaks = read_peaks(sk.Recording(samples, RATE))
    loudest = float(np.abs(samples).max())
    assert peaks.loudest == pytest.approx(loudest)
    for channel, row in enumerate(samples):
        bins = [row[at : at + SIZE] for at in range(0, len(row), SIZE)]
        slow = [[bin_.min(), bin_.max()] for bin_ in bins]
        np.testing.assert_allclose(peaks.pairs[channel], np.array(slow) * 127 / (loudest or 1), atol=0.51)


def test_peaks_are_kept_by_content(tmp_path):
    """A copy of the same content is not measured again; a changed file is."""
    first = wav_file(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(first.read_bytes())
    one, two = (read_peaks(sk.Recording(tmp_path / name)) for name in ("a.wav", "b.wav"))
    np.testing.assert_array_equal(one.pairs, two.pairs)
    assert len(list(cache_folder().glob("*.peaks2"))) == 1
    wav_file(first, seconds=3)
    assert read_peaks(sk.Recording(first)).pairs.shape[1] > one.pairs.shape[1]


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path):
    """What its content was is noted with its date, unless it has just been written."""
    path = wav_file(tmp_path / "a.wav")
    os.utime(path, (1e9, 1e9))
    read_peaks(sk.Recording(path))
    again = sk.Recording(path)
    read_peaks(again)
    assert "sha256" not in vars(again)


def test_a_cache_that_cannot_be_used_only_costs_time(tmp_path, monkeypatch):
    """A file stands where its folder should be."""
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(tmp_path / "home"))
    assert read_peaks(recording()).loudest == pytest.approx(0.5, abs=0.001)


def test_a_damaged_cache_is_made_anew():
    """A crash of the machine may leave an empty file."""
    whole = read_peaks(recording())
    (kept,) = cache_folder().glob("*.peaks2")
    kept.write_bytes(b"")
    np.testing.assert_array_equal(read_peaks(recording()).pairs, whole.pairs)


def test_what_was_longest_out_of_use_is_thrown_away(monkeypatch):
    """The cache does not grow without end."""
    read_peaks(recording(1))
    (old,) = cache_folder().iterdir()
    os.utime(old, (1, 1))
    monkeypatch.setattr(cache, "MOST_BYTES", old.stat().st_size + 100)
    read_peaks(recording(1.01))
    assert not old.exists()
    assert len(list(cache_folder().iterdir())) == 1


# --- sound: the file itself


@pytest.fixture
def served(tmp_path, monkeypatch) -> Path:
    """Root of the Jupyter server that started this process, from its runtime file."""
    root, runtime = tmp_path / "root", tmp_path / "runtime"
    root.mkdir()
    runtime.mkdir()
    (runtime / "jpserver-42.json").write_text(json.dumps({"root_dir": str(root)}))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("JPY_PARENT_PID", "42")
    return root


def test_a_file_below_the_root_of_the_server_is_offered(served):
    """By its URL there, with the MIME type of its content."""
    (served / "my talks").mkdir()
    path = wav_file(served / "my talks" / "разговор #1.mp3")
    (offered,) = sk.TimelineView(path).sound_urls
    assert offered == {
        "url": "files/my%20talks/%D1%80%D0%B0%D0%B7%D0%B3%D0%BE%D0%B2%D0%BE%D1%80%20%231.mp3",
        "type": "audio/wav",
    }


def test_what_the_server_has_not_is_not_offered(served, tmp_path, monkeypatch):
    """Files elsewhere, samples in memory, and everything where no server is known."""
    assert sk.TimelineView(wav_file(tmp_path / "talk.wav")).sound_urls == []
    assert sk.TimelineView(recording()).sound_urls == []
    inside = wav_file(served / "talk.wav")
    monkeypatch.setenv("JPY_PARENT_PID", "43")
    assert sk.TimelineView(inside).sound_urls == []


def test_what_browsers_would_play_at_other_times_is_not_offered(served):
    """MP3 and Vorbis, in which seeking is not exact, and more channels than two."""
    soundfile.write(served / "talk.mp3", tone(rate=16_000).T, 16_000)
    soundfile.write(served / "talk.ogg", tone(rate=16_000).T, 16_000, subtype="VORBIS")
    for name in ("talk.mp3", "talk.ogg"):
        assert sk.TimelineView(served / name).sound_urls == []
    assert sk.TimelineView(wav_file(served / "three.wav", n_channels=3)).sound_urls == []


# --- sound: encoded


@pytest.mark.parametrize("rate", [8000, 16_000, 11_000, 96_000])
@pytest.mark.parametrize(("wanted", "made"), [("audio/ogg", "OGG"), ("audio/flac", "FLAC")])
def test_encoded_sound_is_in_time(rate: int, wanted: str, made: str, monkeypatch):
    """A click comes out where it went in, within a millisecond, whatever rate the coding takes."""
    monkeypatch.setattr(audio_encoding, "SHORT", 0)
    samples = np.zeros(3 * rate, np.float32)
    samples[2 * rate : 2 * rate + rate // 1000] = 0.9
    content, type_ = encode_sound(sk.Recording(samples, rate), [f"{wanted}; codecs=any"])
    decoded, decoded_rate = soundfile.read(io.BytesIO(content))
    assert type_.startswith(wanted)
    assert soundfile.info(io.BytesIO(content)).format == made
    at = np.average(np.arange(len(decoded)), weights=decoded**2) / decoded_rate
    assert at == pytest.approx(2.0005, abs=0.001)


def test_encoded_sound_keeps_its_channels():
    """So that one of them can be muted; mixed they are one."""
    content, type_ = encode_sound(recording(n_channels=2), ["audio/ogg", "audio/wav"])
    decoded, _ = soundfile.read(io.BytesIO(content), always_2d=True)
    assert type_ == "audio/wav"  # short: as it is
    np.testing.assert_allclose(decoded.T, tone(n_channels=2), atol=1e-4)
    content, _ = encode_sound(recording(n_channels=3), ["audio/wav"], mixed=True)
    decoded, _ = soundfile.read(io.BytesIO(content), always_2d=True)
    np.testing.assert_allclose(decoded[:, 0], tone(n_channels=3).mean(axis=0), atol=1e-4)


def test_a_browser_that_plays_none_of_our_formats():
    """The error lists the formats on both sides."""
    with pytest.raises(
        AudioError, match="this browser plays audio/aac; the sound can be encoded as audio/ogg; "
    ):
        encode_sound(recording(), ["audio/aac"])


def wait_for(view: RecordedView) -> None:
    """Wait for the answer to the browser, after the message that the work has begun."""
    wait_until(lambda: bool(view.sound or len(view.sent) > 1))
    assert view.sent[0][0] == {"kind": "encoding", "begun": True}


def test_sound_is_encoded_when_the_browser_asks():
    """Not before; then it is in the traits."""
    view = RecordedView(recording(), frame(("a", 0, 1)))
    assert view.sound == b""
    view.ask(kind="encoding", wanted=["audio/ogg", "audio/wav"])
    wait_for(view)
    assert (view.sound_type, view.sound[:4]) == ("audio/wav", b"RIFF")


def test_sound_of_a_recording_that_is_gone_is_refused(tmp_path):
    """The message goes to the browser, which shows it; nothing is raised in the kernel."""
    path = wav_file(tmp_path / "talk.wav")
    view = RecordedView(path)
    path.unlink()
    view.ask(kind="encoding", wanted=["audio/ogg"])
    wait_for(view)
    view.ask(kind="window", id=7, start=0, end=1)
    _, (encoding, _), (window, buffers) = view.sent
    assert "there is no file" in encoding["error"]
    assert "there is no file" in window["error"]
    assert (window["kind"], window["id"], buffers) == ("window", 7, [])


# --- sound: windows


def test_windows_are_cut_from_the_samples():
    """16-bit WAV of the requested stretch and channels, for long recordings and many channels."""
    view = RecordedView(recording(n_channels=4))
    assert view.spec["sound"]["whole"] is False
    view.ask(kind="window", id=1, start=0.5, end=1.0)
    view.ask(kind="window", id=2, start=1.5, end=9, channels=[2])
    for (content, (wav,)), (id_, part) in zip(
        view.sent, ((1, np.s_[:, 4000:8000]), (2, np.s_[2:3, 12000:])), strict=True
    ):
        samples, rate = soundfile.read(io.BytesIO(wav), always_2d=True)
        assert (content["id"], content["sample_rate"], rate) == (id_, RATE, RATE)
        np.testing.assert_allclose(samples.T, tone(n_channels=4)[part], atol=1e-4)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"start": 3, "end": 4}, "'tone' lasts 2 s"),
        ({"start": 0, "end": 1, "channels": [1]}, r"'tone' has channels 0 to 0, not \[1\]"),
        ({"start": 0, "end": 1, "channels": []}, "has channels 0 to 0, not"),
    ],
)
def test_a_window_that_is_none_is_refused(asked: dict[str, Any], error: str):
    """The browser hears why."""
    view = RecordedView(recording())
    view.ask(kind="window", id=1, **asked)
    assert re.search(error, view.sent[0][0]["error"])


def test_a_view_without_recording_has_no_windows():
    """A request without sound is answered with an error."""
    view = RecordedView(None, frame(("a", 0, 1)))
    view.ask(kind="window", id=1, start=0, end=1)
    assert view.sent[0][0]["error"] == "this timeline has no recording"


def test_ten_minutes_may_be_encoded_and_an_hour_may_not():
    """Encoding takes half a minute per hour of one channel; longer recordings are sent in windows."""

    class Long(sk.Recording):
        duration = 3600.0

    assert describe_sound(recording())["whole"]
    assert not describe_sound(Long(tone(), RATE))["whole"]


# --- pictures


def test_the_current_view_becomes_a_figure():
    """The stretch, the systems and the colours of the view; pyplot does not know it."""
    words = frame(("a", 0, 1), ("b", 1, 2), score=[0.0, 1.0])
    view = sk.TimelineView(
        recording(), {"x": words, "y": words}, color="score", view_range=(0.5, 1.5), title="t"
    )
    figure = view.to_figure(width=5)
    ax = figure.axes[0]
    assert (ax.get_xlim(), ax.get_title(loc="left"), figure.get_size_inches()[0]) == ((0.5, 1.5), "t", 5)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["channel 0", "x", "y"]
    assert len(ax.child_axes) == 1
    assert plt.get_fignums() == []


def marked(**view: Any) -> tuple[list[str], dict[float, int]]:
    """What the marks of a figure mean, and how many of them are at which height."""
    words = {"a": frame(("x", 0, 1), ("y", 1, 2)), "b": frame(("x", 0, 1))}
    marks = pd.DataFrame(
        {"start": [0.0, 1.0, 1.5], "end": [1.0, 2.0, 1.5], "kind": ["S", "D", "D"], "text": ""}
        | {"system": ["a", "b", None]}
    )
    ax = sk.TimelineView(recording(), words, marks=marks, **view).to_figure().axes[0]
    lines = [line for line in ax.collections if line.get_linewidth()[0] == WIDTH]
    heights = [round(float(path.vertices[0, 1]), 3) for line in lines for path in line.get_paths()]
    legend = ax.get_legend()
    texts = [text.get_text() for text in legend.get_texts()] if legend is not None else []
    return texts, dict(sorted(Counter(heights).items()))


def test_a_figure_has_the_marks_of_the_view():
    """Below the words of their system, or of all systems, with a legend above."""
    texts, heights = marked()
    assert texts == ["S", "D"]
    assert list(heights.values()) == [2, 2]
    assert marked(view_range=(0, 0.9)) == (["S"], {min(heights): 1})


def test_a_figure_shows_itself():
    """Also in a kernel that never used pyplot."""
    assert sk.TimelineView(recording()).to_figure()._repr_png_()[:4] == b"\x89PNG"


def test_a_picture_with_letters_that_no_font_has():
    """Is made all the same, without a word on standard error."""
    assert sk.TimelineView(None, frame(("日本語", 0, 1))).to_png() is not None


def test_what_is_displayed_carries_a_picture():
    """The widget, and a PNG for viewers without widgets."""
    data, _ = sk.TimelineView(recording(), frame(("a", 0, 1)))._repr_mimebundle_()
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert data["application/vnd.jupyter.widget-view+json"]["version_major"] == 2


def test_an_exported_notebook_keeps_the_picture(tmp_path):
    """As nbconvert makes a page of a notebook that was saved without the state of its widgets."""
    words = "pd.DataFrame({'word': ['hi'], 'start': [0.0], 'end': [1.0]})"
    cell = f"import pandas as pd, speechkit_nb as sk\nsk.TimelineView(None, {words})"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=60, kernel_name="python3", store_widget_state=False).execute()
    body, _ = HTMLExporter().from_notebook_node(notebook)
    (picture,) = re.findall(r'<img[^>]*src="data:image/png;base64,([^"]+)"', body)
    assert base64.b64decode(picture.replace("\n", ""))[:4] == b"\x89PNG"


# --- the page


def state_in(html: str) -> dict[str, Any]:
    (written,) = re.findall(r'<script type="application/json" id="state">(.*?)</script>', html, re.DOTALL)
    return dict(json.loads(written))


def test_a_page_has_everything_in_it(tmp_path):
    """Words, sound, state and code; nothing is loaded from elsewhere."""
    view = sk.TimelineView(recording(n_channels=2), frame(("слово", 0, 1)), selection=(0.5, 1), title="A & B")
    written = view.to_html(tmp_path / "new" / "page.html")
    html = written.read_text(encoding="utf-8")
    state = state_in(html)
    assert lane_words(state["spec"], base64.b64decode(state["columns"]), 0) == [("слово", 0, 1000)]
    assert (state["selection"], state["sound_urls"]) == ([0.5, 1], [])
    decoded, _ = soundfile.read(io.BytesIO(base64.b64decode(state["sound"])), always_2d=True)
    assert decoded.shape[1] == 2
    assert state["spec"]["sound"]["window_seconds"] is None
    assert "<title>A &amp; B</title>" in html
    assert re.findall(r'(?:src|href)\s*=\s*"(?!data:)', html) == []
    assert "<noscript><img" in html


def test_a_page_without_sound(tmp_path):
    """It is smaller, and has no sound."""
    view = sk.TimelineView(recording(), frame(("a", 0, 1)))
    state = state_in(view.to_html(tmp_path / "page.html", sound=False).read_text(encoding="utf-8"))
    assert (state["sound"], state["spec"]["sound"]) == ("", None)
    assert state["spec"]["channels"][0]["peaks"] is not None


def test_a_page_of_many_channels_mixes_them(tmp_path):
    """A page has no kernel to send single channels; there is a problem about it."""
    view = sk.TimelineView(recording(n_channels=3))
    state = state_in(view.to_html(tmp_path / "page.html").read_text(encoding="utf-8"))
    assert state["spec"]["sound"]["mixed"] is True
    assert "the 3 channels are mixed to one in this page" in state["spec"]["problems"][-1]


@pytest.mark.parametrize("evil", ["</script><script>alert(1)</script>", "<!--<script>", "]]>", "&lt;"])
def test_words_and_titles_cannot_break_a_page(evil: str, tmp_path):
    """They stay text everywhere."""
    view = sk.TimelineView(None, {evil: frame((evil, 0, 1))}, title=evil, search=evil)
    html = view.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(re.findall("<script", html)) == 2
    assert html.count("<!--") == 0
    state = state_in(html)
    assert (state["spec"]["systems"], state["search"]) == ([evil], evil)


def test_the_code_of_a_page_is_not_changed():
    """It goes in as base64, so that nothing in it can end the script."""
    view = sk.TimelineView(None, frame(("a", 0, 1)))
    state = {"spec": view.spec, "columns": view.columns}
    html = render_page(state, "export const mount = '</script>ы';")
    (code,) = re.findall(r"data:text/javascript;base64,([^\"]+)", html)
    assert base64.b64decode(code).decode() == "export const mount = '</script>ы';"


# --- the command


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(main, ["view", *map(str, arguments)])


def test_view_writes_a_page(tmp_path, monkeypatch):
    """Of a recording and results, named after their files or by an option."""
    monkeypatch.chdir(tmp_path)
    path = wav_file(tmp_path / "talk.wav")
    saved = sk.Transcript([final(0, "hello there")], "talk.wav").save(tmp_path / "general.parquet")
    done = run(path, saved, f"rc={saved}", "--title", "Talk")
    assert done.output == f"{(tmp_path / 'talk.html').as_uri()}\n"
    state = state_in((tmp_path / "talk.html").read_text(encoding="utf-8"))
    assert state["spec"]["systems"] == ["general", "rc"]
    assert state["spec"]["title"] == "Talk"
    done = run(path, "--no-sound", "--out", tmp_path / "page.html")
    assert state_in((tmp_path / "page.html").read_text(encoding="utf-8"))["sound"] == ""


def test_view_takes_words_of_other_files(tmp_path, monkeypatch):
    """Tables with words and times, and all formats of references; a column of numbers can colour."""
    monkeypatch.chdir(tmp_path)
    path = wav_file(tmp_path / "talk.wav")
    words = frame(("hello", 0, 1), ("there", 1, 2)).assign(confidence=[0.5, 0.9])
    words.to_csv("comma.csv", index=False)
    words.to_parquet("arrow.parquet")
    (tmp_path / "nist.ctm").write_text("talk 1 0.0 1.0 hello\n")
    done = run(path, "comma.csv", "arrow.parquet", "nist.ctm", "--color", "confidence", "--out", "page.html")
    assert done.exit_code == 0, done.output
    spec = state_in((tmp_path / "page.html").read_text(encoding="utf-8"))["spec"]
    assert [lane["n_words"] for lane in spec["lanes"]] == [2, 2, 1]
    assert (spec["colour"]["low"], spec["colour"]["high"]) == (0.5, 0.9)


def test_view_says_what_is_wrong(tmp_path, monkeypatch):
    """On one line, whether it hinders or not."""
    monkeypatch.chdir(tmp_path)
    path = wav_file(tmp_path / "talk.wav")
    saved = sk.Transcript([final(0, "hello", start=5000)], "talk.wav").save(tmp_path / "a.parquet")
    assert "1 word of 'a' ends after the recording" in run(path, saved).stderr
    assert "Error: two results have the name 'a'; give them different names" in run(path, saved, saved).output
    assert "Error: there is no file" in run("gone.wav").output
    assert "Error: cannot read" in run(path, "gone.json").output
