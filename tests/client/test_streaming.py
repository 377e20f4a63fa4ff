"""Streams of the client against the real local server: pace, new sessions, broken ones, and transcripts."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count, islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_sessions import RATE, make_audio, make_words, split, write_script
from local_server import DATA, Server
from pyarrow import parquet

import speechkit_nb as sk
from speechkit_nb.client.streaming import reconnect
from speechkit_nb.client.streaming.audio_source import AudioSource, open_source
from speechkit_nb.client.streaming.events import EventQueue, StreamEvent
from speechkit_nb.client.streaming.replay_buffer import ReplayBuffer, SendLog
from speechkit_nb.client.streaming.sender import SessionLimits
from speechkit_nb.client.streaming.time_shift import TimelineShifter
from speechkit_nb.errors import (
    AudioError,
    ConfigError,
    LimitError,
    Rejected,
    TargetError,
    Unreachable,
    WaitTimeout,
)
from speechkit_nb.server.engines import timecode
from speechkit_nb.wire import v3

SECONDS = 60
LIMIT = 10


@pytest.fixture(scope="module")
def spoken() -> list[tuple[str, float, float]]:
    return make_words(SECONDS)


@pytest.fixture(scope="module")
def words(spoken: Any, tmp_path_factory: Any) -> Path:
    return write_script(tmp_path_factory.mktemp("script") / "talk.csv", spoken)


def start_server(words: Path, seconds: float = LIMIT, **settings: Any) -> Server:
    """A server with short sessions; the script behind `general`."""
    streams = {"seconds": seconds, "gap_seconds": 2.5, "status_seconds": 0.2}
    models = {"general": f"timecoded:{words}", "plain": f"scripted:{words}", "recognizer": "pocketsphinx"}
    return Server(models=models, streams=streams, **settings)


@pytest.fixture(scope="module")
def server(words: Path) -> Iterator[Server]:
    running = start_server(words)
    yield running
    running.close()


@pytest.fixture
def client(server: Server) -> Iterator[sk.Client]:
    with sk.connect(f"grpc://{server.address}") as connected:
        yield connected


@pytest.fixture
def recording() -> sk.Recording:
    """A minute of audio in which each sample encodes its time, so that the engine knows the words there."""
    return sk.Recording(timecode.write_timecode(SECONDS * RATE), RATE, id="minute")


LIMITS = SessionLimits(LIMIT, 10_000_000)


def words_of(transcript: sk.Transcript) -> list[tuple[str, float, float]]:
    frame = transcript.words
    return list(zip(frame.word, frame.start.round(3), frame.end.round(3), strict=True))


def n_sessions(transcript: sk.Transcript) -> int:
    return len({v3.StreamingResponse.FromString(m).session_uuid.uuid for m in transcript.responses})


def goes_on(transcript: sk.Transcript) -> bool:
    """Whether finals are numbered without a gap and no cursor goes back."""
    cursors = transcript.events[["received_data", "partial_time", "final_time", "eou_time", "final_index"]]
    counted = list(transcript.finals.final_index) == list(range(len(transcript.finals)))
    ordered = (cursors.received_data >= cursors.partial_time) & (cursors.partial_time >= cursors.final_time)
    return counted and bool((cursors.diff().dropna() >= 0).all(axis=None)) and bool(ordered.all())


# Several sessions.


def test_a_stream_goes_on_over_sessions(client: sk.Client, recording: sk.Recording, spoken: Any) -> None:
    """A minute in sessions of ten seconds: every word once and at its time, finals are numbered on."""
    session = client.stream(recording, pace="fast", limits=LIMITS)
    events = list(session)
    transcript = session.transcript
    assert words_of(transcript) == spoken
    assert goes_on(transcript)
    assert n_sessions(transcript) >= 6
    assert [event.response for event in events] == transcript.responses
    assert [event.kind for event in events] == list(transcript.events.event)
    assert sum(event.text == "" and event.kind == "status_code" for event in events) < len(events)


def test_sessions_end_between_utterances(client: sk.Client, recording: sk.Recording) -> None:
    """A new session begins at the end of an utterance, so that no utterance is cut in two."""
    transcript = client.stream(recording, pace="fast", limits=LIMITS).result(60)
    finals = transcript.finals
    assert (finals.speech_start - finals.speech_end.shift()).min() > 0.5


@pytest.mark.parametrize("seconds", [600, pytest.param(3600, marks=pytest.mark.exhaustive)])
def test_an_hour(seconds: int, tmp_path: Path) -> None:
    """An hour in sessions of five minutes, as in the cloud, or a sixth of both: all words are right."""
    spoken = make_words(seconds)
    running = start_server(write_script(tmp_path / "hour.csv", spoken), seconds=seconds / 12)
    with sk.connect(f"grpc://{running.address}") as client:
        hour = timecode.write_timecode(seconds * RATE)
        session = client.stream(hour, sample_rate=RATE, pace="fast", limits=SessionLimits(seconds / 12))
        transcript = session.result(120)
    running.close()
    assert words_of(transcript) == spoken
    assert goes_on(transcript)
    assert 12 <= n_sessions(transcript) <= 18


def test_sessions_are_cut_by_size_too(words: Path, spoken: Any, recording: sk.Recording) -> None:
    """A session that would have too many bytes is followed by another one, too."""
    running = Server(models={"general": f"timecoded:{words}"}, streams={"n_bytes": 300_000})
    with sk.connect(f"grpc://{running.address}") as client:
        limits = SessionLimits(n_bytes=300_000)
        transcript = client.stream(recording, pace="fast", limits=limits).result(60)
    running.close()
    assert words_of(transcript) == spoken
    assert n_sessions(transcript) >= 7


def test_speech_without_a_pause(tmp_path: Path) -> None:
    """If no utterance ends, the session ends all the same; a word that is cut in two is reported once."""
    unbroken = [(f"w{i}", i * 0.5, i * 0.5 + 0.45) for i in range(60)]
    running = start_server(write_script(tmp_path / "unbroken.csv", unbroken), seconds=5)
    with sk.connect(f"grpc://{running.address}") as client:
        sounding = timecode.write_timecode(30 * RATE)
        session = client.stream(sounding, sample_rate=RATE, pace="fast", limits=SessionLimits(5))
        transcript = session.result(60)
    running.close()
    assert list(transcript.words.word) == [word for word, *_ in unbroken]
    assert n_sessions(transcript) >= 6


def test_silence_over_several_sessions(client: sk.Client, tmp_path: Path) -> None:
    """Sessions without speech end without a final, and are not sent again."""
    quiet = np.concatenate([np.zeros(25 * RATE, np.int16), timecode.write_timecode(5 * RATE)])
    session = client.stream(quiet, sample_rate=RATE, pace="fast", limits=LIMITS)
    transcript = session.result(60)
    assert [word for word, *_ in words_of(transcript)] == [
        word for word, _, end in make_words(SECONDS) if end < 5
    ]
    assert transcript.words.start.iloc[0] == pytest.approx(25.3)
    assert transcript.events.received_data.max() == pytest.approx(30)


def test_several_sessions_of_the_embedded_recognizer(client: sk.Client) -> None:
    """The embedded recognizer returns nearly the same words in several sessions as in one."""
    recording = sk.Recording(DATA / "monologue.wav")
    short = sk.Recording(recording.read(0, 15), recording.sample_rate)
    transcript = client.stream(short, pace="fast", model="recognizer", limits=SessionLimits(6)).result(120)
    whole = client.submit(short, model="recognizer").result(progress=False)
    assert n_sessions(transcript) >= 3
    both = set(transcript.words.word) & set(whole.words.word)
    assert len(both) > 0.85 * len(set(whole.words.word))
    assert abs(len(transcript.words) - len(whole.words)) <= 5


# Broken sessions.


@pytest.mark.parametrize("event", ["partial", "final", "final_refinement", "eou_update", "status_code"])
def test_a_broken_session_is_resumed(words: Path, spoken: Any, recording: sk.Recording, event: str) -> None:
    """Wherever sessions break off, the stream continues from the last final: no word is lost or doubled."""
    running = start_server(words, seconds=300, faults=[f"cut:RecognizeStreaming:{event}:3"])
    with sk.connect(f"grpc://{running.address}") as client:
        transcript = client.stream(recording, pace="fast").result(60)
    running.close()
    assert words_of(transcript) == spoken
    assert goes_on(transcript)


def test_a_session_that_breaks_off_again_and_again(
    words: Path, recording: sk.Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After eight sessions without a final the error is raised; earlier messages are kept."""
    monkeypatch.setattr(reconnect, "LONGEST_PAUSE", 0.01)
    running = start_server(words, faults=["cut:RecognizeStreaming:partial:9"])
    with sk.connect(f"grpc://{running.address}") as client:
        session = client.stream(recording, pace="fast")
        with pytest.raises(sk.errors.NoAnswer, match=r"did not answer .*broke off"):
            list(session)
        with pytest.raises(sk.errors.NoAnswer, match="broke off"):
            session.result()
        assert list(session.transcript.events.event).count("partial") == 8
    running.close()


