"""Words in static timelines: positions and sizes of texts, and the note about the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from speechkit_nb.audio import Recording
from speechkit_nb.views.plots.label_placement import place_labels
from speechkit_nb.views.plots.timeline import plot_timeline, plot_timeline_rows
from speechkit_nb.views.plots.word_row import SMALLEST, WordRow, find_rows

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def words_frame(*rows: tuple[str, float, float], tag: str = "0") -> pd.DataFrame:
    """A frame from (word, start, end)."""
    return pd.DataFrame(rows, columns=["word", "start", "end"]).assign(channel_tag=tag)


def many_words(n: int, seconds: float, word: str = "word") -> pd.DataFrame:
    """`n` words of equal length that fill the time."""
    return words_frame(*((word, k * seconds / n, (k + 1) * seconds / n) for k in range(n)))


def reference(name: str) -> pd.DataFrame:
    words = pd.read_csv(DATA / f"{name}.words.csv", dtype={"channel": "str"})
    return words.rename(columns={"channel": "channel_tag"})


def written(figure: Figure) -> list[str]:
    return [label.word for row in find_rows(figure) for label in row.labels()]


def sizes(figure: Figure) -> set[float]:
    return {label.size for row in find_rows(figure) for label in row.labels()}


def drawn(ax: Axes) -> str:
    """The label below a picture after it is drawn."""
    ax.figure.canvas.draw()
    return ax.get_xlabel()


# --- places


Boxes = st.lists(
    st.tuples(st.floats(0, 9), st.floats(0, 40), st.floats(1, 50)), min_size=1, max_size=12
)  # the gap before each box, its width, and that of its text


@given(Boxes, st.floats(0, 3))
def test_texts_do_not_touch_and_it_is_seen_whose_they_are(
    boxes: list[tuple[float, float, float]], padding: float
):
    """Whatever fits is in its box; another text covers its box and no middle of its neighbours'."""
    gaps, lengths, widths = (np.array(column) for column in zip(*boxes, strict=True))
    right = np.cumsum(gaps + lengths)
    left = right - lengths
    at = place_labels(left, right, widths, (0, right[-1]), padding)
    low, high = at - widths / 2, at + widths / 2
    fits = widths + 2 * padding <= lengths
    assert np.isfinite(at[fits]).all()
    assert (low[fits] >= left[fits] + padding - 1e-4).all()
    assert (high[fits] <= right[fits] - padding + 1e-4).all()
    over = ~fits & np.isfinite(at)
    assert (low[over] <= left[over] + padding + 1e-4).all()
    assert (high[over] >= right[over] - padding - 1e-4).all()
    kept = np.isfinite(at)
    assert (low[kept][1:] - high[kept][:-1] >= 2 * padding - 1e-4).all()
    assert low[kept].min(initial=0) >= -1e-4
    assert high[kept].max(initial=0) <= right[-1] + 1e-4
    middles = (left + right) / 2
    assert not (low[1:] < middles[:-1] - 1e-4)[kept[1:]].any()
    assert not (high[:-1] > middles[1:] + 1e-4)[kept[:-1]].any()


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 9)), min_size=1, max_size=6))
def test_no_text_is_left_out_if_all_have_room(boxes: list[tuple[int, int]]):
    """Held against trying all whole places one after another."""
    lengths, widths = (np.array(column, float) * 2 for column in zip(*boxes, strict=True))
    right = np.cumsum(lengths)
    left, middles = right - lengths, right - lengths / 2
    bounds = np.r_[0, middles, right[-1]]
    end, possible = -np.inf, True
    for k, width in enumerate(widths):
        places = [
            low
            for low in range(-40, int(right[-1]) + 40)
            if low >= max(end, bounds[k] if k else 0)
            and low + width <= bounds[k + 2]
            and (left[k] <= low <= right[k] - width or right[k] - width <= low <= left[k])
        ]
        possible = possible and bool(places)
        end = places[0] + width if places else np.inf
    if possible:
        assert np.isfinite(place_labels(left, right, widths, (0, right[-1]), 0)).all()


