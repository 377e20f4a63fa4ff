"""Live sessions of the local server: v3 and v2, real partials, ends of utterances, formats and limits."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import soundfile
from live_sessions import (
    EXTERNAL,
    RATE,
    Session,
    chunk,
    chunks,
    eou,
    kinds,
    make_audio,
    options,
    silence,
    split,
    texts,
    write_script,
)
from local_server import DATA, Api, Server, serving, sound

from speechkit_nb.server.recognition.decoder import CompressedDecoder, RawDecoder, WavDecoder
from speechkit_nb.server.status import StatusError
from speechkit_nb.wire import v2, v3

WORDS = [("one", 0.3, 0.5), ("two", 0.6, 0.8), ("three", 1.6, 1.8), ("four", 3.0, 3.3)]
PCM = bytes(2 * RATE * 4)
SENTENCE = (29.3, 34.2)  # seconds of monologue.wav
TRUTH = "but about thirty percent of them still noticed their own name in the other voice"


@pytest.fixture(scope="module")
def words(tmp_path_factory: Any) -> Path:
    return write_script(tmp_path_factory.mktemp("script") / "talk.csv", WORDS)


@pytest.fixture(scope="module")
def server(words: Path) -> Iterator[Server]:
    """The model `general` is the script, `real` the embedded recognizer."""
    limits = {"seconds": 20, "n_bytes": 1_000_000, "gap_seconds": 0.6, "status_seconds": 0.1}
    models = {"general": f"scripted:{words}", "coded": f"timecoded:{words}", "real": "pocketsphinx"}
    started = Server(models=models, streams=limits)
    yield started
    started.close()


@pytest.fixture
def api(server: Server) -> Api:
    return server.api


@pytest.fixture(scope="module")
def folders(words: Path, tmp_path_factory: Any) -> Path:
    """Two folders of scripts, one of which holds a single one."""
    root = tmp_path_factory.mktemp("scripts")
    for name, n_scripts in (("one", 1), ("two", 2)):
        (root / name).mkdir()
        (root / name / "README.md").write_text("no script")
        for i in range(n_scripts):
            (root / name / f"talk{i}.words.csv").write_text(words.read_text())
    return root


@pytest.mark.parametrize("full", [False, True])
def test_a_stream_finds_the_only_script_of_a_folder(folders: Path, full: bool) -> None:
    """A stream has no name to choose a script by; the error names what to do."""
    models = {name: f"scripted:{folders / name}" for name in ("one", "two")}
    with serving(models=models) as api:
        found = answer(api, options(model="one", full=full), *chunks(PCM))
        assert " ".join(texts(found)) == "one two three four"
        opened = session(api, options(model="two", full=full), *chunks(PCM))
        opened.end_requests()
        code, words = opened.status()
    assert code == "INVALID_ARGUMENT"
    assert "no name to choose one of the 2 scripts" in words
    assert "scripted:FILE" in words


def session(api: Api, /, *first: Any, **more: Any) -> Session:
    opened = Session(api.channel, **more)
    opened.send(*first)
    return opened


def answer(api: Api, *requests: Any) -> list[Any]:
    """All messages of a session that sends these and closes the stream."""
    return session(api, *requests).read_rest()


def likeness(text: str, truth: str = TRUTH) -> float:
    return SequenceMatcher(None, text.split(), truth.split()).ratio()


def sentence(rate: int = 16000) -> Any:
    """A spoken sentence and a second of silence, int16."""
    samples, _ = soundfile.read(DATA / "monologue.wav", dtype="int16")
    speech = samples[round(SENTENCE[0] * 16000) : round(SENTENCE[1] * 16000)]
    return np.concatenate([speech, np.zeros(16000, np.int16)])


def test_utterances_are_answered_while_the_session_lasts(api: Api) -> None:
    """Each utterance gives partials, final, refinement and its end before the next sound is sent."""
    live = session(api, options(), *chunks(PCM[: RATE * 3]))
    partial, final = live.until("partial"), live.until("final")
    assert partial.partial.alternatives[0].text == "one"
    assert final.final.alternatives[0].text == "one two"
    refined = live.until("final_refinement").final_refinement
    assert (refined.final_index, refined.normalized_text.alternatives[0].text) == (0, "one two")
    assert live.until("eou_update").eou_update.time_ms == 800
    live.send(*chunks(PCM[RATE * 3 :]))
    rest = live.read_rest()
    assert texts(rest) == ["three", "four"]
    assert kinds(rest) == ["partial", "final", "final_refinement", "eou_update"] * 2
    assert rest[-1].status_code.code_type == v3.StatusCode(code_type="CLOSED").code_type


def test_cursors_never_go_back(api: Api) -> None:
    """In every message received >= partial >= final, and none is ever smaller than before."""
    messages = answer(api, options(), *chunks(PCM))
    cursors = [m.audio_cursors for m in messages]
    rows = [(c.received_data_ms, c.partial_time_ms, c.final_time_ms, c.eou_time_ms) for c in cursors]
    assert all(a >= b >= c for a, b, c, _ in rows)
    assert all(np.all(np.diff(rows, axis=0) >= 0, axis=1))
    assert [c.final_index for c, m in zip(cursors, messages, strict=True) if m.HasField("final")] == [0, 1, 2]
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(c.final_index for c in cursors))
    assert len({m.session_uuid.uuid for m in messages}) == 1


def test_finals_tile_the_time_line(api: Api) -> None:
    """A final begins where the one before it ends, which is where the cursor stands."""
    finals = [m for m in answer(api, options(), *chunks(PCM)) if m.HasField("final")]
    bounds = [(m.final.alternatives[0].start_time_ms, m.final.alternatives[0].end_time_ms) for m in finals]
    assert bounds == [(0, 800), (800, 1800), (1800, 3300)]
    assert [m.audio_cursors.final_time_ms for m in finals] == [800, 1800, 3300]


def test_signs_of_life_come_at_an_interval(api: Api) -> None:
    """While the client is silent, the server sends WORKING, which belongs to no channel."""
    live = session(api, options())
    first, second = live.until("status_code"), live.until("status_code")
    assert first.status_code.code_type == v3.StatusCode(code_type="WORKING").code_type
    assert first.channel_tag == ""
    assert 50 < second.response_wall_time_ms - first.response_wall_time_ms < 400
    live.read_rest()


def test_partials_of_the_embedded_recognizer(api: Api) -> None:
    """Guesses grow while the sentence is spoken, and the final is the sentence."""
    data = sentence().tobytes()
    messages = answer(api, options(model="real"), *chunks(data, 32000))
    partials = texts(messages, "partial")
    assert likeness(" ".join(texts(messages))) > 0.8
    assert len(partials) > 2
    assert len(partials[0].split()) < len(partials[-1].split())
    assert likeness(partials[-1]) > 0.5
    guesses = [m.partial.alternatives[0] for m in messages if m.HasField("partial")]
    assert all(word.end_time_ms <= guess.end_time_ms for guess in guesses for word in guess.words)


def test_too_fast_is_warned_of_once(api: Api) -> None:
    """Sound that comes much faster than it is spoken gets one WARNING, and is answered all the same."""
    messages = answer(api, options(), *chunks(PCM))
    warnings = [m.status_code.message for m in messages if m.status_code.code_type == 2]
    assert warnings == ["the audio is not sent in real time"]
    assert len(texts(messages)) == 3


def test_statistics_come_at_the_end(api: Api) -> None:
    """A REAL_TIME session ends with the statistics of its speaker, if it wants them."""
    asked = options()
    asked.session_options.speech_analysis.enable_speaker_analysis = True
    messages = answer(api, asked, *chunks(PCM))
    assert kinds(messages)[-2:] == ["eou_update", "speaker_analysis"]
    assert messages[-2].speaker_analysis.words_count == 4


def test_full_data_waits_for_the_end(api: Api) -> None:
    """Only the finals of each channel, their refinements and ends, after the client has closed its side."""
    stereo = np.zeros((RATE * 4, 2), np.int16).tobytes()
    messages = answer(api, options(n_channels=2, full=True), *chunks(stereo, 64000))
    assert kinds(messages) == ["final", "final_refinement", "eou_update"] * 3
    assert {m.channel_tag for m in messages if not m.HasField("status_code")} == {"0"}
    assert len({m.session_uuid.uuid for m in messages}) == 1
    assert {m.audio_cursors.received_data_ms for m in messages} == {4000}
    assert messages[-1].status_code.code_type == 3


def test_full_data_counts_silence(api: Api) -> None:
    """A silence_chunk has its duration, also in a FULL_DATA session."""
    messages = answer(api, options(full=True), chunk(PCM[:RATE]), silence(1500), chunk(PCM[: RATE * 4]))
    assert messages[-1].audio_cursors.received_data_ms == 4000
    assert texts(messages) == ["one two", "three", "four"]


def test_full_data_without_sound(api: Api) -> None:
    """A session without any sound is closed without an answer."""
    assert kinds(answer(api, options(full=True))) == []


def test_external_ends_of_utterances(api: Api) -> None:
    """Each eou gives one final and one eou_update where it came; pauses end nothing."""
    live = session(api, options(eou=EXTERNAL), *chunks(PCM[: 2 * RATE * 2]))
    live.send(eou(), eou())
    first, second = live.until("eou_update"), live.until("eou_update")
    live.send(*chunks(PCM[: 2 * RATE * 2]))
    rest = live.read_rest()
    assert (first.eou_update.time_ms, second.eou_update.time_ms) == (2000, 2000)
    assert second.audio_cursors.final_index == 1
    assert texts(rest) == ["four"]
    assert [m.eou_update.time_ms for m in rest if m.HasField("eou_update")] == [4000]


def test_an_external_end_may_be_empty(api: Api) -> None:
    """An eou without speech before it makes an empty final, its end, and no refinement."""
    messages = answer(api, options(eou=EXTERNAL), silence(200), eou())
    assert (kinds(messages), texts(messages)) == (["final", "eou_update"], [""])


def test_external_ends_cut_the_embedded_recognizer(api: Api) -> None:
    """Speech before an eou is in its final, the rest in the next one; the engine continues."""
    speech = sentence().tobytes()
    middle = len(speech) // 4 * 2
    asked = options(eou=EXTERNAL, model="real")
    messages = answer(api, asked, *chunks(speech[:middle]), eou(), *chunks(speech[middle:]), eou())
    first, second = texts(messages)
    assert min(len(first.split()), len(second.split())) > 3
    assert likeness(f"{first} {second}") > 0.7
    finals = [m.final.alternatives[0] for m in messages if m.HasField("final")]
    starts = [word.start_time_ms for final in finals for word in final.words]
    assert starts == sorted(starts)
    assert starts[-1] > 4000


@pytest.mark.parametrize(
    ("classifier", "utterances"),
    [
        ({"type": "HIGH"}, ["one two", "three", "four"]),
        ({"max_pause_between_words_hint_ms": 1000}, ["one two three", "four"]),
        ({"max_pause_between_words_hint_ms": 2000}, ["one two three four"]),
    ],
)
def test_the_pause_that_ends_an_utterance(api: Api, classifier: Any, utterances: list[str]) -> None:
    """A hint sets how long a pause inside an utterance may be."""
    asked = options(eou={"default_classifier": classifier})
    assert texts(answer(api, asked, *chunks(PCM))) == utterances


def test_the_embedded_recognizer_waits_out_a_pause(api: Api) -> None:
    """With a long pause allowed, two sentences are one utterance; times stay those of the stream."""
    speech = np.concatenate([sentence(), sentence()]).tobytes()
    asked = {"default_classifier": {"max_pause_between_words_hint_ms": 2500}}
    together = answer(api, options(model="real", eou=asked), *chunks(speech))
    apart = answer(api, options(model="real"), *chunks(speech))
    assert (len(texts(together)), len(texts(apart))) == (1, 2)
    assert texts(together)[0].count("thirty percent of them still noticed their") == 2
    found = next(m for m in together if m.HasField("final")).final.alternatives[0].words
    first, second = (w.start_time_ms for w in found if w.text == "thirty")
    assert abs(second - first - len(speech) // 64) < 100


REFUSED = [
    ([chunk(b"")], "INVALID_ARGUMENT", "first message of a session must be session_options"),
    ([options(), options()], "INVALID_ARGUMENT", "session_options come once"),
    ([options(), v3.StreamingRequest()], "INVALID_ARGUMENT", "a message is empty"),
    ([options(), eou()], "INVALID_ARGUMENT", "eou is for sessions with the external_classifier"),
    ([options(n_channels=2)], "INVALID_ARGUMENT", "REAL_TIME session takes one channel, not 2"),
    ([options(rate=4000)], "INVALID_ARGUMENT", "sample_rate_hertz is 4000"),
    ([options(model="none")], "INVALID_ARGUMENT", "no model 'none'"),
    ([options(), silence(-1)], "INVALID_ARGUMENT", "duration_ms is -1"),
    ([options(container="WAV"), silence(100)], "INVALID_ARGUMENT", "before the header of the audio"),
    (
        [options(container="WAV"), chunk(b"no wave at all")],
        "INVALID_ARGUMENT",
        "it does not begin like a WAV file",
    ),
    ([v3.StreamingRequest(session_options={})], "INVALID_ARGUMENT", "the audio format is missing"),
    ([options(), silence(21_000)], "OUT_OF_RANGE", "maximum allowed stream duration"),
    ([options(), *chunks(bytes(1_200_000), 100_000)], "OUT_OF_RANGE", "maximum allowed stream duration"),
    (
        [options(eou={"default_classifier": {"max_pause_between_words_hint_ms": 5}})],
        "INVALID_ARGUMENT",
        "max_pause_between_words_hint_ms is 5; it must be 200 to 10000",
    ),
]


@pytest.mark.parametrize(("requests", "code", "reason"), REFUSED, ids=[reason for *_, reason in REFUSED])
def test_refusals(api: Api, requests: list[Any], code: str, reason: str) -> None:
    """A session that breaks a rule ends with a status that names it."""
    live = session(api, *requests)
    live.end_requests()
    found, details = live.status()
    assert (found, reason in details) == (code, True), details


def test_a_gap_drops_the_session(api: Api) -> None:
    """A session in which the client sends nothing for too long ends; the error names what to send."""
    code, details = session(api, options(), chunk(bytes(3200))).status()
    assert code == "DEADLINE_EXCEEDED"
    assert "no message for 0.6 s" in details
    assert "silence_chunk" in details


def test_a_session_that_lasts_too_long(words: Path) -> None:
    """Time counts as well as sound: the limit also holds for who sends little."""
    limits = {"seconds": 0.3, "status_seconds": 0.05}
    with serving(models={"general": f"scripted:{words}"}, streams=limits) as api:
        live = session(api, options())

        def answer_each_sign_of_life() -> None:
            for _ in live.call:
                live.send(chunk(bytes(320)))

        with pytest.raises(grpc.RpcError, match="maximum allowed stream duration"):
            answer_each_sign_of_life()
        assert live.call.code() == grpc.StatusCode.OUT_OF_RANGE


def test_the_name_of_a_session(api: Api) -> None:
    """x-client-request-id comes back in every message."""
    live = session(api, options(), chunk(PCM), metadata=[("x-client-request-id", "mine")])
    assert {m.session_uuid.user_request_id for m in live.read_rest()} == {"mine"}


@pytest.mark.parametrize("event", ["partial", "final", "final_refinement", "eou_update"])
def test_a_session_breaks_off(words: Path, event: str) -> None:
    """A fault cuts the first session after an event, and leaves the second one alone."""
    with serving(models={"general": f"scripted:{words}"}, faults=[f"cut:RecognizeStreaming:{event}"]) as api:
        live = session(api, options(), *chunks(PCM))
        live.end_requests()
        seen = []
        with pytest.raises(grpc.RpcError, match="broke off: a fault for tests"):
            seen.extend(live.call)
        assert len(texts(answer(api, options(), *chunks(PCM)))) == 3


def wav_file(rate: int = RATE, n_channels: int = 1, seconds: float = 4.0) -> bytes:
    return sound(np.zeros((n_channels, round(seconds * rate)), np.float32), rate)


FILES = {
    "WAV": lambda: wav_file(),
    "WAV at 8 kHz": lambda: wav_file(8000),
    "OGG_OPUS": lambda: sound(np.zeros((1, 4 * 48000), np.float32), 48000, format="OGG", subtype="OPUS"),
    "MP3": lambda: sound(np.zeros((1, 4 * 16000)), 16000, format="MP3", subtype="MPEG_LAYER_III"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("full", [False, True], ids=["REAL_TIME", "FULL_DATA"])
def test_files_in_a_stream(api: Api, name: str, full: bool) -> None:
    """Every container is decoded, in either mode, however it is cut into messages."""
    asked = options(container=name.split()[0], full=full)
    messages = answer(api, asked, *(chunk(piece) for piece in split(FILES[name](), 777)))
    assert texts(messages) == ["one two", "three", "four"]
    assert messages[-1].audio_cursors.received_data_ms in range(4000, 4100)


def test_opus_is_decoded_as_it_grows(api: Api) -> None:
    """A live Opus stream has partials before it ends."""
    samples, rate = soundfile.read(DATA / "monologue.wav", dtype="float32", frames=16000 * 20)
    file = sound(samples[np.newaxis], rate, format="OGG", subtype="OPUS")
    live = session(api, options(container="OGG_OPUS"), *chunks(file[:-5000], 2000))
    assert live.until("partial").partial.alternatives[0].text.startswith("one")
    live.read_rest()


def test_a_wav_header_before_headerless_samples(api: Api) -> None:
    """A WAV file sent as LINEAR16_PCM is recognized without its header, and the client gets a warning."""
    messages = answer(api, options(), *chunks(wav_file()))
    warnings = [m.status_code.message for m in messages if m.status_code.code_type == 2]
    assert warnings[0] == "the audio begins with a WAV header, LINEAR16_PCM has none: it was skipped"
    assert messages[-1].audio_cursors.received_data_ms == 4000


def test_a_wav_header_that_contradicts(api: Api) -> None:
    """A header with another sample rate than the options ends the session."""
    live = session(api, options(), *chunks(wav_file(8000)))
    live.end_requests()
    code, details = live.status()
    assert code == "INVALID_ARGUMENT"
    assert "header of (rate, channels) (8000, 1), the session options have (16000, 1)" in details


def test_a_stereo_file_is_refused_live(api: Api) -> None:
    """The number of channels in a header counts as well."""
    live = session(api, options(container="WAV"), *chunks(wav_file(n_channels=2)))
    live.end_requests()
    assert "REAL_TIME session takes one channel, not 2" in live.status()[1]


@pytest.mark.parametrize("size", [1, 3, 100, 5000])
def test_wav_and_raw_decode_to_the_same_samples(size: int) -> None:
    """However the bytes are cut, and with other chunks before and after the sound."""
    samples = np.arange(-700, 700, dtype="<i2").reshape(-1, 2)
    file = sound(samples.T / 32768, 8000)
    data = file.index(b"data")
    odd = file[:data] + struct.pack("<4sI", b"LIST", 3) + b"abc\0" + file[data:] + b"LIST\2\0\0\0xy"
    for decoder, content in [
        (WavDecoder(), odd),
        (RawDecoder(8000, 2), samples.tobytes()),
        (RawDecoder(8000, 2), odd),
    ]:
        got = [decoder.feed(piece) for piece in split(content, size)]
        assert np.array_equal(np.concatenate([g for g in [*got, decoder.flush()] if len(g)]), samples)
        assert decoder.layout == (8000, 2)


def test_sounds_that_cannot_be_decoded() -> None:
    """24-bit WAV, a header that ends early, one that never ends, and noise instead of Opus."""
    deep = sound(np.zeros((1, 100)), 8000, subtype="PCM_24")
    with pytest.raises(StatusError, match="WAV with 16-bit PCM samples only"):
        WavDecoder().feed(deep)
    short = WavDecoder()
    short.feed(deep[:20])
    with pytest.raises(StatusError, match="ends inside the WAV header"):
        short.flush()
    with pytest.raises(StatusError, match="no samples in the first 65536 bytes"):
        WavDecoder().feed(b"RIFF\0\0\0\0WAVE" + b"junk\xff\xff\xff\x7f" + bytes(70000))
    noise = CompressedDecoder("OGG_OPUS", live=True, seconds=300)
    noise.feed(bytes(range(256)) * 100)
    with pytest.raises(StatusError, match="Invalid audio received: it is not OGG_OPUS"):
        noise.flush()


def test_time_written_into_sound(api: Api) -> None:
    """The timecoded engine returns the words of the audio, wherever in the script it begins."""
    messages = answer(
        api, options(model="coded"), *chunks(make_audio(2.0, start=1.5)), *chunks(make_audio(0.6, start=0.2))
    )
    assert texts(messages) == ["three", "four one two"]
    words = [w for m in messages if m.HasField("final") for w in m.final.alternatives[0].words]
    assert [w.start_time_ms for w in words] == [100, 1500, 2100, 2400]


# v2


def config(**spec: Any) -> Any:
    given = {"audio_encoding": "LINEAR16_PCM", "sample_rate_hertz": 8000, **spec}
    return v2.StreamingRecognitionRequest(config={"specification": given, "folder_id": "folder"})


def content(data: bytes, size: int = 4000) -> list[Any]:
    return [v2.StreamingRecognitionRequest(audio_content=piece) for piece in split(data, size)]


def answer_v2(api: Api, *requests: Any) -> list[Any]:
    return session(api, *requests, api="v2").read_rest()


def test_v2_stream(api: Api) -> None:
    """Partials, then one chunk an utterance with words, final and its end; the guide's own settings."""
    asked = config(language_code="en-US", profanity_filter=True, model="general", partial_results=True)
    answers = answer_v2(api, asked, *content(bytes(64000)))
    found = [chunk for each in answers for chunk in each.chunks]
    finals = [chunk for chunk in found if chunk.final]
    assert [chunk.alternatives[0].text for chunk in finals] == ["1 2", "3", "4"]
    assert all(chunk.end_of_utterance for chunk in finals)
    assert found[0].alternatives[0].text == "one"
    assert not found[0].final
    words = finals[0].alternatives[0].words
    assert [(w.word, w.start_time.ToMilliseconds()) for w in words] == [("one", 300), ("two", 600)]


