"""One damaged cell of the journal costs one row; and what `client.job` accepts as the name of a job."""

import dataclasses
import json
import os
import sqlite3
import stat
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from answers import final
from click.testing import CliRunner
from local_server import wav

import speechkit_nb as sk
from speechkit_nb.cli.main import main
from speechkit_nb.client import JobRecord, Journal
from speechkit_nb.errors import ConfigError, DamagedJob, JobError, JobUnknown, NotFound

TEXT = {
    "blob": b"\x00\xff",
    "bytes that are not UTF-8": "CAST(x'cff0e8' AS TEXT)",
    "half a character": "CAST(x'eda080' AS TEXT)",
}
NUMBER = TEXT | {"text": "abc", "huge": 1e300, "negative": -1e12, "infinity": float("inf")}
JSON = TEXT | {
    "no JSON": "abc",
    "cut JSON": '{"model": "gen',
    "a list": "[1]",
    "deep JSON": '{"a": ' * 100_000,
    "a number of 5,000 digits": '{"a": ' + "9" * 5000 + "}",
}
DAMAGES = {
    **dict.fromkeys(("service", "operation_id", "recording", "sha256", "owner", "error", "bucket"), TEXT),
    **dict.fromkeys(("reuse_key", "folder"), TEXT),
    "source": {"half a character": TEXT["half a character"]},
    "state": TEXT | {"a state of a later version": "paused", "empty": ""},
    "options": JSON,
    "metadata": JSON,
    **dict.fromkeys(("duration", "n_channels", "created_at", "submitted_at", "finished_at"), NUMBER),
    **dict.fromkeys(("fetched_at", "delivered_at"), NUMBER),
}


def change(journal, number, column, value):
    """Write a value into a cell, as another program or a damaged disk would."""
    is_sql = isinstance(value, str) and value.startswith("CAST(")
    db = sqlite3.connect(journal.path)
    assignment = f"{column} = {value}" if is_sql else f"{column} = ?"
    db.execute(f"UPDATE jobs SET {assignment} WHERE id = ?", (number,) if is_sql else (value, number))
    db.commit()
    db.close()


def add_job(client, text="", **columns):
    row = {"service": client.service, "state": "running", "created_at": 1000.0, "submitted_at": 1000.0}
    row |= {"recording": f"{text}.wav", "options": {"model": "general"}}
    entry = client.journal.add(JobRecord(**row | columns))
    if text:
        entry.store_responses([final(0, text)], [1.0])
    return entry


def run(*arguments):
    return CliRunner().invoke(main, ["jobs", *map(str, arguments)])


@pytest.mark.parametrize("column", DAMAGES)
def test_a_damaged_cell_costs_one_row(client, column, tmp_path):
    """Its row is shown with its number and the cell; every door goes on, and its result is there."""
    whole = add_job(client, "whole").number
    damaged = {add_job(client, f"text {kind}").number: kind for kind in DAMAGES[column]}
    for number, kind in damaged.items():
        change(client.journal, number, column, DAMAGES[column][kind])
    frame = client.jobs().set_index("number")
    assert frame.index.tolist() == [whole, *damaged]
    assert frame.status.tolist() == ["done", *["damaged"] * len(damaged)]
    for number, kind in damaged.items():
        assert frame.error[number].startswith(f"job {number} is damaged in the journal: {column} is ")
        assert client.job(number).result(progress=False).text == f"text {kind}"
        assert repr(client.job(number)).startswith(f"Job({number}, ")
    assert "damaged" in client.jobs()._repr_html_()
    listed = run("list", "--json")
    assert [row["status"] for row in json.loads(listed.output)] == frame.status.tolist()
    assert len(run().output.splitlines()) == 2 + len(damaged)
    assert run("list", "--state", "damaged").output.count("damaged in the journal") == len(damaged)
    assert run("export", tmp_path).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["whole.wav.parquet"]
    if column in ("service", "delivered_at"):  # whether these jobs are to be resumed cannot be known
        assert {job.number for job in _resume(client)} == {whole}
        return
    with pytest.warns(
        DamagedJob, match=f"^{len(damaged)} jobs? of the journal cannot be read and left out: job "
    ):
        jobs = client.resume()
    assert [job.number for job in jobs] == [whole]
    assert jobs.results(progress=False)[0].text == "whole"


