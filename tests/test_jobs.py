"""A job as a state machine: its service, clock and sleep are handed in, so nothing here waits."""

import asyncio

import pytest
from answers import final

from speechkit_nb.client.jobs import KEPT_FOR, READY_WITHIN, Job, JobSet
from speechkit_nb.client.journal import Journal
from speechkit_nb.client.service import OperationStatus
from speechkit_nb.client.waiting import LOOPBACK, Pace, shown
from speechkit_nb.errors import (
    JobCancelled,
    JobError,
    JobFailed,
    JobUnknown,
    NotFound,
    NotReady,
    ServiceError,
    WaitTimeout,
)

ANSWER = [(final(0, "hello world"), 1000.5)]


class Service:
    """A service with a clock of its own: done `takes` seconds after the start, ready `later` after that."""

    def __init__(self, takes: float = 10.0, later: float = 0.0, error: ServiceError | None = None) -> None:
        self.now = 1000.0
        self.done_at = self.now + takes
        self.ready_at = self.done_at + later
        self.error = error
        self.checks: list[float] = []
        self.cancelled = self.deleted = False

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def refresh(self, operation_id: str) -> OperationStatus:
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


def job_of(journal, service, pace=None, **facts):
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
    return Job(
        journal.add(**row | facts),
        refresh=service.refresh,
        fetch=service.fetch,
        cancel=service.cancel,
        delete=service.delete,
        clock=service.clock,
        sleep=service.sleep,
        pace=pace,
    )


def test_result_waits_until_the_service_is_done(journal):
    """The transcript holds the messages, their arrival, the id, and what was asked for."""
    service = Service(takes=25)
    transcript = job_of(journal, service).result(progress=False)
    assert transcript.text == "hello world"
    assert transcript.received_at == [1000.5]
    assert transcript.info == {"operation_id": "f8d1", "service": "local", "model": "general"}
    assert 25 <= service.now - 1000 < 35


def test_the_first_check_comes_when_the_recording_should_be_done(journal):
    """A sixth of the duration, then pauses that grow from 2 s."""
    service = Service(takes=25)
    job_of(journal, service).result(progress=False)
    assert service.checks == pytest.approx([10, 12, 15, 19.5, 26.25], abs=0.01)


def test_pauses_end_at_a_minute():
    """A deferred model may take a day; it is asked once a minute."""
    pauses = Pace().pauses(60, waited=0)
    assert [next(pauses) for _ in range(20)][-1] == 60


def test_a_second_result_comes_from_the_journal(journal):
    """What was fetched once needs no service any more."""
    service = Service(takes=0)
    job = job_of(journal, service, LOOPBACK)
    job.result(progress=False)
    checks = len(service.checks)
    assert job.result(progress=False).text == "hello world"
    assert len(service.checks) == checks
    assert job.done
    assert job.status == "done"


def test_done_but_not_ready_means_wait(journal):
    """The operation may be done a little before its data is."""
    service = Service(takes=1, later=5)
    assert job_of(journal, service, LOOPBACK).result(progress=False).text == "hello world"


def test_not_ready_is_believed_for_a_while_only(journal):
    """Then the job says so and stays attachable; nothing is marked failed."""
    service = Service(takes=1, later=1e9)
    job = job_of(journal, service, LOOPBACK)
    with pytest.raises(
        JobError, match=r"is done, but its result has not been ready for 60 s.*client\.job\('f8d1'\)"
    ):
        job.result(progress=False)
    assert service.now - 1000 > READY_WITHIN
    assert job._entry.facts["state"] == "running"


def test_a_timeout_stops_the_wait_not_the_job(journal):
    """The message says how to attach; asking again later brings the result."""
    service = Service(takes=100)
    job = job_of(journal, service)
    with pytest.raises(
        WaitTimeout, match=r"not done after 5 s; the job goes on.*client\.job\('f8d1'\)\.result"
    ):
        job.result(timeout=5, progress=False)
    assert service.now == pytest.approx(1005, abs=0.3)
    assert job.result(progress=False).text == "hello world"


def test_ctrl_c_stops_the_wait_not_the_job(journal):
    """The service is not told to cancel, and the way back is said."""
    service = Service(takes=100)

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    job = job_of(journal, service)
    job._sleep = interrupted
    with pytest.raises(KeyboardInterrupt, match=r"the job goes on.*client\.job\('f8d1'\)\.result\(\)"):
        job.result(progress=False)
    assert not service.cancelled
    assert job._entry.facts["state"] == "running"


def test_await_works_in_a_running_loop(journal):
    """As in a notebook; two jobs wait at the same time."""
    service = Service(takes=0)
    jobs = [job_of(journal, service, LOOPBACK, operation_id=f"f8d{k}", submitted_at=0.0) for k in range(2)]

    async def both():
        return await asyncio.gather(*jobs)

    assert [t.text for t in asyncio.run(both())] == ["hello world"] * 2


