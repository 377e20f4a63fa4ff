"""Kernels are killed at every write to the journal and every call of the network; no result is lost.

A moment is the time just before or after such a write or call. The exhaustive tests kill one kernel at each
moment that any kernel has reported. After that, new kernels continue, and the submissions that the server has
accepted are compared with the journal.
"""

import itertools
import random
import shutil
import sqlite3
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from killed_kernels import Kernels, Outcome
from local_server import Server, wav

TRIES = 20
NAMES = ("0.wav", "1.wav", "2.wav")
ALL = dict.fromkeys(NAMES, "hello world")
WIRES = {
    "grpc": ("RecognizeFile", "Get", "GetRecognition"),
    "rest": ("POST /stt/v3/recognizeFileAsync", "GET /operations", "GET /stt/v3/getRecognition"),
}


@pytest.fixture(scope="module")
def kernels():
    with Kernels() as made:
        yield made


@pytest.fixture(scope="module")
def script_of_all(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("script") / "all.words.csv"
    path.write_text("word,start,end\nhello,0.1,0.3\nworld,0.4,0.6\n")
    return path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(wav(5 + number / 10))
    return folder


class World:
    """A server that stores its operations, and a separate journal for each scene."""

    def __init__(self, kernels: Kernels, wire: str, script: Path, recordings: Path, folder: Path) -> None:
        self._kernels, self.wire, self._recordings, self._folder = kernels, wire, recordings, folder
        self._settings = {
            "models": {"general": f"scripted:{script}"},
            "data_dir": folder / "data",
            "lease_seconds": 0.5,
        }
        self.server = Server(**self._settings, rest="127.0.0.1:0", faults=["running:3"])
        self._numbers = itertools.count()
        self.scene()

    def restart(self, *faults: str) -> None:
        """Kill the server and start another one at the same addresses."""
        places = {"grpc": self.server.address, "rest": self.server.rest.removeprefix("http://")}
        self.server.kill()
        self.server = Server(**self._settings, **places, faults=faults)

    def scene(self, template: Path | None = None) -> None:
        """Begin with a new journal, or with a copy of one."""
        self.journal = self._folder / str(next(self._numbers)) / "journal.sqlite3"
        self.journal.parent.mkdir()
        if template is not None:
            copy(template, self.journal)
        self._before = self._operations()

    @property
    def where(self) -> dict[str, object]:
        """The arguments for a kernel."""
        target = self.server.rest if self.wire == "rest" else f"grpc://{self.server.address}"
        address = self.server.address
        return {"target": target, "address": address, "folder": self._recordings, "journal": self.journal}

    def run(self, task: str, moment: str = "") -> Outcome:
        """Run a kernel; returns its outcome."""
        return self._kernels.run(task, self.where, moment)

    def killed(self, task: str, template: Path | None = None, every: bool = True) -> Iterator[str]:
        """Run the scene once per moment, with a kernel that is killed then; yields the moment after that.

        With `every=False` only a sample of the moments is used, chosen with a fixed seed.

        The order of the two polling threads differs between runs, and so does the number of their writes:
        a moment that a kernel did not reach is tried again. It may be skipped only if a kernel was killed at
        another repetition of the same write.
        """
        whole = self.run(task)
        chosen = whole.moments if every else sample_of(whole.moments)
        todo, seen, missed, met = deque(chosen), set(whole.moments), Counter[str](), set[str]()
        while todo:
            moment = todo.popleft()
            self.scene(template)
            outcome = self.run(task, moment)
            if every:
                todo.extend(name for name in outcome.moments if name not in seen)
            seen.update(outcome.moments)
            what = moment.rpartition(" (")[0]
            if outcome.killed:
                met.add(what)
                yield moment
            elif missed[moment] < TRIES:
                missed[moment] += 1
                todo.append(moment)
            else:
                assert what in met or not every, f"no kernel came to {moment!r} again"

    @property
    def taken(self) -> set[str]:
        """The submissions that the server has accepted in this scene."""
        return self._operations() - self._before

    def _operations(self) -> set[str]:
        return {
            row["id"]
            for row in rows(self._folder / "data" / "operations.sqlite", "SELECT id FROM operations")
        }

    def jobs(self) -> list[sqlite3.Row]:
        """The rows of the journal, read from a copy, which must be intact."""
        copied = self.journal.with_name("copy.sqlite3")
        copy(self.journal, copied)
        assert [tuple(row) for row in rows(copied, "PRAGMA integrity_check")] == [("ok",)]
        has_table = rows(copied, "SELECT 1 FROM sqlite_master WHERE name = 'jobs'")
        return rows(copied, "SELECT * FROM jobs ORDER BY id") if has_table else []

    def lost(self) -> set[str]:
        """Accepted submissions of this scene that are not in the journal."""
        return self.taken - {job["operation_id"] for job in self.jobs()}


def sample_of(moments: list[str]) -> list[str]:
    """One moment for each kind of write or call, before or after any of its repetitions."""
    kinds: dict[str, list[str]] = {}
    for moment in dict.fromkeys(moments):
        kinds.setdefault(moment.partition(" ")[2].rpartition(" (")[0], []).append(moment)
    chooser = random.Random(1)
    return [chooser.choice(names) for names in kinds.values()]


def copy(journal: Path, target: Path) -> None:
    """Copy a journal with its WAL file. Opening the original with SQLite could change it."""
    target.unlink(missing_ok=True)
    for ending in ("", "-wal"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
        source = journal.with_name(journal.name + ending)
        if source.exists():
            shutil.copy(source, target.with_name(target.name + ending))


def rows(path: Path, query: str) -> list[sqlite3.Row]:
    db = sqlite3.connect(path, timeout=10)
    db.row_factory = sqlite3.Row
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


@pytest.fixture(params=list(WIRES))
def world(request, kernels, script_of_all, recordings, tmp_path):
    """One for each protocol."""
    made = World(kernels, request.param, script_of_all, recordings, tmp_path)
    yield made
    made.server.close()


short_and_exhaustive = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.exhaustive)], ids=["sample", "every moment"]
)


