"""A timeline as an exported page, opened from a folder in Chromium: looks, hands, ears, bad input.

The pictures in tests/views/baselines are what the page looked like when somebody last looked at it. After a
change that is meant, `make baselines` writes them anew; look at each before it is committed.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answers import final, refinement, serialized
from click_audio import CLICKS, Ear, agree, click_track, drawn_clicks, heard_from, listening
from local_server import wait_until
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from timeline_pages import WATCH, Timeline, chromium

import speechkit_nb as sk

BASELINES = Path(__file__).parent / "baselines"
RATE, SECONDS = 16_000, 30
WHOLE = (0.0, float(SECONDS))
PHRASES = ["good morning how can I help", "two tickets to Казань please", "שלום and goodbye"]

pytestmark = pytest.mark.long


# --- what is shown


def talk() -> sk.Recording:
    """Syllables of noise: in channel 0 where `words` has its words, in channel 1 its opposite."""
    rng = np.random.default_rng(5)
    samples = np.zeros((2, SECONDS * RATE), np.float32)
    for row in words().itertuples():
        first, last = round(row.start * RATE), round(row.end * RATE)
        loud = np.hanning(last - first) * rng.uniform(0.4, 0.9)
        samples[int(row.channel_tag), first:last] += loud * rng.uniform(-1, 1, last - first)
    return sk.Recording(samples, RATE, id="talk.wav")


def words(shift: float = 0.0) -> pd.DataFrame:
    """Ten utterances, by turns in channel 0 and 1; each word lasts 0.35 s, and 0.4 s lie between starts."""
    rows = [
        (word, 3 * k + 0.4 * i + shift, 3 * k + 0.4 * i + 0.35 + shift, str(k % 2), k, 0.1 * i + 0.01 * k)
        for k in range(10)
        for i, word in enumerate(PHRASES[k % 3].split())
    ]
    columns = ["word", "start", "end", "channel_tag", "final_index", "score"]
    return pd.DataFrame(rows, columns=columns)


def refined() -> sk.Transcript:
    """One utterance in channel 0 that is refined afterwards, and its end."""
    said = "it is twenty five past nine"
    end = serialized(channel_tag="0", eou_update={"time_ms": 1200})
    refined = refinement(0, "It is 9:25.", tag="0")
    return sk.Transcript([final(0, said, tag="0", start=500, end=1150), refined, end])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def home(folder) -> Iterator[None]:
    """The pages that several tests open are made before `own_home` of the first of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHKIT_NB_HOME", str(folder / "home"))
        yield


@pytest.fixture(scope="module")
def page_file(folder, home) -> Path:
    """A page of two systems over two channels, with sound."""
    systems = {"general": words(), "general:rc": words(0.03)}
    return sk.TimelineView(talk(), systems, locale="en").to_html(folder / "talk.html")


