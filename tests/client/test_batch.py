"""Batches against a real server: a recording that fails does not affect the others."""

import asyncio
import gc
import os
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from call_log import CountedServer
from local_server import Server, serving, sound, wait_until

import speechkit_nb as sk
from speechkit_nb.client.jobs.progress import Tally
from speechkit_nb.client.transport.rate_limit import Quota
from speechkit_nb.errors import (
    AudioConverted,
    AudioError,
    ConfigError,
    JobCancelled,
    JobError,
    JobFailed,
    JobUnknown,
    QuotaWait,
    WaitTimeout,
)

WORDS = "word,start,end\nhello,0.05,0.2\nworld,0.25,0.29\n"


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """A script for the engine: the same words in every recording."""
    path = tmp_path_factory.mktemp("script") / "talk.csv"
    path.write_text(WORDS)
    return path


@pytest.fixture(scope="module")
def server(words, tmp_path_factory):
    empty = tmp_path_factory.mktemp("no scripts")
    models = {
        "general": f"scripted:{words}",
        "general:rc": f"scripted:{words}",
        "broken": f"scripted:{empty}",
    }
    running = CountedServer(tmp_path_factory.mktemp("log") / "calls", models=models)
    yield running
    running.close()


@pytest.fixture
def make(tmp_path):
    """Writes a recording; recordings differ if their seeds differ."""

    def write(name: str, seed: int = 0, seconds: float = 0.3, n_channels: int = 1) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(noise(seed or sum(map(ord, name)), seconds, n_channels))
        return path

    return write


def noise(seed: int, seconds: float = 0.3, n_channels: int = 1) -> bytes:
    samples = np.random.default_rng(seed).normal(0, 0.1, (n_channels, round(seconds * 8000)))
    return sound(samples.astype(np.float32), 8000)


def states(jobs) -> dict[str, str]:
    return dict(zip(jobs.frame.recording, jobs.frame.status, strict=True))


# ---- sources


def test_paths_are_sent_and_come_back_as_one_frame(client, make):
    """In the order of the paths, with the billed seconds of each."""
    paths = [make("a.wav"), make("b.wav", seconds=20.5, n_channels=3), make("c.wav")]
    jobs = client.submit_many(paths)
    assert [transcript.text for transcript in jobs.results()] == ["hello world"] * 3
    frame = jobs.frame
    assert frame.recording.tolist() == ["a.wav", "b.wav", "c.wav"]
    assert frame.status.tolist() == ["done"] * 3
    assert frame.duration.tolist() == [0.3, 20.5, 0.3]
    assert frame.billed.tolist() == [15.0, 42.0, 15.0]
    assert (frame.expires > frame.finished).all()
    assert frame.columns.tolist() == [
        "number", "recording", "operation_id", "status", "model", "service", "duration", "billed", "created",
        "submitted", "finished", "fetched", "expires", "error",
    ]  # fmt: skip
    assert client.jobs().equals(frame)


def test_a_folder_with_other_things_in_it(client, make, tmp_path):
    """Other files are ignored; a file with an audio suffix but no audio fails, the others are sent."""
    make("one.wav"), make("two"), make(".hidden.wav")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "broken.WAV").write_text("no audio")
    (tmp_path / "inner").mkdir()
    jobs = client.submit_many(tmp_path)
    jobs.wait()
    assert states(jobs) == {"broken.WAV": "failed", "one.wav": "done", "two": "done"}
    assert "'broken.WAV' is no audio" in jobs.frame.error[0]
    assert len(jobs.failed) == 1


def test_patterns_go_through_folders(client, make, tmp_path):
    """Files with the same name get names with as many parent folders as needed to distinguish them."""
    make("x/a.wav"), make("y/a.wav"), make("y/b [1].wav")
    jobs = client.submit_many(str(tmp_path / "**" / "*.wav"))
    jobs.wait()
    assert states(jobs) == {"x/a.wav": "done", "y/a.wav": "done", "b [1].wav": "done"}
    one = client.submit_many(str(tmp_path / "y" / "b [1].wav"))  # no pattern, since the file exists
    assert [transcript.recording for transcript in one.results()] == ["b [1].wav"]


