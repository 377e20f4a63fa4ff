"""The panel without a browser: choosing files, the form, the table, and the whole panel with a server."""

import os
import re
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from local_server import serving, wait_until, wav

import speechkit_nb as sk
from speechkit_nb.audio import AUDIO_SUFFIXES
from speechkit_nb.client import STATES, JobRecord
from speechkit_nb.config import MODELS, RecognitionConfig
from speechkit_nb.errors import ConfigError
from speechkit_nb.panel.file_browser import FileBrowser, list_folder
from speechkit_nb.panel.job_panel import LINK
from speechkit_nb.panel.job_row import row_html
from speechkit_nb.panel.job_table import BUTTONS, CONFIRM, JobTable
from speechkit_nb.panel.jobs_model import JobRow
from speechkit_nb.panel.option_form import OptionForm
from speechkit_nb.panel.options import Option, list_options
from speechkit_nb.panel.result_view import words_html
from speechkit_nb.panel.threads import Worker

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
    messages, changes = [], []
    made = FileBrowser(
        folder, lambda task: task(), messages.append, messages.append, lambda: changes.append(1)
    )
    made.messages, made.changes = messages, changes
    made.read()
    yield made
    made.close()


def names(browser) -> list[str]:
    return [label for label, _ in browser.list.options]


def choose(browser, *wanted: str) -> None:
    browser.list.value = tuple(value for label, value in browser.list.options if label in wanted)


def test_a_folder_shows_its_folders_and_recordings(folder):
    """Folders first, then audio by name; nothing else, and nothing hidden."""
    found = list_folder(folder)
    assert [path.name for path in found.folders] == ["sub"]
    assert [path.name for path in found.files] == ["a.ogg", "b.WAV", "Зима 'ёлка' \"2\".mp3"]


def test_every_audio_suffix_is_shown(tmp_path):
    """The same suffixes that a folder in `submit_many` sends."""
    for suffix in AUDIO_SUFFIXES:
        (tmp_path / f"a{suffix}").write_bytes(b"")
    assert {path.suffix for path in list_folder(tmp_path).files} == set(AUDIO_SUFFIXES)


def test_a_large_folder_is_cut(folder):
    """A list of thousands is too long to choose from; the number left out is known."""
    found = list_folder(folder, limit=2)
    names = [path.name for path in [*found.folders, *found.files]]
    assert (names, found.n_left_out) == (["sub", "a.ogg"], 2)


def test_the_browser_tells_where_to_upload(browser):
    """The panel has no upload of its own."""
    assert "To upload recordings, use the file browser of Jupyter, then press Refresh." in browser.note.value


def test_a_file_that_was_uploaded_meanwhile_is_shown_after_refresh(browser, folder):
    """What was chosen before is still chosen."""
    choose(browser, "a.ogg")
    (folder / "new.wav").write_bytes(wav(1.0))
    browser.refresh.click()
    assert "new.wav" in names(browser)
    assert browser.chosen == [folder / "a.ogg"]


def test_the_filter_looks_for_a_part_of_the_name(browser):
    """Folders stay, so that one can open them."""
    browser.filter.value = "ЁЛКА"
    assert names(browser) == ["sub/", "Зима 'ёлка' \"2\".mp3"]


def test_folders_are_opened_and_left(browser, folder):
    """With the buttons, and by typing a path."""
    browser.open_folder.click()
    assert "Select one folder" in browser.messages[-1]
    choose(browser, "sub/")
    browser.open_folder.click()
    assert (names(browser), browser.path.value) == (["c.flac"], str(folder / "sub"))
    browser.up.click()
    assert "a.ogg" in names(browser)
    browser.path.value = str(folder / "sub")
    assert names(browser) == ["c.flac"]


def test_only_recordings_are_chosen(browser, folder):
    """A folder in the selection is not a recording; one button chooses all of them."""
    choose(browser, "sub/", "a.ogg")
    assert browser.chosen == [folder / "a.ogg"]
    browser.all.click()
    assert len(browser.chosen) == 3
    assert len(browser.changes) > 1


def test_a_folder_that_cannot_be_read_changes_nothing(browser, folder):
    """The message has its name and the reason; the old folder stays."""
    browser.path.value = str(folder / "nowhere")
    assert browser.path.value == str(folder)
    assert re.search(r"nowhere: No such file or directory; the folder shown is still", browser.messages[-1])


# --- the form


def test_the_form_has_every_option_of_a_file():
    """Those of the config, each with a line of help, without those for streams."""
    made = {option.name: option for option in list_options()}
    assert set(made) - {"reuse", "bucket"} == set(RecognitionConfig.__dataclass_fields__) - {
        "eou_sensitivity",
        "max_pause",
        "external_eou",
        "audio_processing_type",
    }
    assert [name for name, option in made.items() if not option.help] == []
    assert made["model"].choices == MODELS


