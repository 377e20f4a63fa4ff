"""Turns: never too many, never unfairly, and slowly after a refusal. The clock is handed in."""

import heapq
import threading

import pytest
from call_log import CountedServer, most_within
from hypothesis import given
from hypothesis import strategies as st
from local_server import wait_until, wav

import speechkit_nb as sk
from speechkit_nb.client.transport.rate_limit import Limiter, Line, Lines, Quota, Window, limiter_of
from speechkit_nb.errors import ConfigError, Exhausted, Rejected

times = st.floats(0, 3, allow_nan=False)
calls = st.lists(st.tuples(times, times, times), min_size=1, max_size=60)


class Clock:
    """Time that passes only when somebody waits for it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        assert seconds is not None, "nobody would ever wake it"
        self.now += seconds


def line_of(clock, limit, period=1.0):
    return Line(Window(limit, period), clock, clock.wait)


def use(window, calls, refusals=()):
    """Each call as soon as it may: when it went out and when the service saw it, for its way there and back.

    Several are out at the same time. Refusals are numbers of calls, with the pause that is asked for.
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
        while (opens := window.opens(now)) > now:
            now = min(opens, out[0][0]) if out else opens
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
    _, seen = use(Window(limit, 1.0), calls)
    assert most_within([round(moment, 6) for moment in seen], 1.0 - 1e-5) <= limit


@given(calls, st.integers(1, 6), st.dictionaries(st.integers(0, 59), st.none() | times))
def test_refusals_make_it_no_faster(calls, limit, refusals):
    """Whatever was refused, the quota holds."""
    _, seen = use(Window(limit, 1.0), calls, refusals)
    assert most_within([round(moment, 6) for moment in seen], 1.0 - 1e-5) <= limit


@given(st.lists(times, min_size=1, max_size=60), st.integers(1, 6))
def test_calls_that_take_no_time_wait_no_longer_than_they_must(gaps, limit):
    """The n-th after one goes out as soon as a period has passed since, the slow and simple truth."""
    begun, _ = use(Window(limit, 1.0), [(gap, 0.0, 0.0) for gap in gaps])
    expected, now = [], 0.0
    for gap in gaps:
        now = max(now + gap, expected[-limit] + 1.0 if len(expected) >= limit else 0.0)
        expected.append(now)
    assert begun == pytest.approx(expected)


def test_a_call_that_is_out_keeps_its_turn():
    """Nobody knows when the service sees it, so that it counts until it is answered."""
    window = Window(1, 1.0)
    turn = window.begin(0.0)
    assert window.opens(500.0) == float("inf")
    window.end(turn, 600.0)
    assert window.opens(600.0) == 601.0


def test_without_a_limit_nothing_waits():
    """A server on this machine has no quota."""
    window = Window(None, 1.0)
    assert [window.opens(1.0) for _ in range(1000) if window.begin(1.0)] == [1.0] * 1000


def test_submissions_of_an_earlier_process_count():
    """A restarted kernel goes on counting; what is older than an hour does not."""
    clock = Clock()
    line = line_of(clock, 2, 3600.0)
    line.fill([3000.0, 600.0])
    told = []
    line.turn(told.append, lambda: None)
    assert told == [600.0]
    assert clock.now == 700.0


# ---- refusals


def test_a_refusal_makes_a_pause_and_then_half_the_speed():
    """As long as the service asks for; later, it is as fast as before."""
    window = Window(5, 1.0)
    window.end(window.begin(0.0), 0.0)
    window.refuse(0.0, 30.0)
    assert window.opens(1.0) == 30.0
    window.end(window.begin(30.0), 30.0)
    assert window.opens(30.0) == pytest.approx(30.0 + 2 * 0.5**0.5 / 5)
    assert window.opens(300.0) == 300.0
    window.end(window.begin(300.0), 300.0)
    assert window.opens(300.0) == 300.0


def test_refusals_without_a_time_double_the_pause():
    """A second at first, and no more than that for answers to calls that were out together."""
    window = Window(5, 1.0)
    pauses, now = [], 0.0
    for _ in range(3):
        for _ in range(5):
            window.refuse(now, None)
        pauses.append(window.opens(now) - now)
        now += pauses[-1]
    assert pauses == pytest.approx([1.0, 2.0, 4.0], rel=0.1)


def test_a_refused_submission_waits_for_what_one_is_worth():
    """With 500 an hour there is no use in asking again after a second."""
    window = Window(500, 3600.0)
    window.refuse(0.0, None)
    assert window.opens(0.0) == 7.2