@settings(max_examples=settings.default.max_examples // 2)
@given(
    st.lists(
        st.tuples(
            st.floats(0.2, 10), st.floats(-0.2, 2), st.sampled_from(["a", "слово", "распознавание", "mm gj"])
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([3, 6, 12]),
)
def test_texts_stay_in_their_row_and_apart(spans: list[tuple[float, float, str]], width: int):
    """However words overlap, texts of one line do not touch, and none leaves its row or the picture."""
    figure = Figure(figsize=(width, 1.5))
    ax = plot_timeline(
        words_frame(*((word, start, start + length) for start, length, word in spans)), ax=figure.subplots()
    )
    (row,) = find_rows(figure)
    ends: dict[float, float] = {}
    top, bottom = ax.transData.transform([(0, row.high), (0, row.low)])[:, 1]
    for label in row.labels():
        text = Text(label.x, label.y, label.word, ha="center", va="baseline", fontsize=label.size)
        text.set_figure(figure)
        box = text.get_window_extent()
        assert box.x0 >= ends.get(label.y, ax.bbox.x0) - 1e-6
        assert box.x1 <= ax.bbox.x1 + 1e-6
        assert bottom <= box.y0 < box.y1 <= top
        ends[label.y] = box.x1
    assert len(ends) <= 2


def test_a_short_word_is_written_over_its_neighbours():
    """Their boxes have room left; the label has no note."""
    ax = plot_timeline(words_frame(("afternoon", 0, 4), ("of", 4, 4.1), ("the", 4.1, 4.2), ("train", 4.2, 9)))
    assert drawn(ax) == "time (s)"
    assert written(ax.figure) == ["afternoon", "of", "the", "train"]
    labels = find_rows(ax.figure)[0].labels()
    assert len({label.y for label in labels}) == 1


def test_rows_that_share_a_place_keep_their_texts_in_their_boxes():
    """This is the default, since other rows may overlap."""
    ax = plt.subplots()[1]
    ax.set_xlim(0, 10)
    row = WordRow(["a", "long-winded"], [1, 5], [4, 5.1], 0, 1, colour="C0")
    ax.add_artist(row)
    assert [label.word for label in row.labels()] == ["a"]


@pytest.mark.parametrize(("name", "missing"), [("dialogue", 3), ("russian", 0), ("story", 1), ("numbers", 0)])
def test_the_sample_recordings_can_be_read(name: str, missing: int):
    """In rows of ten seconds nearly all words are written, and no smaller than journals print."""
    words = reference(name)
    sound = Recording(
        np.zeros((words["channel_tag"].nunique(), round(8000 * words["end"].max()))), sample_rate=8000
    )
    figure = plot_timeline_rows(words, sound)
    figure.draw_without_rendering()
    assert len(written(figure)) >= len(words) - missing
    assert min(sizes(figure)) >= SMALLEST


def test_a_text_over_other_colours_has_a_halo():
    """So that it can be read on boxes darker or lighter than its own."""
    words = words_frame(("afternoon", 0, 4), ("the", 4, 4.1), ("train", 4.1, 9)).assign(score=[0.0, 1.0, 0.0])
    ax = plot_timeline(words, color="score")
    halos = [label.halo for label in find_rows(ax.figure)[0].labels()]
    assert [halo is not None for halo in halos] == [False, True, False]
    ax.figure.canvas.draw()


def test_texts_keep_the_colour_of_the_style_they_were_made_in():
    """A figure made in a dark style is dark wherever it is saved."""
    with plt.style.context("dark_background"):
        ax = plot_timeline(words_frame(("hello", 0, 1)))
    ax.figure.canvas.draw()
    (left, bottom), (right, top) = ax.transData.transform([(0.3, 0.3), (0.7, 0.15)])
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[::-1]
    inside = pixels[int(bottom) : int(top), int(left) : int(right), :3]
    assert inside.min(axis=2).max() > 200


# --- one size


def test_all_words_of_a_figure_have_one_size():
    """Lanes, systems and axes: a larger word would look like a more important one."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 5))
    few, many = words_frame(("few", 0, 4), ("words", 4, 9)), many_words(30, 9.0)
    plot_timeline({"few": few, "many": many}, ax=above)
    plot_timeline(few, ax=below)
    assert len(written(figure)) > 30
    assert len(sizes(figure)) == 1
    alone = plt.figure()
    plot_timeline(few, ax=alone.subplots())
    assert max(sizes(alone)) > max(sizes(figure))


def test_a_row_that_cannot_be_written_does_not_shrink_the_others():
    """It has no say in the size."""
    few, crowd = words_frame(("few", 0, 4), ("words", 4, 9)), many_words(300, 9.0)
    both, alone = plot_timeline({"few": few, "crowd": crowd}), plot_timeline({"few": few})
    assert written(both.figure) == ["few", "words"]
    assert sizes(both.figure) == sizes(alone.figure)


# --- what is said


def test_words_that_are_not_written_are_counted():
    """A reader knows that an empty box is a word, and how many there are."""
    narrow = [("unpronounceable", 4 + k / 50, 4 + (k + 1) / 50) for k in range(5)]
    rows = [(f"word{k}", k, k + 1) for k in range(4)] + narrow + [(f"word{k}", k, k + 1) for k in range(5, 9)]
    ax = plot_timeline(words_frame(*rows))
    said = drawn(ax)
    n = len(rows) - len(written(ax.figure))
    assert 2 <= n <= 4
    assert said == f"time (s)  ·  {n} of 13 words too narrow to be written"


def test_what_is_said_is_true_of_the_picture_as_it_is_drawn():
    """Not of the axes as they were before the layout; and again after a zoom."""
    words = many_words(59, 59.0, "distinguished")
    ax = plot_timeline(words, ax=plt.subplots(figsize=(5, 2))[1])
    assert drawn(ax) == "time (s)\n59 words, legible in a shorter stretch"
    ax.set_xlim(0, 4)
    assert drawn(ax) == "time (s)"
    ax.figure.set_size_inches(5, 0.1)
    assert drawn(ax) == "time (s)\n4 words, legible in a higher figure"


@pytest.mark.parametrize("name", ["russian", "story", "dialogue"])
def test_rows_are_counted_together(name: str):
    """Below the last row, and true of all of them, in every resolution."""
    words = reference(name)
    sound = Recording(
        np.zeros((words["channel_tag"].nunique(), round(8000 * words["end"].max()))), sample_rate=8000
    )
    figure = plot_timeline_rows(words, sound)
    for dpi in (60, 150, 300):
        figure.dpi = dpi
        figure.draw_without_rendering()
        n = len(words) - len(written(figure))
        count = f"  ·  {n} of {len(words)} words too narrow to be written" if n else ""
        assert figure.axes[-1].get_xlabel() == f"time (s){count}"


def test_a_label_of_ones_own_stays():
    """Who writes another label under the axis finds it there."""
    ax = plot_timeline(many_words(3000, 60.0))
    ax.set_xlabel("Zeit")
    assert drawn(ax) == "Zeit"


# --- looks


def test_the_grid_does_not_show_through_the_words():
    """A line in a box would be taken for the end of a word."""
    ax = plot_timeline(words_frame((".", 0.5, 9.5)))
    ax.figure.canvas.draw()
    (left, y), (right, _) = ax.transData.transform([(1, 0.15), (9, 0.15)])
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[::-1]
    assert len(np.unique(pixels[int(y), int(left) : int(right)], axis=0)) == 1


def test_a_long_title_does_not_run_into_the_legend():
    """The legend stands between the title and the picture."""
    words = words_frame(("hello", 0, 1), ("there", 1, 2)).assign(score=[0.0, 1.0])
    ax = plot_timeline(words, color="score", title="a title that is as long as the picture is wide " * 2)
    ax.figure.canvas.draw()
    (legend,) = ax.child_axes
    (title,) = (
        text for text in ax.get_children() if isinstance(text, Text) and text.get_text().startswith("a title")
    )
    assert title.get_window_extent().y0 > max(text.get_window_extent().y1 for text in legend.texts)