def test_a_pattern_that_matches_nothing(client, tmp_path):
    """The message has the pattern or the folder; nothing is sent."""
    with pytest.raises(AudioError, match=r"no file matches '.*/\*\.wav', looked up from '/"):
        client.submit_many([b"", f"{tmp_path}/*.wav"])
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(AudioError, match="no recordings among the 1 files in the folder"):
        client.submit_many(tmp_path)
    assert client.jobs().empty


def test_names_with_anything_in_them(client, make):
    """Spaces, quotes and Cyrillic are unchanged in frames and plots."""
    names = ["one two.wav", 'it\'s "this".wav', "запись №1.wav", "<b>bold</b>.wav".replace("/", "")]
    jobs = client.submit_many([make(name) for name in names])
    assert jobs.words.recording.unique().tolist() == names
    assert "<b>bold" not in jobs._repr_html_()
    assert "&lt;b&gt;bold" in jobs._repr_html_()


def test_other_kinds_of_sources(client, make):
    """Bytes, arrays, recordings and rows, single or several: everything that `submit` accepts."""
    rows = ({"file": make(f"{i}.wav", i + 1), "speaker": i} for i in range(2))
    mixed = [noise(5), {"array": np.zeros(2400), "sampling_rate": 8000}, sk.Recording(make("r.wav"))]
    with make("open.wav", 9).open("rb") as file:
        sources = (noise(7), mixed, rows, file, [(8000, np.zeros(2400))])
        assert [len(client.submit_many(source).results()) for source in sources] == [1, 3, 2, 1, 1]
    assert client.submit_many([]).results() == []
    assert client.submit_many([]).words.empty


# ---- tables


