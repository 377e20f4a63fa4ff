"""Jobs with a simulated service, clock and sleep, so that no test waits."""

import asyncio
import re
import socket
import time
import warnings

import numpy as np
import pytest
from answers import final
from faulty_disk import FULL, failing_disk
from local_server import Server, wav

import speechkit_nb as sk
from speechkit_nb.client.client import Client
from speechkit_nb.client.clock import Clock
from speechkit_nb.client.jobs.job import READY_TIMEOUT, RESULT_LIFETIME, Job
from speechkit_nb.client.jobs.jobset import JobSet
from speechkit_nb.client.jobs.polling import LOOPBACK, Pace
from speechkit_nb.client.jobs.submitter import SubmissionSettings
from speechkit_nb.client.journal.journal import Journal
from speechkit_nb.client.journal.record import JobRecord
from speechkit_nb.client.transport.base import OperationStatus
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.client.transport.grpc import GrpcTransport
from speechkit_nb.client.transport.rate_limit import CallLimiter
from speechkit_nb.errors import (
    AudioError,
    ConfigError,
    Exhausted,
    JobCancelled,
    JobError,
    JobFailed,
    JobUnknown,
    JournalError,
    NoAnswer,
    NotFound,
    NotReady,
    ServiceError,
    WaitTimeout,
)

ANSWER = [(final(0, "hello world"), 1000.5)]


class Service:
    """A service with a simulated clock: done after `takes` seconds, ready `later` seconds after that."""

    def __init__(self, takes: float = 10.0, later: float = 0.0, error: ServiceError | None = None) -> None:
        self.now, self.slept = 1000.0, 50.0
        self.done_at = self.now + takes
        self.ready_at = self.done_at + later
        self.error = error
        self.checks: list[float] = []
        self.cancelled = self.deleted = False

    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.slept, lambda seconds: self.sleep(seconds))

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds

    def status(self, operation_id: str) -> OperationStatus:
        self.checks.append(self.now - 1000.0)
        if self.cancelled:
            return OperationStatus(True, ServiceError("cancelled", code="CANCELLED"), True)
        return OperationStatus(self.now >= self.done_at, self.error if self.now >= self.done_at else None)

    def fetch(self, operation_id: str):
        if self.now < self.ready_at:
            raise NotReady("operation data is not ready", code="NOT_FOUND")
        return ANSWER

    def cancel(self, operation_id: str) -> None:
        self.cancelled = True

    def delete(self, operation_id: str) -> None:
        self.deleted = True


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "journal.sqlite3")
    yield opened
    opened.close()


def job_of(journal, service, pace=None, **columns):
    row = {
        "service": "local",
        "recording": "a.wav",
        "operation_id": "f8d1",
        "state": "running",
        "created_at": 1000.0,
        "submitted_at": 1000.0,
        "duration": 60.0,
        "options": {"model": "general"},
    }
    return Job(journal.add(JobRecord(**row | columns)), service, clock=service.clock(), pace=pace)


class Jumping(Service):
    """Its clock is set by `jump` seconds during a wait."""

    def __init__(self, takes: float, jump: float) -> None:
        super().__init__(takes)
        self.jump = jump

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.slept > 53:
            self.now, self.done_at, self.ready_at = (
                moment + self.jump for moment in (self.now, self.done_at, self.ready_at)
            )
            self.jump = 0.0


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_while_waiting(journal, jump):
    """The wait is not affected: it neither lasts an hour longer nor ends at once."""
    service = Jumping(25, jump)
    assert job_of(journal, service).result(timeout=60, progress=False).text == "hello world"
    assert 25 <= service.slept - 50 < 35
    late = Jumping(1e9, jump)
    with pytest.raises(WaitTimeout, match="not done after 60 s"):
        job_of(journal, late, operation_id="f8d2").result(timeout=60, progress=False)
    assert late.slept - 50 == pytest.approx(60)


def test_a_job_from_the_future_is_asked_after_as_a_new_one(journal):
    """It was submitted before the clock was set back; it is checked like a new job."""
    service = Service(takes=5)
    job_of(journal, service, submitted_at=5000.0).result(progress=False)
    assert service.slept - 50 < 20