def test_v2_without_partials(api: Api) -> None:
    """Partials come only if the config wants them; raw results stay unchanged."""
    answers = answer_v2(api, config(raw_results=True), *content(bytes(64000)))
    found = [chunk for each in answers for chunk in each.chunks]
    assert [chunk.alternatives[0].text for chunk in found] == ["one two", "three", "four"]


def test_v2_sends_nothing_until_there_is_something(api: Api) -> None:
    """Programs of the guide read the first chunk of every answer, so no answer is without one."""
    live = session(api, config(language_code="en-US", literature_text=True), api="v2")
    for piece in content(bytes(64000)):
        time.sleep(0.02)  # the time of some status messages of v3
        live.send(piece)
    answers = live.read_rest()
    assert [chunk.alternatives[0].text for each in answers for chunk in each.chunks] == ["1 2", "3", "4"]
    assert all(each.chunks for each in answers)


def test_v2_single_utterance(api: Api) -> None:
    """After the end of the first utterance nothing more is recognized, until the client closes the stream."""
    asked = config(single_utterance=True, partial_results=True)
    found = [chunk for each in answer_v2(api, asked, *content(bytes(64000))) for chunk in each.chunks]
    assert [chunk.final for chunk in found].count(True) == 1
    assert found[-1].end_of_utterance


def test_v2_opus_is_the_default_format(api: Api) -> None:
    """A config without an encoding means Ogg Opus."""
    bare = v2.StreamingRecognitionRequest(config={"specification": {}})
    found = [c for each in answer_v2(api, bare, *content(FILES["OGG_OPUS"]())) for c in each.chunks]
    assert [chunk.alternatives[0].text for chunk in found] == ["one two", "three", "four"]


V2_REFUSED = [
    (content(b"ab"), "first message of a stream must be config"),
    ([config(), config()], "after the config every message of a stream holds audio_content"),
    ([config(audio_encoding="MP3")], "a stream takes LINEAR16_PCM and OGG_OPUS"),
    ([config(audio_channel_count=2)], "REAL_TIME session takes one channel, not 2"),
]


@pytest.mark.parametrize(("requests", "reason"), V2_REFUSED, ids=[reason for _, reason in V2_REFUSED])
def test_v2_refusals(api: Api, requests: list[Any], reason: str) -> None:
    """What a v2 stream does not take is an error with its reason."""
    live = session(api, *requests, api="v2")
    live.end_requests()
    code, details = live.status()
    assert (code, reason in details) == ("INVALID_ARGUMENT", True), details