@short_and_exhaustive
def test_a_kernel_that_dies_anywhere_loses_no_result_and_sends_nothing_twice(world, every):
    """Submit, poll and fetch, killed at every moment; then `resume`, then the same cell again."""
    run_the_matrix(world, "batch", every)


@short_and_exhaustive
@pytest.mark.parametrize("world", ["grpc"], indirect=True)
def test_a_batch_that_dies_anywhere(world, every):
    """The same for `submit_many`, in which two threads send and poll at the same time."""
    run_the_matrix(world, "many", every)


def run_the_matrix(world: World, task: str, every: bool) -> None:
    """Kill a kernel at each moment, and continue with new kernels."""
    states, calls = set(), set()
    for moment in world.killed(task, every=every):
        calls.add(moment.split()[1])
        states.update(job["state"] for job in world.jobs())
        lost, waiting = world.lost(), undelivered(world)

        back = world.run("resume").result
        assert back["texts"] == dict.fromkeys(waiting, "hello world"), moment
        assert len(lost) <= len(back["unknown"]) <= 1, moment

        again = world.run(task).result
        assert again == {"texts": ALL, "sent_again": len(back["unknown"])}, moment
        assert len(world.taken) == len(NAMES) + len(lost), moment
        assert all_settled(world), moment
    assert calls == {"PRAGMA", "COMMIT", *(call.partition(" ")[0] for call in WIRES[world.wire])}
    assert {"submitting", "submitted", "running", "done"} <= states


def undelivered(world: World) -> set[str]:
    """Recordings of jobs that have an operation id and were not delivered."""
    return {job["recording"] for job in world.jobs() if job["operation_id"] and job["delivered_at"] is None}


def all_settled(world: World) -> bool:
    """Whether every result was delivered, and every unknown job settled."""
    jobs = world.jobs()
    delivered = [job["recording"] for job in jobs if job["state"] == "done" and job["delivered_at"]]
    return sorted(delivered) == sorted(NAMES) and {job["state"] for job in jobs} <= {"done", "cancelled"}


@short_and_exhaustive
def test_a_kernel_that_dies_while_unknown_jobs_are_settled(world, every):
    """One is sent again, one abandoned. Nothing else is sent, and no job is lost."""
    for _ in range(2):
        assert world.run("submit", f"after {WIRES[world.wire][0]} (1)").killed
    template = world.journal
    assert len(world.taken) == len(world.lost()) == 2
    world.scene(template)
    for moment in world.killed("settle", template, every):
        lost, sent = len(world.lost()), len(world.taken)
        again = world.run("settle").result
        assert sent <= 1, moment
        assert lost <= len(again["unknown"]), moment
        assert len(world.taken) - sent == len(again["texts"]) <= 1, moment
        world.run("resume")
        assert undelivered(world) == set(), moment
        assert {job["state"] for job in world.jobs()} <= {"done", "cancelled"}, moment
    world.scene(template)
    assert world.run("settle").result == {"texts": {"0.wav": "hello world"}, "unknown": ["0.wav", "1.wav"]}
    assert [job["error"] for job in world.jobs()] == ["sent again as 3", "given up", None]
    assert len(world.taken) == 1


def test_two_kernels_with_one_journal(kernels, world):
    """Both run the same cell at the same time: each recording is sent once, and both have all results."""
    with Kernels() as others:
        outcomes = at_once([kernels, others], "batch", world)
    assert [outcome.result for outcome in outcomes] == [{"texts": ALL, "sent_again": 0}] * 2
    assert len(world.taken) == len(NAMES)
    assert all_settled(world)


def test_the_server_dies_too(world):
    """A kernel and the server are killed; the next kernel and server have all results."""
    world.restart("never-done")
    submitted = f"after {WIRES[world.wire][0]} (3)"
    assert world.run("submit", submitted).killed
    world.restart()
    assert world.run("resume").result == {
        "texts": {"0.wav": "hello world", "1.wav": "hello world"},
        "unknown": ["2.wav"],
    }
    assert world.run("batch").result == {"texts": ALL, "sent_again": 1}
    assert len(world.taken) == len(NAMES) + 1
    assert all_settled(world)


def test_two_kernels_resume_at_once(kernels, world):
    """At least one of them returns each result; the journal has it once."""
    assert world.run("submit").result
    with Kernels() as others:
        outcomes = at_once([kernels, others], "resume", world)
    assert outcomes[0].result["texts"] | outcomes[1].result["texts"] == ALL
    assert all_settled(world)
    counted = rows(world.journal, "SELECT count(*) AS n FROM responses GROUP BY job, seq")
    assert {row["n"] for row in counted} == {1}


def at_once(kernels: list[Kernels], task: str, world: World) -> list[Outcome]:
    """Outcomes of kernels that run the same function at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda some: some.run(task, world.where), kernels))
