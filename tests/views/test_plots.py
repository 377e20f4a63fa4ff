"""Static timelines: shapes, texts and errors."""

from __future__ import annotations

import copy
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import soundfile
from answers import final
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PolyCollection
from matplotlib.colors import to_hex

import speechkit_nb as sk
from speechkit_nb import tables
from speechkit_nb.audio import Recording
from speechkit_nb.errors import AudioError, PlotError, SchemaError
from speechkit_nb.paths import cache_folder
from speechkit_nb.views.plots.density import mean_values, speech_share
from speechkit_nb.views.plots.time_axis import STEPS, format_time, time_unit
from speechkit_nb.views.plots.timeline import plot_timeline, plot_timeline_rows
from speechkit_nb.views.plots.word_row import MOST_TEXTS, UNKNOWN, WordRow
from speechkit_nb.views.scene.palette import CIVIDIS, GREY, LANES, lane_colour

RATE = 8000


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def words_frame(
    *rows: tuple[str, str, float, float], recording: str = "talk", final: int = 0
) -> pd.DataFrame:
    """A words frame from (channel_tag, word, start, end)."""
    full = [(recording, tag, final, 0, i, word, start, end) for i, (tag, word, start, end) in enumerate(rows)]
    return pd.DataFrame(full, columns=list(tables.WORDS)).astype(dict(tables.WORDS))


def many_words(n: int, seconds: float, word: str = "word") -> pd.DataFrame:
    """`n` words of equal length, each followed by a pause a quarter as long."""
    starts = np.arange(n) * seconds / n
    return words_frame(*(("0", word, start, start + 0.8 * seconds / n) for start in starts))


def noise(seconds: float, n_channels: int = 1) -> Recording:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (n_channels, int(seconds * RATE)))
    return Recording(samples.astype(np.float32), sample_rate=RATE, id="noise")


def lane_labels(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels()]


def word_rows(ax: Axes) -> list[WordRow]:
    return [artist for artist in ax.artists if isinstance(artist, WordRow)]


def written(ax: Axes) -> list[str]:
    """The words that stand in the picture once it is drawn."""
    ax.figure.canvas.draw()
    return [label.word for row in word_rows(ax) for label in row.labels()]


def waveforms(ax: Axes) -> list[FillBetweenPolyCollection]:
    return [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]


def bands(ax: Axes) -> list[tuple[float, float]]:
    """First and last second of the marked utterances."""
    marked = [c for c in ax.collections if type(c) is PolyCollection]
    return [(p.vertices[:, 0].min(), p.vertices[:, 0].max()) for c in marked for p in c.get_paths()]


# --- lanes


def test_a_lane_per_channel_in_the_order_people_count():
    """Channel 2 comes before channel 10, each with a colour of its own."""
    ax = plot_timeline(words_frame(("10", "ten", 0, 1), ("2", "two", 0, 1)))
    assert lane_labels(ax) == ["channel 2", "channel 10"]
    colours = [text.get_color() for text in ax.get_yticklabels()]
    assert colours == list(LANES[:2])


def test_a_channel_without_words_keeps_its_lane():
    """A silent channel of the recording is drawn, too: silence is a result."""
    ax = plot_timeline(words_frame(("1", "hello", 0.2, 0.9)), noise(2, n_channels=2))
    assert lane_labels(ax) == ["channel 0", "channel 1"]
    assert len(waveforms(ax)) == 2


def test_the_name_of_a_channel_stands_beside_its_waveform():
    """At the same height, with one system as with several."""
    words = words_frame(("0", "hello", 0.2, 0.9))
    for systems in (words, {"a": words, "b": words}):
        ax = plot_timeline(systems, noise(2))
        assert ax.get_yticks()[0] == pytest.approx(
            waveforms(ax)[0].get_paths()[0].vertices[:, 1].mean(), abs=0.02
        )


