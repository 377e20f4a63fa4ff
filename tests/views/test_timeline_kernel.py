"""A timeline and its kernel: windows of sound at every speed, many channels, a kernel that is gone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from click_audio import CLICKS, RATE, Ear, agree, click_track, heard_from
from kernel_bridge import wired
from local_server import wait_until
from playwright.sync_api import Browser, Page
from timeline_pages import Timeline, chromium

import speechkit_nb as sk

PITCH = """
() => {
    const samples = window.heard.flatMap(([left]) => [...left]);
    const first = samples.findIndex((value) => Math.abs(value) > 0.01);
    const heard = samples.slice(first + 0.2 * window.hearingRate, first + 1.2 * window.hearingRate);
    if (first < 0 || heard.length < window.hearingRate) return null;
    return heard.filter((value, i) => i && heard[i - 1] < 0 && value >= 0).length;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def six_channels() -> sk.Recording:
    """Clicks; channel 4 has those of `CLICKS[1]`."""
    return sk.Recording(np.concatenate([click_track(3), click_track(3)[::-1]]), RATE, id="six")


def three_channels(hertz: float, seconds: int) -> sk.Recording:
    """A tone; too many channels to be played from a file."""
    sound = 0.5 * np.sin(2 * np.pi * hertz * np.arange(seconds * RATE) / RATE)
    return sk.Recording(np.tile(sound, (3, 1)), RATE, id="three")


def at(timeline: Timeline, share: float) -> None:
    """Puts the playhead there."""
    timeline.click(*timeline.at(share, "sound"), holding="Alt")
    wait_until(lambda: timeline.time > 0)


# --- windows


@pytest.mark.parametrize("rate", ["0.5", "2"])
def test_windows_keep_their_pitch_at_other_speeds(rate, page, tmp_path):
    """A tone of 440 Hz is heard as one, though twice as much or half of it is played in a second."""
    timeline = wired(page, sk.TimelineView(three_channels(440, 8), locale="en"), tmp_path)
    Ear(page)
    timeline.root.get_by_label("Speed").select_option(rate)
    timeline.press(" ")
    wait_until(lambda: page.evaluate(PITCH) is not None, 20)
    assert page.evaluate(PITCH) == pytest.approx(440, abs=6)


def test_each_of_many_channels_is_muted_and_heard_alone(page, tmp_path):
    """Six of them, more than a browser plays from a file: solo of one is heard on both sides, and only it."""
    view = sk.TimelineView(six_channels(), view_range=(41, 43.5), locale="en")
    timeline = wired(page, view, tmp_path)
    ear = Ear(page)
    assert timeline.root.get_by_role("button", name="Mute: channel").count() == 6
    timeline.button("Solo: channel 4").click()
    at(timeline, 0.2)
    start, sides = heard_from(ear, timeline)
    for side in sides:
        agree(side, CLICKS[1], start, start + 1.6)
    timeline.button("Solo: channel 4").click()
    for channel in (0, 1, 3, 4, 5):
        timeline.button(f"Mute: channel {channel}").click()
    ear.forget()
    start, sides = heard_from(ear, timeline)
    for side in sides:
        agree(side, CLICKS[2], start, start + 1.6)


# --- a kernel that does not answer


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "the kernel does not answer: it is busy or stopped"),
        ("ru", "ядро не отвечает: занято или остановлено"),
    ],
)
def test_a_silent_kernel_is_told_of(locale, said, page, tmp_path):
    """Beside the button, after a few seconds; when it answers after all, the sound plays."""
    timeline = wired(page, sk.TimelineView(three_channels(300, 15), locale=locale), tmp_path)
    page.evaluate("() => { window.wire.state = 'silent'; }")
    timeline.press(" ")
    wait_until(lambda: timeline.root.locator(".preparing").inner_text() == said)
    page.evaluate("() => { window.wire.state = 'open'; window.wire.tell('comm_live_update'); }")
    wait_until(lambda: timeline.time > 0.1)
    assert timeline.root.locator(".preparing").inner_text() == ""
    assert timeline.problems.count() == 0


def test_a_line_that_is_cut_while_sound_is_waited_for_is_told_of(page, tmp_path):
    """At once, and playing ends."""
    timeline = wired(page, sk.TimelineView(three_channels(300, 15), locale="en"), tmp_path)
    page.evaluate("() => { window.wire.state = 'silent'; }")
    timeline.press(" ")
    wait_until(lambda: page.evaluate("() => window.wire.asked.length") > 0)
    page.evaluate("() => { window.wire.state = 'cut'; window.wire.tell('comm_live_update'); }")
    wait_until(lambda: timeline.problems.count() == 1)
    assert timeline.problems.inner_text() == "The sound needs the kernel"
    wait_until(lambda: timeline.button("Play").count() == 1)


