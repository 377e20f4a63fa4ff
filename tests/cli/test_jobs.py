"""`speechkit-nb jobs`: its output, its files, and the exit codes that cron uses."""

import json
import os
import re
import time

import pandas as pd
import pytest
from answers import final, refinement
from click.testing import CliRunner
from local_server import serving, wav

import speechkit_nb as sk
from speechkit_nb.cli.main import main
from speechkit_nb.client import JobRecord, Journal
from speechkit_nb.wire import responses_from_json

ANSWER = [final(0, "hello world"), refinement(0, "Hello, world.")]


@pytest.fixture
def run():
    """Runs `speechkit-nb jobs` with the given arguments."""
    return lambda *arguments: CliRunner().invoke(main, ["jobs", *map(str, arguments)])


@pytest.fixture
def journal():
    opened = Journal()
    yield opened
    opened.close()


def added(journal, recording, state="submitted", answer=(), **facts):
    """Add a job in any state to the journal."""
    row = {"service": "cloud", "operation_id": f"op-{recording}", "submitted_at": 1000.0, **facts}
    entry = journal.add(JobRecord(recording=recording, state="submitted", created_at=1000.0, **row))
    if answer:
        entry.store_responses(answer, [1000.5] * len(answer), finished_at=1001.0, fetched_at=1001.0)
    elif state != "submitted":
        assert entry.transition(state, error=facts.get("error"), finished_at=1001.0)
    return entry


# --- list


def test_listing_is_what_it_does_unless_told_otherwise(run, journal):
    """One line per job, newest last, with number, state and error."""
    added(journal, "Зима 'ёлка'.wav", answer=ANSWER)
    added(journal, "b.wav", "failed", error="bad\naudio")
    for done in (run(), run("list")):
        assert done.exit_code == 0
        lines = done.output.splitlines()
        assert [lines[0].split()[:3], len(lines)] == [["number", "recording", "status"], 3]
        assert "Зима 'ёлка'.wav" in lines[1]
        assert "done" in lines[1]
        assert lines[2].startswith("2       b.wav")
        assert lines[2].endswith("bad audio")


def test_a_list_can_be_narrowed(run, journal):
    """By state, service, number of newest jobs, and ids; the options work without the word `list`, too."""
    added(journal, "a.wav", answer=ANSWER)
    added(journal, "b.wav", "failed", service="local")
    added(journal, "c.wav", "failed")
    kept = lambda *options: [row["recording"] for row in json.loads(run(*options, "--json").output)]  # noqa: E731
    assert kept("--state", "failed") == ["b.wav", "c.wav"]
    assert kept("list", "--state", "failed", "--service", "local") == ["b.wav"]
    assert kept("list", "--newest", 1) == ["c.wav"]
    assert kept("list", "1", "op-c.wav") == ["a.wav", "c.wav"]


def test_json_has_every_column_and_utc_times(run, journal):
    """For programs: missing values are null."""
    added(journal, "a.wav", answer=ANSWER)
    (row,) = json.loads(run("list", "--json").output)
    assert row["number"] == 1
    assert row["status"] == "done"
    assert row["submitted"] == "1970-01-01T00:16:40Z"
    assert row["error"] is None


def test_an_empty_journal_is_no_error(run):
    """Nothing is printed to standard output, so a pipe gets nothing."""
    done = run("list")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no jobs\n")
    assert json.loads(run("list", "--json").stdout) == []


def test_names_cannot_steer_the_terminal(run, journal):
    """Control characters of a name or an error are not printed."""
    added(journal, "\x1b[2Ja.wav", "failed", error="\x1b]0;title\x07")
    assert "\x1b" not in run("list").output
    assert "\x07" not in run("list").output


def test_a_job_there_is_not_is_wrong_usage(run):
    """The error names the command that lists all jobs."""
    done = run("cancel", "op-1")
    assert done.exit_code == 2
    assert "there is no job 'op-1'; speechkit-nb jobs list shows all jobs" in done.output


# --- export


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "txt"])
def test_results_are_exported_without_a_network(run, journal, tmp_path, kind):
    """One file per recording; reading it returns the same content."""
    added(journal, "a.wav", answer=ANSWER)
    done = run("export", tmp_path / "out", "--format", kind)
    assert (done.exit_code, done.output) == (0, "")
    path = tmp_path / "out" / f"a.wav.{kind}"
    if kind == "parquet":
        loaded = sk.load(path)
        assert (list(loaded.responses), loaded.info["operation_id"]) == (ANSWER, "op-a.wav")
    elif kind == "csv":
        assert pd.read_csv(path)["word"].tolist() == ["hello", "world"]
    elif kind == "json":
        assert responses_from_json(path.read_bytes()) == ANSWER
        assert sk.load(path).refined_text == "Hello, world."
    else:
        assert path.read_text() == "Hello, world.\n"