def test_speakers_of_a_mono_recording_share_its_waveform():
    """With speaker labeling there is one lane of sound, then one lane per speaker."""
    ax = plot_timeline(words_frame(("0", "hello", 0.2, 0.9), ("1", "hi", 1, 1.4)), noise(2))
    assert lane_labels(ax) == ["audio", "speaker 0", "speaker 1"]
    assert len(waveforms(ax)) == 1


def test_words_of_one_lane_are_those_of_its_channel_and_first_alternative():
    """Other alternatives would lie over the first; they are not drawn."""
    words = words_frame(("0", "left", 0, 1), ("1", "right", 0, 1), ("1", "write", 0, 1))
    words.loc[2, "alternative"] = 1
    assert [list(row.words) for row in word_rows(plot_timeline(words))] == [["left"], ["right"]]


def test_lane_colours_begin_again_when_they_are_used_up():
    """There are as many lanes as one likes."""
    assert lane_colour(len(LANES) + 1) == LANES[1]


# --- systems


def test_systems_stand_below_one_another():
    """Each channel has the sound, then one row per system in the given order, named at the left."""
    a = words_frame(("0", "hello", 0.2, 0.9), ("1", "hi", 1, 1.4))
    b = words_frame(("0", "yellow", 0.2, 0.9))
    ax = plot_timeline({"a": a, "b": b}, noise(2, n_channels=2))
    assert lane_labels(ax) == ["channel 0", "a", "b", "channel 1", "a", "b"]
    assert [list(row.words) for row in word_rows(ax)] == [["hello"], ["yellow"], ["hi"], []]
    heights = [(row.high, row.low) for row in word_rows(ax)]
    assert heights == sorted(heights)
    assert all(below[0] > above[1] for above, below in itertools.pairwise(heights))


def test_systems_without_sound_say_whose_channel_they_heard():
    """There is no waveform that the name of the channel could stand beside."""
    words = words_frame(("0", "hello", 0.2, 0.9), ("1", "hi", 1, 1.4))
    assert lane_labels(plot_timeline({"a": words, "b": words})) == [
        "channel 0: a",
        "channel 0: b",
        "channel 1: a",
        "channel 1: b",
    ]


def test_each_system_has_its_own_utterances():
    """Bands and dotted lines stay in the row of their system."""
    a, b = words_frame(("0", "a", 0, 1)), words_frame(("0", "b", 2, 3))
    assert bands(plot_timeline({"a": a, "b": b})) == [(0.0, 1.0), (2.0, 3.0)]


def test_a_transcript_brings_its_finals():
    """As a system among others, or alone."""
    transcript = sk.Transcript([final(0, "hello there", start=0, end=2000)])
    assert bounds(plot_timeline(transcript)) == [0.0, 2.0]
    assert bounds(plot_timeline({"a": transcript, "b": words_frame(("0", "x", 0, 1))})) == [0.0, 2.0]
    with pytest.raises(PlotError, match="finals= belongs to a single frame"):
        plot_timeline({"a": transcript}, finals=transcript.finals)


def test_a_frame_needs_no_more_than_words_and_times():
    """A reference from a file of one's own; no utterances are made up for it."""
    ax = plot_timeline(pd.DataFrame({"word": ["a"], "start": [0], "end": [1]}))
    assert (lane_labels(ax), written(ax), bands(ax)) == (["channel 0"], ["a"], [])


# --- colours


def row_colours(ax: Axes) -> list[str]:
    return [row.colours() for row in word_rows(ax)]


def test_colours_mean_channels_or_systems():
    """By system the sound is grey: one colour has one meaning."""
    words = words_frame(("0", "hello", 0.2, 0.9), ("1", "hi", 1, 1.4))
    by_channel = plot_timeline({"a": words, "b": words}, noise(2, n_channels=2))
    assert row_colours(by_channel) == [LANES[0], LANES[0], LANES[1], LANES[1]]
    by_system = plot_timeline({"a": words, "b": words}, noise(2, n_channels=2), color="system")
    assert row_colours(by_system) == [LANES[0], LANES[1], LANES[0], LANES[1]]
    assert {to_hex(wave.get_facecolor()) for wave in waveforms(by_system)} == {GREY.lower()}