def test_a_service_that_is_not_there() -> None:
    """The error names the service and what to do."""
    with sk.connect("grpc://127.0.0.1:1") as client:
        session = client.stream(np.zeros(RATE, np.int16), sample_rate=RATE, pace="fast")
        with pytest.raises(Unreachable, match=r"cannot connect to grpc://127\.0\.0\.1:1"):
            session.result(60)


def test_a_refused_option_is_not_tried_again(client: sk.Client, recording: sk.Recording) -> None:
    """A refusal of the service is raised at once."""
    session = client.stream(recording, pace="fast", model="none")
    with pytest.raises(Rejected, match=r"no model 'none'.* \(x-request-id \S+\)$"):
        next(iter(session))


def test_a_service_with_shorter_sessions_than_expected(
    client: sk.Client, recording: sk.Recording, spoken: Any
) -> None:
    """If the service ends a session for its length, a new one continues from the last final."""
    transcript = client.stream(recording, pace="fast", limits=SessionLimits(11.5)).result(60)
    assert words_of(transcript) == spoken


# Sources and pace.


def chunked(seconds: float, size: int = 1234) -> list[bytes]:
    return list(split(make_audio(seconds), size))


@pytest.mark.parametrize("odd", [1234, 999, 32000])
def test_chunks_of_any_size(client: sk.Client, spoken: Any, odd: int) -> None:
    """Bytes are joined to whole samples, however they are split."""
    transcript = client.stream(iter(chunked(20, odd)), sample_rate=RATE, limits=LIMITS).result(60)
    expected = [word for word in spoken if word[2] <= 19.9]
    assert words_of(transcript)[: len(expected)] == expected
    assert transcript.recording == "stream"