def test_the_blocking_form_works_in_a_running_loop_too(journal):
    """A notebook cell without await."""
    job = job_of(journal, Service(takes=1), LOOPBACK)

    async def cell():
        return job.result(progress=False)

    assert asyncio.run(cell()).text == "hello world"


def test_a_failed_recognition_says_why(journal):
    """The service's words, the recording's name; again from the journal."""
    error = ServiceError("the service answered INTERNAL: no speech model", code="INTERNAL")
    job = job_of(journal, Service(takes=0, error=error), LOOPBACK)
    for _ in range(2):
        with pytest.raises(JobFailed, match=r"a\.wav: the job is failed: .*INTERNAL: no speech model"):
            job.result(progress=False)


def test_a_cancelled_job_has_no_result(journal):
    """Cancel asks the service and writes what became of it."""
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
    """The journal still has the result."""
    service = Service(takes=0)
    job = job_of(journal, service, LOOPBACK)
    job.result(progress=False)
    job.delete()
    assert service.deleted
    assert job.result(progress=False).text == "hello world"


def forgotten(operation_id: str) -> OperationStatus:
    raise NotFound("the service answered NOT_FOUND: no such operation", code="NOT_FOUND")


def test_an_operation_the_service_forgot_has_expired(journal):
    """After three days; that is final."""
    service = Service()
    service.refresh = forgotten
    service.now += KEPT_FOR + 60
    job = job_of(journal, service, LOOPBACK)
    with pytest.raises(JobFailed, match=r"the job is expired: .*no such operation"):
        job.result(progress=False)
    assert job.status == "expired"


def test_an_operation_the_service_should_know_is_not_given_up(journal):
    """The wrong key or server answers the same: the job stays open until the right one is asked."""
    service = Service(takes=0)
    known, service.refresh = service.refresh, forgotten
    job = job_of(journal, service, LOOPBACK)
    with pytest.raises(NotFound, match=r"a\.wav: .*another server or other credentials may know it"):
        job.result(progress=False)
    assert job._entry.facts["state"] == "running"
    job._refresh = known
    assert job.result(progress=False).text == "hello world"


def test_a_job_whose_kernel_died_in_mid_submission_is_unknown(journal):
    """It is not sent again; the user is told what that would mean."""
    job = job_of(journal, Service(), LOOPBACK, state="submitting", operation_id=None)
    job._entry.note(owner=f"{__import__('socket').gethostname()}:{2**22 + 1}")
    with pytest.raises(JobUnknown, match=r"not known whether the service got this job.*may be billed twice"):
        job.result(progress=False)


def test_progress_may_be_a_function(journal):
    """It is told a fraction that never goes back, and the state."""
    told = []
    service = Service(takes=25)
    job_of(journal, service).result(progress=lambda fraction, status: told.append((fraction, status)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert told[-1] == (1.0, "done")
    assert told[0] == (0.0, "running")


def test_the_bar_says_that_it_is_an_estimate(capsys, monkeypatch):
    """About 10 s for a minute of audio, said to be an estimate."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with shown(True, "a.wav", 10.0) as show:
        show(5.0, "running")
        show(5.0, "running")
    err = capsys.readouterr().err
    assert "a.wav" in err
    assert "running, estimated 10 s in all" in err


def test_several_jobs_are_a_set_with_a_frame(journal):
    """A row a job; times are UTC; expiry is three days after the end."""
    service = Service(takes=0)
    jobs = JobSet([job_of(journal, service, LOOPBACK, operation_id=f"f8d{k}") for k in range(2)])
    assert [t.text for t in jobs.results(progress=False)] == ["hello world"] * 2
    frame = jobs.frame
    assert list(frame.status) == ["done", "done"]
    assert str(frame.created.dtype).endswith("UTC]")
    assert ((frame.expires - frame.finished).dt.total_seconds() == KEPT_FOR).all()
    assert len(jobs[:1]) == 1
    assert JobSet([]).frame.dtypes.equals(frame.dtypes)


def test_several_results_are_handed_out_together_or_not_at_all(journal):
    """One job failed: the other is not marked as handed out, so that resume brings it again."""
    good = job_of(journal, Service(takes=0), LOOPBACK, operation_id="f8d1")
    bad = job_of(journal, Service(takes=0), LOOPBACK, operation_id="f8d2", state="failed", error="too loud")
    with pytest.raises(JobFailed, match="too loud"):
        JobSet([good, bad]).results(progress=False)
    assert good.status == "done"
    assert good._entry.facts["delivered_at"] is None


def test_only_results_expire(journal):
    """A job without a result has nothing that the service could forget."""
    job = job_of(journal, Service(), state="failed", finished_at=1000.0)
    assert JobSet([job]).frame.expires.isna().all()
