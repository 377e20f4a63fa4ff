"""The embedded recognizer through the server: formats, rates, channels, and that it forgets."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

import grpc
import numpy as np
import pytest
import soundfile
import soxr
from local_server import DATA, Api, serving, sound

from speechkit_nb.server.engines.base import Hypothesis, Listener, ListenRequest
from speechkit_nb.server.engines.registry import create_engine, parse_engine
from speechkit_nb.server.engines.segment import LONGEST_MS, Segmenter, Speech
from speechkit_nb.wire import v3

SENTENCE = (29.3, 34.2)  # seconds of monologue.wav
TRUTH = "but about thirty percent of them still noticed their own name in the other voice"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """One server for the module."""
    with serving() as api:
        yield api


def speech(start: float = SENTENCE[0], end: float = SENTENCE[1], sample_rate: int = 16000) -> Any:
    """A stretch of the monologue, float32 of shape (1, n_samples)."""
    samples, rate = soundfile.read(DATA / "monologue.wav", dtype="float32")
    return soxr.resample(samples[round(start * rate) : round(end * rate)], rate, sample_rate)[np.newaxis]


def words_of(messages: list[Any], channel: str = "0") -> list[Any]:
    finals = [m.final for m in messages if m.HasField("final") and m.channel_tag == channel]
    return [word for final in finals for word in final.alternatives[0].words]


def likeness(words: list[Any], truth: str = TRUTH) -> float:
    """How much of the words is right, 0 to 1."""
    return SequenceMatcher(None, [word.text for word in words], truth.split()).ratio()


def pcm(samples: Any) -> bytes:
    return (samples[0] * 32767).astype("<i2").tobytes()


FORMATS = {
    "wav 44100": (44100, {}),
    "wav 48000": (48000, {}),
    "opus 48000": (48000, {"format": "OGG", "subtype": "OPUS"}),
    "mp3 16000": (16000, {"format": "MP3", "subtype": "MPEG_LAYER_III"}),
    "pcm 16000": (16000, {"format": "RAW"}),
}


@pytest.mark.parametrize(("rate", "options"), FORMATS.values(), ids=FORMATS)
def test_formats(api: Api, rate: int, options: dict[str, Any]) -> None:
    """The words are recognized in every container and at every sample rate."""
    model_options = v3.RecognitionModelOptions()
    if options.get("format") == "RAW":
        raw = v3.RawAudio(audio_encoding=1, sample_rate_hertz=rate, audio_channel_count=1)
        model_options.audio_format.raw_audio.CopyFrom(raw)
    messages = api.recognize(
        sound(speech(sample_rate=rate), rate, **options), recognition_model=model_options
    )
    assert likeness(words_of(messages)) > 0.8


def test_telephone_band(api: Api) -> None:
    """A recording at 8 kHz, as telephones make them."""
    samples, rate = soundfile.read(DATA / "dialogue.wav", dtype="float32")
    messages = api.recognize(sound(samples[8 * rate : 14 * rate, 0][np.newaxis], rate))
    truth = "the first train leaves at half past seven and the second one at nine forty"
    assert rate == 8000
    assert likeness(words_of(messages), truth) > 0.8


def test_words_lie_where_they_are_spoken(api: Api) -> None:
    """Word starts are within 50 ms of the truth (median) and the finals tile the time line."""
    messages = api.recognize(sound(speech(0, 10.5), 16000))
    with (DATA / "monologue.words.csv").open() as file:
        truth = [(row["word"], float(row["start"]) * 1000) for row in csv.DictReader(file)]
    found = words_of(messages)
    blocks = SequenceMatcher(None, [w.text for w in found], [word for word, _ in truth]).get_matching_blocks()
    pairs = [(found[b.a + i].start_time_ms, truth[b.b + i][1]) for b in blocks for i in range(b.size)]
    assert len(pairs) > 15
    assert np.median([abs(a - b) for a, b in pairs]) < 50
    bounds = [m.final.alternatives[0] for m in messages if m.HasField("final")]
    edges = [0, *(b.end_time_ms for b in bounds)]
    assert [b.start_time_ms for b in bounds] == edges[:-1]
    assert edges[-1] == 10500


def test_channels_are_heard_apart(api: Api) -> None:
    """Each channel has its own words, and a silent one none."""
    one, other = speech(), speech(0, 4.9)
    silence = np.zeros_like(one)
    messages = api.recognize(sound(np.concatenate([one, other, silence]), 16000))
    assert likeness(words_of(messages, "0")) > 0.8
    assert (
        likeness(
            words_of(messages, "1"), "good morning and welcome to this short talk about how people listen"
        )
        > 0.8
    )
    assert words_of(messages, "2") == []


def test_silence_has_an_empty_answer(api: Api) -> None:
    """Without speech there are no messages; the operation is done."""
    assert api.recognize(sound(np.zeros((1, 16000)), 16000)) == []


def test_nothing_is_remembered_from_other_recordings(api: Api) -> None:
    """The same recording gets the same words and times, whatever came before it."""
    content, other = sound(speech(), 16000), sound(speech(0, 4.5, 8000) * 0.05, 8000)
    before = words_of(api.recognize(content))
    for _ in range(2):  # once for each worker
        api.recognize(other)
    assert words_of(api.recognize(content)) == before


def test_cancelled_work_makes_room(api: Api) -> None:
    """Cancelling stops the work at once: what comes after it does not wait for it."""
    long = sound(np.tile(speech(), 100), 16000)  # some minutes of work
    running = [api.submit(long).id for _ in range(3)]
    for operation_id in running:
        assert api.cancel(operation_id).error.code == 1
    assert likeness(words_of(api.recognize(sound(speech(), 16000)))) > 0.8


def test_damage_behind_the_header_is_refused(api: Api) -> None:
    """Pages that are missing are found before anything is stored."""
    content = bytearray((DATA / "numbers.ogg").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    with pytest.raises(grpc.RpcError, match=r"Invalid audio received: .* is damaged"):
        api.submit(bytes(content))


def utterances(pieces: list[Speech]) -> list[tuple[int, int]]:
    """Bounds of the utterances (ms)."""
    found, start = [], None
    for piece in pieces:
        start = piece.start_ms if start is None else start
        if piece.ends:
            found.append((start, piece.end_ms))
            start = None
    assert start is None, "the last utterance has no end"
    return found


def test_unbroken_speech_is_cut() -> None:
    """Speech without a pause ends after half a minute at most, and nothing of it is lost."""
    samples = np.tile(speech(29.72, 33.9), 18)
    segmenter = Segmenter()
    pieces = segmenter.feed(pcm(samples)) + segmenter.finish()
    found = utterances(pieces)
    assert len(found) >= 3
    assert max(end - start for start, end in found) <= LONGEST_MS
    assert all(b.start_ms == a.end_ms for a, b in pairwise(pieces) if not a.ends)
    assert sum(len(piece.pcm) for piece in pieces) == sum(end - start for start, end in found) * 32


def test_pieces_do_not_depend_on_how_sound_comes_in() -> None:
    """The same utterances, fed at once or in odd pieces."""
    data = pcm(speech(0, 12))
    whole, odd = Segmenter(), Segmenter()
    at_once = whole.feed(data) + whole.finish()
    in_pieces = [p for i in range(0, len(data), 1234) for p in odd.feed(data[i : i + 1234])] + odd.finish()
    assert in_pieces == at_once


def listen(listener: Listener, data: bytes, size: int = 6400) -> list[Hypothesis]:
    found = [h for i in range(0, len(data), size) for h in listener.feed(data[i : i + size])]
    found += listener.finish()
    listener.close()
    return found


def test_partials_when_asked_for() -> None:
    """With partials a listener returns growing partials, and the same finals as without."""
    engine = create_engine(parse_engine("pocketsphinx"))
    data = pcm(speech())
    with_partials = listen(engine.listen(ListenRequest(partials=True)), data)
    without = listen(engine.listen(ListenRequest()), data)
    partials = [h for h in with_partials if h.kind == "partial"]
    assert [h for h in with_partials if h.kind == "final"] == without
    assert len(partials) > 5
    assert all(h.text for h in partials)
    assert all(a.end_ms < b.end_ms for a, b in pairwise(partials))
    assert not {"<s>", "</s>", "<sil>", "[SPEECH]", "[NOISE]"} & {
        w.text for h in with_partials for w in h.words
    }
    assert not any("(" in w.text for h in with_partials for w in h.words)