def test_a_source_that_never_ends(client: sk.Client, spoken: Any) -> None:
    """Events come while it runs; `finish` ends the source, and the audio that was sent is recognized."""
    endless = (make_audio(0.5, start=i * 0.5) for i in count())
    session = client.stream(endless, sample_rate=RATE, limits=LIMITS)
    seen = list(islice((event for event in session if event.kind == "final"), 8))
    session.finish()
    rest = [event for event in session if event.kind == "final"]
    text = " ".join(event.text for event in [*seen, *rest])
    assert text.split() == [word for word, *_ in spoken][: len(text.split())]
    assert len(seen) == 8


def test_closing_a_stream(client: sk.Client) -> None:
    """After `close` no more events come, and no error; the transcript has all messages until then."""
    endless = (make_audio(0.5, start=i * 0.5) for i in count())
    with client.stream(endless, sample_rate=RATE, limits=LIMITS) as session:
        first = next(iter(session))
    assert first.response == session.transcript.responses[0]
    assert list(session)[-1:] == list(session)[-1:]
    assert "ended" in repr(session)


def test_closing_the_client_closes_its_streams(server: Server) -> None:
    """No stream runs longer than its client."""
    client = sk.connect(f"grpc://{server.address}")
    session = client.stream((make_audio(0.1) for _ in count()), sample_rate=RATE)
    next(iter(session))
    client.close()
    assert "ended" in repr(session)


def test_a_source_that_fails(client: sk.Client) -> None:
    """Its error is raised after the audio that was sent has been recognized."""

    def failing() -> Iterator[bytes]:
        yield make_audio(5)
        raise OSError("the microphone was unplugged")

    session = client.stream(failing(), sample_rate=RATE)
    texts = []
    with pytest.raises(OSError, match="unplugged"):
        texts.extend(event.text for event in session)
    assert session.transcript.text.split()[:2] == ["w0", "w1"]


def test_a_source_that_falls_silent(client: sk.Client) -> None:
    """Time without audio from a live source counts as silence, and the session stays open."""
    go_on = threading.Event()

    def hesitating() -> Iterator[bytes]:
        yield make_audio(1.0)
        assert go_on.wait(20)
        yield make_audio(1.0, start=1.0)

    session = client.stream(hesitating(), sample_rate=RATE)
    for event in session:
        if event.kind == "eou_update":  # made by silence alone
            go_on.set()
    transcript = session.transcript
    assert n_sessions(transcript) == 1
    assert transcript.events.received_data.max() >= 3.0
    assert transcript.words.start.diff().max() > 1.0