def test_result_waits_until_the_service_is_done(journal):
    """The transcript has the messages, their arrival times, the id and the options."""
    service = Service(takes=25)
    transcript = job_of(journal, service).result(progress=False)
    assert transcript.text == "hello world"
    assert transcript.received_at == [1000.5]
    assert transcript.info == {"operation_id": "f8d1", "service": "local", "model": "general"}
    assert 25 <= service.now - 1000 < 35


def test_the_first_check_comes_when_the_recording_should_be_done(journal):
    """After a sixth of the duration; then the pauses grow from 2 s."""
    service = Service(takes=25)
    job_of(journal, service).result(progress=False)
    assert service.checks == pytest.approx([10, 12, 15, 19.5, 26.25], abs=0.01)


def test_pauses_end_at_a_minute():
    """A deferred model may take a day; it is checked once per minute."""
    pauses = Pace().pauses(60, waited=0)
    assert [next(pauses) for _ in range(20)][-1] == 60


def test_a_second_result_comes_from_the_journal(journal):
    """A fetched result needs no request to the service."""
    service = Service(takes=0)
    job = job_of(journal, service, LOOPBACK)
    job.result(progress=False)
    checks = len(service.checks)
    assert job.result(progress=False).text == "hello world"
    assert len(service.checks) == checks
    assert job.done
    assert job.status == "done"


def test_a_result_that_is_in_the_journal_is_not_waited_for(journal):
    """The estimated recognition time does not matter then."""
    service = Service(takes=1.0)
    job = job_of(journal, service, Pace(), duration=3600.0, submitted_at=1000.0)
    service.sleep(1.0)
    job.refresh()
    job.result(progress=False)
    assert service.now == 1001.0


def test_done_but_not_ready_means_wait(journal):
    """The result may be ready a little after the operation is done."""
    service = Service(takes=1, later=5)
    assert job_of(journal, service, LOOPBACK).result(progress=False).text == "hello world"


def test_not_ready_is_believed_for_a_while_only(journal):
    """Then there is an error; the job is not marked as failed and can be attached again."""
    service = Service(takes=1, later=1e9)
    job = job_of(journal, service, LOOPBACK)
    with pytest.raises(
        JobError, match=r"is done, but its result has not been ready for 60 s.*client\.job\('f8d1'\)"
    ):
        job.result(progress=False)
    assert service.now - 1000 > READY_TIMEOUT
    assert job._entry.record.state == "running"


def test_a_timeout_stops_the_wait_not_the_job(journal):
    """The message has the call to attach again, which returns the result later."""
    service = Service(takes=100)
    job = job_of(journal, service)
    with pytest.raises(
        WaitTimeout, match=r"not done after 5 s; the job goes on.*client\.job\('f8d1'\)\.result"
    ):
        job.result(timeout=5, progress=False)
    assert service.now == pytest.approx(1005, abs=0.3)
    assert job.result(progress=False).text == "hello world"


def test_ctrl_c_stops_the_wait_not_the_job(journal):
    """Nothing is cancelled at the service; the message has the call to attach again."""
    service = Service(takes=100)

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    job = job_of(journal, service)
    service.sleep = interrupted
    with pytest.raises(KeyboardInterrupt, match=r"the job goes on.*client\.job\('f8d1'\)\.result\(\)"):
        job.result(progress=False)
    assert not service.cancelled
    assert job._entry.record.state == "running"


def test_await_works_in_a_running_loop(journal):
    """As in a notebook; two jobs wait at the same time."""
    service = Service(takes=0)
    jobs = [job_of(journal, service, LOOPBACK, operation_id=f"f8d{k}", submitted_at=0.0) for k in range(2)]

    async def both():
        return await asyncio.gather(*jobs)

    assert [t.text for t in asyncio.run(both())] == ["hello world"] * 2


def test_the_blocking_form_works_in_a_running_loop_too(journal):
    """A notebook cell without `await`."""
    job = job_of(journal, Service(takes=1), LOOPBACK)

    async def cell():
        return job.result(progress=False)

    assert asyncio.run(cell()).text == "hello world"