def test_untouched_options_are_not_sent():
    """A value that is the default of the service is not sent."""
    assert OptionForm(list_options()).values() == {}


def test_the_form_gives_what_a_config_takes():
    """Texts become lists and numbers; the config accepts each."""
    form = OptionForm(list_options())
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


def test_a_text_in_place_of_a_number_is_an_error():
    """The message names the option."""
    form = OptionForm([Option("silence_threshold", "number")])
    form.controls["silence_threshold"].value = "long"
    with pytest.raises(ConfigError, match="silence_threshold: 'long' is not a number"):
        form.values()


# --- the table


def make_row(number, state, *, recording="a.wav", is_own=True, **columns):
    columns = {"service": "local", "created_at": NOW, **columns}
    return JobRow(JobRecord(number=number, recording=recording, state=state, **columns), is_own)


def test_every_state_is_shown_as_text():
    """Never by color or icon alone."""
    for name, state in STATES.items():
        assert re.search(rf"(?<![\w-]){state.label}</span>", row_html(make_row(1, name), NOW))


def test_progress_is_called_an_estimate():
    """And never reaches the end before the job does."""
    row = make_row(1, "running", duration=60, submitted_at=NOW - 5)
    assert "about 50 %, estimated" in row_html(row, NOW)
    late = row_html(row, NOW + 1e6)
    assert "longer than estimated" in late
    assert 'value="95"' in late


def test_texts_from_elsewhere_are_escaped():
    """Names, errors and options are text, not HTML."""
    evil = "<img src=x onerror=alert(1)>"
    columns = {"recording": evil, "error": evil, "options": {"model": evil}, "service": evil}
    assert "<img" not in row_html(make_row(1, "failed", is_own=False, **columns), NOW)


def make_table(rows, n_jobs=None):
    calls = []
    table = JobTable(
        lambda action, row: calls.append((action, row.record.number)), lambda: calls.append("more")
    )
    table.show(rows, n_jobs or len(rows), NOW)
    return SimpleNamespace(table=table, calls=calls)


def buttons(table, index=0):
    return {button.description: button for button in table.rows.children[index].buttons.children}


def test_each_state_has_its_buttons():
    """An unknown job has two: send it again, or give it up."""
    table = make_table([make_row(number, state) for number, state in enumerate(STATES)]).table
    shown = {state: list(buttons(table, index)) for index, state in enumerate(STATES)}
    assert shown["unknown"] == ["Send again", "Give up"]
    assert shown["running"] == shown["submitted"] == ["Cancel"]
    assert shown["done"] == ["Open", "Delete"]
    assert shown["failed"] == shown["cancelled"] == shown["expired"] == ["Send again"]
    assert shown["submitting"] == []
    assert {action for state in STATES.values() for action in state.actions} - {"wait"} == set(BUTTONS)


def test_a_job_of_another_service_can_only_be_opened():
    """This client cannot send requests about it."""
    rows = [make_row(2, "running", is_own=False), make_row(1, "done", is_own=False)]
    table = make_table(rows).table
    assert [list(buttons(table, index)) for index in (0, 1)] == [[], ["Open"]]


def test_deleting_takes_two_presses():
    """The first may be a mistake."""
    made = make_table([make_row(7, "done")])
    buttons(made.table)["Delete"].click()
    assert made.calls == []
    buttons(made.table)[CONFIRM].click()
    assert made.calls == [("delete", 7)]
    assert list(buttons(made.table)) == ["Open", "Delete"]


def test_a_row_stays_the_same_widget_while_jobs_come_and_go():
    """So the keyboard focus stays on its button when a new job appears above."""
    table = make_table([make_row(1, "running")]).table
    old = table.rows.children[0]
    button = old.buttons.children[0]
    new = make_row(2, "running", recording="b.wav")
    table.show([new, make_row(1, "running")], 2, NOW)
    assert table.rows.children[1] is old
    assert old.buttons.children[0] is button
    table.show([new], 2, NOW)
    assert [view.text.value for view in table.rows.children] == [row_html(new, NOW)]


def test_more_rows_are_shown_on_request():
    """The number of rows is limited; the number of all jobs is shown."""
    made = make_table([make_row(number, "done") for number in range(10)], n_jobs=25)
    assert "10 of 25 jobs" in made.table.note.value
    assert made.table.more.layout.display is None
    made.table.more.click()
    assert (made.table.limit, made.calls) == (20, ["more"])


def test_a_table_of_words_is_escaped_and_limited():
    """The words of an hour are too many for a page."""
    words = sk.Transcript([]).words
    words.loc[0] = ["a.wav", "<0>", 0, 0, 0, "<script>", 0.0, 1.0]
    words.loc[1] = words.loc[0]
    html = words_html(words, limit=1)
    assert "<script>" not in html
    assert "<0>" not in html
    assert "1 more in the frame" in html


