"""Streams of the client against the real local server: pace, seams, breaks, and what is kept of them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_sessions import RATE, coded, pieces, script, talk
from local_server import DATA, Server
from pyarrow import parquet

import speechkit_nb as sk
from speechkit_nb.client.streaming import reconnect as relay
from speechkit_nb.client.streaming.audio_source import Source, open_source
from speechkit_nb.client.streaming.event_queue import Mailbox, Over
from speechkit_nb.client.streaming.replay_buffer import SendLog, Tape
from speechkit_nb.client.streaming.sender import SessionLimits
from speechkit_nb.client.streaming.time_shift import Joiner
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
    return talk(SECONDS)


@pytest.fixture(scope="module")
def words(spoken: Any, tmp_path_factory: Any) -> Path:
    return script(tmp_path_factory.mktemp("script") / "talk.csv", spoken)


def started(words: Path, seconds: float = LIMIT, **settings: Any) -> Server:
    """A server with short sessions; the script behind `general`."""
    streams = {"seconds": seconds, "gap_seconds": 2.5, "status_seconds": 0.2}
    models = {"general": f"timecoded:{words}", "plain": f"scripted:{words}", "heard": "pocketsphinx"}
    return Server(models=models, streams=streams, **settings)


@pytest.fixture(scope="module")
def server(words: Path) -> Iterator[Server]:
    running = started(words)
    yield running
    running.close()


@pytest.fixture
def client(server: Server) -> Iterator[sk.Client]:
    with sk.connect(f"grpc://{server.address}") as connected:
        yield connected


@pytest.fixture
def recording() -> sk.Recording:
    """A minute of sound that says which part of the script it is."""
    return sk.Recording(timecode.write_timecode(SECONDS * RATE), RATE, id="minute")


LIMITS = SessionLimits(LIMIT, 10_000_000)


def said(transcript: sk.Transcript) -> list[tuple[str, float, float]]:
    frame = transcript.words
    return list(zip(frame.word, frame.start.round(3), frame.end.round(3), strict=True))


def n_sessions(transcript: sk.Transcript) -> int:
    return len({v3.StreamingResponse.FromString(m).session_uuid.uuid for m in transcript.responses})


def goes_on(transcript: sk.Transcript) -> bool:
    """Whether finals are counted without a gap and no cursor ever goes back."""
    cursors = transcript.events[["received_data", "partial_time", "final_time", "eou_time", "final_index"]]
    counted = list(transcript.finals.final_index) == list(range(len(transcript.finals)))
    ordered = (cursors.received_data >= cursors.partial_time) & (cursors.partial_time >= cursors.final_time)
    return counted and bool((cursors.diff().dropna() >= 0).all(axis=None)) and bool(ordered.all())


# Seams.


def test_a_stream_goes_on_over_sessions(client: sk.Client, recording: sk.Recording, spoken: Any) -> None:
    """A minute in sessions of ten seconds: every word once and in its place, finals counted on."""
    session = client.stream(recording, pace="fast", limits=LIMITS)
    events = list(session)
    transcript = session.transcript
    assert said(transcript) == spoken
    assert goes_on(transcript)
    assert n_sessions(transcript) >= 6
    assert [event.response for event in events] == transcript.responses
    assert [event.kind for event in events] == list(transcript.events.event)
    assert sum(event.text == "" and event.kind == "status_code" for event in events) < len(events)


def test_seams_lie_between_utterances(client: sk.Client, recording: sk.Recording) -> None:
    """A new session begins where an utterance has ended, so that no utterance is cut in two."""
    transcript = client.stream(recording, pace="fast", limits=LIMITS).result(60)
    finals = transcript.finals
    assert (finals.speech_start - finals.speech_end.shift()).min() > 0.5


def test_an_hour(tmp_path: Path) -> None:
    """An hour in sessions of five minutes, as the cloud has them: word for word what was said."""
    spoken = talk(3600)
    running = started(script(tmp_path / "hour.csv", spoken), seconds=300)
    with sk.connect(f"grpc://{running.address}") as client:
        hour = timecode.write_timecode(3600 * RATE)
        transcript = client.stream(hour, sample_rate=RATE, pace="fast").result(120)
    running.close()
    assert said(transcript) == spoken
    assert goes_on(transcript)
    assert 12 <= n_sessions(transcript) <= 18


def test_sessions_are_cut_by_size_too(words: Path, spoken: Any, recording: sk.Recording) -> None:
    """A session that would hold too many bytes goes on in another one as well."""
    running = Server(models={"general": f"timecoded:{words}"}, streams={"n_bytes": 300_000})
    with sk.connect(f"grpc://{running.address}") as client:
        limits = SessionLimits(n_bytes=300_000)
        transcript = client.stream(recording, pace="fast", limits=limits).result(60)
    running.close()
    assert said(transcript) == spoken
    assert n_sessions(transcript) >= 7


def test_speech_without_a_pause(tmp_path: Path) -> None:
    """Where no utterance ends a session is cut all the same; a word that is cut is heard once."""
    unbroken = [(f"w{i}", i * 0.5, i * 0.5 + 0.45) for i in range(60)]
    running = started(script(tmp_path / "unbroken.csv", unbroken), seconds=5)
    with sk.connect(f"grpc://{running.address}") as client:
        sounding = timecode.write_timecode(30 * RATE)
        session = client.stream(sounding, sample_rate=RATE, pace="fast", limits=SessionLimits(5))
        transcript = session.result(60)
    running.close()
    assert list(transcript.words.word) == [word for word, *_ in unbroken]
    assert n_sessions(transcript) >= 6


def test_silence_over_several_sessions(client: sk.Client, tmp_path: Path) -> None:
    """Sessions in which nothing is said end without a final, and are not sent again."""
    quiet = np.concatenate([np.zeros(25 * RATE, np.int16), timecode.write_timecode(5 * RATE)])
    session = client.stream(quiet, sample_rate=RATE, pace="fast", limits=LIMITS)
    transcript = session.result(60)
    assert [word for word, *_ in said(transcript)] == [word for word, _, end in talk(SECONDS) if end < 5]
    assert transcript.words.start.iloc[0] == pytest.approx(25.3)
    assert transcript.events.received_data.max() == pytest.approx(30)


def test_real_seams_of_the_embedded_recognizer(client: sk.Client) -> None:
    """The embedded recognizer hears the same over several sessions as in one, but for the odd word."""
    recording = sk.Recording(DATA / "monologue.wav")
    short = sk.Recording(recording.read(0, 15), recording.sample_rate)
    transcript = client.stream(short, pace="fast", model="heard", limits=SessionLimits(6)).result(120)
    whole = client.submit(short, model="heard").result(progress=False)
    assert n_sessions(transcript) >= 3
    both = set(transcript.words.word) & set(whole.words.word)
    assert len(both) > 0.85 * len(set(whole.words.word))
    assert abs(len(transcript.words) - len(whole.words)) <= 5


# Breaks.


@pytest.mark.parametrize("event", ["partial", "final", "final_refinement", "eou_update", "status_code"])
def test_a_broken_session_is_resumed(words: Path, spoken: Any, recording: sk.Recording, event: str) -> None:
    """Wherever sessions break off, the stream goes on from the last final: no word is lost or doubled."""
    running = started(words, seconds=300, faults=[f"cut:RecognizeStreaming:{event}:3"])
    with sk.connect(f"grpc://{running.address}") as client:
        transcript = client.stream(recording, pace="fast").result(60)
    running.close()
    assert said(transcript) == spoken
    assert goes_on(transcript)


def test_a_session_that_breaks_off_again_and_again(
    words: Path, recording: sk.Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After eight sessions without a final the error is raised; what had come is there."""
    monkeypatch.setattr(relay, "LONGEST_PAUSE", 0.01)
    running = started(words, faults=["cut:RecognizeStreaming:partial:9"])
    with sk.connect(f"grpc://{running.address}") as client:
        session = client.stream(recording, pace="fast")
        with pytest.raises(sk.errors.NoAnswer, match=r"did not answer .*broke off"):
            list(session)
        with pytest.raises(sk.errors.NoAnswer, match="broke off"):
            session.result()
        assert list(session.transcript.events.event).count("partial") == 8
    running.close()