def test_real_time_pace(client: sk.Client) -> None:
    """A recording is sent as by a microphone: never before its time, and not long after it."""
    recording = sk.Recording(timecode.write_timecode(2 * RATE), RATE)
    began = time.time()
    transcript = client.stream(recording).result(30)
    positions, times = np.array(transcript.sends).T
    late = times - began - positions
    assert np.allclose(np.diff(positions), 0.1)
    assert late.min() > -0.01
    assert np.median(late) < 0.2
    assert not (transcript.events.text == "the audio is not sent in real time").any()


def test_events_have_arrival_time_and_sent_audio(client: sk.Client, recording: sk.Recording) -> None:
    """Each event has its arrival time and how much audio had been sent; neither goes back."""
    began = time.time()
    session = client.stream(recording, pace="fast", limits=LIMITS)
    events = list(session)
    assert all(began - 0.1 < a.received_at <= b.received_at < time.time() + 0.1 for a, b in pairwise(events))
    assert all(a.sent_until <= b.sent_until for a, b in pairwise(events))
    finals = [event for event in events if event.kind == "final"]
    for event in finals:
        sent = session.sent_at(event.end)
        assert sent is not None
        assert sent <= event.received_at
        assert event.end <= event.sent_until
    assert events[-1].sent_until == SECONDS
    assert session.sent_at(SECONDS + 1) is None
    assert {event.channel_tag for event in finals} == {"0"}


def set_clock(monkeypatch: pytest.MonkeyPatch, now: Callable[[], float]) -> None:
    """The client reads this time. gRPC does not: it would wait for an hour, as the real clock was not set."""
    clock = SimpleNamespace(**{**vars(time), "time": now})
    for name, module in list(sys.modules.items()):
        if name.startswith("speechkit_nb.client") and vars(module).get("time") is time:
            monkeypatch.setattr(module, "time", clock)


