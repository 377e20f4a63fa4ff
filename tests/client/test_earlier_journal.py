"""A journal file of an earlier version, in this folder, is read and continued by the present version.

`journal_0_1_0.sqlite3` was written on 2026-11-28 by the version before the client was divided into packages,
with a local server at `grpc://127.0.0.1:50917`. Only the folder of its recordings and the name of the machine
were replaced afterwards.
"""

import shutil
from pathlib import Path

import pytest
from answers import final
from local_server import wav

from speechkit_nb.client import Client, Journal
from speechkit_nb.client.jobs.polling import LOOPBACK
from speechkit_nb.client.jobs.submitter import SubmissionSettings
from speechkit_nb.client.transport.base import OperationStatus
from speechkit_nb.errors import JobUnknown, TargetError

SERVICE = "grpc://127.0.0.1:50917"
STATES = {
    "talk.wav": "done",
    "second": "done",
    "broken.wav": "failed",
    "stopped.wav": "cancelled",
    "open.wav": "running",
    "lost.wav": "unknown",
}


class Finished:
    """The service of that journal: all operations are done, and submissions are refused."""

    inline_limit, takes_wav_links = 10**6, False

    def __init__(self, name: str = SERVICE) -> None:
        self.name = name
        self.fetched: list[str] = []

    def status(self, operation_id: str) -> OperationStatus:
        return OperationStatus(done=True)

    def fetch(self, operation_id: str) -> list[tuple[bytes, float]]:
        self.fetched.append(operation_id)
        return [(final(0, "good evening"), 5.0)]

    def close(self) -> None:
        pass


@pytest.fixture
def journal(tmp_path):
    return Journal(shutil.copy(Path(__file__).with_name("journal_0_1_0.sqlite3"), tmp_path))


@pytest.fixture
def client(journal):
    settings = SubmissionSettings(scope=f"{SERVICE} v3")
    with Client(Finished(), journal, settings, pace=LOOPBACK) as opened:
        yield opened


def test_its_jobs_are_listed(client):
    """Every column is as it was: states, options, metadata, times, errors."""
    frame = client.jobs()
    assert dict(zip(frame.recording, frame.status, strict=True)) == STATES
    assert frame.service.unique().tolist() == [SERVICE]
    assert frame.created.dt.strftime("%Y-%m-%d").unique().tolist() == ["2026-11-28"]
    assert frame.duration.round(1).tolist()[:2] == [2.0, 2.1]
    assert frame.billed.tolist()[:5] == [15.0, 15.0, 0.0, 15.0, 15.0]
    assert "Format not recognised" in frame.error[2]
    first = client.job(1).record
    assert first.options == {"model": "general", "language": ["en-US"], "normalize": True}
    assert first.metadata == {"speaker": "ann", "take": 2}
    assert (first.source, first.n_channels) == ("/recordings/talk.wav", 2)


def test_its_results_are_opened_without_the_service(client):
    """The messages are in the journal; nothing is fetched."""
    transcript = client.job("f8dj11q9wpg5xpesrj5t").result(progress=False)
    assert transcript.text == "hello world"
    assert transcript.info["language"] == ["en-US"]
    assert client.job(2).result(progress=False).text == "hello world"
    assert client._transport.fetched == []


def test_its_open_jobs_are_resumed(client):
    """The open job is fetched, the undelivered result is delivered, the unknown job is settled."""
    jobs = {job.recording: job for job in client.resume()[:]}
    assert set(jobs) == {"second", "open.wav", "lost.wav"}
    assert jobs["open.wav"].result(progress=False).text == "good evening"
    assert client._transport.fetched == ["f8dnk6ollih2za9rz30d"]
    assert jobs["second"].result(progress=False).text == "hello world"
    with pytest.raises(JobUnknown, match=r"lost\.wav: .*\(the server did not answer\)"):
        jobs["lost.wav"].result(progress=False)
    jobs["lost.wav"].abandon()
    assert len(client.resume()) == 0


def test_the_same_sound_is_not_paid_for_again(client):
    """The hash of sound, options and service is still the same."""
    options = {"language": "en-US", "normalize": True, "id": "again"}
    job = client.submit(wav(2.0, n_channels=2), reuse=True, **options)
    assert job.reused
    assert (job.number, job.recording) == (1, "again")
    assert job.result(progress=False).text == "hello world"


def test_its_jobs_belong_to_their_service(journal):
    """Another client names the right service in its error."""
    with (
        Client(Finished("cloud"), journal) as other,
        pytest.raises(TargetError, match=rf"submitted to '{SERVICE}', .*connect\('{SERVICE}'\)\.job\(1\)"),
    ):
        other.job(1)