class Opener:
    """Opens pages, and sees to it that none of them complains."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.pages: list[Page] = []
        self.complaints: list[str] = []

    def __call__(self, path: Path, width: int = 1000, height: int = 700, **options: Any) -> Timeline:
        page = self.browser.new_page(viewport={"width": width, "height": height}, **options)
        self.pages.append(page)
        page.add_init_script(f"({WATCH})()")
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)
        page.on("request", self._asked)
        page.goto(path.as_uri())
        return Timeline(page).ready()

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.complaints.append(f"asked for {request.url}")

    def close(self) -> None:
        for page in self.pages:
            page.close()


@pytest.fixture
def opening(browser) -> Iterator[Opener]:
    opener = Opener(browser)
    yield opener
    opener.close()
    assert opener.complaints == []


@pytest.fixture
def timeline(opening, page_file) -> Timeline:
    return opening(page_file)


def sees(timeline: Timeline, start: float, end: float, slack: float = 0.1) -> None:
    """The view becomes this one."""
    wait_until(lambda: timeline.view == pytest.approx((start, end), abs=slack), 10)


def stands_at(timeline: Timeline, time: float, slack: float = 0.02) -> None:
    """The playhead comes to stand there."""
    wait_until(lambda: timeline.time == pytest.approx(time, abs=slack), 10)


def is_heard_at(timeline: Timeline, time: float, slack: float = 0.002) -> None:
    """So does the sound."""
    wait_until(lambda: timeline.player("!audio.seeking"), 10)
    assert timeline.player("audio.currentTime") == pytest.approx(time, abs=slack)


# --- drawing


def test_the_page_draws_everything(timeline):
    """Names of channels and systems, words, sound; how many words there are, and that text is hidden."""
    for name in ("channel 0", "channel 1", "general", "general:rc"):
        assert timeline.root.get_by_text(name, exact=True).first.is_visible()
    assert timeline.note.inner_text().startswith("96 words in view")
    assert "zoom in" in timeline.note.inner_text()
    assert timeline.ink() > 20_000


def test_the_page_is_sharp_on_dense_screens(opening, page_file):
    """Two pixels of the screen are one of CSS: the canvas has twice as many."""
    timeline = opening(page_file, device_scale_factor=2)
    size = (
        "({ shadowRoot }) => { const c = shadowRoot.querySelector('canvas'); return c.width / c.clientWidth }"
    )
    assert timeline.evaluate(size) == pytest.approx(2, abs=0.01)


# --- hands


def test_the_wheel_zooms_around_the_pointer(timeline):
    """What is under the pointer stays there."""
    for _ in range(4):
        timeline.wheel(timeline.at(0.25), -120)
    wait_until(lambda: timeline.length < 15)
    start, end = timeline.view
    assert start + 0.25 * (end - start) == pytest.approx(0.25 * SECONDS, abs=0.1)
    for _ in range(8):
        timeline.wheel(timeline.at(0.25), 120)
    sees(timeline, *WHOLE)


def test_the_wheel_alone_scrolls_the_page_until_the_timeline_has_the_focus(timeline):
    """So that nobody is caught in it on the way down a notebook."""
    timeline.wheel(timeline.at(0.5), -120, holding=None)
    timeline.wheel(timeline.at(0.5), -120, holding=None)
    sees(timeline, *WHOLE)
    timeline.track.focus()
    timeline.wheel(timeline.at(0.5), -120, holding=None)
    wait_until(lambda: timeline.length < 25)


def test_dragging_pans(timeline):
    """The word that is taken hold of goes along."""
    timeline.press("+", "+")
    wait_until(lambda: timeline.length < 14)
    start, end = timeline.view
    timeline.drag(timeline.at(0.8), timeline.at(0.3))
    sees(timeline, start + 0.5 * (end - start), end + 0.5 * (end - start))


def test_the_overview_moves_the_view(timeline):
    """Its frame is dragged; a click beside it puts the view there."""
    timeline.press("+", "+")
    wait_until(lambda: timeline.length < 14)
    box = timeline.root.locator(".overview").bounding_box()
    length = timeline.length
    timeline.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 20)
    sees(timeline, 0.75 * SECONDS - length / 2, 0.75 * SECONDS + length / 2)
    middle = (box["x"] + 0.75 * box["width"], box["y"] + 20)
    timeline.drag(middle, (middle[0] - 0.25 * box["width"], middle[1]))
    sees(timeline, 0.5 * SECONDS - length / 2, 0.5 * SECONDS + length / 2)


def test_a_click_on_a_word_plays_from_its_start(timeline):
    """In the sound, too; the word is told to a screen reader."""
    timeline.click(*timeline.place(6.5, WHOLE))
    wait_until(lambda: timeline.player("!audio.paused"))
    timeline.press(" ")
    wait_until(lambda: timeline.player("audio.paused"))
    assert 6.4 <= timeline.player("audio.currentTime") < 8
    assert timeline.track.get_attribute("aria-valuetext").startswith("0:0")


def test_a_click_with_alt_only_moves_the_playhead(timeline):
    """The audio element lands at the same time, to the millisecond."""
    timeline.click(*timeline.place(21.5, WHOLE, "sound"), holding="Alt")
    stands_at(timeline, 21.5, 0.05)
    is_heard_at(timeline, timeline.time, 0.006)
    assert timeline.player("audio.paused")


def test_a_double_click_plays_just_that_word(timeline):
    """It begins at its start, and ends at its end."""
    x, y = timeline.place(6.5, WHOLE)
    timeline.page.mouse.dblclick(x, y)
    wait_until(lambda: timeline.button("Pause").count() == 1)
    wait_until(lambda: timeline.button("Play").count() == 1)
    stands_at(timeline, 6.75)


def test_shift_and_drag_selects_a_span(timeline):
    """It is written, can be repeated, and goes away at a click."""
    timeline.drag(timeline.place(6.0, WHOLE), timeline.place(9.0, WHOLE), holding="Shift")
    expect(timeline.selection).to_have_text(re.compile(r"^0:0[56]\.\d\d – 0:0[89]\.\d\d \((2\.9|3\.0)\d s\)"))
    timeline.button("Repeat the selection").click()
    expect(timeline.button("Repeat the selection")).to_have_attribute("aria-pressed", "true")
    timeline.press("z")
    sees(timeline, 6, 9)
    timeline.selection.click()
    expect(timeline.selection).to_be_hidden()


def test_a_selection_is_repeated(timeline):
    """Playing comes back to its start."""
    timeline.press(*["ArrowRight"] * 2, "[", "ArrowRight", "]", "l")
    expect(timeline.selection).to_have_text("0:02.00 – 0:03.00 (1.00 s)")
    timeline.drag(timeline.place(3.0, WHOLE), timeline.place(2.3, WHOLE))
    timeline.press(" ")
    times: list[float] = []

    def came_back() -> bool:
        times.append(timeline.player("audio.currentTime"))
        return len(times) > 1 and times[-1] < times[-2]

    wait_until(came_back, 15)
    assert all(1.9 < time < 3.2 for time in times)


def test_a_word_that_is_pointed_at_tells_about_itself(timeline):
    """Text, times, duration, channel and system; gone with the pointer."""
    timeline.page.mouse.move(*timeline.place(6.5, WHOLE, lane=1))
    wait_until(lambda: timeline.tip.is_visible())
    lines = timeline.tip.inner_text().splitlines()
    assert lines == ["and", "0:06.430 – 0:06.780 · 350 ms", "channel 0", "System general:rc"]
    timeline.page.mouse.move(5, 5)
    wait_until(lambda: timeline.tip.is_hidden())


def test_search_finds_words_phrases_and_patterns(timeline):
    """How many, one after the other, brought into view; a broken pattern says so."""
    timeline.press("+", "+", "+", "+")
    timeline.press("/")
    timeline.page.keyboard.type("two tickets")
    wait_until(lambda: timeline.found.inner_text() == "6")
    timeline.page.keyboard.press("Enter")
    stands_at(timeline, 3.0)
    expect(timeline.found).to_have_text("1/6")
    timeline.press("n", "n")
    stands_at(timeline, 12.0)
    wait_until(lambda: timeline.view[0] < 12 < timeline.view[1])
    timeline.search.fill("/каз|שלום/i")
    wait_until(lambda: timeline.found.inner_text() == "12")
    timeline.search.fill("/(/")
    wait_until(lambda: timeline.found.inner_text() == "invalid regular expression")


# --- the keyboard, and those who do not see


def test_everything_can_be_done_by_keyboard(timeline):
    """From the first Tab on, without a pointer: play, move, zoom, select, search, help."""
    keyboard = timeline.page.keyboard
    names = []
    for _ in range(20):
        keyboard.press("Tab")
        names.append(timeline.evaluate("({ shadowRoot: { activeElement: a } }) => a?.ariaLabel ?? a?.title"))
        if names[-1] == "Playhead":
            break
    assert {"Play", "Speed", "Search words or /regex/", "Zoom in", "Show all"} <= set(names)
    assert names[-1] == "Playhead"
    keyboard.press("ArrowRight")
    keyboard.press("Shift+ArrowRight")
    stands_at(timeline, 6.0)
    is_heard_at(timeline, 6.0)
    keyboard.press("[")
    keyboard.press(".")
    stands_at(timeline, 6.4)
    keyboard.press("]")
    expect(timeline.selection).to_have_text("0:06.00 – 0:06.40 (400 ms)")
    keyboard.press("z")
    sees(timeline, 6.0, 6.4)
    keyboard.press("0")
    sees(timeline, *WHOLE)
    keyboard.press("?")
    assert timeline.root.get_by_role("dialog").is_visible()
    keyboard.press("Escape")
    assert timeline.root.get_by_role("dialog").is_hidden()
    keyboard.press("Escape")
    expect(timeline.selection).to_be_hidden()
    keyboard.press("End")
    stands_at(timeline, SECONDS)


def test_letters_work_with_a_russian_layout(timeline):
    """Keys count by their place: S is Ы there, and still opens the search."""
    timeline.track.focus()
    pressed = "(track, key) => track.dispatchEvent(new KeyboardEvent('keydown', key))"
    timeline.track.evaluate(pressed, {"key": "ы", "code": "KeyS", "bubbles": True, "composed": True})
    assert timeline.evaluate("({ shadowRoot }) => shadowRoot.activeElement.type") == "search"


def test_the_playhead_is_a_slider_that_speaks(timeline):
    """Its value is a time, its text the time and the words that are said then."""
    slider = timeline.root.get_by_role("slider")
    assert slider.get_attribute("aria-valuemin") == "0"
    assert float(slider.get_attribute("aria-valuemax")) == SECONDS
    timeline.press("ArrowRight")
    stands_at(timeline, 1.0)
    assert slider.get_attribute("aria-valuetext") == "0:01.0, how, how"


def test_the_words_in_view_are_a_list_for_screen_readers(timeline):
    """Lane by lane, with their times; it follows the view."""
    wait_until(lambda: len(timeline.words()) == 96)
    assert timeline.words()[:3] == ["good", "morning", "how"]
    timeline.press("ArrowRight", *["+"] * 6)
    wait_until(lambda: timeline.words() == ["how", "can", "I", "help"] * 2 + ["two", "tickets"] * 2, 5)
    assert timeline.root.locator(".unseen li").first.inner_text() == "how 0:00.8"
    assert "channel 0, general" in timeline.root.locator(".unseen").inner_text()


def test_nothing_glides_for_those_who_asked_for_less_motion(opening, page_file):
    """A jump is one step: the first view that is seen is the last."""
    timeline = opening(page_file, reduced_motion="reduce")
    timeline.press("+", "+")
    wait_until(lambda: timeline.length < 14)
    script = """({ shadowRoot }) => new Promise((resolve) => {
        const frame = shadowRoot.querySelector(".frame");
        const widths = new Set();
        const watching = new MutationObserver(() => widths.add(frame.style.width));
        watching.observe(frame, { attributes: true });
        shadowRoot.querySelector("[title='Show all']").click();
        let n = 0;
        const next = () => (n++ < 15 ? requestAnimationFrame(next) : resolve([...widths]));
        next();
    })"""
    assert len(timeline.evaluate(script)) == 1


def test_labels_speak_russian(folder, opening):
    """If the browser does, or if one says so; counts have their three forms."""
    view = sk.TimelineView(None, words())
    timeline = opening(view.to_html(folder / "locale.html"), locale="ru-RU")
    assert timeline.button("Слушать").is_visible()
    assert timeline.note.inner_text().startswith("48 слов на экране")


@pytest.mark.parametrize("locale", ["en", "ru"])
@pytest.mark.parametrize("width", [332, 700, 1400])
def test_the_help_is_seen_whole_over_a_single_lane(width, locale, folder, opening):
    """However low the lanes are: the timeline grows while the help is open, and is as it was afterwards."""
    path = sk.TimelineView(None, words()[:3], locale=locale).to_html(folder / "low.html")
    timeline = opening(path, width=width, height=500)
    before = timeline.root.bounding_box()["height"]
    timeline.press("?")
    cut = """({ shadowRoot }) => {
        const box = shadowRoot.querySelector(".box").getBoundingClientRect();
        const help = shadowRoot.querySelector(".help");
        const inside = help.getBoundingClientRect();
        return [...help.querySelectorAll("dt, dd, button"), help].filter((one) => {
            const { left, right, top, bottom } = one.getBoundingClientRect();
            return left < inside.left || right > inside.right || top < box.top || bottom > box.bottom;
        }).map((one) => one.textContent);
    }"""
    assert timeline.evaluate(cut) == []
    assert timeline.root.get_by_role("dialog").locator("dt").last.inner_text() == "Esc"
    timeline.page.keyboard.press("Escape")
    assert timeline.root.bounding_box()["height"] == before


def test_words_that_are_too_narrow_are_said_to_be_hidden(folder, opening):
    """In both languages, where the others are written; zoomed in nothing is hidden any more."""
    frame = pd.DataFrame({"word": ["word"] * 20, "start": np.arange(20) * 0.5})
    frame["end"] = frame["start"] + np.where(frame.index % 5, 0.45, 0.005)
    frame.loc[frame.index % 5 == 0, "start"] += 0.495
    frame["end"] = frame[["end", "start"]].max(axis=1)
    for locale, said in (("en", "4 too narrow to be written"), ("ru", "4 слишком узких для надписи")):
        view = sk.TimelineView(None, frame, locale=locale)
        timeline = opening(view.to_html(folder / "narrow.html"))
        assert said in timeline.note.inner_text().split(" · ")
    timeline.press(".", *["+"] * 12)
    wait_until(lambda: "узк" not in timeline.note.inner_text())


# --- sound and picture


@listening
def test_sound_and_picture_of_a_page_agree(folder, opening):
    """Clicks are heard within 10 ms of where they are, wherever one begins to play, and so they are drawn."""
    view = sk.TimelineView(sk.Recording(click_track(2), 16_000), view_range=(60, 62), locale="en")
    timeline = opening(view.to_html(folder / "clicks.html"), bypass_csp=True)
    wait_until(lambda: timeline.player("audio?.readyState"))
    for lane in (0, 1):
        agree([60 + 2 * share for share in drawn_clicks(timeline, lane)], CLICKS[lane], 60, 62)
    ear = Ear(timeline.page)
    ear.put_on()
    timeline.click(*timeline.at(0.2, "sound"), holding="Alt")
    stands_at(timeline, 60.4)
    start, (left, right) = heard_from(ear, timeline)
    agree(left, CLICKS[0], start, start + 1.6)
    agree(right, CLICKS[1], start, start + 1.6)


@listening
def test_a_muted_channel_is_not_heard_and_a_solo_is_heard_alone(folder, opening):
    """On both sides, so that one channel is not only in one ear."""
    view = sk.TimelineView(sk.Recording(click_track(2), 16_000), locale="en")
    timeline = opening(view.to_html(folder / "clicks.html"), bypass_csp=True)
    wait_until(lambda: timeline.player("audio?.readyState"))
    ear = Ear(timeline.page)
    timeline.button("Mute: channel 0").click()
    start, sides = heard_from(ear, timeline)
    for side in sides:
        agree(side, CLICKS[1], start, start + 1.6)
    timeline.button("Mute: channel 0").click()
    timeline.button("Solo: channel 0").click()
    timeline.press("Home")
    ear.forget()
    start, sides = heard_from(ear, timeline)
    for side in sides:
        agree(side, CLICKS[0], start, start + 1.6)
    expect(timeline.button("Solo: channel 0")).to_have_attribute("aria-pressed", "true")


def test_playing_goes_at_the_rate_that_is_chosen(timeline):
    """By list or by key, and the sound follows."""
    timeline.root.get_by_label("Speed").select_option("2")
    wait_until(lambda: timeline.player("audio.playbackRate") == 2)
    timeline.press("Shift+Period")
    wait_until(lambda: timeline.player("audio.playbackRate") == 3)


# --- what is wrong is said


def bad_inputs() -> dict[str, tuple[Any, list[str]]]:
    """What is given to TimelineView, and what the page says."""
    frame = words()
    silent = np.zeros((2, RATE), np.float32)
    silent[0] = np.sin(np.arange(RATE) / 5) * 0.5
    evil = "<script>alert('run')</script><img src=x onerror=alert('run')>"
    times = frame.assign(
        start=frame["start"].where(frame.index != 3), end=frame["end"].where(frame.index != 4)
    )
    return {
        "no sound": ((None, frame), []),
        "no words": ((talk(), None), []),
        "beyond the sound": (
            (sk.Recording(silent, RATE), frame[frame["channel_tag"] == "0"]),
            ["channel 1 is silent", "end after"],
        ),
        "zero durations": ((talk(), frame.assign(end=frame["start"])), ["without duration"]),
        "negative durations": (
            (talk(), frame.assign(end=frame["start"] - 1)),
            ["3 words have a time before 0", "with an end before the start"],
        ),
        "overlaps": (
            (talk(), frame.assign(end=frame["start"] + 5)),
            ["with a start before the end of an earlier word", "end after"],
        ),
        "a word of 10,000 letters": ((talk(), frame.assign(word=["ы" * 10_000] * len(frame))), []),
        "NaN": ((talk(), times), ["2 words without times left out of 'words'"]),
        "scripts": ((None, {evil: frame.assign(word=evil, channel_tag=evil)}), []),
        "an empty frame": ((talk(), frame[:0]), ["there are no words in 'words'"]),
        "nothing but an empty frame": ((None, frame[:0]), ["there are no words in 'words'"]),
        "silence": ((sk.Recording(silent, RATE), frame[:2]), ["channel 1 is silent"]),
    }


@pytest.mark.parametrize("name", bad_inputs())
def test_bad_input_is_shown_and_said(name, folder, opening):
    """Something useful is drawn, what is wrong stands above it, no word is run, and it can be zoomed."""
    given, expected = bad_inputs()[name]
    timeline = opening(sk.TimelineView(*given, locale="en").to_html(folder / "bad.html"))
    said = timeline.problems.all_inner_texts()
    assert len(said) == len(expected)
    assert all(part in text for part, text in zip(expected, said, strict=True))
    assert timeline.ink() > 1000 or given[0] is None
    assert timeline.note.inner_text() or not len(given[1] if given[1] is not None else [])
    timeline.press("+", "+", "+", "ArrowRight", " ", " ")
    timeline.page.mouse.move(*timeline.at(0.1, "sound" if given[0] else "words")) if len(
        timeline.words()
    ) else None
    assert timeline.page.evaluate("() => window.made.run") == []
    assert timeline.page.evaluate("() => document.images.length") == 0


def test_sound_that_the_browser_cannot_play_is_said(folder, opening):
    """The picture stays."""
    view = sk.TimelineView(talk(), words(), locale="en")
    path = view.to_html(folder / "broken.html")
    html = path.read_text()
    sound = json.loads(html.split('id="state">')[1].split("</script>")[0])["sound"]
    path.write_text(html.replace(sound, "AAAA" * 100))
    timeline = opening(path)
    wait_until(lambda: timeline.problems.count() == 1)
    assert timeline.problems.inner_text() == "The sound needs the kernel"
    assert "no sound" in timeline.note.inner_text()
    timeline.press(" ")
    wait_until(lambda: timeline.time > 0.1)  # the words are played without a sound


# --- nothing is left behind


def test_a_timeline_that_is_removed_leaves_nothing(timeline):
    """No elements, no listeners, no object URLs, no audio contexts, however often one comes and goes."""
    page = timeline.page
    wait_until(lambda: len(timeline.words()) > 0)
    page.evaluate("""
    async () => {
        const [script] = document.querySelectorAll("script[type=module]");
        const { mount } = await import(script.textContent.match(/import\\("([^"]+)"\\)/)[1]);
        const state = JSON.parse(document.getElementById("state").textContent);
        window.mounted = async () => {
            const home = document.body.appendChild(document.createElement("div"));
            const remove = mount(home, { ...state, muted: ["0"] });
            const ready = () => window.made.players.some(({ src, readyState }) => src && readyState);
            const frame = () => new Promise(requestAnimationFrame);
            while (!ready() || !home.firstChild.shadowRoot.querySelector("canvas").width) await frame();
            home.firstChild.shadowRoot.querySelector(".play").click();
            await frame();
            remove();
            const left = home.childNodes.length;
            home.remove();
            return left;
        };
    }
    """)
    debugger = page.context.new_cdp_session(page)
    urls = page.evaluate("() => window.made.urls.size")

    def counted() -> dict[str, int]:
        page.evaluate("() => { window.made.players.length = 0; window.made.contexts.length = 0; }")
        debugger.send("HeapProfiler.collectGarbage")
        return dict(debugger.send("Memory.getDOMCounters"))

    assert page.evaluate("() => window.mounted()") == 0
    before = counted()
    for _ in range(5):
        assert page.evaluate("() => window.mounted()") == 0
    closed = page.evaluate("() => window.made.contexts.map(({ state }) => state)")
    assert len(closed) == 5
    assert set(closed) == {"closed"}
    assert page.evaluate("() => window.made.urls.size") == urls

    def as_before() -> bool:
        after = counted()
        return all(after[name] <= before[name] for name in ("nodes", "jsEventListeners"))

    wait_until(as_before, 10)


# --- looks


def same(seen: Image.Image, known: Image.Image) -> float:
    """Share of pixels that differ visibly; letters may have other edges."""
    if seen.size != known.size:
        return 1.0
    apart = np.abs(np.asarray(seen.convert("RGB"), int) - np.asarray(known.convert("RGB"), int)).max(axis=2)
    return float((apart > 40).mean())


def looks_as_before(timeline: Timeline, name: str) -> None:
    """Compares with tests/views/baselines, or writes there, if so asked. What differs is kept for a look."""
    timeline.page.wait_for_function("() => document.fonts.status === 'loaded'")
    content = timeline.root.screenshot(animations="disabled")
    path = BASELINES / f"{name}.png"
    if os.environ.get("BASELINES") == "write":
        path.parent.mkdir(exist_ok=True)
        Image.open(io.BytesIO(content)).convert("RGB").save(path, optimize=True)
        return
    share = same(Image.open(io.BytesIO(content)), Image.open(path))
    if share >= 0.01:
        seen = Path(os.environ.get("SCREENSHOTS", tempfile.gettempdir())) / path.name
        seen.write_bytes(content)
        pytest.fail(f"{share:.1%} of {path.name} differ; look at {seen}, then `make baselines`")


@pytest.fixture(scope="module")
def show_file(folder, home) -> Path:
    """Something of everything: systems, a refinement, an end of utterance, selection, search, a problem."""
    view = sk.TimelineView(
        talk(),
        {"general": words(), "live": refined(), "with score": words(0.05)},
        title="Ticket office",
        view_range=(0, 9),
        selection=(3.8, 5.2),
        search="please",
        current_time=3.5,
        locale="en",
        color="system",
    )
    view.add_problem("2 words without times left out of 'live'")
    return view.to_html(folder / "show.html")


@pytest.mark.parametrize("width", [700, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_looks_as_it_did(scheme, width, show_file, opening):
    """Light and dark, in a narrow notebook and on a wide screen."""
    timeline = opening(show_file, width=width, height=900, color_scheme=scheme)
    looks_as_before(timeline, f"{scheme}-{width}")


def test_a_cell_of_300_pixels_looks_as_it_did_and_has_room_for_everything(show_file, opening):
    """Names stand above the rows, buttons wrap, nothing is cut off at the side."""
    timeline = opening(show_file, width=332, height=900)
    cut = """({ shadowRoot }) => {
        const box = shadowRoot.querySelector(".box").getBoundingClientRect();
        return [...shadowRoot.querySelectorAll("button, input, select, .names bdi, .footer span, .clock")]
            .filter((one) => !one.closest("[hidden]"))
            .filter((one) => { const { left, right } = one.getBoundingClientRect();
                return left < box.left || right > box.right + 0.5; })
            .map((one) => one.ariaLabel ?? one.textContent);
    }"""
    assert timeline.evaluate(cut) == []
    assert timeline.root.bounding_box()["width"] == 300
    looks_as_before(timeline, "narrow-300")


def test_values_look_as_they_did_with_a_legend(folder, opening):
    """Name and range of the column, in words that are read on either ground."""
    view = sk.TimelineView(talk(), words(), color="score", view_range=(0, 6), locale="en")
    timeline = opening(view.to_html(folder / "score.html"), width=1000)
    legend = timeline.root.locator(".legend").inner_text().split()
    assert legend == ["score", "0", "0.59"]
    looks_as_before(timeline, "score-1000")


def test_zoomed_words_and_the_help_look_as_they_did(page_file, opening):
    """Close enough for milliseconds; the list of keys lies over the lanes."""
    timeline = opening(page_file, width=1000)
    timeline.press("ArrowRight", *["+"] * 7)
    wait_until(lambda: timeline.length < 2)
    looks_as_before(timeline, "close-1000")
    timeline.press("?")
    looks_as_before(timeline, "help-1000")


def test_there_are_no_other_baselines():
    """Each picture in the folder is compared with something."""
    names = {f"{scheme}-{width}" for scheme in ("light", "dark") for width in (700, 1400)}
    names |= {"narrow-300", "score-1000", "close-1000", "help-1000"}
    assert {path.stem for path in BASELINES.glob("*.png")} == names
