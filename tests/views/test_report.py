"""The HTML report: one file, everything escaped, everything in its place."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from browser import chromium_path

mpl.use("Agg")
import matplotlib.pyplot as plt

from speechkit_nb import tables
from speechkit_nb.errors import PlotError, SchemaError
from speechkit_nb.views.report import FIRST_WORDS, Section, render_report

EVIL = """<script>alert("1")</script><img src='x' onerror="alert(2)">"""


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


class Page(HTMLParser):
    """What a browser would find: the tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def finals_frame(*rows: tuple[str, str, str | None, float]) -> pd.DataFrame:
    """A finals frame from (channel_tag, text, refined_text, start); each lasts a second."""
    full = [
        ("talk", tag, i, 0, text, refined, "raw", start, start + 1, start, start + 1, np.nan, "en-US")
        for i, (tag, text, refined, start) in enumerate(rows)
    ]
    return pd.DataFrame(full, columns=list(tables.FINALS)).astype(dict(tables.FINALS))


def words_frame(n: int, word: str = "word") -> pd.DataFrame:
    full = [("talk", "0", 0, 0, i, f"{word}{i}", float(i), i + 0.5) for i in range(n)]
    return pd.DataFrame(full, columns=list(tables.WORDS)).astype(dict(tables.WORDS))


def section(
    title: str = "talk.wav",
    facts: dict[str, str] | None = None,
    finals: pd.DataFrame | None = None,
    words: pd.DataFrame | None = None,
) -> Section:
    """A section of little, but for what a test is about."""
    _, ax = plt.subplots(figsize=(2, 1))
    finals = finals_frame(("0", "hello", None, 0.0)) if finals is None else finals
    return Section(title, facts or {}, ax, finals, words_frame(1) if words is None else words)


def page(*sections: Section, title: str = "Report") -> Page:
    return Page(render_report(sections, title=title))


def test_the_page_needs_no_other_file_and_runs_no_script():
    """It can be mailed and opened offline; the policy forbids the browser to load anything."""
    found = page(section(), section("other.wav"))
    assert {"script", "link", "iframe", "audio", "base"} & {tag for tag, _ in found.tags} == set()
    assert all((attrs["src"] or "").startswith("data:image/png;base64,") for attrs in found.all("img"))
    assert [attrs["href"] for attrs in found.all("a")] == ["#r1", "#r2"]
    assert "url(" not in found.text
    assert "@import" not in found.text
    assert any("default-src 'none'" in (attrs.get("content") or "") for attrs in found.all("meta"))


def test_the_picture_is_the_figure_and_stays_open():
    """A section takes a figure or its axes; either way the user can go on with it."""
    as_axes = section()
    as_figure = Section("b", {}, as_axes.figure.get_figure(root=True), as_axes.finals, as_axes.words)
    sources = [attrs["src"] or "" for attrs in page(as_axes, as_figure).all("img")]
    pictures = [base64.b64decode(source.partition(",")[2]) for source in sources]
    assert pictures[0].startswith(b"\x89PNG\r\n\x1a\n")
    assert pictures[0] == pictures[1]
    assert len(plt.get_fignums()) == 1


def test_facts_are_shown_in_the_order_given():
    """The maker of a section knows what matters."""
    text = page(section(facts={"model": "general", "duration": "1:05"})).text.split("\n")
    assert text.index("model") + 1 == text.index("general") < text.index("duration") < text.index("1:05")


def test_refined_text_takes_the_place_of_the_text():
    """A refinement replaces, it never adds; where there is none the text stands."""
    finals = finals_frame(("0", "twenty five", "25.", 0.0), ("0", "plain", None, 1.0), ("0", "bare", "", 2.0))
    text = page(section(finals=finals)).text
    assert "25." in text
    assert "twenty five" not in text
    assert "plain" in text
    assert "bare" in text


def test_texts_stand_by_channel_and_in_time_order():
    """Channel 2 before channel 10, and in each what was said first comes first."""
    finals = finals_frame(("10", "third", None, 0.0), ("2", "second", None, 9.0), ("2", "first", None, 1.0))
    lines = page(section(finals=finals)).text.split("\n")
    order = ["Channel 2", "first", "second", "Channel 10", "third"]
    assert [line for line in lines if line in order] == order


