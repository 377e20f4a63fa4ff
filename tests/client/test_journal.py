"""The journal: crashes, threads and several kernels; errors for files that it cannot use."""

import hashlib
import itertools
import multiprocessing
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from faulty_disk import CANNOT_LOCK, FULL, READ_ONLY, failing_disk

from speechkit_nb.client import STATES, JobRecord, Journal
from speechkit_nb.client.journal import database
from speechkit_nb.client.journal.entry import SUBMISSION_LIMIT
from speechkit_nb.client.journal.migrations import MIGRATIONS, enable_wal
from speechkit_nb.client.journal.states import REUSABLE
from speechkit_nb.errors import JobError, JournalError
from speechkit_nb.paths import data_folder

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "journal.sqlite3")
    yield opened
    opened.close()


def add(journal, replaces=None, **columns):
    columns = {"recording": "a.wav", "created_at": 1.0, "options": {"model": "general"}} | columns
    return journal.add(JobRecord(**{"service": "local"} | columns), replaces=replaces)


def is_intact(journal):
    """Whether the integrity check of SQLite finds no error."""
    return [tuple(row) for row in journal._database.rows("PRAGMA integrity_check")] == [("ok",)]


def test_an_intent_is_on_the_disk_before_the_call(tmp_path):
    """A process that is killed right after `add` leaves a row in the state submitting."""
    program = (
        "import os, sys; from speechkit_nb.client import JobRecord, Journal; "
        "Journal(sys.argv[1]).add(JobRecord(service='local', recording='a.wav', created_at=1.0)); os._exit(9)"
    )
    path = tmp_path / "journal.sqlite3"
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 9
    journal = Journal(path)
    (entry,) = journal.entries(states=["submitting"])
    assert entry.record.recording == "a.wav"
    assert entry.reconcile(2.0).state == "unknown"
    journal.close()


def test_a_row_of_a_living_process_is_not_orphaned(journal):
    """The submitting process may still get its response."""
    assert add(journal).reconcile(2.0).state == "submitting"


def test_messages_come_back_as_they_were(journal):
    """The same bytes in order, with their arrival times; only the first kernel stores them."""
    entry = add(journal, operation_id="f8d1", state="running")
    assert entry.store_responses([b"\x00\xff", b""], [1.5, 2.5])
    assert entry.load_responses() == ([b"\x00\xff", b""], [1.5, 2.5])
    assert not entry.store_responses([b"again"], [3.5])
    assert entry.load_responses() == ([b"\x00\xff", b""], [1.5, 2.5])
    assert entry.record.state == "done"


def test_keeping_is_whole_or_not_at_all(journal):
    """If a column cannot be written, the messages are not written either."""
    entry = add(journal, operation_id="f8d1", state="running")
    with pytest.raises(JournalError, match="no such column: novel"):
        entry.store_responses([b"new"], [2.0], novel=1)
    assert entry.load_responses() == ([], [])
    assert entry.record.state == "running"


def test_an_operation_is_in_it_once(journal):
    """Two rows with the same service and operation id are refused."""
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
    """Two processes create a journal and write to it at the same time; nothing is lost."""
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
    """WAL mode, so that readers and a writer do not block each other; the file has a version number."""
    db = sqlite3.connect(journal.path)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    db.close()


