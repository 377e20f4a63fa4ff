"""The timeline in Chromium without a GPU: `python tests/bench/bench_timeline.py`, three minutes.

`first_ms`: from having the data of 3 lanes of 30,000 words over 3 h, with a waveform, to their first picture.
`frame_p95_ms`: what one frame of zooming, panning or playing costs, the slowest of the three, for these and
for 3 lanes of 100,000 words over 10 h: the event, the painting, and its raster, which reading one pixel
forces to be finished; the best of some rounds. `growth_mb`: how much more memory (USS, Linux) the
tab uses after all that, after garbage collection, than before code and data were loaded. `vs_ipyannote`: how
many times longer the first picture of ipyannote 0.7.0 takes, with the most words that it shows within half a
minute; its wheel is installed into a temporary folder (not with `--tiny`).
"""

from __future__ import annotations

import base64
import io
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import psutil
import soundfile
from harness import SUPPORT, check_work, run
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

import speechkit_nb as sk
from speechkit_nb.views.widget.timeline_view import BUNDLE

sys.path.insert(0, SUPPORT)

from browser import chromium_path
from jupyter import CHROMIUM_OPTIONS

GOAL_FIRST, GOAL_FRAME, GOAL_GROWTH = 150, 16, 60
PATIENCE_MS = 30_000
PEER = "ipyannote==0.7.0"
ORIGIN = "http://bench.test/"
VOCABULARY = np.array(["слово", "time", "распознавание", "recognition", "привет", "a", "и", "the"])

LOAD = """
async (code) => {
    const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
    window.state = await (await fetch("state.json")).json();
    for (const name of ["columns", "peaks"]) state[name] = await bytes(name);
    window.code = await import(code);
}
"""
FIRST = """
() => new Promise((resolve) => {
    const begun = performance.now();
    code.mount(document.getElementById("home"), state);
    const look = () => {
        const [lanes, over] = home.firstChild.shadowRoot.querySelectorAll(".pictures canvas");
        if (lanes.width < 400) return requestAnimationFrame(look);
        for (const one of [lanes, over]) one.getContext("2d").getImageData(0, 0, 1, 1);
        resolve(performance.now() - begun);
    };
    requestAnimationFrame(look);
})
"""
FRAMES = """
async ([kind, n]) => {
    const root = home.firstChild.shadowRoot;
    const track = root.querySelector(".track");
    const canvases = [...root.querySelectorAll("canvas")];
    const { left, top, width } = track.getBoundingClientRect();
    const place = { clientX: left + width * 0.37, clientY: top + 60 };
    const at = { ...place, bubbles: true, composed: true, cancelable: true };
    const wheel = (more) => track.dispatchEvent(new WheelEvent("wheel", { ...at, ...more }));
    const acts = {
        zoom: (i) => wheel({ ctrlKey: true, deltaY: i < n / 2 ? -120 : 120 }),
        pan: (i) => wheel({ shiftKey: true, deltaY: i % 40 < 20 ? 90 : -90 }),
        play: () => {},
    };
    const frame = (act) => new Promise((resolve) => {
        let [cost, begun] = [0, 0];
        requestAnimationFrame(() => (begun = performance.now()));
        const before = performance.now();
        act();
        cost = performance.now() - before;
        requestAnimationFrame(() => {
            for (const one of canvases) one.getContext("2d").getImageData(0, 0, 1, 1);
            resolve(cost + performance.now() - begun);
        });
    });
    const costs = [];
    for (let i = 0; i < n; i++) costs.push(await frame(() => acts[kind](i)));
    return costs;
}
"""
PRESS = "(title) => home.firstChild.shadowRoot.querySelector(`[title='${title}']`).click()"
PEER_FIRST = """
async ([n, css]) => {
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
    const { default: widget } = await import("./peer.js");
    const held = new Map(Object.entries(await (await fetch("peer.json")).json()));
    const model = {
        get: (name) => held.get(name), set: (name, value) => held.set(name, value),
        save_changes() {}, on() {}, off() {}, send() {},
    };
    const deep = (root) => [...root.querySelectorAll("*")].reduce((sum, { part, shadowRoot }) => {
        return sum + part.contains("region") + (shadowRoot ? deep(shadowRoot) : 0);
    }, 0);
    const begun = performance.now();
    await widget.render({ model, el: home });
    await new Promise((resolve) => {
        const look = () => (deep(home) >= n ? requestAnimationFrame(resolve) : setTimeout(look, 100));
        look();
    });
    return performance.now() - begun;
}
"""


class Size(NamedTuple):
    """(words per lane, hours) of two timelines; rounds, with steps and frames per step; words of the peer."""

    few: tuple[int, float]
    many: tuple[int, float]
    rounds: int
    n_steps: int
    n_frames: int
    peer: Iterable[int]