def test_only_the_first_alternative_is_shown():
    """The others are guesses that lost."""
    finals, words = finals_frame(("0", "won", None, 0.0), ("0", "lost", None, 0.0)), words_frame(2)
    finals.loc[1, "alternative"] = words.loc[1, "alternative"] = 1
    text = page(section(finals=finals, words=words)).text
    assert "won" in text
    assert "lost" not in text
    assert "word0" in text
    assert "word1" not in text


@pytest.mark.parametrize(("start", "shown"), [(12.34, "12.3 s"), (125.0, "02:05"), (4000.0, "1:06:40")])
def test_each_text_says_when_it_begins(start: float, shown: str):
    """In the unit that suits the length of the recording."""
    assert shown in page(section(finals=finals_frame(("0", "hello", None, start)))).text.split("\n")


def test_the_word_table_shows_the_first_rows_and_how_many_there_are():
    """A page is no data file."""
    found = page(section(words=words_frame(FIRST_WORDS + 1500)))
    assert f"The first {FIRST_WORDS} of 1,520; times in seconds" in found.text
    assert len(found.all("tr")) == 1 + FIRST_WORDS
    assert "19.500" in found.text.split("\n")


def test_unknown_times_are_left_blank():
    """`nan` is no time."""
    words, finals = words_frame(1), finals_frame(("0", "hello", None, np.nan))
    words["end"] = np.nan
    text = page(section(finals=finals, words=words)).text
    assert "hello" in text
    assert "nan" not in text


def test_a_recording_without_speech_says_so():
    """Nothing recognized is a result, too."""
    text = page(section(finals=tables.empty(tables.FINALS), words=tables.empty(tables.WORDS))).text
    assert "No speech was recognized." in text
    assert "There are no words." in text


def test_every_text_is_escaped():
    """Titles, names, values, tags, texts and words come from elsewhere and stay text."""
    finals = finals_frame((EVIL, EVIL, None, 0.0), (EVIL, "x", EVIL, 1.0))
    words = words_frame(1, EVIL)
    words["channel_tag"] = EVIL
    evil = page(section(EVIL, {EVIL: EVIL}, finals, words), title=EVIL)
    tame = page(
        section("a", {"a": "a"}, finals_frame(("0", "a", None, 0.0), ("0", "a", None, 1.0))), title="a"
    )
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in tame.tags]
    assert [set(attrs) for _, attrs in evil.tags] == [set(attrs) for _, attrs in tame.tags]
    assert evil.text.count(EVIL) == 10
    assert evil.all("img")[0]["alt"] == f"Timeline of {EVIL}"


def test_right_to_left_text_finds_its_direction():
    """Every place for a text of the user lets the browser choose the direction by the text."""
    found = page(
        section("שלום", {"name": "مرحبا"}, finals_frame(("0", "שלום", None, 0.0)), words_frame(1, "שלום"))
    )
    directed = [tag for tag, attrs in found.tags if attrs.get("dir") == "auto"]
    assert directed == ["h1", "h2", "dd", "span", "td"]


def test_a_report_of_nothing_is_refused():
    """An empty page would look like a result."""
    with pytest.raises(
        PlotError, match="nothing to report: there are no sections; give at least one Section"
    ):
        render_report([], title="Report")


def test_a_frame_that_is_not_the_promised_one_is_refused():
    """The frame and the column are named."""
    with pytest.raises(SchemaError, match="finals: column 'refined_text' is missing"):
        page(section(finals=finals_frame().drop(columns="refined_text")))
    with pytest.raises(SchemaError, match="words: column 'end' is int64, not float64"):
        page(section(words=words_frame(1).astype({"end": "int64"})))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_on_a_phone_without_a_request_or_an_error(tmp_path: Path, scheme: str):
    """Chromium asks for nothing but the file, complains of nothing, and needs no sideways scrolling."""
    from playwright.sync_api import sync_playwright

    file = tmp_path / "report.html"
    file.write_text(
        render_report([section(facts={"duration": "1 s"}), section("ю" * 200)], title="R"), "utf-8"
    )
    requests, complaints = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto(file.as_uri())
        width = tab.evaluate("document.documentElement.scrollWidth")
        loaded = tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
        paper, card = (
            tab.evaluate(f"getComputedStyle(document.querySelector('{name}')).backgroundColor")
            for name in ("body", "figure")
        )
        browser.close()
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]
    assert complaints == []
    assert width == 390
    assert loaded
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert card == "rgb(255, 255, 255)"