# --- the threads


def test_a_worker_continues_after_an_error():
    """It shows the message, and runs the tasks in their order."""
    messages, done = [], threading.Event()
    worker = Worker("test", messages.append)
    worker.run(lambda: os.stat("/nowhere"))
    worker.run(lambda: [][0])
    worker.run(done.set)
    worker.wait()
    assert done.is_set()
    assert messages == ["/nowhere: No such file or directory", "IndexError: list index out of range"]
    worker.close()


def test_a_worker_runs_its_regular_task_until_it_is_closed():
    """Whenever the interval has passed without another task."""
    runs = []
    worker = Worker("test", runs.append, lambda: runs.append("regular"), interval=0.01)
    wait_until(lambda: len(runs) > 1)
    worker.run(lambda: runs.append("another"))
    worker.close()
    worker._thread.join(10)
    assert not worker._thread.is_alive()
    assert (runs[-1], set(runs[:-1])) == ("another", {"regular"})


# --- the whole panel


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Path:
    """Words with HTML in them, which must not become part of a page."""
    path = tmp_path_factory.mktemp("script") / "talk.words.csv"
    path.write_text("word,start,end,channel\nhello,0.5,0.9,0\n<b>world</b>,1.0,1.4,0\n")
    return path


@pytest.fixture
def panel(client, folder):
    made = sk.JobPanel(client, folder)
    made.finish()
    yield made
    made.close()


def line(panel, index=0):
    return panel.table.rows.children[index]


def wait_for_state(panel, state, index=0):
    wait_until(lambda: len(panel.table.rows.children) > index and state in line(panel, index).text.value)


def press(panel, label, index=0):
    wait_until(lambda: label in buttons(panel.table, index))  # the buttons appear after the state
    buttons(panel.table, index)[label].click()
    panel.finish()


def submit(panel, *names):
    choose(panel.browser, *names)
    panel.submit.click()
    panel.finish()


def test_submit_watch_open(panel):
    """The whole way: choose a file, send it, wait until it is done, open it, get the transcript."""
    assert panel.submit.disabled
    panel.form.controls["normalize"].value = True
    submit(panel, "b.WAV")
    wait_for_state(panel, "done")
    assert "b.WAV" in line(panel).text.value
    assert "normalize" in line(panel).text.value
    press(panel, "Open")
    assert panel.transcript.words["word"].tolist() == ["hello", "<b>world</b>"]
    assert panel.transcripts == [panel.transcript]
    assert "t = panel.transcript" in panel.result.title.value
    assert "&lt;b&gt;world" in panel.result.words.value
    assert "<b>" not in panel.result.text.value + panel.result.words.value
    assert "data:image/png;base64," in panel.result.picture.value
    panel.result.close_result.click()
    assert panel.result.layout.display == "none"
    assert panel.transcript is not None


def test_one_button_sends_several(panel):
    """The button shows how many; each becomes a row."""
    choose(panel.browser, "a.ogg", "b.WAV")
    assert panel.submit.description == "Submit 2 recordings"
    panel.submit.click()
    wait_for_state(panel, "done", 1)
    wait_for_state(panel, "done", 0)


def test_a_wrong_option_is_shown_and_nothing_is_sent(panel, client):
    """The error comes before any request."""
    panel.form.controls["language"].value = "Klingon"
    submit(panel, "b.WAV")
    assert panel.status.is_error
    assert "language='Klingon' is not one of auto" in panel.status.text
    assert client.jobs().empty


def test_a_link_is_sent_as_it_is(panel):
    """The answer of the service is shown as text."""
    panel.source.value = LINK
    assert panel.browser.layout.display == "none"
    assert panel.submit.disabled
    panel.link.value = "ftp://example.org/a.wav"
    assert not panel.submit.disabled
    panel.submit.click()
    panel.finish()
    wait_for_state(panel, "failed")
    assert "ftp://example.org/a.wav" in line(panel).text.value


def test_a_panel_of_a_new_kernel_shows_all_jobs_and_continues(target, folder):
    """It needs the journal only: an open job is finished, a finished one can be opened."""
    with sk.connect(target) as client:
        client.submit(folder / "b.WAV")
    with sk.connect(target) as client:
        panel = sk.JobPanel(client, folder)
        wait_for_state(panel, "done")
        press(panel, "Open")
        assert panel.transcript.recording == "b.WAV"
        panel.close()


def test_jobs_of_another_service_are_shown(target, panel, client, folder):
    """With the name of their service, and without buttons that would not work."""
    client.journal.add(JobRecord(service="cloud", recording="far.wav", created_at=time.time()))
    wait_until(lambda: panel.table.rows.children)
    assert "to cloud" in line(panel).text.value
    assert not line(panel).buttons.children