def test_a_clock_that_is_set_while_a_stream_runs(
    client: sk.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An hour back, then two forward: the times of events and of sent audio stay even."""
    real, shift = time.time, 0.0
    set_clock(monkeypatch, lambda: real() + shift)
    began, session = real(), client.stream(iter(chunked(20, 3200)), sample_rate=RATE, limits=LIMITS)
    for n_events, _ in enumerate(session):
        shift = -3600.0 if n_events < 5 else 3600.0
    transcript = sk.load(session.result(20).save(tmp_path / "stream.parquet"))
    for times in (transcript.received_at, [at for _, at in transcript.sends]):
        assert began - 0.1 < times[0]
        assert times[-1] < real() + 0.1
        assert all(earlier <= later for earlier, later in pairwise(times))


def test_a_clock_that_is_set_while_an_answer_is_fetched(
    client: sk.Client, recording: sk.Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The times of its messages still increase."""
    job = client.submit(recording, model="plain")
    job.result(progress=False)
    real, back = time.time, count()
    set_clock(monkeypatch, lambda: real() - next(back))
    times = [received_at for _, received_at in client._transport.fetch(str(job.operation_id))]
    assert len(times) > 10
    assert times == sorted(times)


def test_async_iteration(client: sk.Client, recording: sk.Recording) -> None:
    """`async for` gives the same events, and does not block the event loop."""

    async def listen() -> tuple[list[Any], int]:
        session, ticks = client.stream(recording, pace="fast", limits=LIMITS), 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        events = [event async for event in session]
        ticking.cancel()
        assert [event.response for event in events] == session.transcript.responses
        return events, ticks

    events, ticks = asyncio.run(listen())
    assert events[-1].kind == "status_code"
    assert ticks > 10


def test_saving_and_loading_a_stream(client: sk.Client, recording: sk.Recording, tmp_path: Path) -> None:
    """A loaded transcript has the arrival times of events, and the audio that had been sent by then."""
    transcript = client.stream(recording, pace="fast", limits=LIMITS, language="en-US").result(60)
    loaded = sk.load(transcript.save(tmp_path / "stream.parquet"))
    assert loaded.events.equals(transcript.events)
    assert loaded.sends == transcript.sends
    assert loaded.sent_at(12.34) == transcript.sent_at(12.34)
    assert loaded.info["language"] == ["en-US"]
    assert transcript.events.sent_until.notna().all()
    assert np.isnan(transcript.sent_at(SECONDS + 1))


def test_a_file_of_the_first_format(tmp_path: Path) -> None:
    """Transcripts that were saved before there were streams can be read."""
    path = sk.Transcript([b""], "old", None, [5.0]).save(tmp_path / "old.parquet")
    table = parquet.read_table(path)
    facts = json.loads(table.schema.metadata[b"speechkit_nb"]) | {"format": 1}
    del facts["sends"]
    old = table.drop_columns(["sent_until"]).replace_schema_metadata({b"speechkit_nb": json.dumps(facts)})
    parquet.write_table(old, path)
    loaded = sk.load(path)
    assert (loaded.received_at, loaded.sent_until, loaded.sends) == ([5.0], [], [])
    assert loaded.events.sent_until.isna().all()


# Modes.


def test_external_ends_of_utterances(client: sk.Client, spoken: Any) -> None:
    """The client marks the ends of utterances: one final for each, and no other; also in several sessions."""
    turn = threading.Semaphore(0)

    def in_turns() -> Iterator[bytes]:
        for i in range(20):
            yield make_audio(1.0, start=float(i))
            assert turn.acquire(timeout=20)

    session = client.stream(in_turns(), sample_rate=RATE, external_eou=True, limits=LIMITS)
    finals = []
    while not session.sent_at(1.0):
        time.sleep(0.01)
    session.end_of_utterance()
    for event in session:
        if event.kind == "eou_update":
            turn.release()
        if event.kind == "final":
            finals.append(event)
            if len(finals) < 20:
                threading.Thread(target=end_when_sent, args=(session, len(finals) + 1.0)).start()
    ends = [event.end for event in finals][:20]
    assert ends == [float(i + 1) for i in range(20)]
    recognized = [word for event in finals for word in event.text.split()]
    assert recognized == [word for word, start, _ in spoken if start < 20]
    assert n_sessions(session.transcript) >= 2


def end_when_sent(session: Any, position: float) -> None:
    while not session.sent_at(position):
        time.sleep(0.005)
    session.end_of_utterance()


def test_marking_ends_of_utterances_is_an_option(client: sk.Client, recording: sk.Recording) -> None:
    """In other streams the service finds the ends of utterances."""
    with (
        client.stream(recording, pace="fast") as session,
        pytest.raises(ConfigError, match="open it with external_eou=True"),
    ):
        session.end_of_utterance()


def test_full_data(client: sk.Client) -> None:
    """Several channels, with all messages at the end."""
    stereo = np.zeros((2, 8 * RATE), np.int16)
    session = client.stream(
        stereo, sample_rate=RATE, pace="fast", audio_processing_type="full_data", model="plain", limits=LIMITS
    )
    kinds = [event.kind for event in session]
    assert "partial" not in kinds
    assert kinds.count("final") == kinds.count("eou_update") > 1


@pytest.mark.parametrize("live", [False, True])
def test_full_data_is_one_session(client: sk.Client, recording: sk.Recording, live: bool) -> None:
    """Audio that does not fit into one session is refused; at once if its length is known."""
    source = iter(chunked(20, 32000)) if live else recording
    options = {"pace": "fast", "audio_processing_type": "full_data", "limits": LIMITS}
    rate = RATE if live else None
    with pytest.raises(LimitError, match=r"longer than the 10 s .*client\.submit"):
        client.stream(source, sample_rate=rate, **options).result(60)


def test_full_data_that_breaks_off(words: Path, spoken: Any) -> None:
    """It is sent again from the beginning, and no message comes twice."""
    running = start_server(words, seconds=300, faults=["cut:RecognizeStreaming:final_refinement:2"])
    with sk.connect(f"grpc://{running.address}") as client:
        sounding = timecode.write_timecode(20 * RATE)
        session = client.stream(
            sounding, sample_rate=RATE, pace="fast", audio_processing_type="full_data", model="plain"
        )
        transcript = session.result(60)
    running.close()
    assert [word for word, *_ in words_of(transcript)] == [word for word, start, _ in spoken if start < 20]


ARRAY = {"source": np.zeros(100, np.int16), "sample_rate": RATE}
CHUNKS = {"source": [b"ab"], "sample_rate": RATE}
REFUSED = [
    (
        ARRAY | {"source": np.zeros((2, 9), np.int16)},
        AudioError,
        "has 2 channels, a live stream takes one: choose it with channel=0",
    ),
    ({"source": [b"ab"]}, AudioError, "chunks need a sample rate in Hz"),
    (CHUNKS | {"sample_rate": 96000}, AudioError, "a stream must have 8000 to 48000 Hz, not 96000"),
    (CHUNKS | {"channel": 0}, AudioError, "channel= is for recordings"),
    ({"source": 5}, AudioError, "5 is neither a recording nor an iterable"),
    (ARRAY | {"channel": 1}, AudioError, "channels 0 to 0, not 1"),
    ({"source": "s3://talks/a.wav"}, AudioError, "a link is for client.submit"),
    (ARRAY | {"pace": "slow"}, ConfigError, "pace must be 'real-time' or 'fast', not 'slow'"),
    (ARRAY | {"modle": "x"}, ConfigError, "did you mean 'model'"),
]


@pytest.mark.parametrize(("options", "error", "reason"), REFUSED, ids=[reason for *_, reason in REFUSED])
def test_refused_before_anything_is_sent(client: sk.Client, options: Any, error: Any, reason: str) -> None:
    """The error names the wrong value and the possible ones."""
    with pytest.raises(error, match=reason):
        client.stream(**options)


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [(np.zeros((2, 10), np.int16), "shape .2, 10."), (np.zeros(10, np.int32), "a chunk has the type int32")],
)
def test_impossible_chunks(client: sk.Client, chunk: Any, reason: str) -> None:
    """A chunk of the wrong shape or type ends the stream with an error that names it."""
    with pytest.raises(AudioError, match=reason):
        client.stream([chunk], sample_rate=RATE).result(20)