def test_words_are_coloured_by_numbers():
    """From the lowest to the highest of all systems; a word without a number is pale; a legend tells."""
    a = words_frame(("0", "low", 0, 1), ("0", "none", 1, 2)).assign(score=[-1.0, np.nan])
    b = words_frame(("0", "high", 0, 1)).assign(score=3)
    ax = plot_timeline({"a": a, "b": b}, color="score")
    low, high = (row.colours() for row in word_rows(ax))
    assert [to_hex(colour) for colour in low] == [CIVIDIS[0], GREY.lower()]
    assert [float(colour[3]) for colour in low] == [1, UNKNOWN]  # the middle of the scale is grey, too
    assert [to_hex(colour) for colour in high] == [CIVIDIS[-1]]
    (legend,) = ax.child_axes
    assert [text.get_text() for text in legend.texts] == ["score   -1", "3"]
    assert ax.get_xlabel() == "time (s)  ·  1 word without score"


def test_words_are_read_on_dark_and_on_light_boxes():
    """Black or white, whichever stands out."""
    words = words_frame(("0", "dark", 0, 1), ("0", "light", 1, 2)).assign(score=[0.0, 1.0])
    ax = plot_timeline(words, color="score")
    ax.figure.canvas.draw()
    assert [label.colour for label in word_rows(ax)[0].labels()] == ["white", "black"]


def test_a_density_has_the_mean_colour_of_its_words():
    """Thousands of words, half of them low, then half high."""
    words = many_words(9000, 3600.0)
    words["score"] = np.arange(9000) >= 4500
    words["score"] = words["score"].astype(float)
    (row,) = word_rows(plot_timeline(words, color="score"))
    colours = [to_hex(colour) for colour in row.colours()]
    assert len(colours) == len(row.shapes()) > 100
    middle = len(colours) // 2
    assert (set(colours[: middle - 1]), set(colours[middle + 1 :])) == ({CIVIDIS[0]}, {CIVIDIS[-1]})


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20), st.integers(-5, 5)), max_size=15))
def test_the_mean_in_a_bin_is_weighted_by_time(spans: list[tuple[int, int, int]]):
    """Held against adding up overlaps one by one."""
    starts, lengths, values = (
        (np.array(column, float) for column in zip(*spans, strict=True)) if spans else (np.empty(0),) * 3
    )
    edges = np.linspace(0, 80, 9)
    slow = []
    for low, high in itertools.pairwise(edges):
        shares = np.clip(np.minimum(starts + lengths, high) - np.maximum(starts, low), 0, None)
        slow.append((shares * values).sum() / shares.sum() if shares.sum() > 0 else np.nan)
    np.testing.assert_allclose(mean_values(edges, starts, starts + lengths, values), slow, atol=1e-9)


def test_a_colour_that_is_none_is_refused():
    """The columns of numbers are named; no figure is left behind."""
    words = words_frame(("0", "a", 0, 1)).assign(score=1.0)
    with pytest.raises(PlotError, match=r"color='scor': no numeric column of that name; there are .*'score'"):
        plot_timeline(words, color="scor")
    assert plt.get_fignums() == []


# --- sound


