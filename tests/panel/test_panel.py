"""The panel without a browser: choosing files, the form, the table, and the whole of it at a server."""

import os
import re
import threading
import time
from pathlib import Path

import pytest
from local_server import serving, wait_until, wav

import speechkit_nb as sk
from speechkit_nb.audio import AUDIO_SUFFIXES
from speechkit_nb.client import JobRecord
from speechkit_nb.config import RecognitionConfig
from speechkit_nb.errors import ConfigError
from speechkit_nb.panel.file_browser import FileBrowser, listing
from speechkit_nb.panel.job_panel import LINK
from speechkit_nb.panel.job_row import ACTIONS, SIGNS, Row, row_html
from speechkit_nb.panel.job_table import SURE, JobTable
from speechkit_nb.panel.option_form import Option, OptionForm
from speechkit_nb.panel.panel import MODELS, options
from speechkit_nb.panel.result_view import words_html
from speechkit_nb.panel.threads import Ticker, Worker

NOW = 1_800_000_000.0


# --- choosing files


@pytest.fixture
def folder(tmp_path) -> Path:
    names = ("b.WAV", "a.ogg", "notes.txt", ".hidden.wav", "Зима 'ёлка' \"2\".mp3")
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(wav(2.0 + number))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.flac").write_bytes(b"")
    return tmp_path


@pytest.fixture
def browser(folder):
    said, counted = [], []
    made = FileBrowser(folder, lambda task: task(), said.append, said.append, lambda: counted.append(1))
    made.said, made.counted = said, counted
    made.look()
    yield made
    made.close()


def names(browser) -> list[str]:
    return [label for label, _ in browser.list.options]


def choose(browser, *wanted: str) -> None:
    browser.list.value = tuple(value for label, value in browser.list.options if label in wanted)


def test_a_folder_shows_its_folders_and_recordings(folder):
    """Folders first, then audio by name; nothing else, and nothing hidden."""
    found = listing(folder)
    assert [path.name for path in found.folders] == ["sub"]
    assert [path.name for path in found.files] == ["a.ogg", "b.WAV", "Зима 'ёлка' \"2\".mp3"]


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_the_panel_shows_every_suffix_of_audio(tmp_path, suffix):
    """A file that a folder in `submit_many` sends is one that the browser shows."""
    (tmp_path / f"talk{suffix}").touch()
    assert [path.name for path in listing(tmp_path).files] == [f"talk{suffix}"]


def test_a_large_folder_is_cut_and_says_so(folder):
    """A list of thousands is of no use; the number left out is known."""
    found = listing(folder, most=2)
    assert ([path.name for path in [*found.folders, *found.files]], found.left_out) == (["sub", "a.ogg"], 2)


def test_the_filter_looks_for_a_part_of_the_name(browser):
    """Folders stay, so that one can go on."""
    browser.name.value = "ЁЛКА"
    assert names(browser) == ["sub/", "Зима 'ёлка' \"2\".mp3"]


def test_folders_are_entered_and_left(browser, folder):
    """By button, and by typing a path; the list follows."""
    browser.enter.click()
    assert "Choose one folder" in browser.said[-1]
    choose(browser, "sub/")
    browser.enter.click()
    assert (names(browser), browser.path.value) == (["c.flac"], str(folder / "sub"))
    browser.up.click()
    assert "a.ogg" in names(browser)
    browser.path.value = str(folder / "sub")
    assert names(browser) == ["c.flac"]


def test_only_recordings_are_chosen(browser, folder):
    """A folder in the selection is no recording; all of them is one press."""
    choose(browser, "sub/", "a.ogg")
    assert browser.chosen == [folder / "a.ogg"]
    browser.everything.click()
    assert len(browser.chosen) == 3
    assert len(browser.counted) > 1


def test_a_folder_that_cannot_be_read_changes_nothing(browser, folder):
    """It says which one and why; the old one stays."""
    browser.path.value = str(folder / "nowhere")
    assert browser.path.value == str(folder)
    assert re.search(r"nowhere: No such file or directory; the folder shown is still", browser.said[-1])


