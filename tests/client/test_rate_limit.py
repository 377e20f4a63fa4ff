"""Rate limits: never too many calls, in a fair order, and slower after a refusal. The clock is simulated."""

import heapq
import threading
import time

import pytest
from call_log import CountedServer, most_within
from hypothesis import given
from hypothesis import strategies as st
from local_server import wait_until, wav

import speechkit_nb as sk
from speechkit_nb.client.clock import time_limit
from speechkit_nb.client.transport.rate_limit import (
    PERIODS,
    CallLimiter,
    Quota,
    RateLimiter,
    SlidingWindow,
    share_limiters,
)
from speechkit_nb.errors import ConfigError, Exhausted, Rejected

times = st.floats(0, 3, allow_nan=False)
calls = st.lists(st.tuples(times, times, times), min_size=1, max_size=60)


class Clock:
    """Time that passes only while a thread waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        assert seconds is not None, "this wait would never end"
        self.now += seconds


def make_limiter(clock, limit, period=1.0, ages=()):
    return RateLimiter(limit, period, ages, clock, clock.wait)


def make_call_limiter(limiter):
    """One limiter for calls of all kinds."""
    return CallLimiter("cloud", dict.fromkeys(PERIODS, limiter))


def acquire(limiter, on_wait=lambda seconds: None):
    return limiter.acquire(on_wait, lambda: None)


def use(window, calls, refusals=()):
    """Make each call as early as the window allows; returns when it was sent and when the service saw it.

    Args:
        calls: for each call the pause before it, and the travel times of request and response.
        refusals: numbers of refused calls, with the pause that the service asks for.
    """
    now, begun, seen, out = 0.0, [], [], []

    def pass_to(moment):
        while out and out[0][0] <= moment:
            end, turn, number = heapq.heappop(out)
            window.end(turn, end)
            if number in refusals:
                window.refuse(end, refusals[number])

    for number, (gap, there, back) in enumerate(calls):
        now += gap
        pass_to(now)
        while (opens_at := window.opens_at(now)) > now:
            now = min(opens_at, out[0][0]) if out else opens_at
            pass_to(now)
        turn = window.begin(now)
        begun.append(now)
        seen.append(now + there)
        heapq.heappush(out, (now + there + back, turn, number))
    return begun, seen


# ---- how many


@given(calls, st.integers(1, 6))
def test_the_service_never_sees_more_than_the_quota(calls, limit):
    """In no second, however long each call takes to get there and back."""
    _, seen = use(SlidingWindow(limit, 1.0), calls)
    assert most_within([round(moment, 6) for moment in seen], 1.0 - 1e-5) <= limit


@given(calls, st.integers(1, 6), st.dictionaries(st.integers(0, 59), st.none() | times))
def test_refusals_make_it_no_faster(calls, limit, refusals):
    """The quota is kept, whichever calls are refused."""
    _, seen = use(SlidingWindow(limit, 1.0), calls, refusals)
    assert most_within([round(moment, 6) for moment in seen], 1.0 - 1e-5) <= limit


@given(st.lists(times, min_size=1, max_size=60), st.integers(1, 6))
def test_calls_that_take_no_time_wait_no_longer_than_necessary(gaps, limit):
    """Compared with a slow and simple rule: the n-th call after one is sent when a period has passed."""
    begun, _ = use(SlidingWindow(limit, 1.0), [(gap, 0.0, 0.0) for gap in gaps])
    expected, now = [], 0.0
    for gap in gaps:
        now = max(now + gap, expected[-limit] + 1.0 if len(expected) >= limit else 0.0)
        expected.append(now)
    assert begun == pytest.approx(expected)


def test_a_running_call_keeps_its_permit():
    """It is unknown when the service sees it, so it counts until its response comes."""
    window = SlidingWindow(1, 1.0)
    turn = window.begin(0.0)
    assert window.opens_at(500.0) == float("inf")
    window.end(turn, 600.0)
    assert window.opens_at(600.0) == 601.0


def test_without_a_limit_no_call_waits():
    """A server on this machine has no quota."""
    window = SlidingWindow(None, 1.0)
    assert [window.opens_at(1.0) for _ in range(1000) if window.begin(1.0)] == [1.0] * 1000


def test_submissions_of_an_earlier_process_count():
    """A restarted kernel continues to count."""
    clock = Clock()
    limiter = make_limiter(clock, 2, 3600.0, [3000.0, 600.0])
    waits = []
    acquire(limiter, waits.append)
    assert waits == [600.0]
    assert clock.now == 700.0


# ---- refusals


def test_a_refusal_makes_a_pause_and_then_half_the_speed():
    """The pause is as long as the service asks for; later, calls are as fast as before."""
    window = SlidingWindow(5, 1.0)
    window.end(window.begin(0.0), 0.0)
    window.refuse(0.0, 30.0)
    assert window.opens_at(1.0) == 30.0
    window.end(window.begin(30.0), 30.0)
    assert window.opens_at(30.0) == pytest.approx(30.0 + 2 * 0.5**0.5 / 5)
    assert window.opens_at(300.0) == 300.0
    window.end(window.begin(300.0), 300.0)
    assert window.opens_at(300.0) == 300.0


def test_refusals_without_a_time_double_the_pause():
    """A second at first; calls that were refused together count once."""
    window = SlidingWindow(5, 1.0)
    pauses, now = [], 0.0
    for _ in range(3):
        for _ in range(5):
            window.refuse(now, None)
        pauses.append(window.opens_at(now) - now)
        now += pauses[-1]
    assert pauses == pytest.approx([1.0, 2.0, 4.0], rel=0.1)


def test_a_refused_submission_waits_for_its_share_of_the_period():
    """With 500 submissions per hour, it makes no sense to try again after a second."""
    window = SlidingWindow(500, 3600.0)
    window.refuse(0.0, None)
    assert window.opens_at(0.0) == 7.2


def test_a_refused_call_slows_its_limiter():
    """Only a refusal for the quota does; other errors do not."""
    clock = Clock()
    limiter = make_call_limiter(make_limiter(clock, 5))
    with pytest.raises(Exhausted, match="no more"), limiter.acquire("check", 10.0):
        raise Exhausted("no more", retry_after=7.0)
    with pytest.raises(ValueError, match="other"), limiter.acquire("check", 10.0):
        raise ValueError("other")
    assert clock.now == 107.0
    with limiter.acquire("submission"):
        assert clock.now == pytest.approx(107.4, abs=0.1)


def test_a_pause_longer_than_the_patience_is_an_error_at_once():
    """A check does not wait an hour; nothing is sent."""
    clock = Clock()
    limiter = make_call_limiter(make_limiter(clock, 5))
    with pytest.raises(Exhausted, match="no more"), limiter.acquire("check", 10.0):
        raise Exhausted("no more", retry_after=3600.0)
    with pytest.raises(Exhausted, match="a quota of the service is used up; it asks to wait 3600 s"):
        limiter.acquire("check", 45.0)
    assert clock.now == 100.0


@pytest.mark.parametrize(("named", "pause"), [(1e9, 3610.0), (0.0, 0.2)])
def test_a_pause_that_no_quota_needs(named, pause):
    """A wait of years ends after the hour of the quota, and no wait at all does not flood the service."""
    window = SlidingWindow(5, 1.0)
    window.refuse(0.0, named)
    assert window.opens_at(0.0) == pause


def test_a_wait_for_a_permit_ends_with_the_time_limit():
    """Though the call that has the only permit hangs."""
    limiter = make_call_limiter(RateLimiter(1, 1.0))
    began = time.monotonic()
    with (
        limiter.acquire("check"),
        time_limit(0.2),
        pytest.raises(Exhausted, match="a quota of the service is used up, or its answers are slow"),
    ):
        limiter.acquire("check")
    assert time.monotonic() - began < 2.0


# ---- threads


def test_permits_are_granted_in_the_order_of_the_requests():
    """Twenty threads wait; each gets its permit after all that came before it."""
    limiter = RateLimiter(1, 1e-3)
    order: list[int] = []

    def call(number: int) -> None:
        with acquire(limiter):
            order.append(number)

    threads = [threading.Thread(target=call, args=[number]) for number in range(20)]
    with acquire(limiter):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=number: len(limiter._waiting) == n + 1)
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))


def test_closing_cancels_the_waiting_callers_of_one_client_only():
    """Another client of the same limiter keeps its place in the queue."""
    limiter = RateLimiter(1, 1e-3)
    closing, other = (make_call_limiter(limiter) for _ in range(2))
    outcomes: list[str] = []

    def call(client: CallLimiter, name: str) -> None:
        try:
            with client.acquire("submission"):
                outcomes.append(f"{name} had its permit")
        except Rejected as error:
            outcomes.append(f"{name}: {error}")

    threads = [threading.Thread(target=call, args=pair) for pair in [(closing, "a"), (other, "b")]]
    with acquire(limiter):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=number: len(limiter._waiting) == n + 1)
        closing.close()
        threads[0].join(10)
        assert outcomes == ["a: this client of cloud was closed; connect('cloud') opens a new one"]
    threads[1].join(10)
    assert outcomes[1:] == ["b had its permit"]


def test_an_interrupted_caller_leaves_the_queue():
    """Ctrl-C while waiting lets the next caller through."""

    def interrupted(condition, seconds):
        raise KeyboardInterrupt

    limiter = RateLimiter(1, 1.0, (), Clock(), interrupted)
    acquire(limiter)
    with pytest.raises(KeyboardInterrupt):
        acquire(limiter)
    assert len(limiter._waiting) == 0


# ---- shared limiters


def test_clients_with_the_same_credentials_share_their_limiters():
    """The quota given last applies to all; other credentials, and other services, have their own."""
    submitted = iter([[0.0, 0.0]])
    one = share_limiters("a service", "key 1", Quota(2, None), lambda: next(submitted))
    two = share_limiters("a service", "key 1", Quota(3, None), lambda: next(submitted))
    other = share_limiters("a service", "key 2", Quota(2, None))
    waits: list[float] = []

    def submit(client, on_wait=waits.append):
        return client.acquire("submission", on_wait=on_wait)

    with submit(two), submit(other), submit(other):
        assert waits == []
    two.close()
    with pytest.raises(Rejected, match="was closed"):
        submit(two)
    with pytest.raises(ZeroDivisionError):
        submit(one, lambda seconds: 1 / 0)  # it would have to wait: all three permits are taken


@pytest.mark.parametrize("figures", [(0, 5), (500, -1), (500, 2.5), (True, 5)])
def test_an_impossible_quota(figures):
    """The message names it."""
    with pytest.raises(
        ConfigError, match=r"^(submissions_per_hour|checks_per_second) must be a whole number from 1 up"
    ):
        Quota(*figures)


def test_a_server_sees_no_more_than_the_quota(tmp_path, script):
    """Several threads wait for jobs over one client; the server counts."""
    server = CountedServer(tmp_path / "calls", models={"general": f"scripted:{script}"})
    with sk.connect(f"grpc://{server.address}", quota=Quota(None, 10)) as client:
        jobs = [client.submit(wav(1.0 + i / 100)) for i in range(8)]
        threads = [threading.Thread(target=job.result, args=[None, False]) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [job.record.state for job in jobs] == ["done"] * 8
    server.close()
    for method in ("Get", "GetRecognition"):
        sent = [moment for moment, called in server.calls() if called == method]
        assert len(sent) >= 8
        assert most_within(sent, 1.0) <= 10