def test_exported_files_never_overwrite_each_other(run, journal, tmp_path):
    """Equal names, names that differ in case only, names with slashes, and names with numbers."""
    for recording in ("a.wav", "A.wav", "a.wav-4", "a.wav", "x/../../b.wav"):
        added(journal, recording, operation_id=None, answer=ANSWER)
    assert run("export", tmp_path / "out", "--format", "txt").exit_code == 0
    names = ["A.wav-2.txt", "a.wav-4-4.txt", "a.wav-4.txt", "a.wav.txt", "x_.._.._b.wav.txt"]
    assert sorted(os.listdir(tmp_path / "out")) == sorted(names)
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_keeps_its_name_when_the_journal_grows(run, journal, tmp_path):
    """Repeated exports write one file per job, even if an earlier job is done later."""
    first = added(journal, "a.wav", operation_id="op-1")
    added(journal, "a.wav", operation_id="op-2", answer=ANSWER)
    run("export", tmp_path, "--format", "txt")
    assert os.listdir(tmp_path) == ["a.wav-2.txt"]
    first.store_responses(ANSWER, [1.0, 2.0], finished_at=3.0, fetched_at=3.0)
    run("export", tmp_path, "--format", "txt")
    assert sorted(os.listdir(tmp_path)) == ["a.wav-2.txt", "a.wav.txt"]


def test_a_folder_that_cannot_be_is_one_line(run, journal, tmp_path):
    """No traceback, and no incomplete file."""
    added(journal, "a.wav", answer=ANSWER)
    (tmp_path / "out").write_text("")
    done = run("export", tmp_path / "out" / "deep")
    assert done.exit_code == 1
    assert re.fullmatch(r"Error: cannot write into '.*deep': Not a directory\n", done.output)


def test_what_has_no_result_is_not_exported_and_said(run, journal, tmp_path):
    """By default only results are exported; a job that is named and has none is a failure."""
    added(journal, "a.wav", answer=ANSWER)
    added(journal, "b.wav", "failed", error="bad audio")
    assert run("export", tmp_path / "out").exit_code == 0
    done = run("export", tmp_path / "out", 1, 2)
    assert (done.exit_code, done.output) == (1, "job 2 has no result: it is failed\n")


# --- with a service


def submitted(target, folder, *names, **options):
    """Jobs of a client that was closed."""
    for name in names:
        (folder / name).write_bytes(wav(2.0))
    with sk.connect(target) as client:
        return [client.submit(folder / name, reuse=False, **options).operation_id for name in names]


def test_waiting_brings_every_result_into_the_journal(run, script, journal, tmp_path):
    """Exit code 0, no output without a terminal; then the results can be exported."""
    with serving(models={"general": f"scripted:{script}"}) as api:
        submitted(f"grpc://{api.address}", tmp_path, "a.wav", "b.wav")
        done = run("wait", "--timeout", 60)
    assert (done.exit_code, done.output) == (0, "")
    assert [entry.record.state for entry in journal.entries()] == ["done", "done"]
    assert run("export", tmp_path / "out", "--format", "txt").exit_code == 0
    assert (tmp_path / "out" / "b.wav.txt").read_text() == "hello world\n"


def test_waiting_ends_with_its_timeout(run, script, journal, tmp_path):
    """Exit code 3: the jobs stay open."""
    with serving(models={"general": f"scripted:{script}"}, faults=["never-done"]) as api:
        submitted(f"grpc://{api.address}", tmp_path, "a.wav")
        done = run("wait", "--timeout", 0.5)
        assert (done.exit_code, done.output) == (3, "")
        assert run("fetch").exit_code == 0
    assert [entry.record.state in ("submitted", "running") for entry in journal.entries()] == [True]


def test_fetching_asks_once(run, script, journal, tmp_path):
    """Results that are ready are stored in the journal."""
    with serving(models={"general": f"scripted:{script}"}) as api:
        (operation_id,) = submitted(f"grpc://{api.address}", tmp_path, "a.wav")
        api.wait(operation_id)
        assert run("fetch").exit_code == 0
    assert journal.entries()[0].record.state == "done"


def test_a_service_that_is_gone_is_a_failure_of_its_own(run, script, journal, tmp_path):
    """Its jobs stay open; those of another service are fetched."""
    added(journal, "lost.wav", service="grpc://127.0.0.1:9")
    with serving(models={"general": f"scripted:{script}"}) as api:
        (operation_id,) = submitted(f"grpc://{api.address}", tmp_path, "a.wav")
        api.wait(operation_id)
        done = run("fetch")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "grpc://127.0.0.1:9: " in done.stderr
    assert [entry.record.state for entry in journal.entries()] == ["submitted", "done"]