def test_a_table_overrides_options_and_carries_its_own_columns(client, make):
    """A missing option is that of the batch; the user's columns keep their dtypes, also in the words."""
    table = pd.DataFrame(
        {
            "path": [make("a.wav"), str(make("b.wav")), make("c.wav")],
            "id": ["first", None, "third"],
            "model": ["general", "general:rc", None],
            "language": [np.nan, "ru-RU", np.nan],
            "normalize": [True, None, None],
            "speaker": pd.Categorical(["anna", "boris", None], categories=["boris", "anna"]),
            "age": pd.array([31, None, 7], dtype="Int64"),
            "weight": np.array([0.5, 1.5, 2.5], np.float32),
            "when": pd.to_datetime(["2026-01-02 03:04:05.5", None, "2026-02-03 00:00:00.0"], utc=True),
        }
    )
    jobs = client.submit_many(table, model="general:rc", language="en-US")
    own = ["speaker", "age", "weight", "when"]
    words = jobs.words
    assert jobs.frame.recording.tolist() == ["first", "b.wav", "third"]
    assert jobs.frame.model.tolist() == ["general", "general:rc", "general:rc"]
    options = [job.record.options for job in jobs[:]]
    assert [found["language"] for found in options] == [["en-US"], ["ru-RU"], ["en-US"]]
    assert ["normalize" in found for found in options] == [True, False, False]
    pd.testing.assert_frame_equal(jobs.frame[own], table[own])
    expected = table[own].loc[[0, 0, 1, 1, 2, 2]].reset_index(drop=True)
    pd.testing.assert_frame_equal(words[own], expected)
    assert words.word.tolist() == ["hello", "world"] * 3
    assert client.resume().frame.empty  # all results were delivered
    assert client.job(jobs[0].operation_id).metadata["speaker"] == "anna"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"path": "a.wav", "langauge": "ru-RU"}, "column 'langauge', .* no option; did you mean 'language'"),
        ({"path": "a.wav", "lang": "ru-RU"}, "column 'lang', which is no option; did you mean 'language'"),
        ({"path": "a.wav", "MODEL": "x"}, "column 'MODEL', .* did you mean 'model'"),
        ({"path": "a.wav", "language": "tlh"}, "a.wav: language='tlh' is not one of auto"),
        ({"path": "a.wav", "normalize": 1.0}, r"a.wav: normalize=1.0, but it must be True or False"),
        ({"path": "a.wav", "duration": 1.0}, r"as the frames of the results have; .* table\.rename"),
        ({"wav": "a.wav", "x": 1}, r"no column 'source' \(or 'path', or 'file'\) .*; it has wav, x"),
        ({"path": None, "x": 1}, "row 0 of the table has no value in the column 'path'"),
        ({"path": "a.wav", 7: 1}, "has a column 7; the name of a column must be text"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said_before_anything_is_sent(client, make, columns, message):
    """One clear error; the journal stays empty."""
    table = pd.DataFrame({name: [value] for name, value in columns.items()})
    with pytest.raises(ConfigError, match=message):
        client.submit_many(table)
    assert client.jobs().empty


def test_options_of_all_are_checked_first(client, make):
    """As in `submit`."""
    with pytest.raises(ConfigError, match="no option 'langauge'; did you mean 'language'"):
        client.submit_many([make("a.wav")], langauge="ru-RU")
    with pytest.raises(ConfigError, match="stop_after=0, but it must be a number of recordings"):
        client.submit_many([make("a.wav")], stop_after=0)
    with pytest.raises(ConfigError, match="errors must be 'raise' or 'skip', not 'ignore'"):
        client.submit_many([make("a.wav")]).results(errors="ignore")


# ---- the same sound


def test_the_same_sound_is_sent_once(server, client, make, tmp_path):
    """Two rows, each with its own name; the second is not billed."""
    path = make("a.wav", 77)
    os.link(path, tmp_path / "b.wav")
    before = server.count()["RecognizeFile"]
    jobs = client.submit_many([path, tmp_path / "b.wav", path, {"source": path, "model": "general:rc"}])
    assert [transcript.recording for transcript in jobs.results()] == ["a.wav", "b.wav", "a.wav", "a.wav"]
    assert jobs.frame.operation_id.nunique() == 2
    assert jobs.frame.billed.tolist() == [15.0, 0.0, 0.0, 15.0]
    assert jobs.words.recording.value_counts().to_dict() == {"a.wav": 6, "b.wav": 2}
    assert server.count()["RecognizeFile"] == before + 2
    assert [job.reused for job in jobs[:]] == [False, True, True, False]


def test_the_same_call_again_sends_nothing(server, client, make):
    """The repr of the set has the number of reused jobs; there is no warning."""
    paths = [make("a.wav"), make("b.wav")]
    first = client.submit_many(paths)
    first.wait()
    before = server.count()["RecognizeFile"]
    again = client.submit_many([*paths, make("c.wav")], reuse=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.wait()
    assert repr(again).endswith("3 done; 2 used again, nothing was sent for them)")
    assert server.count()["RecognizeFile"] == before + 1
    assert again.frame.operation_id[:2].tolist() == first.frame.operation_id.tolist()
    again.wait()


# ---- failures


def test_what_cannot_be_read_fails_alone(client, make, tmp_path):
    """Missing, a folder, truncated: each row has its error, in the order of the sources."""
    cut = make("cut.wav")
    cut.write_bytes(cut.read_bytes()[:2000])
    table = pd.DataFrame(
        {"source": [tmp_path / "gone.wav", make("a.wav"), tmp_path, cut, make("b.wav")], "x": 7}
    )
    jobs = client.submit_many(table)
    jobs.wait()
    frame = jobs.frame
    assert frame.status.tolist() == ["failed", "done", "failed", "failed", "done"]
    assert frame.x.tolist() == [7] * 5
    assert frame.billed.tolist() == [0, 15, 0, 0, 15]
    for error, words in zip(
        frame.error[[0, 2, 3]], ["there is no file", "is a folder", "cut.wav"], strict=True
    ):
        assert words in error
    assert [transcript.recording for transcript in jobs.results(errors="skip")] == ["a.wav", "b.wav"]
    with pytest.raises(JobFailed, match=r"gone.wav: the job is failed: there is no file"):
        jobs.results()
    assert len(jobs.failed) == 3
    assert jobs.words.recording.unique().tolist() == ["a.wav", "b.wav"]


def test_what_one_may_not_read_fails_alone(client, make):
    """A file without read permission: its row has the reason. Root can read every file."""
    path = make("secret.wav")
    path.chmod(0)
    jobs = client.submit_many([path, make("a.wav")])
    jobs.wait()
    may = os.access(path, os.R_OK)
    assert states(jobs) == {"secret.wav": "done" if may else "failed", "a.wav": "done"}
    assert may or "Permission denied" in jobs.frame.error[0]


def test_a_file_that_changes_on_its_way_is_not_sent(server, client, make):
    """Its content differs from its hash; the next one is sent."""
    changed = sk.Recording(make("a.wav"))
    assert changed.sha256
    changed.source.write_bytes(noise(1234))
    before = server.count()["RecognizeFile"]
    jobs = client.submit_many([changed, make("b.wav")])
    jobs.wait()
    assert states(jobs) == {"a.wav": "failed", "b.wav": "done"}
    assert "was changed while it was sent" in jobs.frame.error[0]
    assert server.count()["RecognizeFile"] == before + 1


def test_a_thousand_failures_in_a_row_end_early(client, tmp_path):
    """After 20 failures; the error has the reason and the number of recordings."""
    jobs = client.submit_many([tmp_path / f"{i}.wav" for i in range(1000)])
    message = (
        r"the batch ended after 20 of 1000 recordings: 20 recordings in a row could not be sent, the last"
    )
    with pytest.raises(JobError, match=rf"{message}.*there is no file .*/19\.wav.*call submit_many again"):
        jobs.wait()
    assert len(jobs) == 20
    with pytest.raises(JobError, match=message):
        jobs.results(errors="skip")


def test_failures_with_something_in_between_end_nothing(client, make, tmp_path):
    """Every second recording fails."""
    gone = [tmp_path / f"gone{i}.wav" for i in range(6)]
    jobs = client.submit_many([path for i in range(6) for path in (gone[i], make(f"{i}.wav"))], stop_after=2)
    jobs.wait()
    assert jobs.frame.status.tolist() == ["failed", "done"] * 6


def test_failures_of_recognition_end_it_too(server, tmp_path):
    """All recordings can be sent, but their recognition fails."""
    with sk.connect(f"grpc://{server.address}") as client:
        sources = (noise(1000 + i) for i in range(1000))
        jobs = client.submit_many(sources, model="broken", stop_after=3)
        with pytest.raises(JobError, match=r"recordings in a row were not recognized, .*no script"):
            jobs.wait()
        assert 3 <= len(jobs) < 1000


def test_a_generator_that_breaks_off(client, make):
    """Earlier recordings are done; the error is raised with its cause."""

    def sources():
        yield make("a.wav")
        raise OSError("the disk is gone")

    jobs = client.submit_many(sources())
    with pytest.raises(
        JobError, match=r"ended after 1 recordings: the disk is gone\. Put that right"
    ) as caught:
        jobs.wait()
    assert isinstance(caught.value.__cause__, OSError)
    assert states(jobs) == {"a.wav": "done"}


def test_an_option_of_a_lazy_row_fails_alone(client, make):
    """The row is not known before, so only its job fails."""
    rows = ({"path": make(f"{i}.wav"), "language": code} for i, code in enumerate(["tlh", "ru-RU"]))
    jobs = client.submit_many(rows)
    jobs.wait()
    assert states(jobs) == {"0.wav": "failed", "1.wav": "done"}
    assert "language='tlh' is not one of" in jobs.frame.error[0]


def test_a_submission_without_an_answer_is_reported(words, make):
    """It is not sent again, neither now nor by the next batch; the user has to decide."""
    paths = [make("a.wav"), make("b.wav")]
    with (
        serving(models={"general": f"scripted:{words}"}, faults=["unavailable:RecognizeFile:1"]) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        jobs = client.submit_many(paths)
        jobs.wait()
        assert states(jobs) == {"a.wav": "unknown", "b.wav": "done"}
        assert np.isnan(jobs.frame.billed[0])
        with pytest.raises(JobUnknown, match=r"a\.wav: it is not known whether the service got this job"):
            jobs.results()
        again = client.submit_many(paths, reuse=True)
        again.wait()
        assert [job.reused for job in again[:]] == [True, True]
        assert states(again.unknown) == {"a.wav": "unknown"}
        assert again.unknown[0].resubmit().result().text == "hello world"


def test_a_used_up_quota_fails_nothing(words, make):
    """The submission waits and is sent again."""
    with (
        serving(
            models={"general": f"scripted:{words}"}, faults=["refuse:RecognizeFile:RESOURCE_EXHAUSTED:1"]
        ) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        jobs = client.submit_many([make("a.wav"), make("b.wav")])
        jobs.wait()
        assert states(jobs) == {"a.wav": "done", "b.wav": "done"}


def test_a_server_that_is_away_for_a_while(words, tmp_path, make):
    """The batch waits until the server is back; nothing fails."""
    settings = {"models": {"general": f"scripted:{words}"}, "data_dir": str(tmp_path / "data")}
    servers = [Server(**settings)]

    def sources():
        yield make("a.wav")
        servers[0].kill()
        yield make("b.wav")
        yield make("c.wav")

    def told(fraction: float, status: str) -> None:
        if "trying again" in status and len(servers) == 1:
            servers.append(Server(grpc=servers[0].address, **settings))

    with sk.connect(f"grpc://{servers[0].address}") as client:
        jobs = client.submit_many(sources(), progress=told)
        jobs.wait(60)
        assert states(jobs) == {"a.wav": "done", "b.wav": "done", "c.wav": "done"}
        assert len(client.jobs()) == 3
    servers[1].close()


# ---- waiting


def test_jobs_come_as_they_complete(client, make):
    """Each job once, by `for` and by `async for`; `await` returns the transcripts in order."""
    jobs = client.submit_many([make("a.wav"), make("b.wav"), "/gone.wav"])
    assert {job.recording for job in jobs} == {"a.wav", "b.wav", "gone.wav"}

    async def collected() -> list[str]:
        return [job.recording async for job in jobs]

    assert sorted(asyncio.run(collected())) == ["a.wav", "b.wav", "gone.wav"]

    async def awaited():
        return await client.submit_many([make("c.wav"), make("d.wav")])

    assert [transcript.recording for transcript in asyncio.run(awaited())] == ["c.wav", "d.wav"]


def test_progress_may_be_a_function(client, make):
    """It is called in the background with the number of files and minutes, and with 1.0 at the end."""
    heard: list[tuple[float, str]] = []
    jobs = client.submit_many(
        [make("a.wav", seconds=3.0), make("b.wav", seconds=9.0)], progress=lambda *seen: heard.append(seen)
    )
    jobs.wait()
    wait_until(lambda: heard[-1][0] == 1.0)
    assert heard[-1][1] == "2 of 2 recordings, 0.2 of 0.2 min of audio"
    assert [fraction for fraction, _ in heard] == sorted(fraction for fraction, _ in heard)


def test_the_end_is_estimated_from_how_it_went():
    """A quarter of the audio took 10 minutes, so the rest takes 30; the date is shown if the end is far."""
    began = time.mktime((2026, 11, 21, 13, 0, 0, 0, 0, -1))
    tallies = [
        Tally(1, 4, 4, 60.0, 240.0, "the quota is used up"),
        Tally(1, 1, 1000, 60.0, 60.0),
        Tally(1, 1, None, 60.0, 60.0),
    ]
    assert [(one.fraction, one.status + one.estimate_end(began, began + 600)) for one in tallies] == [
        (0.25, "1 of 4 recordings, 1.0 of 4.0 min of audio, the quota is used up, end about 13:40"),
        (0.001, "1 of 1000 recordings, 1.0 of 1.0 min of audio, end about 28.11. 11:40"),
        (0.95, "1 of ? recordings, 1.0 of 1.0 min of audio"),
    ]


def test_waiting_may_end_before_the_jobs(words, make):
    """By a timeout or Ctrl-C; both messages have the progress and how to continue. `cancel` ends the jobs."""

    def interrupt(fraction: float, status: str) -> None:
        raise KeyboardInterrupt

    with (
        serving(models={"general": f"scripted:{words}"}, faults=["never-done"]) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        jobs = client.submit_many([make("a.wav"), make("b.wav")])
        wait_until(lambda: len(jobs) == 2)
        with pytest.raises(
            WaitTimeout, match=r"not done after 0\.5 s\. 0 of 2 jobs are settled, the others go on"
        ):
            jobs.wait(0.5)
        with pytest.raises(KeyboardInterrupt, match=r"stopped waiting\. 0 of 2 jobs .*client\.resume\(\)"):
            jobs.wait(progress=interrupt)
        assert len(client.resume()) == 2
        jobs.cancel()
        with pytest.raises(JobCancelled, match=r"a\.wav: the job .* was cancelled"):
            jobs.results()


def test_a_set_says_what_is_in_it(client, make):
    """A short repr, and a table in a notebook."""
    jobs = client.submit_many([make("a.wav"), "/gone.wav"])
    jobs.wait()
    assert repr(jobs) == "JobSet(2 of 2 jobs: 1 done, 1 failed)"
    assert repr(jobs[:1]) == "JobSet(1 jobs: 1 done)"
    assert "<table" in jobs._repr_html_()


def test_the_length_of_a_generator_is_known_at_its_end(client):
    """Until then the progress is below 1, since more recordings may follow."""
    told, asked = [], threading.Event()

    def sources():
        yield noise(0)
        yield noise(1)
        asked.wait(30)

    jobs = client.submit_many(sources(), progress=lambda fraction, status: told.append((fraction, status)))
    wait_until(lambda: len(jobs) == 2 and all(job.done for job in jobs[:]))
    assert repr(jobs) == "JobSet(2 of ? jobs: 2 done)"
    asked.set()
    jobs.wait(progress=False)
    wait_until(lambda: told[-1][0] == 1.0)
    assert all("2 of 2 recordings" in status for fraction, status in told if fraction == 1.0)
    assert repr(jobs) == "JobSet(2 of 2 jobs: 2 done)"


# ---- many recordings


def recordings_alive() -> int:
    return sum(isinstance(one, sk.Recording) for one in gc.get_objects())


@pytest.mark.parametrize("n", [300, pytest.param(2000, marks=pytest.mark.exhaustive)])
def test_thousands_take_no_more_than_a_few(n, words, tmp_path):
    """The next file is taken from a generator after the last one was sent; few files are open at a time."""
    gc.collect()
    jobs, seen, others = [], {"files": 0, "recordings": 0, "ahead": 0}, recordings_alive()

    def sources():
        for number in range(n):
            path = tmp_path / f"{number}.wav"
            path.write_bytes(noise(number, 0.05))
            if number % 100 == 50:
                n_jobs = len(jobs[0]) if jobs else number
                alive = recordings_alive() - others
                n_open = len(os.listdir("/proc/self/fd"))
                seen.update(files=max(seen["files"], n_open), recordings=max(seen["recordings"], alive))
                seen["ahead"] = max(seen["ahead"], number - n_jobs)
            yield path
            path.unlink()

    with (
        serving(models={"general": f"scripted:{words}"}, faults=["never-done"]) as api,
        sk.connect(f"grpc://{api.address}", quota=Quota(None, 5)) as client,
    ):
        before = len(os.listdir("/proc/self/fd"))
        jobs.append(client.submit_many(sources()))
        wait_until(lambda: jobs[0].complete, 120)
        assert len(jobs[0]) == n
        assert jobs[0].frame.status.isin(["submitted", "running"]).all()
    assert seen["recordings"] <= 5
    assert seen["files"] <= before + 10
    assert seen["ahead"] <= 1


# ---- closing the client


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("speechkit_nb")]


def test_closing_ends_the_threads_and_the_writing(words, tmp_path):
    """During a batch: at once; nothing is written afterwards, and a waiting caller gets an error."""
    with serving(models={"general": f"scripted:{words}"}, faults=["never-done"]) as api:
        client = sk.connect(f"grpc://{api.address}")
        jobs = client.submit_many(noise(i) for i in range(100_000))
        wait_until(lambda: len(jobs) >= 5)
        assert threads()
        began = time.monotonic()
        client.close()
        assert time.monotonic() - began < 5
        assert threads() == []
        before = client.jobs()
        assert set(before.status) <= {"submitted", "running"}
        with pytest.raises(JobError, match="this client was closed, so its jobs are not checked any more"):
            jobs.wait()
        assert client.jobs().equals(before)
        client.close()


def test_closing_does_not_wait_for_the_quota(words, make):
    """A submission that waits for an hour is not sent; the status has the reason for the wait."""
    heard: list[str] = []
    with serving(models={"general": f"scripted:{words}"}) as api:
        client = sk.connect(f"grpc://{api.address}", quota=Quota(1, None))
        client.submit_many([make("a.wav"), make("b.wav")], progress=lambda _, status: heard.append(status))
        wait_until(
            lambda: any("the quota of submissions is used up; it is sent in 3" in status for status in heard)
        )
        began = time.monotonic()
        client.close()
        assert time.monotonic() - began < 5
        assert client.jobs().recording.tolist() == ["a.wav"]


def test_cancelling_does_not_wait_for_the_quota(words, make):
    """Unsent recordings are not sent; open jobs are cancelled. A single submission warns that it waits."""
    faults = ["never-done"]
    with (
        serving(models={"general": f"scripted:{words}"}, faults=faults) as api,
        sk.connect(f"grpc://{api.address}", quota=Quota(1, None)) as client,
    ):
        jobs = client.submit_many([make("a.wav"), make("b.wav")])
        wait_until(lambda: "the quota of submissions" in jobs._batch.note)
        assert jobs[0] in jobs
        jobs.cancel()
        jobs.wait(30)
        assert states(jobs) == {"a.wav": "cancelled"}
        with pytest.raises(
            QuotaWait, match=r"c\.wav: the quota of submissions is used up; it is sent in 3\d\d\d s"
        ):
            client.submit(make("c.wav"))
        assert len(client.jobs()) == 1


def test_a_progress_function_that_fails_stops_nothing(client, make, caplog):
    """It is not called any more; the error is logged."""
    jobs = client.submit_many([make("a.wav"), make("b.wav")], progress=lambda fraction, status: 1 / 0)
    jobs.wait()
    assert states(jobs) == {"a.wav": "done", "b.wav": "done"}
    assert caplog.messages == ["a listener failed, and is not called any more"]


def test_what_is_converted_is_told(client, tmp_path):
    """With a warning, as for a single recording; warning filters of the user do not make a batch fail."""
    path = tmp_path / "a.flac"
    path.write_bytes(sound(np.zeros((1, 4000)), 8000, format="FLAC"))
    with pytest.warns(AudioConverted, match=r"'a\.flac' was converted"):
        client.submit_many([path]).wait()