def uploaded(browser, name, *pieces):
    """As the page does it, message by message; its answers."""
    answers = []
    browser.upload.send = answers.append
    browser.upload.hear({"kind": "begin", "id": "1", "name": name}, [])
    for piece in pieces:
        browser.upload.hear({"kind": "piece", "id": "1"}, [memoryview(piece)])
    browser.upload.hear({"kind": "end", "id": "1"}, [])
    return answers


def test_an_upload_is_kept_in_the_folder_and_chosen(browser, folder):
    """So that it has a path, and can be sent again after a restart. Every message is answered."""
    assert uploaded(browser, "up.wav", b"abc", b"def") == [{"id": "1", "error": ""}] * 4
    assert browser.chosen == [folder / "up.wav"]
    assert (folder / "up.wav").read_bytes() == b"abcdef"
    assert browser.said == [f"Uploaded up.wav into {folder}"]


def test_an_upload_overwrites_nothing(browser, folder):
    """The same content is the same file; another one gets a number. A path in the name is cut off."""
    before = set(os.listdir(folder))
    for name, content in [("a.wav", b"one"), ("a.wav", b"one"), ("a.wav", b"two"), ("../../b.wav", b"")]:
        uploaded(browser, name, content)
    assert set(os.listdir(folder)) - before == {"a.wav", "a (2).wav", "b.wav"}
    assert [(folder / name).read_bytes() for name in ("a.wav", "a (2).wav")] == [b"one", b"two"]


def test_an_upload_that_cannot_be_written_says_so(browser, folder):
    """The page hears of it, and sends no more of that file."""
    browser._folder = folder / "nowhere"
    browser.upload.send = (answers := []).append
    browser.upload.hear({"kind": "begin", "id": "1", "name": "a.wav"}, [])
    assert answers == [{"id": "1", "error": "No such file or directory"}]
    assert browser.said == [f"the upload into {folder / 'nowhere'} failed: No such file or directory"]


def test_an_unfinished_upload_leaves_nothing(browser, folder):
    """When the panel is closed in the middle of it."""
    before = set(os.listdir(folder))
    browser.upload.hear({"kind": "begin", "id": "1", "name": "a.wav"}, [])
    browser.upload.close()
    assert set(os.listdir(folder)) == before


# --- the form


def test_the_form_has_every_option_of_a_file():
    """Those of the config, with a line of help each; those of streams are left out."""
    made = {option.name: option for option in options()}
    assert set(made) - {"reuse", "bucket"} == set(RecognitionConfig.__dataclass_fields__) - {
        "eou_sensitivity",
        "max_pause",
        "external_eou",
        "audio_processing_type",
    }
    assert [name for name, option in made.items() if not option.help] == []
    assert all(f'"{model}"' in RecognitionConfig.__doc__ for model in MODELS)


def test_untouched_options_are_not_sent():
    """What is as the service has it by default stays unsaid; ours are keywords of `submit`."""
    assert OptionForm(options()).values() == {}


def test_the_form_gives_what_a_config_takes():
    """Texts become lists and numbers; the config accepts each."""
    form = OptionForm(options())
    for name, value in {
        "model": "general:rc",
        "language": "ru-RU, en-US",
        "normalize": True,
        "quantiles": "0.5 0.9",
        "silence_threshold": "1.5",
        "summarization_model": "gpt://folder/model",
        "summarization": "What is it about?\n\nWho calls?",
        "reuse": False,
    }.items():
        form.controls[name].value = value
    values = form.values()
    assert values.pop("reuse") is False
    config = RecognitionConfig.of(**values)
    assert config.languages == ("ru-RU", "en-US")
    assert (config.quantiles, config.silence_threshold) == ((0.5, 0.9), 1.5)
    assert [item["instruction"] for item in config.summarization] == ["What is it about?", "Who calls?"]


def test_a_word_where_a_number_belongs_is_refused():
    """The message names the option."""
    form = OptionForm([Option("silence_threshold", "number")])
    form.controls["silence_threshold"].value = "long"
    with pytest.raises(ConfigError, match="silence_threshold: 'long' is no number"):
        form.values()


# --- the table


def test_every_state_is_shown_in_words():
    """Never by colour or sign alone."""
    for state in SIGNS:
        assert re.search(rf"(?<![\w-]){state}</span>", row_html(Row(1, "a.wav", state), NOW))


