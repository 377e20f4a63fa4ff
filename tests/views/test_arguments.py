"""Arguments and traits of timelines: whatever they are set to, only our own errors, at once."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hostile_values import find_raw_errors

from speechkit_nb import Recording, TimelineView, plot_timeline
from speechkit_nb.errors import LeftOut, PlotError, SchemaError
from speechkit_nb.views import plot_timeline_rows
from speechkit_nb.views.widget.timeline_view import CONTENT

WORDS = pd.DataFrame(
    {"channel_tag": list("0011"), "word": list("abcd"), "start": [0, 1, 0.5, 2], "end": [0.5, 1.5, 1, 3]}
)
RECORDING = Recording(np.random.default_rng(0).normal(0, 0.1, (2, 32_000)).astype("float32"), 8000, id="talk")
TRAITS = (
    *("current_time", "playing", "playback_rate", "selection", "loop", "view_range", "active_word"),
    *("muted", "solo", "search", "color", "layout", *CONTENT),
)
ARGUMENTS = ("recording", "systems", "color", "title", "locale", "marks", "selection", "layout")
PLOT_ARGUMENTS = ("words", "recording", "ax", "finals", "start", "end", "color", "loudest", "title")
pytestmark = pytest.mark.filterwarnings(
    "ignore:Glyph",  # no font has control characters
    "ignore:Passing unrecognized arguments",  # of ipywidgets, about other names in a layout
)


@pytest.fixture
def view():
    return TimelineView(RECORDING, WORDS)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("trait", TRAITS)
def test_a_trait_refuses_a_value_when_it_is_set_and_keeps_the_old_one(view, trait):
    """With an error of ours; what is accepted can be drawn."""

    def set_trait(value):
        before = view.trait_values()
        try:
            setattr(view, trait, value)
        except PlotError:
            assert view.trait_values() == before
            raise
        view.to_figure()
        repr(view)
        view.selected_words  # noqa: B018
        view.current_word  # noqa: B018

    assert find_raw_errors(set_trait) == {}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_view_is_made_or_refused(argument):
    """Each argument and each trait as an argument; with an error of ours."""
    given = {"recording": RECORDING, "systems": WORDS}
    assert find_raw_errors(lambda value: TimelineView(**given | {argument: value})) == {}


def test_methods_of_a_view_refuse_other_values(view, tmp_path):
    """Play, mark, problems, pictures and pages; afterwards the view is as before."""
    assert find_raw_errors(lambda value: view.play(value)) == {}
    assert find_raw_errors(lambda value: view.play(0, value)) == {}
    assert find_raw_errors(view.mark) == {}
    assert find_raw_errors(view.add_problem) == {}
    assert find_raw_errors(lambda value: view.to_figure(value)) == {}
    assert find_raw_errors(lambda value: view.to_png(2, dpi=value)) == {}
    refused = find_raw_errors(lambda value: view.to_html(tmp_path / "view.html", value))
    assert refused == {}
    assert find_raw_errors(lambda value: isinstance(value, str) or view.to_html(value)) == {}
    with pytest.raises(PlotError, match=r"cannot write '.*': (Is a|No such file or) directory"):
        view.to_html(tmp_path)


@pytest.mark.parametrize("argument", PLOT_ARGUMENTS)
def test_a_plot_is_drawn_or_refused(argument):
    """Each argument of `plot_timeline`; huge times too, without using up the memory."""
    given = {"words": WORDS, "recording": RECORDING}

    def use(value):
        ax = plot_timeline(**given | {argument: value})
        if argument in ("title", "end"):
            ax.figure.canvas.draw()

    assert find_raw_errors(use) == {}


@pytest.mark.parametrize("argument", ["words", "recording", "finals", "title", "seconds", "most"])
def test_rows_are_drawn_or_refused(argument):
    """Each argument of `plot_timeline_rows`."""
    given = {"words": WORDS, "recording": RECORDING}
    assert find_raw_errors(lambda value: plot_timeline_rows(**given | {argument: value})) == {}


def test_messages_say_what_would_be_right(view):
    """The name of the argument, what it may be, and what it was."""
    expected = {
        "selection": r"selection must be \(start, end\) in seconds, or None, not 'x'",
        "current_time": "current_time must be a number of seconds, not 'x'",
        "playing": "playing must be True or False, not 'x'",
        "active_word": r"active_word must be \(lane, number\), or None, not 'x'",
        "spec": "spec cannot be set: make another TimelineView",
    }
    for trait, message in expected.items():
        with pytest.raises(PlotError, match=message):
            setattr(view, trait, "x")
    with pytest.raises(PlotError, match="start must be a number from 0 to 2,000,000, not 'x'"):
        view.play("x")
    with pytest.raises(PlotError, match="ax must be Axes of matplotlib or None, not 'x'"):
        plot_timeline(WORDS, ax="x")
    with pytest.raises(PlotError, match="recording must be a Recording, its path, or None, not 5"):
        plot_timeline(WORDS, 5)


def test_a_view_range_of_none_is_all(view):
    """As at the start: the picture and the page show everything again."""
    view.view_range = (1, 2)
    view.view_range = None
    assert view.view_range == (0.0, 4.0)
    assert view.to_figure().axes[0].get_xlim() == (0.0, 4.0)


def test_numbers_of_numpy_and_pandas_are_numbers(view):
    """As they come out of frames and arrays."""
    view.current_time = np.float32(1.5)
    view.selection = WORDS.loc[1, ["start", "end"]].to_numpy()
    view.view_range = np.array([1, 3])
    assert (view.current_time, view.selection, view.view_range) == (1.5, (1.0, 1.5), (1.0, 3.0))


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({"start": [1000.0, 2000.0]}, "2 of 2 marks left out: without times, or not inside"),
        ({"start": [1.0, np.nan]}, "1 of 2 marks left out: without times, or not inside"),
    ],
    ids=["milliseconds", "no time"],
)
def test_marks_that_cannot_be_shown_are_left_out_with_a_warning(view, marks, message):
    """Times in milliseconds lie outside of the timeline."""
    frame = pd.DataFrame({**marks, "end": [3000.0, 3000.0], "kind": "k", "text": "t"})
    with pytest.warns(LeftOut, match=message):
        view.mark(frame)


def test_marks_and_colours_of_odd_frames_are_refused(view):
    """Doubled columns, kinds that are lists, numbers without a scale."""
    marks = WORDS.assign(kind="k", text="t")
    with pytest.raises(SchemaError, match="marks: column 'channel_tag' is there twice"):
        view.mark(pd.concat([marks, marks], axis=1))
    with pytest.raises(SchemaError, match="column 'kind' must hold a text or a number"):
        view.mark(marks.assign(kind=[["k"]] * 4))
    with pytest.raises(PlotError, match=r"a scale cannot reach from -1e\+308 to 1e\+308"):
        TimelineView(None, WORDS.assign(score=[1e308, -1e308, 0, 0]), color="score")
    with pytest.raises(PlotError, match="color='score': no numeric column of that name"):
        TimelineView(None, WORDS.assign(score=[1j, 2, 3, 4]), color="score")


def test_channel_tags_of_a_merge_are_drawn_under_their_sound():
    """Tags that became floats name channels of the recording; utterances without a number are drawn."""
    floats = WORDS.assign(channel_tag=[0.0, 0, 1, 1], final_index=[0, np.nan, 0, 0])
    ax = plot_timeline(floats, RECORDING)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["channel 0", "channel 1"]
    assert len([area for area in ax.collections if "FillBetween" in type(area).__name__]) == 2
    assert [lane["channel_tag"] for lane in TimelineView(RECORDING, floats).spec["lanes"]] == ["0", "1"]


def test_a_title_holds_no_signature(tmp_path):
    """The query of a link is a secret; a page of `to_html` and the picture are passed on."""
    view = TimelineView(None, WORDS, title="https://storage.yandexcloud.net/b/talk.wav?X-Amz-Signature=ab12")
    assert view.spec["title"] == "https://storage.yandexcloud.net/b/talk.wav"
    assert "ab12" not in view.to_html(tmp_path / "page.html").read_text()
    assert "ab12" not in repr(view)
