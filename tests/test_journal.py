"""The ledger: survives crashes, threads and kernels; says what is wrong with a file it cannot use."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from speechkit_nb.client.journal import LAYOUTS, Journal, home
from speechkit_nb.errors import JournalError


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "journal.sqlite3")
    yield opened
    opened.close()


def add(journal, **facts):
    return journal.add(
        **{"service": "local", "recording": "a.wav", "created_at": 1.0, "options": {"model": "general"}}
        | facts
    )


def test_an_intent_is_on_the_disk_before_the_call(tmp_path):
    """A process that is killed right after `add` leaves a row in state submitting."""
    program = (
        "import os, sys; from speechkit_nb.client.journal import Journal; "
        "Journal(sys.argv[1]).add(service='local', recording='a.wav', created_at=1.0); os._exit(9)"
    )
    path = tmp_path / "journal.sqlite3"
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 9
    journal = Journal(path)
    (entry,) = journal.entries("state = 'submitting'")
    assert entry.facts["recording"] == "a.wav"
    assert entry.orphaned
    journal.close()


def test_a_row_of_a_living_process_is_not_orphaned(journal):
    """The process that submits may still get its answer."""
    assert not add(journal).orphaned


def test_messages_come_back_as_they_were(journal):
    """Raw bytes in their order, with the times of their arrival; keeping again replaces them."""
    entry = add(journal, operation_id="f8d1")
    entry.keep([b"\x00\xff", b""], [1.5, 2.5], state="done")
    assert entry.answer() == ([b"\x00\xff", b""], [1.5, 2.5])
    entry.keep([b"again"], [3.5])
    assert entry.answer() == ([b"again"], [3.5])
    assert entry.facts["state"] == "done"


def test_keeping_is_whole_or_not_at_all(journal):
    """If a fact cannot be written, neither are the messages."""
    entry = add(journal)
    entry.keep([b"old"], [1.0])
    with pytest.raises(JournalError, match="no such column: novel"):
        entry.keep([b"new"], [2.0], novel=1)
    assert entry.answer() == ([b"old"], [1.0])


def test_an_operation_is_in_it_once(journal):
    """Two rows for one operation of one service cannot be."""
    add(journal, operation_id="f8d1")
    with pytest.raises(JournalError, match="UNIQUE constraint failed"):
        add(journal, operation_id="f8d1")
    add(journal, operation_id="f8d1", service="grpc://127.0.0.1:1")


def test_threads_share_it(journal):
    """Many threads write; nothing is lost."""
    threads = [threading.Thread(target=add, args=(journal,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.entries()) == 20


def _add_many(path: str) -> None:
    journal = Journal(path)
    for _ in range(25):
        add(journal)
    journal.close()


def test_kernels_share_it(tmp_path):
    """Two processes open a journal that is not there yet and write at once; nothing is lost."""
    path = str(tmp_path / "journal.sqlite3")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_many, args=(path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    journal = Journal(path)
    assert len(journal.entries()) == 50
    journal.close()


def test_it_writes_ahead_and_knows_its_layout(journal):
    """WAL, so that readers and a writer do not block each other; the layout's number is in the file."""
    db = sqlite3.connect(journal.path)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA user_version").fetchone() == (len(LAYOUTS),)
    db.close()


def test_a_newer_journal_is_left_alone(tmp_path):
    """It says which layout it is and what to do."""
    path = tmp_path / "journal.sqlite3"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(
        JournalError, match=r"newer speechkit_nb \(layout 99, this one knows \d+\): pip install"
    ):
        Journal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be one" * 50, b"SQLite format 3\0x"]
)
def test_a_damaged_journal_is_named_and_left_as_it_is(tmp_path, content):
    """The message has the path, SQLite's reason, and what to do; nothing is overwritten."""
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(content)
    with pytest.raises(
        JournalError, match=r"journal\.sqlite3' cannot be used .*left as it is; repair or move it"
    ):
        Journal(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """A file where a folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"file/journal\.sqlite3' cannot be used"):
        Journal(tmp_path / "file" / "journal.sqlite3")


def test_it_lives_in_the_users_folder_unless_told_otherwise(monkeypatch, tmp_path):
    """SPEECHKIT_NB_HOME wins; never the working folder."""
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(tmp_path / "mine"))
    journal = Journal()
    assert journal.path == tmp_path / "mine" / "journal.sqlite3"
    journal.close()
    monkeypatch.delenv("SPEECHKIT_NB_HOME")
    assert home().name == "speechkit_nb"
    assert not home().is_relative_to(os.getcwd())