def make_state(n: int, hours: float, n_lanes: int = 3) -> dict[str, bytes]:
    """The files of the page by name."""
    systems = {f"system {seed}": make_words(n, hours * 3600, seed) for seed in range(n_lanes)}
    view = sk.TimelineView(None, systems)
    spec = json.loads(json.dumps(view.spec)) | {"bin_seconds": 0.016, "locale": "en"}
    n_bins = round(hours * 3600 / 0.016)
    loud = np.abs(np.random.default_rng(0).normal(0, 40, n_bins)).clip(0, 127).astype(np.int8)
    spec["channels"][0]["peaks"] = [0, n_bins]
    state = {"spec": spec, "view_range": view.view_range, "current_time": hours * 1200}
    peaks = np.stack([-loud, loud], axis=1).tobytes()
    return {"state.json": json.dumps(state).encode(), "columns": view.columns, "peaks": peaks}


def make_words(n: int, seconds: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, seconds - 1, n))
    ends = np.minimum(starts + rng.uniform(0.1, 0.5, n), np.r_[starts[1:], seconds])
    words = VOCABULARY[rng.integers(0, len(VOCABULARY), n)]
    return pd.DataFrame({"word": words, "start": starts, "end": ends, "final_index": np.arange(n) // 12})


def open_page(browser: Browser, files: dict[str, bytes]) -> Page:
    """An empty page of a server that has these files, the bundle, and nothing else."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    files = {"": b"<!doctype html><body><div id=home></div>", "timeline.js": BUNDLE.read_bytes(), **files}

    def answer(route: Any) -> None:
        name = route.request.url.removeprefix(ORIGIN)
        kinds = {"": "text/html", "js": "text/javascript", "json": "application/json"}
        kind = kinds.get(name.rpartition(".")[2], "application/octet-stream")
        route.fulfill(body=files.get(name, b""), content_type=kind, status=200 if name in files else 404)

    page.route(f"{ORIGIN}**", answer)
    page.goto(ORIGIN)
    return page


def load(page: Page) -> float:
    """Load code and data, and draw the first picture; return its milliseconds."""
    page.evaluate(LOAD, "./timeline.js")
    return float(page.evaluate(FIRST))


def first_picture(browser: Browser, files: dict[str, bytes], rounds: int) -> float:
    """Milliseconds, the median of some pages."""
    times = []
    for _ in range(rounds):
        page = open_page(browser, files)
        times.append(load(page))
        page.close()
    return statistics.median(times)


def take_picture(page: Page) -> np.ndarray:
    return plt.imread(io.BytesIO(page.locator("#home").screenshot()))


def check_pictures(browser: Browser, n: int, hours: float) -> None:
    """Words are in the first picture, and zooming, panning and playing change it."""
    pictures = []
    for n_words in (2, n):
        page = open_page(browser, make_state(n_words, hours))
        load(page)
        pictures.append(take_picture(page))
    share = (pictures[0] != pictures[1]).any(axis=(0, 2)).mean()
    check_work("words are in half of the columns of the picture", bool(share > 0.5), True)
    for kind in ("zoom", "pan"):
        page.evaluate(FRAMES, [kind, 1])
        pictures.append(take_picture(page))
    page.evaluate(PRESS, "Play")
    page.evaluate(FRAMES, ["play", 60])
    pictures.append(take_picture(page))
    page.close()
    changes = [bool((one != other).any()) for one, other in pairwise(pictures[1:])]
    check_work("zooming, panning and playing change the picture", changes, [True] * 3)


def measure_frames(browser: Browser, files: dict[str, bytes], size: Size) -> tuple[dict[str, float], float]:
    """The 95th percentile in ms of each kind of frame, and by how many MB the tab grew.

    The percentile is that of the best round, since other programs use the machine as well.
    """
    page = open_page(browser, files)
    before = memory(browser)
    load(page)
    rounds = [measure_round(page, size) for _ in range(size.rounds)]
    page.context.new_cdp_session(page).send("HeapProfiler.collectGarbage")
    after = memory(browser)
    page.close()
    growth = max(after[number] - before[number] for number in before.keys() & after.keys())
    return {kind: min(one[kind] for one in rounds) for kind in rounds[0]}, growth


def measure_round(page: Page, size: Size) -> dict[str, float]:
    """The 95th percentile in ms of each kind of frame, from the whole timeline to single words."""
    n_zoom, n = size.n_frames * 8 // 3, size.n_frames
    costs: dict[str, list[float]] = {"zoom": page.evaluate(FRAMES, ["zoom", n_zoom]), "pan": [], "play": []}
    for _ in range(size.n_steps):
        costs["pan"] += page.evaluate(FRAMES, ["pan", n])
        page.evaluate(PRESS, "Play")
        costs["play"] += page.evaluate(FRAMES, ["play", n])
        page.evaluate(PRESS, "Pause")
        for _ in range(3):
            page.evaluate(PRESS, "Zoom in")
    page.evaluate(PRESS, "Show all")
    page.wait_for_function("() => home.firstChild.shadowRoot.querySelector('.frame.all')")
    n_frames = {kind: len(times) for kind, times in costs.items()}
    check_work("frames", n_frames, {"zoom": n_zoom, "pan": size.n_steps * n, "play": size.n_steps * n})
    return {kind: float(np.percentile(times, 95)) for kind, times in costs.items()}


def memory(browser: Browser) -> dict[int, float]:
    """MB that each renderer uses alone, by process id."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    renderers = [int(one["id"]) for one in processes if one["type"] == "renderer"]
    return {number: psutil.Process(number).memory_full_info().uss / 1e6 for number in renderers}


def peer_files(folder: Path, n: int) -> dict[str, bytes]:
    """One lane of `n` words for the peer, with the sound that it requires."""
    words = make_words(n, 0.6 * n, 0)
    segments = [
        {"start": row.start, "end": row.end, "label": row.word, "id": f"segment-{k}", "active": False}
        for k, row in enumerate(words.itertuples())
    ]
    wav = io.BytesIO()
    soundfile.write(wav, np.zeros(round(0.6 * n * 8000)), 8000, format="WAV", subtype="PCM_U8")
    state = {
        "audio_as_base64": "data:audio/x-wav;base64," + base64.b64encode(wav.getvalue()).decode(),
        "labels": dict.fromkeys(VOCABULARY.tolist(), "#0072b2"),
        "segments": segments,
        "duration": 0.6 * n,
        "markers": [],
        "current_time": 0.0,
        "scroll_time": 0.0,
        "zoom": 0.0,
        "playing": False,
        "playback_rate": 1.0,
        "beep": False,
        "gap_threshold_ms": 200.0,
    }
    code = (folder / "ipyannote/static/waveform.js").read_bytes()
    return {"peer.js": code, "peer.json": json.dumps(state).encode()}


def compare_with_peer(browser: Browser, size: Size, folder: Path) -> dict[str, float]:
    """How many times longer the peer takes, with the most words that it shows in time."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PEER]
    subprocess.run([*pip, "--disable-pip-version-check"], check=True)
    css = (folder / "ipyannote/static/waveform.css").read_text()
    n_shown, theirs = 0, 0.0
    for n in size.peer:
        page = open_page(browser, peer_files(folder, n))
        page.set_default_timeout(PATIENCE_MS)
        page.evaluate("() => { window.took = null; }")
        page.evaluate(
            f"(given) => {{ ({PEER_FIRST})(given).then((ms) => {{ window.took = ms; }}); }}", [n, css]
        )
        try:
            theirs = float(page.wait_for_function("() => window.took").json_value())
        except TimeoutError:
            break
        finally:
            page.close()
        n_shown = n
    check_work(f"{PEER} shows words", n_shown > 0, True)
    ours = first_picture(browser, make_state(n_shown, 0.6 * n_shown / 3600, n_lanes=1), size.rounds)
    print(f"one lane of {n_shown:,} words: {ours:.0f} ms, {PEER} {theirs:.0f} ms; it fails on twice as many")
    return {"vs_ipyannote": round(theirs / ours, 1)}


def measure(size: Size, home: Path) -> dict[str, float]:
    few, many = make_state(*size.few), make_state(*size.many)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_OPTIONS)
        for timeline in (size.few, size.many):
            check_pictures(browser, *timeline)
        first_ms = first_picture(browser, few, size.rounds)
        costs, growth = measure_frames(browser, few, size)
        costs_many, growth_many = measure_frames(browser, many, size)
        versus = compare_with_peer(browser, size, home / "peer") if size.peer else {}
        browser.close()
    print(f"3 lanes of {size.few[0]} words: first picture {first_ms:.0f} ms (goal: {GOAL_FIRST} ms)")
    for n, found, grown in ((size.few[0], costs, growth), (size.many[0], costs_many, growth_many)):
        texts = ", ".join(f"{kind} {ms:.1f}" for kind, ms in found.items())
        print(f"3 lanes of {n} words: p95 of frames, ms: {texts} (goal: {GOAL_FRAME}); {grown:.0f} MB more")
    print(f"goal of growth: {GOAL_GROWTH} MB for 30,000 words per lane")
    figures = {
        "first_ms": round(first_ms),
        "frame_p95_ms": round(max([*costs.values(), *costs_many.values()]), 1),
        "growth_mb": round(growth),
    }
    return figures | versus


if __name__ == "__main__":
    run(
        measure,
        Size((30_000, 3), (100_000, 10), 5, 4, 60, (1000, 2000, 4000, 8000, 16000)),
        Size((2_000, 0.2), (4_000, 0.4), 1, 1, 10, ()),
    )