def test_a_service_that_is_not_there() -> None:
    """Nobody answers: the error says so and what to do."""
    with sk.connect("grpc://127.0.0.1:1") as client:
        session = client.stream(np.zeros(RATE, np.int16), sample_rate=RATE, pace="fast")
        with pytest.raises(Unreachable, match=r"cannot connect to grpc://127\.0\.0\.1:1"):
            session.result(60)


def test_a_refused_option_is_not_tried_again(client: sk.Client, recording: sk.Recording) -> None:
    """What the service refuses is raised at once."""
    session = client.stream(recording, pace="fast", model="none")
    with pytest.raises(Rejected, match=r"no model 'none'.* \(x-request-id \S+\)$"):
        next(iter(session))


def test_a_service_with_shorter_sessions_than_expected(
    client: sk.Client, recording: sk.Recording, spoken: Any
) -> None:
    """A session that the service ends for its length goes on in a new one, from the last final."""
    transcript = client.stream(recording, pace="fast", limits=SessionLimits(11.5)).result(60)
    assert said(transcript) == spoken


# Sources and pace.


def chunked(seconds: float, size: int = 1234) -> list[bytes]:
    return list(pieces(coded(seconds), size))


@pytest.mark.parametrize("odd", [1234, 999, 32000])
def test_chunks_of_any_size(client: sk.Client, spoken: Any, odd: int) -> None:
    """Bytes are put together to whole samples, however they are cut."""
    transcript = client.stream(iter(chunked(20, odd)), sample_rate=RATE, limits=LIMITS).result(60)
    expected = [word for word in spoken if word[2] <= 19.9]
    assert said(transcript)[: len(expected)] == expected
    assert transcript.recording == "stream"


