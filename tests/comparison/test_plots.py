"""Plots and timelines of a comparison show the values of its frames."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hostile_values import find_raw_errors
from local_server import wait_until
from timeline_pages import Timeline, chromium

import speechkit_nb as sk
from speechkit_nb.comparison.plots.error_marks import KINDS, LETTERS, make_marks
from speechkit_nb.errors import AudioError, LeftOut, PlotError, SchemaError

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(autouse=True)
def closed():
    """Close all figures after each test, and restore the settings of matplotlib."""
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return pd.read_csv(DATA / "story.words.csv", dtype={"channel": "str"}).assign(recording="story.mp3")


@pytest.fixture(scope="module")
def compared(truth) -> sk.Comparison:
    """A system with each kind of error that is 30 ms late, and one without errors that is 100 ms late."""
    wrong = truth.copy()
    wrong.loc[3, "word"] = "thyme"
    wrong = wrong.drop(index=[8])
    more = pd.DataFrame(
        {"word": ["um"], "start": [4.2], "end": [4.3], "channel": ["0"], "recording": ["story.mp3"]}
    )
    wrong = pd.concat([wrong, more], ignore_index=True).sort_values("start", ignore_index=True)
    systems = {"wrong": shifted(wrong, 0.03), "late": shifted(truth, 0.1)}
    return sk.compare(systems, truth)


def shifted(words: pd.DataFrame, seconds: float) -> pd.DataFrame:
    return words.assign(start=words["start"] + seconds, end=words["end"] + seconds)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def inked(ax) -> int:
    """The number of pixels that differ from the corner of the figure."""
    ax.figure.canvas.draw()
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].astype(int)
    return int((np.abs(pixels - pixels[0, 0]).sum(axis=2) > 60).sum())


# --- plots


def test_the_summary_shows_rates_and_intervals(compared):
    """One row per system, the best on top; dots are at the rates, and lines are the intervals."""
    ax = compared.plot_summary()
    summary = compared.summary.sort_values("wer")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["late", "wrong"]
    lines, dots = ax.collections
    np.testing.assert_allclose(dots.get_offsets()[:, 0], summary["wer"])
    ends = [(path[0, 0], path[1, 0]) for path in (p.vertices for p in lines.get_paths())]
    np.testing.assert_allclose(ends, summary[["wer_low", "wer_high"]].to_numpy())
    assert texts(ax) == ["0.0 %", "5.1 %"]
    assert inked(ax) > 500


def test_the_summary_of_one_stretch_says_that_there_is_no_interval():
    """The label of the axis reports this."""
    ax = sk.compare({"a": "x q"}, "x y").plot_summary()
    assert ax.get_xlabel() == "word error rate; one group has no interval"


def test_other_columns_can_be_summed_up(compared):
    """Seconds are drawn as milliseconds; the smallest value is on top."""
    ax = compared.plot_summary(what="aas")
    assert texts(ax) == ["30 ms", "100 ms"]
    assert ax.get_xlabel() == "accumulated average shift (ms)"


def test_what_cannot_be_summed_up_is_refused(compared):
    """The error lists the valid columns."""
    with pytest.raises(PlotError, match="no column of numbers 'loss'; there are n_words, errors, wer"):
        compared.plot_summary(what="loss")
    with pytest.raises(PlotError, match="no system has a number in 'aas'"):
        sk.compare({"a": "x"}, "x").plot_summary(what="aas")


def test_the_scatter_has_every_stretch(compared):
    """Dots are at the errors of both systems, with the number of stretches."""
    ax = compared.plot_scatter("wrong", "late")
    stretches = compared.stretches
    dots = ax.collections[0].get_offsets()
    points = stretches.groupby(["wrong", "late"]).size()
    assert {tuple(map(int, dot)) for dot in dots} == set(points.index)
    counted = [int(text) for text in texts(ax) if text.isdecimal()]
    assert sorted(counted) == sorted(n for n in points if n > 1)
    assert ax.get_xlabel() == "errors of wrong in a stretch of speech"


def test_a_scatter_needs_two_systems_that_are_there(compared):
    """An unknown system, or the same system twice, is an error."""
    with pytest.raises(PlotError, match="no system 'good'; there are 'wrong', 'late'"):
        compared.plot_scatter("good", "late")
    with pytest.raises(PlotError, match=r"'late' against itself"):
        compared.plot_scatter("late", "late")


def test_histograms_count_every_common_word(compared):
    """All words that all systems have correct are counted, and the legend has the medians."""
    ax = compared.plot_boundary_errors()
    n_common = int(compared.timing["n_compared"].iloc[0])
    filled = [patch for patch in ax.patches if patch.get_fill()]
    assert [int(patch.get_data().values.sum()) for patch in filled] == [n_common, n_common]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["wrong: median +30 ms", "late: median +100 ms"]
    assert ax.get_title(loc="left") == f"{n_common} words that all got right"


def test_over_time_a_slope_is_drawn():
    """The delay of a system grows by 1 ms per second for a minute: the line rises by 60 ms."""
    start = np.arange(0, 60.5, 0.5)
    said = pd.DataFrame({"word": [f"w{i}" for i in range(len(start))], "start": start, "end": start + 0.3})
    ax = sk.compare({"slow": said.assign(start=start * 1.001)}, said).plot_boundary_errors(over_time=True)
    trend = ax.lines[0].get_ydata()
    assert trend[1] - trend[0] == pytest.approx(60, abs=0.5)


def test_boundary_errors_need_times_and_a_side(compared):
    """Without times, or with an invalid side, an error is raised."""
    with pytest.raises(PlotError, match="side must be 'start' or 'end', not 'middle'"):
        compared.plot_boundary_errors(side="middle")
    with pytest.raises(PlotError, match=r"no word that all systems got right has times on both sides"):
        sk.compare({"a": "x"}, "x").plot_boundary_errors()


def test_every_error_has_its_letter(compared):
    """S, I and D are above their words in different colours; reference and systems have one row each."""
    ax = compared.plot_alignment(0, 17, recording=DATA / "story.mp3")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["reference", "wrong", "late"]
    wrong = compared.alignment.query("op != 'ok'")
    letters = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert sorted(letters) == ["D", "I", "S"]
    for error in wrong.to_dict("records"):
        side = "ref" if error["op"] == "del" else "hyp"
        middle = (error[f"{side}_start"] + error[f"{side}_end"]) / 2
        assert letters[LETTERS[error["op"]]] == pytest.approx(middle)
    faces = {handle.get_facecolor() for handle in ax.get_legend().legend_handles}
    assert len(faces) == 3
    assert inked(ax) > 5000


def test_an_alignment_opens_at_the_worst_place(compared):
    """Unless a span is given; with only a start, six seconds are shown."""
    worst = compared.disagreements.iloc[0]
    low, high = compared.plot_alignment().get_xlim()
    assert low <= worst["start"] < worst["end"] <= high
    assert compared.plot_alignment(5).get_xlim() == (5, 11)


def test_an_alignment_can_be_drawn_without_sound_or_channel(truth):
    """The words are those of a frame without channels."""
    bare = truth[["word", "start", "end"]]
    ax = sk.compare({"a": bare}, bare).plot_alignment()
    assert ax.get_xlabel() == "time (s)"
    assert inked(ax) > 1000


def test_what_cannot_be_aligned_in_a_picture_is_refused(compared):
    """Errors: an unknown channel or recording, no times, no audio."""
    with pytest.raises(PlotError, match="no channel '7' with words; there are '0'"):
        compared.plot_alignment(channel_tag="7")
    with pytest.raises(PlotError, match=r"'talk.wav' is neither a recording of this comparison nor a file"):
        compared.plot_alignment(recording="talk.wav")
    with pytest.raises(PlotError, match="neither the reference nor a system has times here"):
        sk.compare({"a": "x"}, "x").plot_alignment()
    with pytest.raises(AudioError, match=r"story\.words\.csv"):
        compared.plot_alignment(recording=DATA / "story.words.csv")
    with pytest.raises(PlotError, match="start must be before end, not 5 with 4"):
        compared.plot_alignment(5, 4)


def test_plots_draw_on_axes_they_are_given(compared):
    """The given axes are also returned."""
    axes = plt.figure().subplots(4)
    drawn = [
        compared.plot_summary(axes[0]),
        compared.plot_scatter(ax=axes[1]),
        compared.plot_boundary_errors(axes[2]),
        compared.plot_alignment(ax=axes[3]),
    ]
    assert drawn == list(axes)


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_pictures_are_seen_on_light_and_dark(compared, style):
    """Every plot has visible content on both backgrounds."""
    with mpl.rc_context(), plt.style.context(style):
        for draw in (compared.plot_summary, compared.plot_scatter, compared.plot_alignment):
            assert inked(draw()) > 300


def test_names_with_dollars_are_names(truth):
    """They are not parsed as math text."""
    c = sk.compare({"a$_b$": truth, "<c>": truth}, truth)
    ax = c.plot_boundary_errors()
    ax.figure.canvas.draw()
    assert ax.get_legend().get_texts()[0].get_text() == "a$_b$: median +0 ms"
    for draw in (c.plot_summary, c.plot_scatter, c.plot_alignment):
        draw().figure.canvas.draw()


# --- the timeline


def test_every_error_and_disagreement_is_a_mark(compared):
    """An error is marked in the lane of its system, a disagreement in all lanes or in the given one."""
    frame = make_marks(compared.alignment, compared.disagreements)
    errors = compared.alignment.query("op != 'ok'")
    assert sorted(frame["kind"]) == sorted(
        [*errors["op"].map(KINDS), *["systems differ"] * len(compared.disagreements)]
    )
    assert frame.loc[frame["kind"] == "substitution", "text"].tolist() == ["S: time → thyme"]
    assert set(frame["system"].dropna()) == {"wrong"}
    asked = make_marks(compared.alignment, compared.disagreements, lane="reference")
    assert set(asked.loc[asked["kind"] == "systems differ", "system"]) == {"reference"}


def ranked(alignment: pd.DataFrame, disagreements: pd.DataFrame) -> list[float]:
    """A slow reference implementation: the starts of disagreements and of error runs outside them, sorted."""
    spans = list(disagreements[["start", "end", "size"]].itertuples(index=False))
    places = [(-size, start) for start, _, size in spans]
    for _, rows in alignment.groupby(["system", "recording"], sort=False):
        length, last = 0, None
        for row in [*rows.to_dict("records"), {"op": "ok"}]:
            if row["op"] == "ok" and length:
                if not any(first < last[1] and end > last[0] for first, end, _ in spans):
                    places.append((-length, last[0]))
                length, last = 0, None
            elif row["op"] != "ok":
                side = "ref" if row["op"] == "del" else "hyp"
                last, length = last or (row[f"{side}_start"], row[f"{side}_end"]), length + 1
    return [start for _, start in sorted(places, key=lambda place: place[0])]


def test_marks_stand_from_the_worst_on(truth):
    """Disagreements and runs of errors common to all systems are sorted by size; other errors follow."""
    one, two = truth.copy(), truth.copy()
    one.loc[[3, 20, 21, 22, 40, 41], "word"] = "wrong"
    two.loc[[20, 21, 22, 40], "word"] = "wrong"
    two.loc[[50, 51], "word"] = "other"
    c = sk.compare({"one": one, "two": two}, truth)
    marks = make_marks(c.alignment, c.disagreements)
    expected = ranked(c.alignment, c.disagreements)
    assert marks["start"].tolist()[: len(expected)] == expected
    differ = marks[marks["kind"] == "systems differ"]
    assert differ["start"].tolist() == c.disagreements["start"].tolist()
    assert expected[0] == truth.loc[20, "start"]  # three words that are wrong in both systems
    assert len(marks) == len(c.disagreements) + c.alignment["op"].ne("ok").sum()


def test_errors_of_one_system_are_ranked_by_how_many_follow_one_another(truth):
    """The view opens at the longest run, in the recording that has it."""
    wrong = truth.copy()
    wrong.loc[[3, 30, 31, 32], "word"] = "wrong"
    other = truth.assign(recording="other.mp3")
    c = sk.compare({"one": pd.concat([other, wrong])}, pd.concat([other, truth]))
    first = make_marks(c.alignment, c.disagreements).iloc[0]
    assert first["start"] == truth.loc[30, "start"]
    view = c.view()
    assert view.spec["title"] == "story.mp3"
    assert view.current_time == pytest.approx(first["start"])


def test_a_disagreement_of_one_channel_says_nothing_of_another(truth):
    """An error at the same time in the other channel is sorted independently."""
    left, right = truth.assign(channel="0"), truth.assign(channel="1")
    wrong = right.assign(word=["wrong", *right["word"][1:]])
    one = left.assign(word=["differs", *left["word"][1:]])
    c = sk.compare(
        {"one": pd.concat([one, wrong]), "two": pd.concat([left, wrong])}, pd.concat([left, right])
    )
    marks = make_marks(c.alignment, c.disagreements)
    assert marks["channel_tag"].tolist() == ["0", "1", "1", "0"]


def test_a_kind_has_its_place_whatever_is_worst(compared):
    """The colour of a kind is the same in all views."""
    kinds = [kind["id"] for kind in compared.view().spec["marks"]["kinds"]]
    assert kinds == ["substitution", "insertion", "deletion", "systems differ"]


def test_the_view_has_a_lane_for_the_reference_and_each_system(compared):
    """It opens at the worst place, has the marks, and can play if the audio is available."""
    view = compared.view(DATA / "story.mp3")
    assert [lane["system"] for lane in view.spec["lanes"]] == ["reference", "wrong", "late"]
    marks = view.spec["marks"]
    assert marks["n"] == 3 + len(compared.disagreements)
    worst = compared.disagreements.iloc[0]
    assert view.view_range[0] <= worst["start"] < worst["end"] <= view.view_range[1]
    lanes = np.frombuffer(view.columns, "<i4", marks["n"], marks["lane"])
    assert sorted(set(lanes.tolist())) == [0, 1]  # disagreements with the reference, errors with "wrong"


def test_a_view_without_the_sound_says_so(compared):
    """The message also has what to do."""
    assert (
        "the sound is not at hand: pass the recording, view('talk.wav')" in compared.view().spec["problems"]
    )


def test_a_view_can_be_of_some_rows_and_open_at_one(compared):
    """The rows may be of any frame of the comparison."""
    slow = compared.timing_errors.nlargest(5, "start_error")
    view = compared.view(where=slow, at=slow.iloc[0])
    assert view.spec["marks"]["n"] == 5
    assert view.view_range[0] <= slow.iloc[0]["ref_start"] <= view.view_range[1]
    n_lanes = len(view.spec["lanes"])
    assert compared.view(where=compared.disagreements).spec["marks"]["n"] == n_lanes * len(
        compared.disagreements
    )
    wrong = compared.alignment.query("op == 'sub'")
    assert compared.view(where=wrong).spec["marks"]["kinds"] == [
        {"id": "substitution", "label": "substitution"}
    ]


def test_systems_without_times_are_left_out_of_the_view(truth):
    """They are reported in the problems of the view."""
    view = sk.compare({"plain": " ".join(truth["word"]), "timed": truth}, truth).view()
    assert [lane["system"] for lane in view.spec["lanes"]] == ["reference", "timed"]
    assert "plain has no words with times here, so it is not shown" in view.spec["problems"]


def test_nothing_to_show_is_refused():
    """Without times and audio an error is raised."""
    with pytest.raises(PlotError, match="no word has times, and there is no sound; pass the recording"):
        sk.compare({"a": "x"}, "x").view()


def test_without_a_reference_disagreements_are_marked(truth):
    """There is one lane per system, and none for a reference."""
    other = truth.assign(word=["twice", *truth["word"][1:]])
    view = sk.compare({"a": truth, "b": other}).view()
    assert [lane["system"] for lane in view.spec["lanes"]] == ["a", "b"]
    assert view.spec["marks"]["kinds"] == [{"id": "systems differ", "label": "systems differ"}]


def test_marks_can_be_set_and_taken_away(truth):
    """Marks are in lanes by system and channel, or in all; an invalid frame raises and changes nothing."""
    view = sk.TimelineView(None, {"a": truth, "b": truth})
    assert view.spec["marks"] is None
    marks = pd.DataFrame(
        {
            "start": [2.0, 1.0, np.nan],
            "end": [2.5, 1.2, 3.0],
            "kind": ["x", "y", "x"],
            "text": ["two", "one", "no"],
        }
    ).assign(system=["b", None, "b"])
    with pytest.warns(LeftOut, match="1 of 3 marks left out: without times"):
        view.mark(marks)
    packed = view.spec["marks"]
    columns = {
        name: np.frombuffer(view.columns, "<i4", packed["n"], packed[name]).tolist()
        for name in ("lane", "start", "end", "kind", "order")
    }
    assert columns == {
        "lane": [-1, 1],
        "start": [1000, 2000],
        "end": [1200, 2500],
        "kind": [1, 0],
        "order": [1, 0],
    }
    assert packed["kinds"] == [{"id": "x", "label": "x"}, {"id": "y", "label": "y"}]
    with pytest.raises(
        SchemaError, match="marks: column 'text' is missing; there are start, end, kind, system"
    ):
        view.mark(marks.drop(columns="text"))
    assert view.spec["marks"] == packed
    with pytest.warns(LeftOut, match="1 of 3 marks left out"):
        view.color = "system"
    assert view.spec["marks"]["n"] == 2
    view.mark(None)
    assert view.spec["marks"] is None


def test_the_brush_filters_the_marks(compared):
    """Only errors in the selected range are marked; a handle at its limit includes all errors beyond it."""
    box = compared.brush(DATA / "story.mp3")
    slider, picture, line, view = box.children
    errors = compared.timing_errors.query("common")
    assert view.spec["marks"]["n"] == len(errors)
    before = picture.value
    slider.value = (60, slider.max)
    late = errors[errors["start_error"] >= 0.06]
    assert view.spec["marks"]["n"] == len(late)
    said, clear = line.children
    assert said.value.startswith(f"+60 to +{slider.max} ms: {len(late)} of {len(errors)} words are marked; ")
    assert picture.value != before
    farthest = late.loc[late["start_error"].idxmax()]
    assert view.current_time == pytest.approx(farthest["ref_start"])
    assert not clear.disabled
    clear.click()
    assert view.spec["marks"]["n"] == len(errors)
    assert picture.value == before
    assert clear.disabled


def test_an_empty_choice_of_the_brush_marks_nothing(compared):
    """A range without errors marks nothing, and the timeline does not move."""
    slider, _, line, view = compared.brush(DATA / "story.mp3").children
    before = view.view_range
    slider.value = (50, 60)
    assert view.spec["marks"]["n"] == 0
    assert line.children[0].value.startswith("+50 to +60 ms: 0 of ")
    assert view.view_range == before


def test_w_goes_from_the_worst_to_the_next_worst_in_a_browser(compared, tmp_path):
    """The view opens at the worst place; W and Shift+W follow the order of disagreements, then the rest."""
    page_file = compared.view(DATA / "story.mp3").to_html(tmp_path / "view.html")
    marks = make_marks(compared.alignment, compared.disagreements)
    starts = list(dict.fromkeys(marks["start"].round(3)))
    assert starts != sorted(starts)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 700})
        page.goto(page_file.as_uri())
        timeline = Timeline(page).ready()
        assert timeline.time == pytest.approx(starts[0], abs=0.02)
        for start in starts[1:]:
            timeline.press("w")
            wait_until(lambda start=start: abs(timeline.time - start) < 0.02)
        for start in starts[-2::-1]:
            timeline.press("Shift+W")
            wait_until(lambda start=start: abs(timeline.time - start) < 0.02)
        timeline.press("Home", "w")
        wait_until(lambda: abs(timeline.time - starts[1]) < 0.02)


def test_m_goes_to_the_next_error_in_a_browser(compared, tmp_path):
    """In the HTML page of a view, M and Shift+M move the playhead from mark to mark."""
    page_file = compared.view(DATA / "story.mp3", view_range=(0, 17)).to_html(tmp_path / "view.html")
    marks = make_marks(compared.alignment, compared.disagreements).sort_values("start")
    starts = sorted(set(marks["start"].round(3)))
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 700})
        page.goto(page_file.as_uri())
        timeline = Timeline(page).ready()
        timeline.press("Home", "m")
        wait_until(lambda: abs(timeline.time - starts[0]) < 0.02)
        timeline.press("m")
        wait_until(lambda: abs(timeline.time - starts[1]) < 0.02)
        timeline.press("Shift+M")
        wait_until(lambda: abs(timeline.time - starts[0]) < 0.02)
        timeline.press("m")
        wait_until(lambda: "um" in timeline.words(), seconds=20)


def test_arguments_of_plots_are_used_or_refused():
    """Whatever they are: only our own errors, before anything is drawn."""
    words = pd.DataFrame({"word": list("abcd"), "start": [0, 1, 2, 3], "end": [0.5, 1.5, 2.5, 3.5]})
    heard = words.assign(word=["a", "x", "c", "d"]), words.assign(start=words["start"] + 0.1)
    small = sk.compare({"one": heard[0], "two": heard[1]}, words)
    uses = {
        small.plot_summary: ("ax", "what"),
        small.plot_scatter: ("a", "b", "ax"),
        small.plot_boundary_errors: ("ax", "side", "over_time", "recording"),
        small.plot_alignment: ("start", "end", "ax", "recording", "channel_tag"),
        small.view: ("recording", "where", "at"),
    }
    for plot, arguments in uses.items():
        for argument in arguments:
            raw = find_raw_errors(lambda value: (plot(**{argument: value}), plt.close("all")))  # noqa: B023
            assert raw == {}, (plot, argument)
    with pytest.raises(PlotError, match="at must be a row of a frame of this comparison, not 5"):
        small.view(at=5)
    with pytest.raises(
        PlotError, match=r"where must be rows of .alignment, .timing_errors or .disagreements"
    ):
        small.view(where=pd.DataFrame({"word": ["a"]}))
    assert {*find_raw_errors(small.rates), *find_raw_errors(small.carried_by)} == set()
    with pytest.raises(SchemaError, match="by must be a name or a list of names, not 5"):
        small.rates(5)