def _resume(client):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamagedJob)
        return client.resume()


def test_a_damaged_job_without_messages(client):
    """It has no result, and the error says which cell is damaged."""
    number = add_job(client).number
    change(client.journal, number, "options", "{")
    with pytest.raises(
        JobError, match=rf"^job {number} is damaged in the journal: options is '\{{'\. It has no messages"
    ):
        client.job(number).result(progress=False)
    assert client.job(number).status == "damaged"


def test_the_same_sound_as_a_damaged_job(client, tmp_path):
    """It may be paid for already, so it is sent again only when the user says so."""
    first = client.submit(wav(), reuse=True)
    first.result(progress=False)
    change(client.journal, first.number, "duration", "long")
    with pytest.raises(JobUnknown, match=r"was sent before, but job 1 is damaged .*use reuse=False"):
        client.submit(wav(), reuse=True)
    assert client.submit(wav(), reuse=False).result(progress=False).text


def test_damaged_messages(client):
    """A message that is not bytes is unreadable, a time that is no number is unknown; the rest is there."""
    entry = add_job(client, recording="two.wav")
    entry.store_responses([final(0, "one"), final(1, "two"), final(2, "three")], [1.0, 2.0, 3.0])
    db = sqlite3.connect(client.journal.path)
    db.execute("UPDATE responses SET message = 'text' WHERE seq = 1")
    db.execute("UPDATE responses SET received_at = 'late' WHERE seq = 0")
    db.commit()
    db.close()
    transcript = client.job(entry.number).result(progress=False)
    with pytest.warns(sk.errors.UnreadableMessage, match="message 1 of 3 cannot be parsed"):
        assert transcript.text == "one three"
    assert transcript.events.event.tolist() == ["final", "unreadable", "final"]
    assert transcript.events.received_at.isna().tolist() == [True, False, False]


def test_metadata_with_half_a_character(client):
    """A lone surrogate, valid in JSON, is shown as an escape in the frames."""
    entry = add_job(client, "said", metadata={"speaker": "\ud800", "\udc00": 1})
    assert client.resume().frame.loc[0, "speaker"] == "\\ud800"
    assert client.resume().words.loc[0, "\\udc00"] == 1
    assert client.job(entry.number).metadata["speaker"] == "\ud800"


def test_a_column_of_the_user_that_is_called_like_ours(client):
    """Metadata `number` in an earlier journal does not replace the number of the job."""
    entry = add_job(client, "said", metadata={"number": "seven"})
    frame = client.resume().frame
    assert (frame.loc[0, "number"], frame.loc[0, "my_number"]) == (entry.number, "seven")


# ---- the name of a job


def test_every_spelling_of_a_number_and_of_an_id(client):
    """The number in `jobs()` is the one that `job` takes, in any integer type or as text."""
    entry = add_job(client, "said", operation_id="f8d1")
    number = client.jobs().number[0]
    for name in (
        number,
        np.int64(1),
        np.uint8(1),
        1,
        "1",
        " 1\n",
        "f8d1",
        " f8d1\r\n",
        "\ufefff8d1",
        "f8d1\u00a0",
    ):
        assert client.job(name).number == entry.number
    assert client.job(entry.number).number == entry.number == number
    for html in (client.jobs()._repr_html_(), client.resume()._repr_html_()):
        assert ">number</th>" in html
        assert f">{number}</td>" in html