def test_a_source_that_never_ends(client: sk.Client, spoken: Any) -> None:
    """Events come while it goes on; `finish` ends the source, and what was sent is answered."""
    endless = (coded(0.5, start=i * 0.5) for i in count())
    session = client.stream(endless, sample_rate=RATE, limits=LIMITS)
    seen = list(islice((event for event in session if event.kind == "final"), 8))
    session.finish()
    rest = [event for event in session if event.kind == "final"]
    text = " ".join(event.text for event in [*seen, *rest])
    assert text.split() == [word for word, *_ in spoken][: len(text.split())]
    assert len(seen) == 8


def test_closing_a_stream(client: sk.Client) -> None:
    """After `close` nothing more comes, and no error; the transcript is what came."""
    endless = (coded(0.5, start=i * 0.5) for i in count())
    with client.stream(endless, sample_rate=RATE, limits=LIMITS) as session:
        first = next(iter(session))
    assert first.response == session.transcript.responses[0]
    assert list(session)[-1:] == list(session)[-1:]
    assert "over" in repr(session)


def test_closing_the_client_closes_its_streams(server: Server) -> None:
    """A stream does not outlive its client."""
    client = sk.connect(f"grpc://{server.address}")
    session = client.stream((coded(0.1) for _ in count()), sample_rate=RATE)
    next(iter(session))
    client.close()
    assert "over" in repr(session)


def test_a_source_that_fails(client: sk.Client) -> None:
    """Its error is raised after what had been sent was answered."""

    def failing() -> Iterator[bytes]:
        yield coded(5)
        raise OSError("the microphone was unplugged")

    session = client.stream(failing(), sample_rate=RATE)
    texts = []
    with pytest.raises(OSError, match="unplugged"):
        texts.extend(event.text for event in session)
    assert session.transcript.text.split()[:2] == ["w0", "w1"]


def test_a_source_that_falls_silent(client: sk.Client) -> None:
    """Time in which a live source gives nothing counts as silence, and the session stays open."""
    go_on = threading.Event()

    def hesitating() -> Iterator[bytes]:
        yield coded(1.0)
        assert go_on.wait(20)
        yield coded(1.0, start=1.0)

    session = client.stream(hesitating(), sample_rate=RATE)
    for event in session:
        if event.kind == "eou_update":  # made by silence alone
            go_on.set()
    transcript = session.transcript
    assert n_sessions(transcript) == 1
    assert transcript.events.received_data.max() >= 3.0
    assert transcript.words.start.diff().max() > 1.0


def test_real_time_pace(client: sk.Client) -> None:
    """A recording is sent as a microphone would: never before its time, and not long after it."""
    recording = sk.Recording(timecode.write_timecode(2 * RATE), RATE)
    began = time.time()
    transcript = client.stream(recording).result(30)
    positions, times = np.array(transcript.sends).T
    late = times - began - positions
    assert np.allclose(np.diff(positions), 0.1)
    assert late.min() > -0.01
    assert np.median(late) < 0.2
    assert not (transcript.events.text == "the audio is not sent in real time").any()