def test_a_job_the_service_does_not_know_hinders_no_other(run, script, journal, tmp_path):
    """The error has its number; the others are fetched."""
    with serving(models={"general": f"scripted:{script}"}) as api:
        target = f"grpc://{api.address}"
        added(journal, "lost.wav", service=target, operation_id="f8dnone", submitted_at=time.time())
        (operation_id,) = submitted(target, tmp_path, "a.wav")
        api.wait(operation_id)
        done = run("fetch")
    assert done.exit_code == 1
    assert re.match(r"job 1: lost.wav: .*f8dnone", done.stderr)
    assert [entry.record.state for entry in journal.entries()] == ["submitted", "done"]


def test_cancelling_what_is_done_says_so(run, script, journal, tmp_path):
    """Its state does not change."""
    with serving(models={"general": f"scripted:{script}"}) as api:
        submitted(f"grpc://{api.address}", tmp_path, "a.wav")
        assert run("wait", "--timeout", 60).exit_code == 0
        done = run("cancel", 1)
    assert (done.exit_code, done.stderr) == (0, "a.wav (job 1) is done\n")


def test_a_job_without_a_result_is_told_in_words(run, script, journal, tmp_path):
    """Exit code 1; standard error has the recording and its state."""
    with serving(models={"general": f"scripted:{script}"}, faults=["never-done"]) as api:
        (operation_id,) = submitted(f"grpc://{api.address}", tmp_path, "a.wav")
        api.cancel(operation_id)
        done = run("wait", operation_id)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "a.wav (job 1) is cancelled\n")


def test_an_unknown_job_is_sent_again_or_given_up(run, script, journal, tmp_path):
    """Both settle it; `abandon` sends nothing."""
    (tmp_path / "a.wav").write_bytes(wav(2.0))
    with serving(models={"general": f"scripted:{script}"}) as api:
        target = f"grpc://{api.address}"
        facts = {
            "service": target,
            "recording": "a.wav",
            "source": str(tmp_path / "a.wav"),
            "sha256": sk.Recording(tmp_path / "a.wav").sha256,
            "options": {"model": "general"},
        }
        for _ in range(2):
            journal.add(JobRecord(created_at=time.time(), **facts)).transition(
                "unknown", error="the answer was lost"
            )
        assert run("wait", 1).exit_code == 1
        done = run("abandon", 1)
        assert (done.exit_code, done.output) == (0, "")
        done = run("resubmit", 2)
        assert (done.exit_code, done.output) == (
            0,
            f"a.wav: sent again as {journal.entries()[2].record.operation_id}\n",
        )
        assert run("wait", "--timeout", 60).exit_code == 0
    assert [entry.record.state for entry in journal.entries()] == ["cancelled", "cancelled", "done"]


def test_a_running_job_is_cancelled(run, script, journal, tmp_path):
    """By its number, or by its operation id."""
    with serving(models={"general": f"scripted:{script}"}, faults=["never-done"]) as api:
        (operation_id,) = submitted(f"grpc://{api.address}", tmp_path, "a.wav")
        assert run("cancel", operation_id).exit_code == 0
    assert journal.entries()[0].record.state == "cancelled"


# --- the same in a notebook


@pytest.fixture
def client(journal):
    """A client of the journal; it needs no server."""
    with sk.connect("grpc://127.0.0.1:9") as made:
        yield made


def test_the_ledger_shows_itself_in_a_notebook(client, journal):
    """Number of jobs per state, newest jobs, and errors; all texts are escaped."""
    added(journal, "<b>a</b>.wav", answer=ANSWER, duration=61.2)
    added(journal, "b.wav", "failed", error="<script>")
    journal.add(JobRecord(recording="c.wav", created_at=1000.0, service="cloud"))
    page = client.jobs()._repr_html_()
    assert "3 jobs: 1 done, 1 failed, 1 submitting" in page
    assert "&lt;b&gt;a&lt;/b&gt;.wav" in page
    assert "&lt;script&gt;" in page
    assert not {"<b>", "<script>", "nan", "NaT"} & set(re.findall(r"<\w+>|nan|NaT", page))
    assert "1970-01-01 00:16" in page


def test_a_long_ledger_shows_its_newest_rows(client, journal):
    """The HTML stays small; the frame has all rows."""
    for number in range(25):
        journal.add(JobRecord(recording=f"{number}.wav", created_at=1000.0, service="cloud"))
    page = client.jobs()._repr_html_()
    assert "25 jobs: 25 submitting; the newest 20 are shown" in page
    assert "24.wav" in page
    assert "4.wav" not in page.replace("14.wav", "").replace("24.wav", "")
    assert len(client.jobs()) == 25


def test_an_empty_ledger_shows_itself_too(client):
    """No table, and no error."""
    assert client.jobs()._repr_html_() == "<div><p>0 jobs</p></div>"


def test_what_is_made_of_the_ledger_is_a_plain_frame(client, journal):
    """Only the complete frame has the special HTML."""
    added(journal, "a.wav", answer=ANSWER)
    frame = client.jobs()
    assert isinstance(frame, pd.DataFrame)
    for made in (frame.head(), frame[frame.status == "done"], frame[["recording"]], frame.assign(x=1)):
        assert type(made) is pd.DataFrame