def test_chunks_of_a_file_are_not_samples(client: sk.Client, client_v2: sk.Client) -> None:
    """A header would be recognized as noise, so it is an error at once, with what to do."""
    for each in (client, client_v2):
        session = each.stream(iter([b"", b"RIFF\x24\0\0\0WAVEfmt "]), sample_rate=RATE)
        with pytest.raises(
            AudioError, match=r"begin with b'RIFF', so they are a file.* stream the file itself"
        ):
            session.result(20)


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"seconds": -1.0}, {"n_bytes": 100}])
def test_sessions_that_are_too_short(limits: Any) -> None:
    """No session could continue from the one before."""
    with pytest.raises(ConfigError, match=r"(seconds|n_bytes) must be a number from"):
        SessionLimits(**limits)


def test_a_wait_with_a_timeout(client: sk.Client) -> None:
    """`result` with a timeout stops waiting, not the stream."""
    session = client.stream((make_audio(0.1) for _ in count()), sample_rate=RATE)
    with pytest.raises(WaitTimeout, match=r"not ended after 0\.05 s; it continues"):
        session.result(0.05)
    session.close()


# v2


@pytest.fixture
def client_v2(server: Server) -> Iterator[sk.Client]:
    with sk.connect(f"grpc://{server.address}", api="v2") as connected:
        yield connected


def test_v2_streams_over_sessions(client_v2: sk.Client, recording: sk.Recording, spoken: Any) -> None:
    """The same over v2: every word once, partials, ends of utterances, finals are numbered on."""
    session = client_v2.stream(recording, pace="fast", limits=LIMITS)
    kinds = {event.kind for event in session}
    transcript = session.transcript
    assert words_of(transcript) == spoken
    assert {"partial", "final", "eou_update", "status_code"} <= kinds
    assert list(transcript.finals.final_index) == list(range(len(transcript.finals)))


def test_v2_is_resumed(words: Path, spoken: Any, recording: sk.Recording) -> None:
    """A stream of v2 that breaks off continues after the last word of its last final."""
    running = start_server(words, seconds=300, faults=["cut:StreamingRecognize:eou_update:3"])
    with sk.connect(f"grpc://{running.address}", api="v2") as client:
        transcript = client.stream(recording, pace="fast").result(60)
    running.close()
    assert words_of(transcript) == spoken


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"external_eou": True}, "a stream of API v2 has no eou_sensitivity"),
        ({"audio_processing_type": "full_data"}, "API v2 has no audio_processing_type"),
        ({"speaker_labeling": True}, "API v2 has no speaker_labeling"),
    ],
)
def test_options_that_v2_does_not_have(
    client_v2: sk.Client, recording: Any, options: Any, reason: str
) -> None:
    """An option that v2 does not have is refused before anything is sent."""
    with pytest.raises(ConfigError, match=reason):
        client_v2.stream(recording, **options)


@pytest.mark.parametrize("api", ["v3", "v2"])
def test_rest_has_no_streams(words: Path, recording: sk.Recording, api: Any) -> None:
    """The error of a client over REST names the alternatives."""
    running = start_server(words, rest="127.0.0.1:0")
    url = next(part for part in running.line.split() if part.startswith("http://"))
    with (
        sk.connect(url, api=api) as client,
        pytest.raises(TargetError, match="connected over REST, which has no streams"),
    ):
        client.stream(recording)
    running.close()