def test_a_failed_recognition_says_why(journal):
    """The error has the message of the service and the recording; the second one is from the journal."""
    error = ServiceError("the service answered INTERNAL: no speech model", code="INTERNAL")
    job = job_of(journal, Service(takes=0, error=error), LOOPBACK)
    for _ in range(2):
        with pytest.raises(JobFailed, match=r"a\.wav: the job is failed: .*INTERNAL: no speech model"):
            job.result(progress=False)


def test_a_cancelled_job_has_no_result(journal):
    """`cancel` sends the request, and stores the new state."""
    service = Service(takes=100)
    job = job_of(journal, service, LOOPBACK)
    job.cancel()
    assert service.cancelled
    assert job.status == "cancelled"
    with pytest.raises(JobCancelled, match=r"a\.wav: the job f8d1 was cancelled"):
        job.result(progress=False)


def test_cancelling_a_finished_job_changes_nothing(journal):
    """Its result stays."""
    service = Service(takes=0)
    job = job_of(journal, service, LOOPBACK)
    job.result(progress=False)
    job.cancel()
    assert not service.cancelled
    assert job.status == "done"


def test_deleting_at_the_service_keeps_what_was_fetched(journal):
    """The result stays in the journal."""
    service = Service(takes=0)
    job = job_of(journal, service, LOOPBACK)
    job.result(progress=False)
    job.delete()
    assert service.deleted
    assert job.result(progress=False).text == "hello world"


def test_a_job_that_is_not_done_has_nothing_to_delete(journal):
    """The error has what to do instead."""
    service = Service()

    def not_yet(operation_id: str) -> None:
        raise NotReady(
            "operation data is not ready f8d1", code="NOT_FOUND", details="not ready", request_id="7"
        )

    service.delete = not_yet
    with pytest.raises(
        NotReady, match=r"a\.wav: the job is not done yet.*job\.result\(\).*job\.cancel\(\)"
    ) as raised:
        job_of(journal, service).delete()
    assert raised.value.request_id == "7"


def forgotten(operation_id: str) -> OperationStatus:
    raise NotFound("the service answered NOT_FOUND: no such operation", code="NOT_FOUND")


def test_an_operation_the_service_forgot_has_expired(journal):
    """After three days; the state is final."""
    service = Service()
    service.status = forgotten
    service.now += RESULT_LIFETIME + 60
    job = job_of(journal, service, LOOPBACK)
    with pytest.raises(JobFailed, match=r"the job is expired: .*no such operation"):
        job.result(progress=False)
    assert job.status == "expired"


def test_an_operation_the_service_should_know_is_not_given_up(journal):
    """A wrong key or server gives the same error: the job stays open until the right one is used."""
    service = Service(takes=0)
    known, service.status = service.status, forgotten
    job = job_of(journal, service, LOOPBACK)
    with pytest.raises(NotFound, match=r"a\.wav: .*may belong to another server or to other credentials"):
        job.result(progress=False)
    assert job._entry.record.state == "running"
    service.status = known
    assert job.result(progress=False).text == "hello world"


def test_a_job_whose_kernel_died_in_mid_submission_is_unknown(journal):
    """It is not sent again; the error explains that it could be billed twice."""
    job = job_of(journal, Service(), LOOPBACK, state="submitting", operation_id=None)
    job._entry.update(owner=f"{socket.gethostname()}:{2**22 + 1}")
    with pytest.raises(JobUnknown, match=r"not known whether the service got this job.*may be billed twice"):
        job.result(progress=False)