def test_a_newer_journal_is_left_alone(tmp_path):
    """The error has its version and what to do."""
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
    """The error has the path, the reason of SQLite, and what to do; nothing is overwritten."""
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(content)
    with pytest.raises(
        JournalError, match=r"journal\.sqlite3' cannot be used .*left as it is; repair or move it"
    ):
        Journal(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """A file instead of a folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"file/journal\.sqlite3' cannot be used"):
        Journal(tmp_path / "file" / "journal.sqlite3")


def test_it_lives_in_the_users_folder_unless_told_otherwise(monkeypatch, tmp_path):
    """SPEECHKIT_NB_HOME has priority; the working folder is never used."""
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(tmp_path / "mine"))
    journal = Journal()
    assert journal.path == tmp_path / "mine" / "journal.sqlite3"
    journal.close()
    monkeypatch.delenv("SPEECHKIT_NB_HOME")
    assert data_folder().name == "speechkit_nb"
    assert not data_folder().is_relative_to(os.getcwd())


# ---- states


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("following", STATES)
def test_a_state_changes_along_the_table_only(journal, state, following):
    """A transition that is not in the table is not made; it returns False."""
    entry = add(journal, state=state)
    assert entry.transition(following, error="why") == (following in STATES[state].successors)
    moved = (following, "why") if following in STATES[state].successors else (state, None)
    assert (entry.record.state, entry.record.error) == moved


def test_the_table_of_states_is_in_the_documentation():
    """The same states, icons, labels, meanings, actions and successors, word for word."""
    row = r"^\| `(\w+)` \| (\S+) ([^|]+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$"
    found = re.findall(row, ARCHITECTURE.read_text(), re.MULTILINE)
    assert [name for name, *_ in found] == list(STATES)
    for name, icon, label, meaning, actions, successors in found:
        state = STATES[name]
        assert (icon, label, meaning) == (state.icon, state.label, state.meaning)
        assert actions == ", ".join(state.actions)
        assert dict(re.findall(r"`(\w+)`: ([^;]+)", successors)) == state.successors


def test_what_follows_from_the_table_of_states():
    """The groups of states that other modules use: a change of the table must be deliberate."""
    groups = {
        name: [state for state, info in STATES.items() if getattr(info, name)]
        for name in ("is_open", "is_polled", "is_failure", "is_uncertain", "is_stored", "needs_attention")
    }
    assert groups == {
        "is_open": ["submitting", "submitted", "running"],
        "is_polled": ["submitted", "running"],
        "is_failure": ["failed", "expired"],
        "is_uncertain": ["submitting", "unknown", "damaged"],
        "is_stored": ["done", "expired"],
        "needs_attention": ["failed", "expired", "unknown", "damaged"],
    }
    assert REUSABLE == ("done", "running", "submitted", "submitting")
    assert [state for state, info in STATES.items() if info.is_billed is not True] == [
        *("submitting", "failed", "unknown", "damaged")
    ]


# ---- submissions of ended processes


def test_a_number_of_a_process_that_was_given_out_again(journal):
    """Another process has the process id of the submitting one: the wait is limited by the age."""
    entry = add(journal, created_at=1000.0)
    assert entry.reconcile(1000.0 + SUBMISSION_LIMIT).state == "submitting"
    assert entry.reconcile(1001.0 + SUBMISSION_LIMIT).state == "unknown"


def test_an_answer_that_comes_after_all(journal):
    """Another kernel marked the job as unknown, and then the response arrives."""
    entry = add(journal)
    assert entry.transition("unknown")
    assert entry.transition("submitted", operation_id="f8d1")


def test_a_clock_that_was_set_back(journal):
    """A submission from the future is still waited for, and counts for the quota for a limited time."""
    now = time.time()
    assert add(journal, created_at=now + 1e6).reconcile(now).state == "submitting"
    add(journal, created_at=now - 60)
    add(journal, created_at=now + 60)
    add(journal, created_at=now - 7200)
    add(journal, created_at=now - 30, submitted_at=now - 20, state="failed", operation_id="f8d1")
    add(journal, created_at=now - 30, state="failed")
    assert sorted(journal.submitted_ages("local")) == pytest.approx([-60, 20, 60], abs=5)


def test_what_was_refused_and_not_sent_again_is_no_riddle(tmp_path):
    """A kernel that waits for its quota has stored the refusal; if it is killed then, the job is failed."""
    program = (
        "import os, sys; from speechkit_nb.client import JobRecord, Journal; "
        "record = JobRecord(service='local', recording='a.wav', created_at=1.0); "
        "entry = Journal(sys.argv[1]).add(record); "
        "entry.update(error='quota; not sent again yet'); os._exit(9)"
    )
    path = tmp_path / "journal.sqlite3"
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    journal = Journal(path)
    (entry,) = journal.entries()
    record = entry.reconcile(2.0)
    assert (record.state, record.error) == ("failed", "quota; not sent again yet")
    journal.close()


def test_an_unknown_job_is_settled_once(journal):
    """Two kernels send it again at the same time: the second sends nothing and adds no row."""
    unknown = add(journal, state="unknown")
    again = add(journal, replaces=unknown)
    assert unknown.record.state == "cancelled"
    assert unknown.record.error == f"sent again as {again.number}"
    taken_after_all = add(journal, state="submitted")
    for settled in (unknown, taken_after_all):
        with pytest.raises(JobError, match=r"a\.wav: job \d was settled meanwhile; nothing was sent"):
            add(journal, replaces=settled)
    assert len(journal.entries()) == 3
    assert taken_after_all.record.state == "submitted"


# ---- migrations


def test_a_released_layout_is_never_changed():
    """Users have journals of every released version."""
    digests = [hashlib.sha256(layout.encode()).hexdigest()[:16] for layout in MIGRATIONS]
    assert digests == [
        "cea16c3528f3b27f", "83098ad2c3b82615", "35b106b6ce76f122", "0d777bd0b771b828", "7d40cfcbcbf26c56",
    ]  # fmt: skip


def test_a_journal_of_the_first_layout_keeps_everything(tmp_path):
    """It is migrated when it is opened, with all rows and messages; new columns can be used."""
    path = tmp_path / "journal.sqlite3"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(MIGRATIONS[0])
    columns = "service, operation_id, recording, options, state, created_at, fetched_at"
    row = ("local", "f8d1", "a.wav", '{"model": "general"}', "done", 1.0, 2.0)
    db.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO responses VALUES (1, 0, 1.5, ?)", (b"\x00\xff",))
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    journal = Journal(path)
    (entry,) = journal.entries()
    record = entry.record
    assert (record.service, record.operation_id, record.state) == ("local", "f8d1", "done")
    assert record.fetched_at == 2.0
    assert (record.options, record.metadata, record.reuse_key) == ({"model": "general"}, {}, None)
    assert record.bucket is record.folder is None
    assert entry.load_responses() == ([b"\x00\xff"], [1.5])
    assert add(journal, metadata={"speaker": "ann"}, reuse_key="k").record.metadata == {"speaker": "ann"}
    journal.close()


# ---- disks


def test_one_within_another_is_one(journal):
    """A nested transaction: what was written before the failure is rolled back, too."""
    unknown = add(journal, state="unknown")
    with pytest.raises(JobError, match="settled meanwhile"), journal.transaction():
        add(journal, replaces=add(journal, state="done"))
    assert [entry.number for entry in journal.entries()] == [unknown.number]
    with journal.transaction():
        add(journal, replaces=unknown)
        add(journal)
    assert len(journal.entries()) == 3


@contextmanager
def suppressed(kind):
    """Ignores errors of this type."""
    errors = []
    try:
        yield errors
    except kind as error:
        errors.append(error)


def test_a_full_disk(tmp_path):
    """At any write: the error names the cause, nothing is half written, and it works again after that."""
    for n_writes in itertools.count():
        journal = Journal(tmp_path / f"{n_writes}.sqlite3")
        entry = add(journal, operation_id="f8d1", state="running")
        with failing_disk(FULL, after=n_writes) as failed, suppressed(JournalError) as errors:
            entry.store_responses([b"message" * 2000], [1.0])
        assert bool(errors) == bool(failed)
        assert all("disk is full). Nothing of it was lost: make room there" in str(error) for error in errors)
        assert (entry.record.state, len(entry.load_responses()[0])) == (
            ("running", 0) if failed else ("done", 1)
        )
        assert entry.store_responses([b"message"], [1.0]) == bool(failed)
        assert is_intact(journal)
        journal.close()
        if not failed:
            break
    assert n_writes > 3


@pytest.mark.parametrize("is_new", [True, False])
def test_a_disk_that_cannot_be_written(tmp_path, is_new):
    """The error at once has what to change."""
    path = tmp_path / "journal.sqlite3"
    if not is_new:
        Journal(path).close()
    with (
        failing_disk(READ_ONLY) as failed,
        pytest.raises(JournalError, match=r"The file and its folder have to be writable.*SPEECHKIT_NB_HOME"),
    ):
        add(Journal(path))
    assert failed == {"open"}


@pytest.mark.parametrize("is_new", [True, False])
def test_a_disk_that_cannot_lock(tmp_path, monkeypatch, is_new):
    """Such as a network drive: one error with the cause and a solution; the journal does not change."""
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    path = tmp_path / "journal.sqlite3"
    if not is_new:
        Journal(path).close()
    before = path.read_bytes() if path.exists() else b""
    with (
        failing_disk(CANNOT_LOCK),
        pytest.raises(
            JournalError, match=r"is locked\)\. Another program.*network drives cannot.*SPEECHKIT_NB_HOME"
        ),
    ):
        Journal(path)
    assert path.read_bytes() == before


def test_a_disk_that_stops_locking(tmp_path):
    """SQLite has another error code if the journal is open already."""
    journal = Journal(tmp_path / "journal.sqlite3")
    with (
        failing_disk(CANNOT_LOCK),
        pytest.raises(JournalError, match=r"locking protocol\)\. Another program"),
    ):
        add(journal)
    add(journal)
    journal.close()


def test_another_program_that_keeps_it_locked(tmp_path, monkeypatch):
    """For example a database viewer with an open transaction."""
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    journal = Journal(tmp_path / "journal.sqlite3")
    other = sqlite3.connect(journal.path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalError, match=r"database is locked\)\. Another program keeps it locked"):
        add(journal)
    other.rollback()
    other.close()
    add(journal)
    journal.close()


def test_a_place_without_shared_memory():
    """SQLite does not report that it cannot use WAL; the journal does."""
    db = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError, match="allows journal mode 'memory' only, not 'wal'"):
        enable_wal(db, 0.1)
    db.close()


WRITER = """
import os, sys
from speechkit_nb.client import JobRecord, Journal
journal = Journal(sys.argv[1])
for number in range(3):
    entry = journal.add(JobRecord(service="local", recording=f"{number}.wav", created_at=1.0))
    entry.transition("submitted", operation_id=f"f8d{number}", submitted_at=2.0)
    entry.store_responses([b"message" * 700 * number], [3.0], fetched_at=3.0)
    entry.update(delivered_at=4.0)
os._exit(9)
"""


def test_a_power_cut(tmp_path):
    """The WAL file is cut at many positions: the journal has an earlier state, and can be written again."""
    path = tmp_path / "journal.sqlite3"
    assert subprocess.run([sys.executable, "-c", WRITER, str(path)], check=False).returncode == 9
    ahead = path.with_name(path.name + "-wal").read_bytes()
    frame = 24 + int.from_bytes(ahead[8:12], "big")
    ends = [32 + frame * number for number in range((len(ahead) - 32) // frame + 1)]
    assert len(ends) > 15
    cuts = sorted(
        {0, 1, 31} | {end + odd for end in ends for odd in (0, 1, 23, 24, 25, frame // 2, frame - 1)}
    )
    moments = [moment_of(tmp_path / "cut" / f"{cut}.sqlite3", path, ahead[:cut]) for cut in cuts]
    steps = [moment for moment, _ in itertools.groupby(moments)]
    assert len(steps) == len(set(steps)) == 1 + 3 * 4  # without a row, and after each transaction of a job
    assert steps == sorted(steps)
    assert steps[-1] == (("0.wav", 4, 1), ("1.wav", 4, 1), ("2.wav", 4, 1))


def moment_of(cut: Path, path: Path, ahead: bytes) -> tuple:
    """The progress of each job in a cut journal: recording, number of times, number of messages."""
    cut.parent.mkdir(exist_ok=True)
    shutil.copy(path, cut)
    cut.with_name(cut.name + "-wal").write_bytes(ahead)
    journal = Journal(cut)
    assert is_intact(journal)
    found = []
    for entry in journal.entries():
        record, responses = entry.record, entry.load_responses()[0]
        moments = (record.created_at, record.submitted_at, record.fetched_at, record.delivered_at)
        found.append((record.recording, sum(moment is not None for moment in moments), len(responses)))
        assert (record.state == "done") == (record.fetched_at is not None) == bool(responses)
    add(journal)
    journal.close()
    return tuple(found)