def test_what_a_call_raises_slows_its_line():
    """Only if it says that a quota is used up."""
    clock = Clock()
    line = line_of(clock, 5)
    limiter = Limiter("cloud", Lines(line, line, line))
    with pytest.raises(Exhausted, match="no more"), limiter.check(10.0):
        raise Exhausted("no more", retry_after=7.0)
    with pytest.raises(ValueError, match="other"), limiter.check(10.0):
        raise ValueError("other")
    assert clock.now == 107.0
    with limiter.submission():
        assert clock.now == pytest.approx(107.4, abs=0.1)


def test_a_pause_beyond_ones_patience_is_told_at_once():
    """Nobody waits an hour within a question; nothing is asked."""
    clock = Clock()
    limiter = Limiter("cloud", Lines(*[line_of(clock, 5)] * 3))
    with pytest.raises(Exhausted, match="no more"), limiter.check(10.0):
        raise Exhausted("no more", retry_after=3600.0)
    with pytest.raises(Exhausted, match="a quota of the service is used up; it asks to wait 3600 s"):
        limiter.check(45.0)
    assert clock.now == 100.0


# ---- threads


def test_turns_are_given_in_the_order_in_which_they_were_asked_for():
    """Twenty threads wait; each has its turn when all before it had theirs."""
    line = Line(Window(1, 1e-3))
    order: list[int] = []

    def ask(number: int) -> None:
        with line.turn(lambda seconds: None, lambda: None):
            order.append(number)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(20)]
    with line.turn(lambda seconds: None, lambda: None):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=number: line.n_waiting == n + 1)
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))


def test_closing_sends_away_who_waits_and_nobody_else():
    """Another client of the same line keeps its place."""
    line = Line(Window(1, 1e-3))
    closing, other = (Limiter("cloud", Lines(line, line, line)) for _ in range(2))
    told: list[str] = []

    def ask(limiter: Limiter, name: str) -> None:
        try:
            with limiter.submission():
                told.append(f"{name} had its turn")
        except Rejected as error:
            told.append(f"{name}: {error}")

    threads = [threading.Thread(target=ask, args=pair) for pair in [(closing, "a"), (other, "b")]]
    with line.turn(lambda seconds: None, lambda: None):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=number: line.n_waiting == n + 1)
        closing.close()
        threads[0].join(10)
        assert told == ["a: this client of cloud was closed; connect('cloud') makes another one"]
    threads[1].join(10)
    assert told[1:] == ["b had its turn"]


def test_who_stops_waiting_gives_up_his_place():
    """Ctrl-C in the line lets the next one through."""

    def interrupted(condition, seconds):
        raise KeyboardInterrupt

    line = Line(Window(1, 1.0), Clock(), interrupted)
    line.turn(lambda seconds: None, lambda: None)
    with pytest.raises(KeyboardInterrupt):
        line.turn(lambda seconds: None, lambda: None)
    assert line.n_waiting == 0


# ---- whose


def test_clients_with_the_same_credentials_share_their_turns():
    """The figures given last hold for all; other credentials, and other services, have their own."""
    submitted = iter([[0.0, 0.0]])
    one = limiter_of("a service", "key 1", Quota(2, None), lambda: next(submitted))
    two = limiter_of("a service", "key 1", Quota(3, None), lambda: next(submitted))
    other = limiter_of("a service", "key 2", Quota(2, None))
    told: list[float] = []
    with two.submission(told.append), other.submission(told.append), other.submission(told.append):
        assert told == []
    two.close()
    with pytest.raises(Rejected, match="was closed"):
        two.submission()
    with pytest.raises(ZeroDivisionError):
        one.submission(lambda seconds: 1 / 0)  # it would have to wait: three were taken


@pytest.mark.parametrize("figures", [(0, 5), (500, -1), (500, 2.5), (True, 5)])
def test_a_figure_that_is_none(figures):
    """The message names it."""
    with pytest.raises(ConfigError, match=r"(submissions_per_hour|checks_per_second)=.*, but it is a whole"):
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
        assert [job.facts["state"] for job in jobs] == ["done"] * 8
    server.close()
    for method in ("Get", "GetRecognition"):
        asked = [moment for moment, called in server.calls() if called == method]
        assert len(asked) >= 8
        assert most_within(asked, 1.0) <= 10