# --- languages


def test_problems_speak_russian(page, tmp_path):
    """Those of the words, of the sound and of Python's own, where the timeline does."""
    samples = np.zeros((2, RATE), np.float32)
    samples[0] = 0.5
    times = {"start": [0.1, np.nan, 0.5], "end": [0.2, 0.3, 1.5]}
    frame = pd.DataFrame({"word": ["a", "b", "c"], **times})
    view = sk.TimelineView(sk.Recording(samples, RATE), frame, locale="ru")
    timeline = wired(page, view, tmp_path)
    assert timeline.problems.all_inner_texts() == [
        "не показано из 'words': 1 слово без времени",
        "в канале 1 тишина",
        "в 'words' 1 слово кончается после записи, которая длится 1.00 с",
    ]


# --- closer than the outline

SHAPE = """
({ shadowRoot }) => {
    const canvas = shadowRoot.querySelector(".pictures canvas");
    const name = shadowRoot.querySelector(".name.sound");
    const ratio = canvas.width / canvas.clientWidth;
    const [top, height] = ["top", "height"].map((side) => Math.round(parseFloat(name.style[side]) * ratio));
    const copy = new OffscreenCanvas(canvas.width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, -top);
    const { data, width } = copy.getImageData(0, 0, canvas.width, height);
    return Array.from({ length: width }, (_, x) => {
        const rows = [];
        for (let y = 0; y < height; y++) if (data[4 * (y * width + x) + 3] > 190) rows.push(y);
        return rows.length ? (rows[0] + rows.at(-1)) / 2 : NaN;
    });
}
"""


def waves_drawn(timeline: Timeline) -> int:
    """How often the line that is drawn rises through the middle."""
    line = np.array(timeline.evaluate(SHAPE), dtype=float)
    high = line[~np.isnan(line)] < np.nanmean(line)
    return int((~high[:-1] & high[1:]).sum())


def tone(hertz: float) -> sk.Recording:
    return sk.Recording(0.5 * np.sin(2 * np.pi * hertz * np.arange(20 * RATE) / RATE), RATE, id="tone")


def test_close_views_show_the_samples_themselves(page, tmp_path):
    """Ten waves of a tone of 100 Hz in 100 ms, though the outline has 16 ms; asked of the kernel once."""
    view = sk.TimelineView(tone(100), view_range=(9.95, 10.05), locale="en")
    timeline = wired(page, view, tmp_path)
    wait_until(lambda: waves_drawn(timeline) in (9, 10))
    assert page.evaluate("() => window.wire.asked.map(({ start, end }) => [start, end])") == [[8, 12]]
    assert "16 ms" not in timeline.note.inner_text()


def test_without_samples_a_close_view_says_that_it_is_an_outline(page, tmp_path):
    """The line is smooth then, and the note tells how fine it is."""
    view = sk.TimelineView(tone(100), view_range=(9.95, 10.05), locale="en")
    timeline = wired(page, view, tmp_path)
    page.evaluate("() => { window.wire.state = 'cut'; }")
    timeline.press(*["PageDown"] * 42)
    wait_until(lambda: "waveform in steps of 16 ms" in timeline.note.inner_text())
    timeline.press("0")
    wait_until(lambda: "16 ms" not in timeline.note.inner_text())


def test_an_exported_page_shows_samples_of_its_own_sound(page, tmp_path):
    """Without a kernel they are decoded from what is played."""
    view = sk.TimelineView(tone(100), view_range=(9.95, 10.05), locale="en")
    page.goto(view.to_html(tmp_path / "tone.html").as_uri())
    timeline = Timeline(page).ready()
    wait_until(lambda: waves_drawn(timeline) in (9, 10))


def test_a_page_with_mixed_channels_says_that_it_shows_an_outline(page, tmp_path):
    """There is no sound of each channel to take samples from, and nothing to mute."""
    view = sk.TimelineView(six_channels(), view_range=(9, 9.5), locale="en")
    page.goto(view.to_html(tmp_path / "six.html").as_uri())
    timeline = Timeline(page).ready()
    wait_until(lambda: timeline.note.inner_text() == "waveform in steps of 16 ms")
    assert timeline.root.get_by_role("button", name="Mute").count() == 0
    assert timeline.problems.count() == 1