def test_progress_is_said_to_be_an_estimate():
    """And never reaches the end before the job does."""
    row = Row(1, "a.wav", "running", duration=60, submitted_at=NOW - 5)
    assert "about 50 %, an estimate" in row_html(row, NOW)
    late = row_html(row, NOW + 1e6)
    assert "it takes longer than estimated" in late
    assert 'value="95"' in late


def test_what_came_from_elsewhere_is_escaped():
    """Names, errors and options are text, not HTML."""
    evil = "<img src=x onerror=alert(1)>"
    row = Row(1, evil, "failed", error=evil, options={"model": evil}, service=evil, here=False)
    assert "<img" not in row_html(row, NOW)


def table(rows, total=None):
    acts = []
    made = JobTable(lambda name, row: acts.append((name, row.id)), lambda: acts.append("more"))
    made.acts = acts
    made.show(rows, total or len(rows), NOW)
    return made


def buttons(table, line=0):
    return {button.description: button for button in table.lines.children[line].buttons.children}


def test_each_state_has_its_buttons():
    """An unknown job has two: send it again, or give it up."""
    rows = [Row(number, "a.wav", state) for number, state in enumerate(SIGNS)]
    shown = {row.state: list(buttons(table(rows), line)) for line, row in enumerate(rows)}
    assert shown["unknown"] == ["Send again", "Give up"]
    assert shown["running"] == shown["submitted"] == ["Cancel"]
    assert shown["done"] == ["Open", "Delete"]
    assert shown["failed"] == shown["cancelled"] == shown["expired"] == ["Retry"]
    assert shown["submitting"] == []
    assert set(ACTIONS) <= set(SIGNS)


def test_a_job_of_another_service_can_only_be_opened():
    """This client cannot ask the service about it."""
    rows = [Row(2, "a.wav", "running", here=False), Row(1, "b.wav", "done", here=False)]
    assert [list(buttons(table(rows), line)) for line in (0, 1)] == [[], ["Open"]]


def test_deleting_takes_two_presses():
    """One could be a slip."""
    made = table([Row(7, "a.wav", "done")])
    buttons(made)["Delete"].click()
    assert made.acts == []
    buttons(made)[SURE].click()
    assert made.acts == [("delete", 7)]
    assert list(buttons(made)) == ["Open", "Delete"]


def test_a_row_stays_the_same_widget_while_jobs_come_and_go():
    """So the keyboard's place is not lost when a new job appears above."""
    made = table([Row(1, "a.wav", "running")])
    old = made.lines.children[0]
    button = old.buttons.children[0]
    made.show([Row(2, "b.wav", "running"), Row(1, "a.wav", "running")], 2, NOW)
    assert made.lines.children[1] is old
    assert old.buttons.children[0] is button
    made.show([Row(2, "b.wav", "running")], 2, NOW)
    assert [view.text.value for view in made.lines.children] == [row_html(Row(2, "b.wav", "running"), NOW)]


def test_more_rows_are_shown_on_request():
    """The number of rows is bounded, and the rest is counted."""
    made = table([Row(number, "a.wav", "done") for number in range(10)], total=25)
    assert "10 of 25 jobs" in made.note.value
    assert made.more.layout.display is None
    made.more.click()
    assert (made.limit, made.acts) == (20, ["more"])


def test_a_word_table_is_escaped_and_bounded():
    """An hour of words is not put into the page."""
    words = sk.Transcript([]).words
    words.loc[0] = ["a.wav", "<0>", 0, 0, 0, "<script>", 0.0, 1.0]
    words.loc[1] = words.loc[0]
    html = words_html(words, most=1)
    assert "<script>" not in html
    assert "<0>" not in html
    assert "1 more in the frame" in html


# --- the threads


def test_a_worker_goes_on_after_a_mistake():
    """It says what went wrong, in the order of things."""
    said, done = [], threading.Event()
    worker = Worker("test", said.append)
    worker.do(lambda: os.stat("/nowhere"))
    worker.do(lambda: [][0])
    worker.do(done.set)
    worker.finish()
    assert done.is_set()
    assert said == ["/nowhere: No such file or directory", "IndexError: list index out of range"]
    worker.close()