@pytest.mark.parametrize(
    "name",
    [
        *(b"f8d1", True, np.True_, 1.0, float("nan"), None, "", "  \n", "a b", "a\x1bb", "\ud800", "x" * 201),
        *([1], {}, pd.NA, np.array([1, 2]), object(), "f8d1\nf8d2"),
    ],
)
def test_what_is_no_name_of_a_job(client, name):
    """One error; nothing is written into the journal."""
    with pytest.raises(
        ConfigError, match="is no id of a job: it is the id of its operation as text, or its number"
    ):
        client.job(name)
    assert client.jobs().empty
    if isinstance(name, str):
        assert run("abandon", name).exit_code == 2


@pytest.mark.parametrize("number", [0, -1, 2, 2**63, -(2**63), 10**30, "2", "9" * 30])
def test_a_number_that_no_job_has(client, number):
    """The error names the table of all jobs."""
    add_job(client, "said")
    with pytest.raises(NotFound, match=r"^the journal has no job -?\d+; client\.jobs\(\) lists all jobs"):
        client.job(number)


# ---- the file


def test_only_the_owner_may_read_the_journal(tmp_path):
    """A new file, and one that an earlier version made readable for all, with the files beside it."""
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    files = [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]
    journal.add(JobRecord(service="local", recording="a", created_at=1.0))
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    for file in files:
        file.chmod(0o644)
    again = Journal(path)
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    journal.close()
    again.close()


def test_a_relative_home_is_the_same_after_a_change_of_the_folder(tmp_path, monkeypatch):
    """The journal is found again, and so is one that was named by a relative path."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPEECHKIT_NB_HOME", "rel dir")
    first, named = Journal(), Journal("own.sqlite3")
    for journal in (first, named):
        journal.add(JobRecord(service="local", recording="a", created_at=1.0))
    monkeypatch.chdir("elsewhere")
    first.close()
    named.close()
    assert Journal().path == first.path == tmp_path / "rel dir" / "journal.sqlite3"
    assert (Journal().n_jobs, first.n_jobs, named.n_jobs) == (1, 1, 1)
    assert list((tmp_path / "elsewhere").iterdir()) == []


# ---- names that are not UTF-8


def test_a_file_name_that_is_not_utf_8(client, tmp_path):
    """One of three files: every door takes it, shows its bytes as escapes, and finds the file again."""
    folder = os.fsencode(tmp_path / "talks")
    os.mkdir(folder)
    for number, name in enumerate((b"a.wav", b"\xcf\xf0\xe8.wav", b"z.wav")):
        Path(os.fsdecode(os.path.join(folder, name))).write_bytes(wav(1.0 + number))
    odd = os.fsdecode(os.path.join(folder, b"\xcf\xf0\xe8.wav"))
    jobs = client.submit_many(tmp_path / "talks", progress=False)
    names = ["a.wav", "z.wav", "\\xcf\\xf0\\xe8.wav"]
    assert sorted(jobs.words.recording.unique()) == sorted(names)
    assert sorted(jobs.frame.recording) == sorted(names)
    assert sorted(client.jobs().recording) == sorted(names)
    jobs._repr_html_().encode()
    (number,) = client.jobs().number[client.jobs().recording == names[2]]
    job = client.job(number)
    assert job.record.source == odd
    repr(job).encode()
    transcript = job.result(progress=False)
    assert transcript.words.recording.unique().tolist() == [names[2]]
    assert sk.load(transcript.save(tmp_path / "a.parquet")).source == odd
    change(client.journal, number, "state", "failed")
    assert client.job(number).resubmit().result(progress=False).text == "hello world"
    table = pd.DataFrame({"source": [Path(odd)], "speaker": ["ann"]})
    assert client.submit_many(table, progress=False).words.recording.unique().tolist() == [names[2]]
    assert client.submit(odd, reuse=True).reused
    settings = dataclasses.replace(client._submitter.settings, storage=tmp_path)
    client._submitter.settings = settings
    assert client.upload(odd, "talks", progress=False).endswith("_xcf_xf0_xe8.wav")
    assert len(run().output.encode().splitlines()) == len(client.jobs()) + 1
