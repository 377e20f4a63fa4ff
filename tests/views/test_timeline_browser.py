"""A timeline in a real JupyterLab: both ways to Python, sound in all its ways, and no kernel any more."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile
from click_audio import CLICKS, RATE, Ear, agree, drawn_clicks, heard_from, listening, write_clicks
from jupyter import KERNEL_READY, POLLING, jupyterlab
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import BrowserContext, Page
from timeline_pages import PATIENCE, Notebook, Timeline, chromium, notebook_file, pages, wait_until

DATA = Path(__file__).parents[2] / "data"
SETUP = """
import numpy as np, pandas as pd, speechkit_nb as sk
words = pd.read_csv("data/dialogue.words.csv")
later = words.assign(start=words["start"] + 0.03, end=words["end"] + 0.03)
"""
DIALOGUE = """
view = sk.TimelineView("data/dialogue.wav", {"truth": words, "later": later}, locale="en")
view
"""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """What JupyterLab serves: our recordings, tracks of clicks, and notebooks."""
    root = tmp_path_factory.mktemp("lab") / "root"
    (root / "data").mkdir(parents=True)
    for name in ("dialogue.wav", "dialogue.words.csv"):
        shutil.copy(DATA / name, root / "data")
    write_clicks(root / "two.wav", 2)
    write_clicks(root / "bare.mp3", 2, header=False)
    write_clicks(root / "three.wav", 3)
    for name in ("work", "mortal"):
        (root / f"{name}.ipynb").write_text(notebook_file())
    return root


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory) -> Iterator[str]:
    """The address of the server; kernels keep what they keep in a home of their own."""
    home = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHKIT_NB_HOME", str(home / "ours"))
        with jupyterlab(root, home / "jupyter") as url:
            yield url


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium() as browser, pages(browser) as context:
        yield context


def opened(context: BrowserContext, url: str, name: str) -> Notebook:
    page = context.new_page()
    page.goto(f"{url}lab/workspaces/{name}/tree/{name}.ipynb", wait_until="commit")
    page.wait_for_function(KERNEL_READY, polling=POLLING, timeout=3000 * PATIENCE)  # there is much to load
    return Notebook(page)


@pytest.fixture(scope="module")
def notebook(context, lab) -> Notebook:
    """One for most tests; each runs its only cell anew."""
    notebook = opened(context, lab, "work")
    notebook.ask("1", SETUP)
    return notebook


@pytest.fixture(scope="module")
def mortal_page(context, lab) -> Notebook:
    return opened(context, lab, "mortal")


@pytest.fixture
def mortal(mortal_page) -> Notebook:
    """One whose kernel may be ended."""
    mortal_page.page.bring_to_front()
    mortal_page.revive()
    mortal_page.ask("1", SETUP)
    return mortal_page


@pytest.fixture
def timeline(notebook) -> Timeline:
    return notebook.show(DIALOGUE)


def sees(timeline: Timeline, start: float, end: float) -> None:
    wait_until(lambda: timeline.view == pytest.approx((start, end), abs=0.1))


# --- both ways


def test_it_draws_in_jupyterlab(notebook, timeline):
    """Lanes, words and sound; the file of the recording is played as the server has it."""
    assert timeline.ink() > 20_000
    assert timeline.note.inner_text().startswith("260 words in view")
    assert timeline.problems.count() == 0
    wait_until(lambda: timeline.player("audio?.readyState > 0"))
    assert timeline.player("audio.src").endswith("/files/data/dialogue.wav")
    assert notebook.ask("view.sound == b''")


def test_escape_gives_the_keyboard_back_to_the_notebook(notebook, timeline):
    """Enter, which the timeline keeps from the notebook, then opens the cell."""
    editing = notebook.page.locator(".jp-Notebook.jp-mod-editMode")
    timeline.press("Enter")
    assert editing.count() == 0
    timeline.press("Escape")
    notebook.page.keyboard.press("Enter")
    editing.wait_for()
    notebook.page.keyboard.press("Escape")


def test_python_moves_the_picture(notebook, timeline):
    """Every trait that is set: view, playhead, selection, rate, search, muted channels, colours."""
    notebook.ask("1", "view.view_range = (10, 20)")
    sees(timeline, 10, 20)
    notebook.ask("1", "view.current_time = 15.25; view.playback_rate = 1.5; view.search = 'train'")
    wait_until(lambda: timeline.time == 15.25)
    wait_until(lambda: abs(timeline.player("audio ? audio.currentTime : -1") - 15.25) < 0.001)
    wait_until(lambda: timeline.player("audio && audio.playbackRate") == 1.5)
    n_trains = notebook.ask("int(2 * words['word'].str.contains('train').sum())")
    wait_until(lambda: timeline.found.inner_text() == str(n_trains))
    notebook.ask("1", "view.selection = (12, 13.5); view.muted = ['1']; view.color = 'system'")
    wait_until(lambda: timeline.selection.inner_text().startswith("0:12.00 – 0:13.50"))
    wait_until(lambda: timeline.button("Mute: channel 1").get_attribute("aria-pressed") == "true")
    wait_until(lambda: timeline.root.locator(".legend").inner_text().split() == ["truth", "later"])
    notebook.ask("1", "view.add_problem('listen again')")
    wait_until(lambda: timeline.problems.all_inner_texts() == ["listen again"])


STARTING = """
view = sk.TimelineView("data/dialogue.wav", {"truth": words, "later": later}, locale="en")
heard, take = [], view.set_state
view.set_state = lambda state: (heard.append(dict(state)), take(state))
display(view, view)
view.view_range = (10.00025, 20.00075)
view.selection = (11.2504, 46.089625)
view.playback_rate = 1.5
"""


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        ("view.current_time = 15.2504", {"active_word"}),
        ("view.active_word = (1, 7)", {"current_time", "view_range"}),
    ],
)
def test_what_python_sets_while_the_page_starts_stands(said, follows, notebook):
    """To the last digit, in two views of one model; the page adds what follows from a playhead that Python
    moved, and nothing else. What a hand does then is told."""
    notebook.run(STARTING + said)
    views = notebook.page.locator(".jp-OutputArea .speechkit-timeline")
    wait_until(lambda: views.count() == 2)
    time = notebook.ask("float(later.start[7])") if "word" in said else 15.2504
    for timeline in (Timeline(notebook.page, views.nth(k)).ready() for k in (0, 1)):
        wait_until(lambda timeline=timeline: timeline.time == pytest.approx(time, abs=0.006))
        sees(timeline, *notebook.ask("view.view_range"))
    timeline.press("l")
    notebook.wait("view.loop")
    assert {name for state in notebook.ask("heard") for name in state} <= {*follows, "loop"}
    assert notebook.ask("view.selection") == (11.2504, 46.089625)
    assert notebook.ask("view.playback_rate") == 1.5
    assert notebook.ask("view.current_time") == pytest.approx(time, abs=0.0006)
    if "active_word" not in follows:
        assert notebook.ask("view.active_word") == (1, 7)
    if "view_range" not in follows:
        assert notebook.ask("view.view_range") == (10.00025, 20.00075)


def test_what_is_done_in_the_picture_reaches_python(notebook, timeline):
    """View, playhead, selection with its words, search, muted channels; observers are told."""
    notebook.ask("1", "seen = []; view.observe(lambda change: seen.append(change['new']), 'selection')")
    whole = (0.0, notebook.ask("view.view_range[1]"))
    timeline.drag(timeline.place(20, whole), timeline.place(22.5, whole), holding="Shift")
    notebook.wait("view.selection is not None and view.selection[1] > 22.3")
    start, end = notebook.ask("view.selection")
    assert (start, end) == pytest.approx((20, 22.5), abs=0.1)
    assert notebook.ask("seen[-1]") == (start, end)
    words = notebook.ask("view.selected_words[['system', 'word']].values.tolist()")
    said = notebook.ask(f"words[(words.start < {end}) & (words.end > {start})].word.tolist()")
    assert [word for system, word in words if system == "truth"] == said
    assert notebook.ask("list(view.selected_words)[0]") == "system"
    timeline.wheel(timeline.at(0.5), -120)
    notebook.wait("view.view_range[1] - view.view_range[0] < 45")
    wait_until(lambda: timeline.view == pytest.approx(notebook.ask("view.view_range"), abs=0.1))
    timeline.search.fill("train")
    notebook.wait("view.search == 'train'")
    timeline.button("Solo: channel 1").click()
    notebook.wait("view.solo == ['1']")
    timeline.press(".")
    notebook.wait("view.active_word == (0, 0) and view.current_word['word'] == 'good'")


def test_python_is_told_of_playing_at_most_five_times_a_second(notebook, timeline):
    """While the playhead moves at the rate of the screen."""
    notebook.ask(
        "1", "import time; t = []; view.observe(lambda change: t.append(time.time()), 'current_time')"
    )
    timeline.press(" ")
    notebook.wait("len(t) >= 8")
    timeline.press(" ")
    notebook.wait("not view.playing")
    assert notebook.ask("(t[7] - t[0]) / 7") > 0.15


def test_python_plays_a_stretch(notebook, timeline):
    """It begins where it should, is brought into view, and stops by itself at the end."""
    notebook.ask("1", "view.view_range = (0, 5); view.play(30, 30.6)")
    notebook.wait("view.playing")
    assert timeline.player("audio.currentTime") >= 30
    notebook.wait("not view.playing")
    assert notebook.ask("view.current_time") == pytest.approx(30.6, abs=0.002)
    assert timeline.view[0] < 30 < timeline.view[1]


def test_keys_stay_in_the_timeline(notebook, timeline):
    """D D deletes a cell in command mode, not here; arrows do not leave the cell."""
    timeline.press("d", "d", "ArrowRight", "ArrowRight", "b")
    notebook.wait("view.current_time == 2.0")
    count = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
    assert notebook.page.evaluate(count) == 1


# --- sound and picture


@pytest.mark.parametrize(
    ("file", "way"), [("two.wav", "/files/two.wav"), ("bare.mp3", "blob:"), ("three.wav", "")]
)
@listening
def test_sound_and_picture_agree(file, way, notebook):
    """Within 10 ms, wherever one begins: the file itself, encoded by the kernel, in windows. An MP3 without
    the header that tells of its delay is drawn late, and heard just as late."""
    view = f"sk.TimelineView('{file}', locale='en', view_range=(41, 43.5))"
    timeline = notebook.show(f"view = {view}; view")
    ear = Ear(notebook.page)
    drawn = np.array([41 + 2.5 * share for share in drawn_clicks(timeline, 0)])
    if file != "bare.mp3":
        agree(drawn, CLICKS[0], 41, 43.5)
    if file == "two.wav":
        wait_until(lambda: timeline.player("audio?.readyState > 0"))
    timeline.button("Solo: channel 0").click()
    timeline.click(*timeline.at(0.2, "sound"), holding="Alt")
    wait_until(lambda: timeline.time == pytest.approx(41.5, abs=0.01))
    start, sides = heard_from(ear, timeline)
    for side in sides:
        agree(side, drawn, start, start + 1.6)
    assert way in (timeline.player("audio?.src") or "")


def plays(timeline: Timeline) -> None:
    """Space starts the sound, and it goes on."""
    timeline.press(" ")
    wait_until(lambda: timeline.player("audio && !audio.paused && audio.currentTime > 0.1"))
    timeline.press(" ")
    wait_until(lambda: timeline.player("audio.paused"))


def test_a_server_without_parts_of_files_is_found_out(notebook):
    """On it every seek would land at the start, so that the kernel sends the sound."""
    with answered(notebook.page, "**/files/**", 200, (DATA / "dialogue.wav").read_bytes()):
        timeline = notebook.show(DIALOGUE)
        plays(timeline)
    assert timeline.player("audio.src").startswith("blob:")
    timeline.press("ArrowRight", "End", "ArrowLeft")
    wait_until(lambda: timeline.player("audio.currentTime > 44"))
    assert notebook.ask("view.sound_type.startswith('audio/')")


@contextmanager
def answered(page: Page, pattern: str, status: int, body: bytes) -> Iterator[None]:
    page.route(pattern, lambda route: route.fulfill(status=status, body=body, content_type="audio/wav"))
    yield
    page.unroute(pattern)


def test_a_file_that_the_browser_cannot_play_is_encoded(notebook, root):
    """It has the ending of a WAV, and a codec that Chromium has not."""
    sound, rate = soundfile.read(DATA / "dialogue.wav")
    soundfile.write(root / "adpcm.wav", sound, rate, subtype="IMA_ADPCM")
    timeline = notebook.show("view = sk.TimelineView('adpcm.wav', words, locale='en'); view")
    plays(timeline)
    assert timeline.player("audio.src").startswith("blob:")
    assert timeline.problems.count() == 0


def test_a_recording_that_was_deleted_is_told(notebook, root):
    """The picture stays, and moves; playing says which file is missing, in the widget."""
    soundfile.write(root / "gone.wav", np.sin(np.arange(50 * RATE) / 7), RATE)
    notebook.ask("1", "view = sk.TimelineView('gone.wav', words, locale='en')")
    (root / "gone.wav").unlink()
    timeline = notebook.show("view")
    timeline.press(" ")
    wait_until(lambda: timeline.problems.count() == 1)
    assert "there is no file" in timeline.problems.inner_text()
    assert "gone.wav" in timeline.problems.inner_text()
    timeline.press("+", "+")
    wait_until(lambda: timeline.length < 23)


def test_words_cannot_run_scripts(notebook):
    """Nor titles, names of systems, problems; they are text in the widget and in its picture."""
    evil = "<script>alert('run')</script><img src=x onerror=alert('run')>"
    make = "view = sk.TimelineView(None, {evil: words.assign(word=evil)}, title=evil)"
    show = f"{make}; view.add_problem(evil); view"
    timeline = notebook.show(f'evil = "{evil}"; {show}')
    assert timeline.problems.inner_text() == evil
    wait_until(lambda: evil in timeline.words())
    assert notebook.page.evaluate("() => window.made.run") == []
    assert notebook.page.locator(".jp-OutputArea script, .jp-OutputArea img[src=x]").count() == 0


# --- views come and go


def test_two_views_of_one_model_are_one(notebook):
    """They share view, playhead and sound; one goes, the other stays; with the last all is let go."""
    page = notebook.page
    notebook.run(f"{DIALOGUE[:-5]}display(view, view)")
    views = page.locator(".jp-OutputArea .speechkit-timeline")
    wait_until(lambda: views.count() == 2)
    first, second = (Timeline(page, views.nth(k)).ready() for k in (0, 1))
    wait_until(lambda: first.player("audio?.readyState > 0"))
    assert page.evaluate("() => window.made.players.filter(({ src }) => src).length") == 1
    first.press("ArrowRight", "+")
    wait_until(lambda: second.time == 1.0 and second.view == first.view)
    second.button("Mute: channel 0").click()
    wait_until(lambda: first.button("Mute: channel 0").get_attribute("aria-pressed") == "true")
    first.press(" ")
    wait_until(lambda: second.button("Pause").count() == 1)
    notebook.ask("1", "view.close()")
    wait_until(lambda: views.count() == 0)
    assert page.evaluate("() => window.made.players.filter(({ src }) => src).length") == 0


def test_a_cell_that_runs_again_lets_go_of_the_old_view(notebook):
    """Its sound stops, and one timeline is on the page."""
    timeline = notebook.show(DIALOGUE)
    wait_until(lambda: timeline.player("audio?.readyState > 0"))
    timeline.press(" ")
    wait_until(lambda: timeline.player("!audio.paused"))
    notebook.show(DIALOGUE)
    sounding = "() => window.made.players.filter(({ src, paused }) => src && !paused).length"
    wait_until(lambda: notebook.page.evaluate(sounding) == 0)
    assert notebook.page.locator(".speechkit-timeline").count() == 1


# --- without the kernel


def test_a_saved_notebook_keeps_a_picture(notebook, root):
    """Beside the widget; a page that nbconvert makes of the file shows it. The data are not saved along."""
    notebook.show(DIALOGUE)
    save = "() => window.jupyterapp.commands.execute('docmanager:save').then(() => true)"
    assert notebook.page.evaluate(save)
    saved = nbformat.read(root / "work.ipynb", as_version=4)
    (output,) = saved.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in output.data
    picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert picture.width > 1000
    body, _ = HTMLExporter().from_notebook_node(saved)
    assert output.data["image/png"].strip() in body.replace("\\n", "")
    assert (root / "work.ipynb").stat().st_size < 500_000


def test_without_its_kernel_the_picture_stays_usable(mortal):
    """After a restart and after a shutdown: it zooms, seeks, plays the file, searches, without complaint."""
    timeline = mortal.show(DIALOGUE)
    wait_until(lambda: timeline.player("audio?.readyState > 0"))
    session = "window.jupyterapp.shell.currentWidget.sessionContext"
    for end in (f"{session}.session.kernel.restart()", f"{session}.shutdown()"):
        mortal.page.evaluate(f"() => {end}.then(() => true)")
        timeline.press("Home", "0")
        sees(timeline, 0, 46)
        timeline.press("ArrowRight", "+", "+")
        wait_until(lambda: timeline.length < 22 and timeline.time == 1.0)
        plays(timeline)
        timeline.search.fill("train")
        wait_until(lambda: timeline.found.inner_text() != "")
        timeline.search.fill("")
        assert timeline.problems.count() == 0


@pytest.mark.parametrize("end", ["session.kernel.restart()", "shutdown()"])
def test_without_its_kernel_sound_that_has_to_be_made_is_missed(end, mortal):
    """It says so instead of waiting for ever."""
    timeline = mortal.show("view = sk.TimelineView('three.wav', locale='en'); view")
    context = "window.jupyterapp.shell.currentWidget.sessionContext"
    mortal.page.evaluate(f"() => {context}.{end}.then(() => true)")
    timeline.press(" ")
    wait_until(lambda: timeline.problems.count() == 1)
    assert timeline.problems.inner_text() == "The sound needs the kernel"
    wait_until(lambda: timeline.button("Play").count() == 1)