def test_progress_may_be_a_function(journal):
    """It gets the state, and a fraction that never decreases."""
    told = []
    service = Service(takes=25)
    job_of(journal, service).result(progress=lambda fraction, status: told.append((fraction, status)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert told[-1] == (1.0, "done")
    assert told[0] == (0.0, "running")


def test_the_bar_says_that_it_is_an_estimate(journal, capsys, monkeypatch):
    """About 10 s per minute of audio, shown as an estimate."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    job_of(journal, Service(takes=25)).result()
    err = capsys.readouterr().err
    assert "a.wav" in err
    assert "running, estimated 10 s in all" in err


def test_several_jobs_are_a_set_with_a_frame(journal):
    """One row per job; times are UTC; results expire three days after the end."""
    service = Service(takes=0)
    jobs = JobSet([job_of(journal, service, LOOPBACK, operation_id=f"f8d{k}") for k in range(2)])
    assert [t.text for t in jobs.results(progress=False)] == ["hello world"] * 2
    frame = jobs.frame
    assert list(frame.status) == ["done", "done"]
    assert str(frame.created.dtype).endswith("UTC]")
    assert ((frame.expires - frame.finished).dt.total_seconds() == RESULT_LIFETIME).all()
    assert len(jobs[:1]) == 1
    assert JobSet([]).frame.dtypes.equals(frame.dtypes)


def test_several_results_are_handed_out_together_or_not_at_all(journal):
    """One job failed: the other is not marked as delivered, so `resume` returns it again."""
    good = job_of(journal, Service(takes=0), LOOPBACK, operation_id="f8d1")
    bad = job_of(journal, Service(takes=0), LOOPBACK, operation_id="f8d2", state="failed", error="too loud")
    with pytest.raises(JobFailed, match="too loud"):
        JobSet([good, bad]).results(progress=False)
    assert good.status == "done"
    assert good._entry.record.delivered_at is None


def test_only_results_expire(journal):
    """A job without a result does not expire."""
    job = job_of(journal, Service(), state="failed", finished_at=1000.0)
    assert JobSet([job]).frame.expires.isna().all()


def test_the_newest_jobs_of_a_journal(journal):
    """Newest first, after the jobs in `first`."""
    jobs = [job_of(journal, Service(), operation_id=None, recording=f"a{k}.wav") for k in range(5)]
    found = journal.newest(3, first=[jobs[1].number])
    assert [record.recording for record in found] == ["a1.wav", "a4.wav", "a3.wav"]
    assert (found[0].options, found[0].metadata) == ({"model": "general"}, {})
    assert [record.number for record in journal.newest(2)] == [job.number for job in jobs[:-3:-1]]
    assert journal.n_jobs == 5


def settled(journal, states: list[str]) -> JobSet:
    """Jobs in these states, with the recordings a0.wav, a1.wav and so on."""
    return JobSet(
        [
            job_of(journal, Service(), operation_id=None, recording=f"a{k}.wav", state=state)
            for k, state in enumerate(states)
        ]
    )


def shown_of(jobs: JobSet) -> list[int]:
    """The numbers of the recordings in the HTML table of a set, from top to bottom."""
    return [int(number) for number in re.findall(r"a(\d+)\.wav", jobs._repr_html_())]


def test_a_long_set_shows_first_what_went_wrong(journal):
    """Then the newest others; a set that is shown completely stays in the order of submission."""
    jobs = settled(journal, ["done", "failed", "done", "unknown", "expired", *["done"] * 25])
    assert shown_of(jobs) == [1, 3, 4, *range(13, 30)]
    assert "; 20 of 30 are shown, what went wrong first<" in jobs._repr_html_()
    assert shown_of(jobs[5:]) == [*range(10, 30)]
    assert "; 20 of 25 are shown, the newest<" in jobs[5:]._repr_html_()
    assert shown_of(jobs[:20]) == [*range(20)]


def test_a_set_with_more_failures_than_a_table_holds_says_how_many(journal):
    """It also names the properties that have them."""
    jobs = settled(journal, ["failed"] * 25)
    assert shown_of(jobs) == [*range(20)]
    assert "; 5 more went wrong: see jobs.failed and jobs.unknown" in jobs._repr_html_()


# ---- the clock, and another kernel


def test_a_clock_set_back_while_a_result_is_not_ready(journal):
    """The timeout of a minute starts again; it does not last an hour."""
    service = Service(takes=0, later=1e9)
    job = job_of(journal, service, LOOPBACK)
    assert job.status == "running"
    service.now -= 3600
    service.done_at -= 3600
    with pytest.raises(JobError, match="has not been ready for 60 s"):
        job.result(progress=False)
    assert READY_TIMEOUT < service.slept - 50 < READY_TIMEOUT + 5


def test_a_job_that_is_done_long_before_the_clock_says_it_began(journal):
    """Neither the fraction nor the pauses are negative."""
    told = []
    job_of(journal, Service(takes=5), submitted_at=5000.0, created_at=5000.0).result(
        progress=lambda fraction, status: told.append(fraction)
    )
    assert min(told) == 0.0


def test_two_kernels_fetch_the_same_result(journal):
    """Both see that it is done and fetch it: it is stored once, and both return it."""
    first = job_of(journal, Service(takes=0), LOOPBACK)
    other = Service(takes=0)
    second = Job(first._entry, other, clock=other.clock(), pace=LOOPBACK)
    fetch = other.fetch

    def slowly(operation_id: str):
        answer = fetch(operation_id)
        assert first.result(progress=False).text == "hello world"
        return answer

    other.fetch = slowly
    assert second.result(progress=False).text == "hello world"
    assert first._entry.load_responses() == ([ANSWER[0][0]], [1000.5])


def test_a_result_that_came_before_the_other_kernel_gave_up(journal):
    """One kernel marks it as expired while the other is fetching its messages: they are stored."""
    job = job_of(journal, Service(takes=0), LOOPBACK)
    assert job._entry.transition("expired")
    job._entry.store_responses([ANSWER[0][0]], [1000.5], fetched_at=1001.0)
    assert job.result(progress=False).text == "hello world"


# ---- settling


def test_an_unknown_job_is_given_up(journal):
    """The error has the job; it becomes cancelled after the user has called `abandon`."""
    job = job_of(
        journal, Service(), LOOPBACK, state="unknown", operation_id=None, error="the answer was lost"
    )
    with pytest.raises(
        JobUnknown, match=r"\(the answer was lost\).*job\.resubmit\(\).*job\.abandon\(\)"
    ) as told:
        job.result(progress=False)
    assert told.value.job is job
    job.abandon()
    with pytest.raises(JobCancelled, match=r"a\.wav: the job None was cancelled \(given up\)"):
        job.result(progress=False)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("running", r"the job is running, and only an unknown job can be abandoned; cancel\(\) stops it"),
        ("done", "the job is done, and only an unknown job can be abandoned$"),
    ],
)
def test_only_an_unknown_job_is_given_up(journal, state, message):
    """The error has how to stop other jobs."""
    job = job_of(journal, Service(takes=100), LOOPBACK, state=state)
    with pytest.raises(JobError, match=message):
        job.abandon()


@pytest.mark.parametrize("state", ["submitting", "running", "done"])
def test_what_may_have_a_result_is_not_sent_again(journal, state):
    """It would be billed twice without a benefit."""
    service = Service(takes=100)
    job = job_of(journal, service, LOOPBACK, state=state, created_at=service.now)
    with pytest.raises(JobError, match=rf"a\.wav: the job is {state}, there is nothing to send again"):
        job.resubmit()


# ---- against the real server


@pytest.fixture
def talk_wav(tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(2.0))
    return path


def test_the_same_sound_is_not_paid_for_twice(client, talk_wav, tmp_path):
    """The earlier result is used under the new name; the repr of the job shows it, without a warning."""
    first = client.submit(talk_wav, metadata={"speaker": "ann"})
    assert not first.reused
    assert first.result(progress=False).text == "hello world"
    copy = tmp_path / "copy of talk.wav"
    copy.write_bytes(talk_wav.read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job = client.submit(copy, reuse=True, metadata={"speaker": "bob"})
    assert job.reused
    assert (job.operation_id, job.recording) == (first.operation_id, "copy of talk.wav")
    assert (job.metadata, first.metadata) == ({"speaker": "bob"}, {"speaker": "ann"})
    assert job.result(progress=False).words.recording.unique().tolist() == ["copy of talk.wav"]
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(first.record.created_at))
    assert repr(job).endswith(f", done; result of {when} used again, nothing was sent)")
    assert len(client.jobs()) == 1


def test_what_is_sent_again_all_the_same(client, talk_wav):
    """With reuse=False, with other options, or by default at an address of this machine."""
    options = [
        {},
        {},
        {"reuse": False},
        {"reuse": True, "language": "de-DE"},
        {"reuse": True, "model": "general"},
    ]
    jobs = [client.submit(talk_wav, **chosen) for chosen in options]
    assert [job.reused for job in jobs] == [False, False, False, False, True]
    assert len(client.jobs()) == 4


def test_a_job_that_goes_on_is_joined(script, talk_wav):
    """Both jobs wait for the same result; a cancelled job is not reused."""
    never = Server(models={"general": f"scripted:{script}"}, faults=["never-done"])
    with sk.connect(f"grpc://{never.address}") as client:
        first = client.submit(talk_wav)
        joined = client.submit(talk_wav, reuse=True)
        assert re.search(r"; job of [-\d: ]+ used again, nothing was sent\)$", repr(joined))
        assert joined.operation_id == first.operation_id
        first.cancel()
        assert joined.status == "cancelled"
        again = client.submit(talk_wav, reuse=True)
        assert not again.reused
    never.close()


class Overtaken(CallLimiter):
    """While it waits for a permit, another kernel calls `meanwhile`."""

    def __init__(self, meanwhile):
        super().__init__()
        self._meanwhile = meanwhile

    def acquire(self, kind, *args, **options):
        if kind == "submission":
            self._meanwhile()
        return super().acquire(kind, *args, **options)


def test_another_kernel_that_sends_the_same_sound_meanwhile(server, client, talk_wav):
    """It is sent by the other kernel during the wait for a permit, and is not sent twice."""
    target = f"grpc://{server.address}"
    limiter = Overtaken(lambda: client.submit(talk_wav, reuse=True))
    transport = GrpcTransport(target, Endpoints.at(target))
    settings = SubmissionSettings(scope=f"{target} v3")
    journal = Journal(client.journal.path)
    with Client(transport, journal, settings, pace=LOOPBACK, limiter=limiter) as late:
        job = late.submit(talk_wav, reuse=True)
        assert job.reused
        assert job.result(progress=False).text == "hello world"
        assert len(late.jobs()) == 1


class Silent(GrpcTransport):
    """A service; its responses to submissions are lost."""

    def __init__(self, server):
        target = f"grpc://{server.address}"
        super().__init__(target, Endpoints.at(target))
        self.is_silent = True

    def submit(self, request, request_id):
        operation_id = super().submit(request, request_id)
        if self.is_silent:
            raise NoAnswer("the server did not answer", code="UNAVAILABLE")
        return operation_id


@pytest.fixture
def silent(server, tmp_path):
    """A client that gets no responses to submissions until its `_transport.is_silent` is False."""
    with Client(Silent(server), Journal(tmp_path / "journal.sqlite3"), pace=LOOPBACK) as client:
        yield client


def test_an_unknown_job_is_sent_again_by_the_user_only(silent, talk_wav):
    """Until then the same sound is not sent, and each `resume` returns the job."""
    with pytest.raises(
        JobUnknown, match=r"talk\.wav: .*could be billed twice, so you have to decide"
    ) as first:
        silent.submit(talk_wav, language="ru-RU", metadata={"speaker": "ann"})
    silent._transport.is_silent = False
    with pytest.raises(JobUnknown, match=r"sent before, and it is not known.*use reuse=False") as second:
        silent.submit(talk_wav, language="ru-RU")
    assert first.value.job.number == second.value.job.number == silent.resume()[0].number
    (unknown,) = silent.resume()[:]
    again = unknown.resubmit()
    assert again.result(progress=False).text == "hello world"
    assert unknown.status == "cancelled"
    records = [job.record for job in (unknown, again)]
    assert records[0].error == f"sent again as {again.number}"
    for name in ("recording", "options", "metadata", "sha256", "reuse_key"):
        assert getattr(records[0], name) == getattr(records[1], name)
    assert len(silent.resume()) == 0


def test_a_changed_file_is_not_sent_in_place_of_the_old_one(silent, talk_wav):
    """If the sound has another hash, nothing is sent and the job stays unknown."""
    with pytest.raises(JobUnknown, match="did not answer"):
        silent.submit(talk_wav)
    (unknown,) = silent.resume()[:]
    talk_wav.write_bytes(wav(3.0))
    with pytest.raises(JobError, match=r"talk\.wav cannot be sent again: .* has changed since it was"):
        unknown.resubmit()
    talk_wav.unlink()
    with pytest.raises(JobError, match=r"talk\.wav cannot be sent again: .*talk\.wav"):
        unknown.resubmit()
    assert unknown.status == "unknown"
    assert len(silent.jobs()) == 1


def test_sound_that_was_no_file_is_sent_again_by_who_has_it(silent):
    """The job object made from an array has its sound; the one from the journal does not."""
    with pytest.raises(JobUnknown, match="did not answer") as told:
        silent.submit(np.zeros(16000, np.float32), sample_rate=8000, id="mine")
    silent._transport.is_silent = False
    with pytest.raises(
        JobError,
        match=r"mine: the recording was not a file, .*: submit it with reuse=False",
    ):
        silent.resume()[0].resubmit()
    assert told.value.job.resubmit().result(progress=False).recording == "mine"


def test_a_file_that_changes_while_it_is_sent(client, talk_wav, monkeypatch):
    """The message would not have the sound of the stored hash, so it is not sent."""
    build = type(client._submitter)._build_message

    def slowly(self, request):
        made = build(self, request)
        talk_wav.write_bytes(wav(3.0))
        return made

    monkeypatch.setattr(type(client._submitter), "_build_message", slowly)
    with pytest.raises(AudioError, match=r"talk\.wav: .*talk\.wav was changed while it was sent; submit"):
        client.submit(talk_wav)
    assert len(client.jobs()) == 0


def test_metadata_that_cannot_be_kept(client, talk_wav):
    """An error before anything is sent."""
    with pytest.raises(
        ConfigError, match="metadata 'when' is of type Path, which cannot be stored: make it a text"
    ):
        client.submit(talk_wav, metadata={"when": type("Path", (), {})()})
    assert len(client.jobs()) == 0


def test_a_disk_that_is_full_when_the_answer_comes(client, talk_wav):
    """At any write: nothing is sent, or the error has the operation id to get the result with."""
    outcomes = set()
    for n_writes in range(12):
        with failing_disk(FULL, after=n_writes):
            try:
                job = client.submit(talk_wav)
            except JournalError as error:
                message = str(error)
                found = [word.strip("',;)(") for word in message.split() if word.startswith("client.job(")]
                outcomes.add("told" if found else "nothing sent")
                job = None
        if job is None and found:
            operation_id = found[0].removeprefix("client.job(").strip("')")
            job = client.job(operation_id)
        if job is not None:
            assert job.result(progress=False).text == "hello world"
    assert outcomes == {"told", "nothing sent"}


class Full(GrpcTransport):
    """A service with a used-up quota."""

    def __init__(self):
        super().__init__("grpc://127.0.0.1:1", Endpoints.at("grpc://127.0.0.1:1"))

    def submit(self, request, request_id):
        raise Exhausted("the quota is used up", code="RESOURCE_EXHAUSTED", retry_after=3600)


class Impatient(CallLimiter):
    """A limiter; the user presses Ctrl-C at the second wait."""

    n_waits = 0

    def acquire(self, kind, *args, **options):
        self.n_waits += 1
        if self.n_waits == 2:
            raise KeyboardInterrupt
        return super().acquire(kind, *args, **options)


def test_an_interrupted_wait_for_the_quota_is_no_riddle(tmp_path):
    """The service refused it, so it is failed and not unknown; the row has the reason."""
    with Client(Full(), Journal(tmp_path / "journal.sqlite3"), limiter=Impatient()) as client:
        with pytest.raises(KeyboardInterrupt):
            client.submit(wav(1.0))
        (row,) = client.jobs().to_dict("records")
        assert (row["status"], row["error"]) == ("failed", "the quota is used up; not sent again yet")
        assert len(client.resume()) == 0
