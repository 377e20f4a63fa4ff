"""Recordings of clicks, and the clicks that a page plays, exact to the sample.

The recordings have a quiet tone below the clicks. The first sample that is not silent is the start of
playing, and the number of samples from there to a click is its time, whatever the load of the machine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from local_server import wait_until
from playwright.sync_api import Page
from timeline_pages import PLAYER, Timeline

RATE, SECONDS = 16_000, 80
EXACT = 0.010  # s
# one click in each half second of each channel, at random times
CLICKS = [
    np.round(
        np.arange(0.5, SECONDS - 0.5, 0.5) + np.random.default_rng(c).uniform(0, 0.3, 2 * SECONDS - 2), 3
    )
    for c in range(3)
]

EAR = """
async () => {
    window.heard = [];
    if (window.hearingRate) return;
    const code = `registerProcessor("ear", class extends AudioWorkletProcessor {
        process([input]) {
            if (input.length) this.port.postMessage(input.map((one) => one.slice()));
            return true;
        }
    })`;
    const { connect } = AudioNode.prototype;
    const Context = window.AudioContext;
    const spares = [];
    const prepare = async () => {
        const context = new Context();
        await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(code)}`);
        spares.push(context);
    };
    await prepare();
    const construct = () => {
        prepare(); // prepare the next one in advance
        return spares.pop();
    };
    window.AudioContext = new Proxy(Context, { construct });
    const ears = new Map();
    const two = { channelCount: 2, channelCountMode: "explicit", outputChannelCount: [2] };
    AudioNode.prototype.connect = function (to, ...given) {
        if (!(to instanceof AudioDestinationNode)) return connect.call(this, to, ...given);
        if (!ears.has(to)) {
            const ear = new AudioWorkletNode(this.context, "ear", two);
            ear.port.onmessage = ({ data }) => window.heard.push(data);
            ears.set(to, ear);
            connect.call(ear, to);
        }
        return connect.call(this, ears.get(to));
    };
    window.hearingRate = spares[0].sampleRate;
}
"""
LISTEN = f"""
async () => {{
    const context = new AudioContext();
    context.createMediaElementSource({PLAYER}).connect(context.destination);
    await context.resume();
}}
"""
HEARD = """
() => [0, 1].map((side) => {
    const rate = window.hearingRate;
    const clicks = [];
    let [first, last, n] = [null, -rate, 0];
    for (const parts of window.heard) {
        for (const sample of parts[side] ?? parts[0]) {
            const loud = Math.abs(sample);
            if (loud > 0.01) first ??= n;
            if (loud > 0.4 && n - last > 0.1 * rate) clicks.push((last = n));
            n += 1;
        }
    }
    const seconds = first === null ? 0 : (n - first) / rate;
    return { clicks: clicks.map((at) => (at - first) / rate), seconds };
})
"""
TALL = """
({ shadowRoot }, lane) => {
    const canvas = shadowRoot.querySelector(".pictures canvas");
    const name = shadowRoot.querySelectorAll(".name.sound")[lane];
    const ratio = canvas.width / canvas.clientWidth;
    const [top, height] = ["top", "height"].map((side) => Math.round(parseFloat(name.style[side]) * ratio));
    const copy = new OffscreenCanvas(canvas.width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, -top);
    const { data, width } = copy.getImageData(0, 0, canvas.width, height);
    const runs = [];
    for (let x = 0; x < width; x++) {
        let n = 0;
        for (let y = 0; y < height; y++) n += data[4 * (y * width + x) + 3] > 190;
        if (n < 0.6 * height) continue;
        if (runs.at(-1)?.[1] === x - 1) runs.at(-1)[1] = x;
        else runs.push([x, x]);
    }
    return runs.map(([left, right]) => (left + right + 1) / 2 / width);
}
"""


def click_track(n_channels: int) -> np.ndarray:
    """Shape (n_channels, n_samples)."""
    t = np.arange(SECONDS * RATE) / RATE
    samples = np.tile(0.05 * np.sin(2 * np.pi * 300 * t), (n_channels, 1))
    click = 0.9 * np.sin(2 * np.pi * 2000 * np.arange(RATE // 500) / RATE)
    for channel, times in zip(samples, CLICKS, strict=False):
        for time in times:
            at = round(time * RATE)
            channel[at : at + len(click)] += click
    return samples.astype(np.float32)


def write_clicks(path: Path, n_channels: int, header: bool = True) -> Path:
    """Write a click track in the format of the suffix; `header=False` removes the first frame of an MP3."""
    with soundfile.SoundFile(path, "w", RATE, n_channels) as file:
        for block in np.split(click_track(n_channels).T, SECONDS):
            file.write(block)
    if not header:
        content = path.read_bytes()
        path.write_bytes(content[content.index(content[:2], 4) :])
    return path


class Ear:
    """Records the sound of a page. Create it before the timeline plays."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.evaluate(EAR)

    def put_on(self) -> None:
        """Also record the audio element, while the timeline does not mix channels."""
        self.page.evaluate(LISTEN)

    def forget(self) -> None:
        self.page.evaluate("() => { window.heard = []; }")

    def heard(self, seconds: float = 1.5) -> list[list[float]]:
        """Times of clicks at the left and at the right, in the first `seconds` of playing."""

        def enough() -> bool:
            return min(side["seconds"] for side in self.page.evaluate(HEARD)) >= seconds

        wait_until(enough, 20)
        return [[c for c in side["clicks"] if c < seconds] for side in self.page.evaluate(HEARD)]


def agree(times: list[float], clicks: np.ndarray, start: float, end: float) -> None:
    """Assert that these are the clicks from `start` to `end`, each within 10 ms."""
    expected = clicks[(clicks >= start) & (clicks < end)]
    assert len(expected) >= 2
    np.testing.assert_allclose(times, expected, rtol=0, atol=EXACT)


def drawn_clicks(timeline: Timeline, lane: int) -> list[float]:
    """Positions where the waveform of a lane is high, as shares of the view."""
    return list(timeline.evaluate(TALL, lane))


def listening(test: Callable[..., None]) -> Callable[..., None]:
    """A test of played sound. It may fail twice, since a busy machine may play with gaps; a real error fails
    each time."""

    @functools.wraps(test)
    def tried(*given: Any, **named: Any) -> None:
        for _ in range(2):
            with suppress(AssertionError):
                return test(*given, **named)
        return test(*given, **named)

    return tried


def heard_from(ear: Ear, timeline: Timeline, seconds: float = 1.6) -> tuple[float, list[Any]]:
    """Play from the playhead; returns its position, and the times of clicks by side."""
    start = timeline.time
    timeline.press(" ")
    sides = ear.heard(seconds)
    timeline.press(" ")
    return start, [[start + at for at in side] for side in sides]