def test_cancel_and_send_again(script, folder):
    """A running job is stopped; sending it again makes a new one, and the old one does not change."""
    with (
        serving(models={"general": f"scripted:{script}"}, faults=["never-done"]) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        panel = sk.JobPanel(client, folder)
        panel.finish()
        submit(panel, "b.WAV")
        wait_until(lambda: panel.table.rows.children and "Cancel" in buttons(panel.table))
        press(panel, "Cancel")
        wait_for_state(panel, "cancelled")
        press(panel, "Send again")
        wait_until(lambda: len(panel.table.rows.children) == 2)
        assert "cancelled" in line(panel, 1).text.value
        panel.close()


def test_the_user_decides_about_an_unknown_job(panel, client, folder):
    """Its row shows what is not known and what it may cost, and has the two possible actions."""
    record = JobRecord(
        service=client.service,
        recording="b.WAV",
        source=str(folder / "b.WAV"),
        sha256=sk.Recording(folder / "b.WAV").sha256,
        options={"model": "general"},
        created_at=time.time(),
    )
    for _ in range(2):
        client.journal.add(record).transition("unknown", error="the answer was lost")
    wait_until(lambda: len(panel.table.rows.children) == 2)
    assert "may be billed twice" in line(panel).text.value
    press(panel, "Give up", 1)
    wait_for_state(panel, "cancelled", 1)
    press(panel, "Send again", 0)
    wait_until(lambda: len(panel.table.rows.children) == 3)
    wait_for_state(panel, "cancelled", 1)
    wait_for_state(panel, "done", 0)


def test_a_panel_on_no_page_does_not_read_the_journal(panel):
    """Its cell may have been run again, or cleared. One that was never on a page reads it."""
    assert not panel._is_hidden
    panel.status.n_views = 1
    assert not panel._is_hidden
    panel.status.n_views = 0
    assert panel._is_hidden


def test_the_same_recording_is_not_paid_for_twice(folder):
    """A message explains it, the earlier job moves to the top; without reuse it is sent."""
    with sk.connect("local") as client:
        panel = sk.JobPanel(client, folder)
        panel.finish()
        submit(panel, "b.WAV")
        wait_for_state(panel, "done")
        submit(panel, "Зима 'ёлка' \"2\".mp3")
        wait_until(lambda: len(panel.table.rows.children) == 2)
        wait_for_state(panel, "done")
        submit(panel, "b.WAV")
        wait_until(lambda: "recognized before with the same options" in panel.status.text)
        assert "b.WAV" in line(panel).text.value
        assert len(client.jobs()) == 2
        panel.form.controls["reuse"].value = False
        submit(panel, "b.WAV")
        wait_until(lambda: len(panel.table.rows.children) == 3)
        panel.close()


# --- without a client


@pytest.fixture
def unconnected(monkeypatch, folder):
    """A panel without a client, where there are no credentials."""
    for name in [name for name in os.environ if name.startswith("YC_")]:
        monkeypatch.delenv(name)
    made = sk.JobPanel(folder=folder)
    made.finish()
    yield made
    made.close()
    made.finish()


def test_without_credentials_it_explains_what_to_do(unconnected):
    """An explanation, a button for the local recognizer, and nothing can be sent."""
    assert unconnected.sign_in.layout.display is None
    assert unconnected.status.text == "Not connected; the top of the panel says why"
    assert "getpass" in unconnected.sign_in.message.value
    choose(unconnected.browser, "b.WAV")
    assert unconnected.submit.disabled
    assert unconnected.client is None


def test_one_button_starts_the_local_recognizer(unconnected):
    """Without account and network; then the panel works as usual, and closing it ends the recognizer."""
    unconnected.sign_in.local.click()
    unconnected.finish()
    assert unconnected.sign_in.layout.display == "none"
    assert unconnected.client.service == "local"
    assert "local" in unconnected.head.value
    choose(unconnected.browser, "b.WAV")
    assert not unconnected.submit.disabled


def test_credentials_may_come_later(unconnected, monkeypatch):
    """They are set in a cell and tried again, without a new panel."""
    monkeypatch.setenv("YC_API_KEY", "not-a-real-key")
    unconnected.sign_in.again.click()
    unconnected.finish()
    assert unconnected.client.service == "cloud"


def test_arguments_of_another_type_are_refused():
    """At once, with what they may be; nothing is left running."""
    for value in (5, b"x", [], float("nan")):
        with pytest.raises(ConfigError, match=r"client must be a client, as .* returns it, or None, not "):
            sk.JobPanel(value)
        with pytest.raises(ConfigError, match=r"folder must be the path of a folder, or None, not "):
            sk.JobPanel(folder=value)