def test_a_ticker_stops_when_it_is_closed():
    """And may be hurried."""
    ticks = []
    ticker = Ticker("test", lambda: ticks.append(1), ticks.append, seconds=1000)
    wait_until(lambda: len(ticks) == 1)
    ticker.soon()
    wait_until(lambda: len(ticks) == 2)
    ticker.close()
    ticker._thread.join(10)
    assert not ticker._thread.is_alive()


# --- the whole


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Path:
    """Words with something in them that must not become part of a page."""
    path = tmp_path_factory.mktemp("script") / "talk.words.csv"
    path.write_text("word,start,end,channel\nhello,0.5,0.9,0\n<b>world</b>,1.0,1.4,0\n")
    return path


@pytest.fixture
def panel(client, folder):
    made = sk.JobPanel(client, folder)
    made.finish()
    yield made
    made.close()


def line(panel, number=0):
    return panel.table.lines.children[number]


def until_state(panel, state, number=0):
    wait_until(lambda: len(panel.table.lines.children) > number and state in line(panel, number).text.value)


def pressed(panel, words, number=0):
    wait_until(lambda: words in buttons(panel.table, number))  # they come after the state
    buttons(panel.table, number)[words].click()
    panel.finish()


def sent(panel, *wanted):
    choose(panel.browser, *wanted)
    panel.send.click()
    panel.finish()


def test_submit_watch_open(panel):
    """The story: choose a file, send it, see it done, open it, have the transcript in hand."""
    assert panel.send.disabled
    panel.form.controls["normalize"].value = True
    sent(panel, "b.WAV")
    until_state(panel, "done")
    assert "b.WAV" in line(panel).text.value
    assert "normalize" in line(panel).text.value
    pressed(panel, "Open")
    assert panel.transcript.words["word"].tolist() == ["hello", "<b>world</b>"]
    assert panel.transcripts == [panel.transcript]
    assert "t = panel.transcript" in panel.result.title.value
    assert "&lt;b&gt;world" in panel.result.words.value
    assert "<b>" not in panel.result.text.value + panel.result.words.value
    assert "data:image/png;base64," in panel.result.picture.value
    panel.result.shut.click()
    assert panel.result.layout.display == "none"
    assert panel.transcript is not None


def test_one_button_sends_several(panel):
    """It says how many; each becomes a row."""
    choose(panel.browser, "a.ogg", "b.WAV")
    assert panel.send.description == "Submit 2 recordings"
    panel.send.click()
    until_state(panel, "done", 1)
    until_state(panel, "done", 0)


def test_a_wrong_option_is_said_and_nothing_is_sent(panel, client):
    """Before anything goes over the wire."""
    panel.form.controls["language"].value = "Klingon"
    sent(panel, "b.WAV")
    assert panel.page.wrong
    assert "language='Klingon' is not one of auto" in panel.page.text
    assert client.jobs().empty


def test_a_link_is_sent_as_it_is(panel):
    """What the service says to it is told in words."""
    panel.origin.value = LINK
    assert panel.browser.layout.display == "none"
    assert panel.send.disabled
    panel.link.value = "ftp://example.org/a.wav"
    assert not panel.send.disabled
    panel.send.click()
    panel.finish()
    until_state(panel, "failed")
    assert "ftp://example.org/a.wav" in line(panel).text.value


def test_a_panel_of_a_new_kernel_shows_everything_and_goes_on(target, folder):
    """The journal is all it needs: an open job is finished, a finished one is opened."""
    with sk.connect(target) as client:
        client.submit(folder / "b.WAV")
    with sk.connect(target) as client:
        panel = sk.JobPanel(client, folder)
        until_state(panel, "done")
        pressed(panel, "Open")
        assert panel.transcript.recording == "b.WAV"
        panel.close()


def test_jobs_of_another_service_are_shown(target, panel, client, folder):
    """With the name of their service, and without buttons that could do nothing."""
    client.journal.add(JobRecord(service="cloud", recording="far.wav", created_at=time.time()))
    wait_until(lambda: panel.table.lines.children)
    assert "to cloud" in line(panel).text.value
    assert not line(panel).buttons.children