def test_events_say_when_and_how_far(client: sk.Client, recording: sk.Recording) -> None:
    """Each event knows when it came and how much had been sent; clocks never go back."""
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


def test_a_clock_that_is_set_while_a_stream_runs(
    client: sk.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An hour back, then two forward: the times of events and of what was sent go on evenly all the same."""
    real, shift = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + shift)
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
    """Its messages still come one after the other."""
    job = client.submit(recording, model="plain")
    job.result(progress=False)
    real, back = time.time, count()
    monkeypatch.setattr(time, "time", lambda: real() - next(back))
    times = [received_at for _, received_at in client._transport.fetch(str(job.operation_id))]
    assert len(times) > 10
    assert times == sorted(times)


def test_async_iteration(client: sk.Client, recording: sk.Recording) -> None:
    """`async for` gives the same events, and leaves the loop to others meanwhile."""

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


def test_what_is_kept_of_a_stream(client: sk.Client, recording: sk.Recording, tmp_path: Path) -> None:
    """Saved and loaded, a transcript still knows when events came and what had been sent by then."""
    transcript = client.stream(recording, pace="fast", limits=LIMITS, language="en-US").result(60)
    loaded = sk.load(transcript.save(tmp_path / "stream.parquet"))
    assert loaded.events.equals(transcript.events)
    assert loaded.sends == transcript.sends
    assert loaded.sent_at(12.34) == transcript.sent_at(12.34)
    assert loaded.info["language"] == ["en-US"]
    assert transcript.events.sent_until.notna().all()
    assert np.isnan(transcript.sent_at(SECONDS + 1))


def test_a_file_of_the_first_format(tmp_path: Path) -> None:
    """Transcripts that were saved before streams are read as they were."""
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
    """The client says where utterances end: a final each, and no other; also over several sessions."""
    turn = threading.Semaphore(0)

    def in_turns() -> Iterator[bytes]:
        for i in range(20):
            yield coded(1.0, start=float(i))
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
    heard = [word for event in finals for word in event.text.split()]
    assert heard == [word for word, start, _ in spoken if start < 20]
    assert n_sessions(session.transcript) >= 2


def end_when_sent(session: Any, position: float) -> None:
    while not session.sent_at(position):
        time.sleep(0.005)
    session.end_of_utterance()


def test_an_end_of_utterance_has_to_be_asked_for(client: sk.Client, recording: sk.Recording) -> None:
    """In other streams the service finds the ends."""
    with (
        client.stream(recording, pace="fast") as session,
        pytest.raises(ConfigError, match="open it with external_eou=True"),
    ):
        session.end_of_utterance()


def test_full_data(client: sk.Client) -> None:
    """Several channels, answered at the end."""
    stereo = np.zeros((2, 8 * RATE), np.int16)
    session = client.stream(
        stereo, sample_rate=RATE, pace="fast", audio_processing_type="full_data", model="plain", limits=LIMITS
    )
    kinds = [event.kind for event in session]
    assert "partial" not in kinds
    assert kinds.count("final") == kinds.count("eou_update") > 1


@pytest.mark.parametrize("live", [False, True])
def test_full_data_is_one_session(client: sk.Client, recording: sk.Recording, live: bool) -> None:
    """What does not fit into one session cannot be answered at its end: refused, at once if it is known."""
    source = iter(chunked(20, 32000)) if live else recording
    options = {"pace": "fast", "audio_processing_type": "full_data", "limits": LIMITS}
    rate = RATE if live else None
    with pytest.raises(LimitError, match=r"longer than the 10 s .*client\.submit"):
        client.stream(source, sample_rate=rate, **options).result(60)


def test_full_data_that_breaks_off(words: Path, spoken: Any) -> None:
    """It is sent again from the beginning, and nothing is given out twice."""
    running = started(words, seconds=300, faults=["cut:RecognizeStreaming:final_refinement:2"])
    with sk.connect(f"grpc://{running.address}") as client:
        sounding = timecode.write_timecode(20 * RATE)
        session = client.stream(
            sounding, sample_rate=RATE, pace="fast", audio_processing_type="full_data", model="plain"
        )
        transcript = session.result(60)
    running.close()
    assert [word for word, *_ in said(transcript)] == [word for word, start, _ in spoken if start < 20]


ARRAY = {"source": np.zeros(100, np.int16), "sample_rate": RATE}
CHUNKS = {"source": [b"ab"], "sample_rate": RATE}
REFUSED = [
    (ARRAY | {"source": np.zeros((2, 9), np.int16)}, AudioError, "has 2 channels, a live stream takes one"),
    ({"source": [b"ab"]}, AudioError, "chunks do not say their sample rate"),
    (CHUNKS | {"sample_rate": 96000}, AudioError, "takes 8000 to 48000 Hz in a stream, not 96000"),
    (CHUNKS | {"channel": 0}, AudioError, "channel is for recordings"),
    ({"source": 5}, AudioError, "5 is no recording and no iterable"),
    (ARRAY | {"channel": 1}, AudioError, "channels 0 to 0, not 1"),
    ({"source": "s3://talks/a.wav"}, AudioError, "a link is for client.submit"),
    (ARRAY | {"pace": "slow"}, ConfigError, "pace='slow', but it is 'real-time' or 'fast'"),
    (ARRAY | {"modle": "x"}, ConfigError, "did you mean 'model'"),
]


@pytest.mark.parametrize(("asked", "error", "reason"), REFUSED, ids=[reason for *_, reason in REFUSED])
def test_refused_before_anything_is_sent(client: sk.Client, asked: Any, error: Any, reason: str) -> None:
    """The error says what was asked for and what there is."""
    with pytest.raises(error, match=reason):
        client.stream(**asked)


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [(np.zeros((2, 10), np.int16), "shape .2, 10."), (np.zeros(10, np.int32), "a chunk is of int32")],
)
def test_chunks_that_are_none(client: sk.Client, chunk: Any, reason: str) -> None:
    """A chunk of the wrong shape or kind ends the stream with an error that says which."""
    with pytest.raises(AudioError, match=reason):
        client.stream([chunk], sample_rate=RATE).result(20)


def test_chunks_of_a_file_are_not_samples(client: sk.Client, client_v2: sk.Client) -> None:
    """A header would be heard as noise: said at once, with what to do."""
    for each in (client, client_v2):
        session = each.stream(iter([b"", b"RIFF\x24\0\0\0WAVEfmt "]), sample_rate=RATE)
        with pytest.raises(AudioError, match=r"begin with b'RIFF'.* stream the file itself"):
            session.result(20)


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"seconds": -1.0}, {"n_bytes": 100}])
def test_sessions_that_hold_nothing(limits: Any) -> None:
    """Nothing could go on from one to the next."""
    with pytest.raises(ConfigError, match="too short to go on from; it has at least 1 s and 16000 bytes"):
        SessionLimits(**limits)


def test_waiting_has_an_end(client: sk.Client) -> None:
    """`result` with a timeout stops waiting, not the stream."""
    session = client.stream((coded(0.1) for _ in count()), sample_rate=RATE)
    with pytest.raises(WaitTimeout, match=r"not over after 0\.05 s; it goes on"):
        session.result(0.05)
    session.close()


# v2


@pytest.fixture
def client_v2(server: Server) -> Iterator[sk.Client]:
    with sk.connect(f"grpc://{server.address}", api="v2") as connected:
        yield connected


def test_v2_streams_over_sessions(client_v2: sk.Client, recording: sk.Recording, spoken: Any) -> None:
    """The same over v2: every word once, partials, ends of utterances, finals counted on."""
    session = client_v2.stream(recording, pace="fast", limits=LIMITS)
    kinds = {event.kind for event in session}
    transcript = session.transcript
    assert said(transcript) == spoken
    assert {"partial", "final", "eou_update", "status_code"} <= kinds
    assert list(transcript.finals.final_index) == list(range(len(transcript.finals)))


def test_v2_is_resumed(words: Path, spoken: Any, recording: sk.Recording) -> None:
    """A stream of v2 that breaks off goes on after the last word of its last final."""
    running = started(words, seconds=300, faults=["cut:StreamingRecognize:eou_update:3"])
    with sk.connect(f"grpc://{running.address}", api="v2") as client:
        transcript = client.stream(recording, pace="fast").result(60)
    running.close()
    assert said(transcript) == spoken


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"external_eou": True}, "a stream of API v2 has no eou_sensitivity"),
        ({"audio_processing_type": "full_data"}, "API v2 has no audio_processing_type"),
        ({"speaker_labeling": True}, "API v2 has no speaker_labeling"),
    ],
)
def test_v2_has_no_such_option(client_v2: sk.Client, recording: Any, options: Any, reason: str) -> None:
    """An option that v2 has not is refused before anything is sent."""
    with pytest.raises(ConfigError, match=reason):
        client_v2.stream(recording, **options)


@pytest.mark.parametrize("api", ["v3", "v2"])
def test_rest_has_no_streams(words: Path, recording: sk.Recording, api: Any) -> None:
    """A client that speaks REST says what to do instead."""
    running = started(words, rest="127.0.0.1:0")
    url = next(part for part in running.line.split() if part.startswith("http://"))
    with sk.connect(url, api=api) as client, pytest.raises(TargetError, match="REST, which has no streams"):
        client.stream(recording)
    running.close()


# Parts.


@given(st.lists(st.binary(max_size=9)), st.integers(1, 5), st.sampled_from([1, 2]))
def test_pieces_are_the_sound(blocks: list[bytes], n_samples: int, n_channels: int) -> None:
    """Put together, pieces are the whole samples of the source; none is longer than asked for."""
    frame = 2 * n_channels
    found = list(Source(iter(blocks), RATE, n_channels).pieces(n_samples))
    whole = b"".join(blocks)
    assert b"".join(found) == whole[: len(whole) // frame * frame]
    assert all(0 < len(piece) <= n_samples * frame and len(piece) % frame == 0 for piece in found)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_a_recording_in_pieces(rate: int) -> None:
    """A recording is cut into equal pieces, at a rate the service takes; one channel of it if asked for."""
    ramp = np.stack([np.zeros(rate), np.linspace(-1, 1, rate, dtype=np.float32)])
    source = open_source(ramp, rate, channel=1)
    lengths = [len(piece) for piece in source.pieces(1000)]
    samples = np.frombuffer(b"".join(source_again(ramp, rate)), "<i2")
    assert set(lengths[:-1]) == {2000}
    assert source.sample_rate == min(rate, 48000)
    assert len(samples) == pytest.approx(source.sample_rate, abs=2)
    assert samples[len(samples) // 2] == pytest.approx(0, abs=20)


def source_again(samples: Any, rate: int) -> Iterator[bytes]:
    return open_source(samples, rate, channel=1).pieces(1000)


@given(
    st.lists(st.one_of(st.integers(1, 6), st.just(0), st.integers(-4, -1)), max_size=12),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_a_tape_against_one_string(steps: list[int], drops: list[int]) -> None:
    """What is left on a tape is what was written after the position up to which it was dropped."""
    tape, whole = Tape(2, 1000), b""
    for step in steps:
        if step > 0:
            data = bytes([len(whole) % 251, step] * step)
            tape.write(data)
            whole += data
        elif step < 0:
            tape.write_silence(-step)
            whole += bytes(-step * 2)
    for position in drops:
        tape.drop(position)
    last = min(max(drops, default=0), len(whole) // 2)
    left, number = b"", tape.first
    while strip := tape.read(number, 0):
        left += bytes(2 * strip.n_samples) if strip.data is None else strip.data
        number += 1
    assert left == whole[2 * last :]
    assert tape.start == last


def test_a_mark_is_dropped_with_its_final() -> None:
    """One final takes one mark with it, if it stands there; a later one and the sound before it stay."""
    tape = Tape(2, 5000, slack=32)
    for size in (1234, 0, 0, 500, 0):
        tape.write_mark() if size == 0 else tape.write(bytes(2 * size))
    tape.drop(1232, with_mark=True)  # 77 ms of 77.1
    assert (tape.start, tape.read(tape.first, 0).is_mark) == (1234, True)
    tape.drop(1232, with_mark=True)
    assert tape.start == 1234
    tape.drop(1300, with_mark=True)
    assert (tape.start, tape.end) == (1300, 1734)


def test_a_writer_waits_for_its_reader() -> None:
    """A tape does not take more than it may be ahead, and lets go when it is over."""
    tape, written = Tape(2, 10), []

    def write() -> None:
        for i in range(5):
            tape.write(bytes(20))
            written.append(i)

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 1:
        time.sleep(0.001)
    writer.join(0.05)
    assert written == [0]
    tape.read(0, 1)
    while len(written) < 2:
        time.sleep(0.001)
    tape.finish()
    writer.join(5)
    assert (tape.end, tape.is_done) == (20, False)


def test_a_log_knows_only_the_first_time() -> None:
    """Audio that is sent again was sent when it was sent first."""
    now = iter([1.0, 2.0, 3.0])
    log = SendLog(1000, lambda: next(now))
    for position in (100, 250, 100, 250, 300):
        log.note(position)
    assert log.pairs() == [(0.1, 1.0), (0.25, 2.0), (0.3, 3.0)]
    assert [log.sent_at(p) for p in (0.0, 0.1, 0.2, 0.3, 0.31)] == [1.0, 1.0, 2.0, 3.0, None]


def test_every_time_in_a_message_is_shifted() -> None:
    """Words, highlights, boundaries and ends of utterances move; durations and the server's clock do not."""
    joiner = Joiner()
    joiner.begin(0)
    joiner.n_finals = 3
    joiner.begin(5000)
    heard = {"start_time_ms": 0, "end_time_ms": 700, "words": [{"start_time_ms": 0, "end_time_ms": 10}]}
    cursors = {"received_data_ms": 800, "final_time_ms": 700, "final_index": 0}
    final = v3.StreamingResponse(
        final={"alternatives": [heard]}, audio_cursors=cursors, response_wall_time_ms=7
    )
    _, moved = joiner.join(b"", final)
    (alternative,) = moved.final.alternatives
    times = [alternative.start_time_ms, alternative.end_time_ms]
    times += [alternative.words[0].start_time_ms, alternative.words[0].end_time_ms]
    assert times == [5000, 5700, 5000, 5010]
    assert (moved.audio_cursors.final_index, moved.audio_cursors.final_time_ms) == (3, 5700)
    assert (moved.audio_cursors.eou_time_ms, moved.response_wall_time_ms) == (0, 7)
    refined = v3.StreamingResponse(final_refinement={"final_index": 0, "normalized_text": final.final})
    _, moved = joiner.join(b"", refined)
    assert moved.final_refinement.final_index == 3
    assert moved.final_refinement.normalized_text.alternatives[0].end_time_ms == 5700
    analysis = v3.StreamingResponse(
        speaker_analysis={"speech_boundaries": {"end_time_ms": 9}, "total_silence_ms": 4}
    )
    _, moved = joiner.join(b"", analysis)
    bounds = moved.speaker_analysis.speech_boundaries
    assert (bounds.start_time_ms, bounds.end_time_ms, moved.speaker_analysis.total_silence_ms) == (
        5000,
        5009,
        4,
    )


def test_the_first_session_is_left_as_it_is() -> None:
    """Without a seam the bytes of a message are those of the service."""
    joiner = Joiner()
    joiner.begin(0)
    message = v3.StreamingResponse(partial={}).SerializeToString() + b"\xf8\x07\x01"  # a field nobody knows
    assert joiner.join(message, v3.StreamingResponse.FromString(message))[0] is message


def test_a_mailbox_wakes_whoever_waits() -> None:
    """Items come out in order, blocking or awaiting; then the end, or the error."""
    mailbox: Mailbox[int] = Mailbox()

    async def take(n: int) -> list[int]:
        return [await mailbox.aget() for _ in range(n)]

    def fill() -> None:
        for i in range(200):
            mailbox.put(i)
        mailbox.close(ValueError("the end"))

    threading.Thread(target=fill).start()
    assert asyncio.run(take(150)) == list(range(150))
    assert [mailbox.get() for _ in range(50)] == list(range(150, 200))
    with pytest.raises(ValueError, match="the end"):
        asyncio.run(take(1))
    empty: Mailbox[int] = Mailbox()
    empty.close()
    with pytest.raises(Over):
        empty.get()


def test_a_cancelled_wait_takes_nothing() -> None:
    """An `async for` that is given up leaves the next event for the next one."""
    mailbox: Mailbox[int] = Mailbox()

    async def give_up() -> int:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.aget(), 0.01)
        mailbox.put(1)
        return await mailbox.aget()

    assert asyncio.run(give_up()) == 1