def test_a_long_waveform_comes_from_the_cache():
    """Drawn a second time it is not measured again, and looks the same as measured directly."""
    sound = noise(300)
    first = waveforms(plot_timeline(words_frame(("0", "a", 1, 2)), sound))[0].get_paths()[0].vertices
    assert len(list(cache_folder().glob("*.peaks2"))) == 1
    exact = sound.envelope(len(first) // 2 - 1, channel=0)
    ax = plot_timeline(words_frame(("0", "a", 1, 2)), noise(300))
    (wave,) = waveforms(ax)
    np.testing.assert_array_equal(wave.get_paths()[0].vertices, first)
    assert np.ptp(first[:, 1]) == pytest.approx(0.56, rel=0.02)
    assert np.abs(exact).max() == pytest.approx(0.5, rel=0.01)


def test_the_waveform_is_high_where_it_is_loud():
    """Sound from 1 to 2 s of 4 is drawn from 1 to 2 s."""
    samples = np.zeros(4 * RATE, np.float32)
    samples[RATE : 2 * RATE] = np.sin(np.arange(RATE))
    (wave,) = waveforms(plot_timeline(words_frame(("0", "a", 1, 2)), Recording(samples, sample_rate=RATE)))
    x, y = wave.get_paths()[0].vertices.T
    middle = (y.min() + y.max()) / 2
    loud = x[np.abs(y - middle) > 0.1]
    assert loud.min() == pytest.approx(1, abs=0.01)
    assert loud.max() == pytest.approx(2, abs=0.01)


def test_the_waveform_has_a_bin_a_pixel_and_covers_what_was_asked_for():
    """An hour costs no more points than a second, and only the stretch is drawn."""
    ax = plot_timeline(words_frame(("0", "a", 1, 2)), noise(60), start=10, end=20)
    x = waveforms(ax)[0].get_paths()[0].vertices[:, 0]
    assert 10 <= x.min() < x.max() <= 20
    assert len(np.unique(x)) <= ax.get_window_extent().width + 1
    assert ax.get_xlim() == (10, 20)


def test_channels_keep_their_relative_loudness():
    """A channel half as loud is drawn half as high, so that cross-talk can be seen."""
    loud = np.sin(np.arange(RATE) / 3).astype(np.float32)
    recording = Recording(np.stack([loud, loud / 2]), sample_rate=RATE)
    first, second = waveforms(plot_timeline(words_frame(("0", "a", 0, 1)), recording))
    heights = [np.ptp(w.get_paths()[0].vertices[:, 1]) for w in (first, second)]
    assert heights[1] / heights[0] == pytest.approx(0.5, abs=0.01)


def test_fewer_samples_than_pixels():
    """A stretch of a few milliseconds is drawn sample by sample."""
    ax = plot_timeline(words_frame(("0", "a", 0, 1)), noise(1), start=0.5, end=0.51)
    assert len(np.unique(waveforms(ax)[0].get_paths()[0].vertices[:, 0])) == 80


def test_a_path_will_do_for_a_recording(tmp_path: Path):
    """A transcript that was loaded knows its recording by path."""
    samples = noise(1).read()[0]
    soundfile.write(tmp_path / "talk.wav", samples, RATE)
    for path in (tmp_path / "talk.wav", str(tmp_path / "talk.wav")):
        assert len(waveforms(plot_timeline(words_frame(("0", "a", 0, 1)), path))) == 1
    with pytest.raises(AudioError, match="there is no file"):
        plot_timeline(words_frame(("0", "a", 0, 1)), tmp_path / "gone.wav")


def test_words_after_the_end_of_the_recording_are_seen():
    """A model that places words too late is shown, not cut off."""
    ax = plot_timeline(words_frame(("0", "late", 2.5, 3.0)), noise(2))
    assert ax.get_xlim() == (0, 3)


# --- words


def test_boxes_stand_at_the_times_of_their_words():
    """Each box begins where its word does, and leaves only a slit before the next."""
    ax = plot_timeline(words_frame(("0", "two", 1.0, 2.0), ("0", "one", 0.0, 1.0)))
    one, two = word_rows(ax)[0].shapes()
    assert (one[:, 0].min(), two[:, 0].min()) == (0.0, 1.0)
    assert one[:, 0].max() == pytest.approx(1.0, abs=0.01)
    assert one[:, 0].max() < 1.0


def test_words_that_take_no_time_are_thin_marks():
    """A word of zero or negative duration is still seen, about a point wide."""
    ax = plot_timeline(
        words_frame(("0", "a", 0, 4), ("0", "zero", 5, 5), ("0", "back", 7, 6), ("0", "b", 8, 9))
    )
    _, zero, back, _ = word_rows(ax)[0].shapes()
    for mark, start in ((zero, 5), (back, 7)):
        assert mark[:, 0].min() == start
        pixels = np.ptp(ax.transData.transform(mark)[:, 0])
        assert 0.5 < pixels < 2


def test_a_long_stretch_becomes_a_density():
    """Thousands of words in a lane are one shape; the label has their number and what it shows."""
    ax = plot_timeline(many_words(9000, 3600.0))
    assert len(word_rows(ax)[0].shapes()) == 1
    assert written(ax) == []
    assert ax.get_xlabel() == "time (h:mm:ss)  ·  9,000 words; the height is the share of speech"


def test_zooming_in_brings_boxes_and_texts_back():
    """What is drawn is settled when it is drawn, so interactive zoom needs no new call."""
    ax = plot_timeline(many_words(9000, 3600.0))
    ax.set_xlim(100, 102)
    assert set(written(ax)) == {"word"}
    assert len(word_rows(ax)[0].shapes()) == len(word_rows(ax)[0].in_view())


def test_the_number_of_artists_does_not_grow_with_the_words():
    """So 30,000 words can be drawn fast."""
    few, many = plot_timeline(many_words(5, 60.0)), plot_timeline(many_words(3000, 60.0))
    assert len(many.get_children()) <= len(few.get_children())


def test_a_smaller_size_makes_room_for_nearly_all_words():
    """Words are small, then on two lines, before they are missing, and missing before most of them are."""
    styles = []
    for seconds in (5, 11, 16, 90):
        ax = plot_timeline(many_words(3 * seconds, float(seconds)))
        assert len(written(ax)) in (0, 3 * seconds)
        labels = word_rows(ax)[0].labels()
        styles.append(({round(label.size, 1) for label in labels}, len({label.y for label in labels})))
    assert [(len(sizes), lines) for sizes, lines in styles] == [(1, 1), (1, 1), (1, 2), (0, 0)]
    assert max(styles[0][0]) > max(styles[1][0])


def test_too_many_words_are_not_written():
    """Above the limit no text is tried, however small the words."""
    _, ax = plt.subplots(figsize=(120, 2))
    plot_timeline(many_words(MOST_TEXTS + 1, 60.0, word="i"), ax=ax)
    assert written(ax) == []
    ax.set_xlim(0, 59)
    assert len(written(ax)) == len(word_rows(ax)[0].to_write()) < MOST_TEXTS


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 20)), max_size=20),
    st.integers(1, 30),
)
def test_density_is_the_share_of_each_bin_that_is_speech(spans: list[tuple[int, int]], n_bins: int):
    """Held against adding up overlaps one by one."""
    starts = np.array([start for start, _ in spans], float)
    ends = starts + np.array([length for _, length in spans], float)
    edges = np.linspace(0, 120, n_bins + 1)
    slow = [
        min(
            1.0,
            sum(max(0.0, min(e, high) - max(s, low)) for s, e in zip(starts, ends, strict=True))
            / (high - low),
        )
        for low, high in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(speech_share(edges, starts, ends), slow, atol=1e-9)


@pytest.mark.parametrize("word", ["$x_1$", r"$\nosuchcommand$", "<script>", "слово", "שלום", "مرحبا"])
def test_a_word_is_text_and_nothing_else(word: str):
    """Dollar signs are no formula and letters of other scripts are drawn; so in the title and the lanes."""
    ax = plot_timeline(words_frame((f"{word} tag", word, 0, 9)), title=word)
    assert written(ax) == [word]
    assert ax.get_title(loc="left") == word
    assert lane_labels(ax) == [f"{word} tag"]


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_files_of_every_kind_can_be_written(kind: str):
    """For a paper the same figure is saved as vectors."""
    ax = plot_timeline(words_frame(("0", "hello", 0, 1)), noise(1))
    buffer = io.BytesIO()
    ax.figure.savefig(buffer, format=kind)
    assert buffer.tell() > 1000


# --- utterances


def bounds(ax: Axes) -> list[float]:
    """Where dotted lines mark the bounds of finals."""
    lines = [c for c in ax.collections if isinstance(c, LineCollection) and c.get_linestyle()[0][1]]
    return [segment[0, 0] for c in lines for segment in c.get_segments()]


def test_finals_mark_the_bounds_of_what_was_decoded():
    """They are wider than the words; the band stays as tight as these."""
    words = words_frame(("0", "hello", 1.0, 2.0), ("0", "there", 2.0, 3.0))
    finals = tables.empty(tables.FINALS)
    text = ("hello there", "Hello there.", "raw")
    finals.loc[0] = ["talk", "0", 0, 0, *text, 0.5, 3.5, 1.0, 3.0, np.nan, "en-US"]
    finals = finals.astype(dict(tables.FINALS))
    assert bounds(plot_timeline(words)) == []
    ax = plot_timeline(words, finals=finals)
    assert bands(ax) == [(1.0, 3.0)]
    assert bounds(ax) == [0.5, 3.5]


# --- rows


def test_a_recording_in_rows_shows_every_word_once():
    """Rows of 2 s over 5 s of sound: three axes that follow one another; texts appear where they belong."""
    words = words_frame(*(("0", f"w{k}", k + 0.1, k + 0.9) for k in range(5)))
    figure = plot_timeline_rows(words, noise(5), seconds=2, title="talk")
    assert [ax.get_xlim() for ax in figure.axes] == [(0, 2), (2, 4), (4, 6)]
    assert [word for ax in figure.axes for word in written(ax)] == [f"w{k}" for k in range(5)]
    assert [bool(ax.get_xlabel()) for ax in figure.axes] == [False, False, True]


def test_rows_share_one_scale_of_loudness():
    """A quiet row looks quiet."""
    samples = np.r_[np.full(8000, 0.1), np.full(8000, 1.0)].astype("float32") * np.tile([1, -1], 8000)
    quiet, loud = plot_timeline_rows(words_frame(), Recording(samples, sample_rate=8000), seconds=1).axes
    heights = [np.ptp(waveforms(ax)[0].get_paths()[0].vertices[:, 1]) for ax in (quiet, loud)]
    assert heights[0] == pytest.approx(heights[1] / 10, rel=0.05)


def test_a_long_recording_gets_one_row():
    """More rows than a page holds would not be read."""
    (ax,) = plot_timeline_rows(words_frame(), noise(5), seconds=1, most=4).axes
    assert ax.get_xlim() == (0, 5)


def test_a_short_recording_fills_its_row():
    """No empty paper after its end; words that a model places after it are seen."""
    (ax,) = plot_timeline_rows(words_frame(), noise(3), seconds=10).axes
    assert ax.get_xlim() == (0, 3)
    late = plot_timeline_rows(words_frame(("0", "late", 11, 12)), noise(3), seconds=10)
    assert [word for ax in late.axes for word in written(ax)] == ["late"]


def test_a_word_between_two_rows_is_written_once():
    """In the row where its middle is; both show its box."""
    figure = plot_timeline_rows(words_frame(("0", "between", 1.5, 2.7)), noise(4), seconds=2)
    assert [written(ax) for ax in figure.axes] == [[], ["between"]]
    assert [len(word_rows(ax)[0].shapes()) for ax in figure.axes] == [1, 1]


def test_each_utterance_is_marked_on_its_own():
    """Without finals the words of one final_index and channel are one utterance."""
    words = pd.concat(
        [words_frame(("0", "a", 0, 1)), words_frame(("0", "b", 2, 3), final=1)], ignore_index=True
    )
    assert bands(plot_timeline(words)) == [(0.0, 1.0), (2.0, 3.0)]


# --- time axis


@pytest.mark.parametrize(
    ("end", "label", "last_tick"),
    [
        (5, "time (s)", "5.0"),
        (60, "time (s)", "60"),
        (600, "time (mm:ss)", "10:00"),
        (7200, "time (h:mm:ss)", "2:00:00"),
    ],
)
def test_time_is_written_as_its_length_asks_for(end: float, label: str, last_tick: str):
    """Seconds up to a minute, then minutes, then hours."""
    ax = plot_timeline(words_frame(("0", "a", 0, end)), noise(1), end=end)
    ax.figure.canvas.draw()
    assert ax.get_xlabel().startswith(label)
    assert ax.get_xticklabels()[-1].get_text() == last_tick


def test_ticks_of_a_short_stretch_deep_in_a_recording_differ():
    """Half seconds in minute ten get a decimal, so that no two ticks read the same."""
    ax = plot_timeline(words_frame(("0", "a", 600, 602)), start=600, end=602)
    ax.figure.canvas.draw()
    texts = [text.get_text() for text in ax.get_xticklabels()]
    assert len(set(texts)) == len(texts) > 2
    assert texts[0] == "10:00.0"


@given(st.floats(0, 100_000), st.integers(0, 3))
def test_clock_reads_back_as_the_time(seconds: float, decimals: int):
    """hh:mm:ss and mm:ss, read by a human, are the time rounded; minutes and seconds stay below 60."""
    for longest in (600, 7200):
        *front, rest = format_time(seconds, longest, decimals).split(":")
        hours, minutes = (
            (int(front[0]), int(front[1])) if time_unit(longest) == "h:mm:ss" else (0, int(front[0]))
        )
        assert float(rest) < 60
        if time_unit(longest) == "h:mm:ss" or seconds < 3590:
            assert hours * 3600 + minutes * 60 + float(rest) == pytest.approx(
                seconds, abs=0.51 * 10**-decimals
            )


@settings(max_examples=settings.default.max_examples // 4)
@given(st.floats(0, 10_000), st.floats(0.01, 40_000))
def test_ticks_are_few_and_on_the_clock(start: float, length: float):
    """Every tick is a multiple of one step of a clock, inside the stretch, at most a dozen."""
    fig, ax = plt.subplots()
    plot_timeline(words_frame(("0", "a", start, start + length)), ax=ax, start=start, end=start + length)
    ticks = ax.xaxis.get_major_locator()()
    plt.close(fig)
    assert len(ticks) <= 13
    assert all(start - 1e-6 <= tick <= start + length + 1e-6 for tick in ticks)
    if len(ticks) > 1:
        assert min(abs(np.diff(ticks)[0] - step) for step in STEPS) < 1e-6


# --- axes and surroundings


def test_given_axes_are_drawn_on_and_no_figure_is_made():
    """A caller lays out the figure."""
    fig, axes = plt.subplots(2, 1, figsize=(3, 3))
    ax = plot_timeline(words_frame(("0", "hello", 0, 1)), noise(1), ax=axes[1])
    fig.canvas.draw()
    assert ax is axes[1]
    assert plt.get_fignums() == [fig.number]
    assert not axes[0].has_data()


def test_a_subfigure_will_do():
    """Axes of a subfigure are axes."""
    left, right = plt.figure().subfigures(1, 2)
    ax = plot_timeline(words_frame(("0", "hi", 0, 1)), ax=left.add_subplot())
    assert written(ax) == ["hi"]
    assert not right.axes


def test_nothing_is_shown_and_no_setting_changes(monkeypatch: pytest.MonkeyPatch):
    """rcParams and the decision to show belong to the user."""
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("show was called"))
    before = copy.deepcopy(dict(mpl.rcParams))
    plot_timeline(words_frame(("0", "hello", 0, 1)), noise(1), title="talk").figure.canvas.draw()
    assert dict(mpl.rcParams) == before


def test_frames_are_left_as_they_are():
    """Plotting reads."""
    words = words_frame(("0", "b", 1, 2), ("0", "a", 0, np.nan))
    before = words.copy()
    plot_timeline(words)
    pd.testing.assert_frame_equal(words, before)


# --- what is missing


def test_words_without_times_are_left_out_and_counted():
    """They are left out, and the label has their number."""
    words = words_frame(("0", "here", 0, 1), ("0", "lost", np.nan, 2), ("0", "gone", 1, np.nan))
    ax = plot_timeline(words)
    assert written(ax) == ["here"]
    assert ax.get_xlabel() == "time (s)  ·  2 words without times left out"


def test_a_recording_without_words_is_a_waveform_with_a_note():
    """Silence recognized as silence still has a picture."""
    ax = plot_timeline(tables.empty(tables.WORDS), noise(1, n_channels=2))
    assert len(waveforms(ax)) == 2
    assert word_rows(ax) == []
    assert ax.get_xlabel() == "time (s)  ·  no words"


def test_a_stretch_without_words_says_so():
    """A pause is drawn as a pause."""
    ax = plot_timeline(words_frame(("0", "a", 0, 1)), noise(9), start=5, end=8)
    assert ax.get_xlabel() == "time (s)  ·  no words"
    ax.figure.canvas.draw()


def test_neither_words_nor_recording_is_refused():
    """Empty axes would look like a result."""
    with pytest.raises(
        PlotError, match="nothing to draw: there are no words and no recording; pass recording="
    ):
        plot_timeline(tables.empty(tables.WORDS))
    with pytest.raises(PlotError, match="none of the 1 words has times and no recording"):
        plot_timeline(words_frame(("0", "lost", np.nan, np.nan)))
    assert plt.get_fignums() == []


def test_several_recordings_are_refused_and_one_is_offered():
    """Words of two recordings on one axis would be nonsense."""
    both = pd.concat([words_frame(("0", "a", 0, 1), recording=name) for name in ("b.wav", "a.wav")])
    with pytest.raises(
        PlotError, match=r"has 2 \('a.wav', 'b.wav'\); choose one: words\[words\[\"recording\"\] == 'a"
    ):
        plot_timeline(both)
    chosen = both[both["recording"] == "b.wav"]
    assert written(plot_timeline(chosen)) == ["a"]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (3, 2, "start must be before end, not start=3 with end=2"),
        (1, 1, "start must be before end, not start=1 with end=1"),
        (-1, 2, "start must be a number from 0 to 2,000,000, not -1"),
        (0, float("nan"), "end must be a number from 0 to 2,000,000, not nan"),
        (0, 1e9, "end must be a number from 0 to 2,000,000, not 1000000000.0"),
    ],
)
def test_a_stretch_that_is_none_is_refused(start: float, end: float, message: str):
    """The message repeats the arguments."""
    with pytest.raises(PlotError, match=message):
        plot_timeline(words_frame(("0", "a", 0, 5)), start=start, end=end)


def test_a_stretch_after_the_end_is_refused():
    """The message has the duration of the recording."""
    with pytest.raises(PlotError, match="'noise' is 2 s long, there is nothing from start=7 on"):
        plot_timeline(words_frame(("0", "a", 0, 1)), noise(2), start=7)


def test_a_frame_that_is_no_words_frame_is_refused():
    """The column is named, for words and for finals."""
    words = words_frame(("0", "a", 0, 1))
    with pytest.raises(SchemaError, match="words: column 'start' is missing"):
        plot_timeline(words.drop(columns="start"))
    with pytest.raises(SchemaError, match="finals: column 'alternative' is missing"):
        plot_timeline(words, finals=words.drop(columns="alternative"))