# Parts.


@given(st.lists(st.binary(max_size=9)), st.integers(1, 5), st.sampled_from([1, 2]))
def test_chunks_are_the_audio(blocks: list[bytes], n_samples: int, n_channels: int) -> None:
    """Joined, the chunks are the whole samples of the source; none is longer than requested."""
    frame = 2 * n_channels
    chunks = list(AudioSource(iter(blocks), RATE, n_channels).chunks(n_samples))
    whole = b"".join(blocks)
    assert b"".join(chunks) == whole[: len(whole) // frame * frame]
    assert all(0 < len(chunk) <= n_samples * frame and len(chunk) % frame == 0 for chunk in chunks)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_a_recording_in_chunks(rate: int) -> None:
    """A recording is split into equal chunks at a supported sample rate; only one channel if requested."""
    ramp = np.stack([np.zeros(rate), np.linspace(-1, 1, rate, dtype=np.float32)])
    source = open_source(ramp, rate, channel=1)
    lengths = [len(chunk) for chunk in source.chunks(1000)]
    samples = np.frombuffer(b"".join(open_source(ramp, rate, channel=1).chunks(1000)), "<i2")
    assert set(lengths[:-1]) == {2000}
    assert source.sample_rate == min(rate, 48000)
    assert len(samples) == pytest.approx(source.sample_rate, abs=2)
    assert samples[len(samples) // 2] == pytest.approx(0, abs=20)


@given(
    st.lists(st.one_of(st.integers(1, 6), st.just(0), st.integers(-4, -1)), max_size=12),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_a_replay_buffer_against_one_string(steps: list[int], drops: list[int]) -> None:
    """The buffer contains what was written after the position up to which it was dropped."""
    buffer, whole = ReplayBuffer(2, 1000), b""
    for step in steps:
        if step > 0:
            data = bytes([len(whole) % 251, step] * step)
            buffer.write(data)
            whole += data
        elif step < 0:
            buffer.write_silence(-step)
            whole += bytes(-step * 2)
    for position in drops:
        buffer.drop(position)
    last = min(max(drops, default=0), len(whole) // 2)
    left, number = b"", buffer.first_number
    while chunk := buffer.read(number, 0):
        left += bytes(2 * chunk.n_samples) if chunk.data is None else chunk.data
        number += 1
    assert left == whole[2 * last :]
    assert buffer.start == last


def test_a_marker_is_dropped_with_its_final() -> None:
    """A final drops one marker at its end; a later marker and the audio before it stay."""
    buffer = ReplayBuffer(2, 5000, tolerance=32)
    for size in (1234, 0, 0, 500, 0):
        buffer.write_marker() if size == 0 else buffer.write(bytes(2 * size))
    buffer.drop(1232, with_marker=True)  # 77 ms of 77.1
    assert (buffer.start, buffer.read(buffer.first_number, 0).is_marker) == (1234, True)
    buffer.drop(1232, with_marker=True)
    assert buffer.start == 1234
    buffer.drop(1300, with_marker=True)
    assert (buffer.start, buffer.end) == (1300, 1734)


def test_a_writer_waits_for_its_reader() -> None:
    """A buffer takes only so much ahead of its reader; `finish` ends the wait of the writer."""
    buffer, written = ReplayBuffer(2, 10), []

    def write() -> None:
        for i in range(5):
            buffer.write(bytes(20))
            written.append(i)

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 1:
        time.sleep(0.001)
    writer.join(0.05)
    assert written == [0]
    buffer.read(0, 1)
    while len(written) < 2:
        time.sleep(0.001)
    buffer.finish()
    writer.join(5)
    assert (buffer.end, buffer.is_exhausted) == (20, False)


def test_a_log_keeps_the_first_time() -> None:
    """Audio that is sent again keeps the time of its first sending."""
    now = iter([1.0, 2.0, 3.0])
    log = SendLog(1000, lambda: next(now))
    for position in (100, 250, 100, 250, 300):
        log.record(position)
    assert log.pairs() == [(0.1, 1.0), (0.25, 2.0), (0.3, 3.0)]
    assert [log.sent_at(p) for p in (0.0, 0.1, 0.2, 0.3, 0.31)] == [1.0, 1.0, 2.0, 3.0, None]


def test_every_time_in_a_message_is_shifted() -> None:
    """Words, highlights, boundaries and ends of utterances are shifted; durations and wall times are not."""
    shifter = TimelineShifter()
    shifter.start_session(0)
    shifter.n_finals = 3
    shifter.start_session(5000)
    best = {"start_time_ms": 0, "end_time_ms": 700, "words": [{"start_time_ms": 0, "end_time_ms": 10}]}
    cursors = {"received_data_ms": 800, "final_time_ms": 700, "final_index": 0}
    final = v3.StreamingResponse(
        final={"alternatives": [best]}, audio_cursors=cursors, response_wall_time_ms=7
    )
    _, moved = shifter.shift(b"", final)
    (alternative,) = moved.final.alternatives
    times = [alternative.start_time_ms, alternative.end_time_ms]
    times += [alternative.words[0].start_time_ms, alternative.words[0].end_time_ms]
    assert times == [5000, 5700, 5000, 5010]
    assert (moved.audio_cursors.final_index, moved.audio_cursors.final_time_ms) == (3, 5700)
    assert (moved.audio_cursors.eou_time_ms, moved.response_wall_time_ms) == (0, 7)
    refined = v3.StreamingResponse(final_refinement={"final_index": 0, "normalized_text": final.final})
    _, moved = shifter.shift(b"", refined)
    assert moved.final_refinement.final_index == 3
    assert moved.final_refinement.normalized_text.alternatives[0].end_time_ms == 5700
    analysis = v3.StreamingResponse(
        speaker_analysis={"speech_boundaries": {"end_time_ms": 9}, "total_silence_ms": 4}
    )
    _, moved = shifter.shift(b"", analysis)
    bounds = moved.speaker_analysis.speech_boundaries
    assert (bounds.start_time_ms, bounds.end_time_ms, moved.speaker_analysis.total_silence_ms) == (
        5000,
        5009,
        4,
    )


def test_the_first_session_is_left_as_it_is() -> None:
    """The messages of a single session keep their bytes."""
    shifter = TimelineShifter()
    shifter.start_session(0)
    message = v3.StreamingResponse(partial={}).SerializeToString() + b"\xf8\x07\x01"  # an unknown field
    assert shifter.shift(message, v3.StreamingResponse.FromString(message))[0] is message


def make_events(n: int) -> list[StreamEvent]:
    return [StreamEvent("partial", str(i), 0.0, 1.0, "0", i, 0.0, 0.0, b"") for i in range(n)]


def test_an_event_queue_serves_threads_and_coroutines() -> None:
    """Events come in order, blocking or awaiting; then the end, as often as it is requested."""
    events, events_queue = make_events(200), EventQueue()

    async def take(n: int) -> list[StreamEvent | None]:
        return [await events_queue.get_async() for _ in range(n)]

    def fill() -> None:
        for event in events:
            events_queue.put(event)
        events_queue.put(None)

    threading.Thread(target=fill).start()
    assert asyncio.run(take(150)) == events[:150]
    assert [events_queue.get() for _ in range(50)] == events[150:]
    assert asyncio.run(take(2)) == [None, None]
    assert [events_queue.get(), events_queue.get()] == [None, None]


def test_every_waiting_thread_and_coroutine_gets_the_end() -> None:
    """All that wait when the stream ends get the end."""
    events_queue, ends = EventQueue(), list[Any]()

    async def wait() -> None:
        ends.extend(await asyncio.gather(*(events_queue.get_async() for _ in range(4))))

    threads = [threading.Thread(target=lambda: ends.append(events_queue.get())) for _ in range(4)]
    threads.append(threading.Thread(target=lambda: asyncio.run(wait())))
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    events_queue.put(None)
    for thread in threads:
        thread.join(10)
    assert ends == [None] * 8


def test_a_cancelled_wait_takes_nothing() -> None:
    """An `async for` that is cancelled leaves the next event for the next one."""
    (event,), events_queue = make_events(1), EventQueue()

    async def give_up() -> StreamEvent | None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(events_queue.get_async(), 0.01)
        events_queue.put(event)
        return await events_queue.get_async()

    assert asyncio.run(give_up()) == event


def test_iterating_again_raises_the_error_again(client: sk.Client) -> None:
    """A stream that failed does not look like one that has ended."""

    def failing() -> Iterator[bytes]:
        raise OSError("the microphone was unplugged")
        yield b""

    async def iterate(session: sk.StreamSession) -> None:
        async for _ in session:
            pass

    session = client.stream(failing(), sample_rate=RATE)
    for _ in range(2):
        with pytest.raises(OSError, match="unplugged"):
            list(session)
        with pytest.raises(OSError, match="unplugged"):
            asyncio.run(iterate(session))