def test_cancel_and_retry(script, folder):
    """A running job is stopped; retrying makes a new one, and the old one stays as it was."""
    with (
        serving(models={"general": f"scripted:{script}"}, faults=["never-done"]) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        panel = sk.JobPanel(client, folder)
        panel.finish()
        sent(panel, "b.WAV")
        wait_until(lambda: panel.table.lines.children and "Cancel" in buttons(panel.table))
        pressed(panel, "Cancel")
        until_state(panel, "cancelled")
        pressed(panel, "Retry")
        wait_until(lambda: len(panel.table.lines.children) == 2)
        assert "cancelled" in line(panel, 1).text.value
        panel.close()


def test_an_unknown_job_is_settled_by_the_user(panel, client, folder):
    """Its row says what is not known and what it may cost, and has the two ways out."""
    facts = {
        "service": client.service,
        "recording": "b.WAV",
        "source": str(folder / "b.WAV"),
        "sha256": sk.Recording(folder / "b.WAV").sha256,
        "options": {"model": "general"},
        "created_at": time.time(),
    }
    for _ in range(2):
        client.journal.add(JobRecord(**facts)).transition("unknown", error="the answer was lost")
    wait_until(lambda: len(panel.table.lines.children) == 2)
    assert "may be billed twice" in line(panel).text.value
    pressed(panel, "Give up", 1)
    until_state(panel, "cancelled", 1)
    pressed(panel, "Send again", 0)
    wait_until(lambda: len(panel.table.lines.children) == 3)
    until_state(panel, "cancelled", 1)
    until_state(panel, "done", 0)


def test_a_panel_on_no_page_does_not_look(panel):
    """Its cell may have been run again, or cleared; one that was never shown yet is looked after."""
    assert not panel._hidden
    panel.page.views = 1
    assert not panel._hidden
    panel.page.views = 0
    assert panel._hidden


def test_the_same_recording_is_not_paid_for_twice(folder):
    """It says so, brings the earlier job to the top, and sends it all the same without reuse."""
    with sk.connect("local") as client:
        panel = sk.JobPanel(client, folder)
        panel.finish()
        sent(panel, "b.WAV")
        until_state(panel, "done")
        sent(panel, "Зима 'ёлка' \"2\".mp3")
        wait_until(lambda: len(panel.table.lines.children) == 2)
        until_state(panel, "done")
        sent(panel, "b.WAV")
        wait_until(lambda: "recognized before with the same options" in panel.page.text)
        assert "b.WAV" in line(panel).text.value
        assert len(client.jobs()) == 2
        panel.form.controls["reuse"].value = False
        sent(panel, "b.WAV")
        wait_until(lambda: len(panel.table.lines.children) == 3)
        panel.close()


# --- without a client


@pytest.fixture
def lonely(monkeypatch, folder):
    """A panel without a client, where there are no credentials."""
    for name in [name for name in os.environ if name.startswith("YC_")]:
        monkeypatch.delenv(name)
    made = sk.JobPanel(folder=folder)
    made.finish()
    yield made
    made.close()
    made.finish()


def test_without_credentials_it_says_how_to_get_on(lonely):
    """What there is to do, a button for the local recognizer, and nothing can be sent."""
    assert lonely.offer.layout.display is None
    assert "no credentials found" in lonely.page.text
    assert "getpass" in lonely.offer.words.value
    choose(lonely.browser, "b.WAV")
    assert lonely.send.disabled
    assert lonely.client is None


def test_one_button_starts_the_local_recognizer(lonely):
    """No account, no network; then it is a panel like any other, and closing it ends the recognizer."""
    lonely.offer.local.click()
    lonely.finish()
    assert lonely.offer.layout.display == "none"
    assert lonely.client.service == "local"
    assert "local" in lonely.head.value
    choose(lonely.browser, "b.WAV")
    assert not lonely.send.disabled


def test_credentials_may_come_later(lonely, monkeypatch):
    """Set in a cell and tried again, without a new panel."""
    monkeypatch.setenv("YC_API_KEY", "not-a-real-key")
    lonely.offer.again.click()
    lonely.finish()
    assert lonely.client.service == "cloud"
