"""Speaker labeling: who says which word of a dialogue in one channel."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
from live_sessions import Session, chunk, options
from local_server import DATA, Server, serving, sound

import speechkit_nb as sk
from speechkit_nb.errors import ConfigError, JobError
from speechkit_nb.server.engines.base import SAMPLE_RATE, Hypothesis, Word
from speechkit_nb.server.recognition.speakers import describe_frames, find_speakers, label_speakers

FLOOR = 0.9
"""Least share of words with the right speaker. With the words of the sample it is 0.94, with those of the
embedded recognizer 0.98, and labels without sense have 0.6."""


def read_mono(name: str, channel: int | None = None) -> Any:
    """The samples of a recording of the folder data, or of one channel, at the rate of the engines."""
    samples, rate = soundfile.read(DATA / name, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1) if channel is None else samples[:, channel]
    return soxr.resample(mono, rate, SAMPLE_RATE)


def read_words(name: str, channel: int | None = None) -> list[Word]:
    table = pd.read_csv(DATA / f"{name}.words.csv")
    table = table if channel is None else table[table.channel == channel]
    return [
        Word(word, round(start * 1000), round(end * 1000))
        for word, start, end in zip(table.word, table.start, table.end, strict=True)
    ]


def to_blocks(samples: Any, size: int = SAMPLE_RATE) -> Iterator[bytes]:
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    return (pcm[at : at + size].tobytes() for at in range(0, len(pcm), size))


def measure_accuracy(labels: Any, truth: Any) -> float:
    """Share of words with the right speaker; which of the two has which number does not matter."""
    share = float(np.mean(np.asarray(labels) == np.asarray(truth)))
    return max(share, 1 - share)


@pytest.fixture(scope="module")
def truth() -> list[int]:
    return [int(channel) for channel in pd.read_csv(DATA / "dialogue.words.csv").channel]


@pytest.fixture(scope="module")
def labels() -> list[int]:
    return find_speakers(read_words("dialogue"), describe_frames(to_blocks(read_mono("dialogue.wav"))))


def test_two_speakers_of_one_channel_are_told_apart(labels: list[int], truth: list[int]) -> None:
    """The sample dialogue, mixed to one channel."""
    assert labels[0] == 0
    assert measure_accuracy(labels, truth) >= FLOOR


def test_labels_in_a_wrong_order_are_below_the_floor(labels: list[int], truth: list[int]) -> None:
    """So the floor can be missed: 1000 times the same labels, shuffled."""
    rng = np.random.default_rng(0)
    shuffled = [measure_accuracy(rng.permutation(labels), truth) for _ in range(1000)]
    assert max(shuffled) < FLOOR - 0.1


ALONE = [("monologue.wav", None), ("story.mp3", None), ("numbers.ogg", None), ("russian.wav", None)]
ALONE += [("dialogue.wav", 0), ("dialogue.wav", 1)]


@pytest.mark.parametrize(("name", "channel"), ALONE)
def test_one_speaker_is_not_split(name: str, channel: int | None) -> None:
    """Every recording of one voice."""
    words = read_words(name.partition(".")[0], channel)
    assert set(find_speakers(words, describe_frames(to_blocks(read_mono(name, channel))))) == {0}


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("name", "channel"), ALONE)
def test_a_part_of_one_speaker_is_not_split(name: str, channel: int | None, seed: int) -> None:
    """Also not softly, or in the band of a telephone."""
    rng = np.random.default_rng(seed)
    words, samples = read_words(name.partition(".")[0], channel), read_mono(name, channel)
    first = rng.integers(len(words) // 2)
    part = words[first : first + max(len(words) // 3, 5)]
    changed = (
        soxr.resample(soxr.resample(samples, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE) if seed % 2 else samples
    )
    assert set(find_speakers(part, describe_frames(to_blocks(changed * (0.02 if seed % 3 else 1))))) == {0}


def test_loudness_and_blocks_do_not_matter(labels: list[int]) -> None:
    """The cepstra have no loudness, and a frame may lie in two blocks."""
    soft = describe_frames(to_blocks(read_mono("dialogue.wav") * 0.1, size=1111))
    assert measure_accuracy(find_speakers(read_words("dialogue"), soft), labels) > 0.98


@pytest.mark.parametrize("samples", [np.zeros(SAMPLE_RATE), np.zeros(10), np.full(SAMPLE_RATE, 0.5)])
def test_words_without_sound_have_one_speaker(samples: Any) -> None:
    """A script may have words where nothing is heard, and after the end."""
    words = [Word("a", 0, 0), Word("b", 100, 400), Word("c", 90_000, 90_500)]
    assert find_speakers(words, describe_frames(to_blocks(samples))) == [0, 0, 0]


def test_an_utterance_is_split_where_the_speaker_changes(labels: list[int]) -> None:
    """Every word is in one utterance of one speaker, and keeps its order."""
    words = read_words("dialogue")
    whole = Hypothesis("final", tuple(words), 0, 46_000)
    found = label_speakers([whole], to_blocks(read_mono("dialogue.wav")))
    assert len(found) == 2
    runs = sorted((run.words[0].start_ms, speaker, run) for speaker, own in enumerate(found) for run in own)
    assert [word for _, _, run in runs for word in run.words] == words
    assert [speaker for _, speaker, run in runs for _ in run.words] == labels
    assert all(a[1] != b[1] for a, b in pairwise(runs))
    assert (runs[0][2].start_ms, runs[-1][2].end_ms) == (0, 46_000)


# Through the server.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    script = tmp_path_factory.mktemp("script") / "dialogue.words.csv"
    pd.read_csv(DATA / "dialogue.words.csv").assign(channel=0).to_csv(script, index=False)
    running = Server(models={"general": f"scripted:{script}"}, rest="127.0.0.1:0")
    yield running
    running.close()


@pytest.fixture(scope="module", params=["grpc", "rest"])
def target(request: pytest.FixtureRequest, server: Server) -> str:
    return server.rest if request.param == "rest" else f"grpc://{server.address}"


@pytest.fixture(scope="module")
def mono() -> bytes:
    samples, rate = soundfile.read(DATA / "dialogue.wav", dtype="float32")
    return sound(samples.mean(axis=1)[np.newaxis], rate)


def test_channel_tag_is_the_speaker(client: sk.Client, mono: bytes, labels: list[int]) -> None:
    """The analysis is of the speakers, and the answer says who has labeled them."""
    found = client.submit(mono, speaker_labeling=True, speaker_analysis=True).result(30, progress=False)
    words = found.words.sort_values("start", kind="stable")
    assert words.channel_tag.astype(int).tolist() == labels
    assert found.finals.speech_start.is_monotonic_increasing or found.finals.end.is_monotonic_increasing
    assert found.speaker_analysis.speaker_tag.tolist() == ["0", "1"]
    assert found.speaker_analysis.words_count.sum() == len(labels)
    warning = found.events[found.events.status == "warning"].text.item()
    assert warning == (
        "computed by the local server, not as the service does: speaker_labeling is clusters of similar sound"
    )


def test_without_labeling_there_is_one_tag(client: sk.Client, mono: bytes) -> None:
    """And nothing to warn of."""
    found = client.submit(mono).result(30, progress=False)
    assert set(found.words.channel_tag) == {"0"}
    assert "status_code" not in set(found.events.event)


def test_a_stream_that_is_answered_at_its_end(
    server: Server, mono: bytes, labels: list[int], tmp_path: Path
) -> None:
    """FULL_DATA has all of the audio, as a file has."""
    wanted = {"audio_processing_type": "full_data", "speaker_labeling": True, "pace": "fast"}
    with sk.connect(f"grpc://{server.address}", journal=tmp_path / "journal.sqlite3") as client:
        found = client.stream(sk.Recording(mono), **wanted).result(60)
    words = found.words.sort_values("start", kind="stable")
    assert words.channel_tag.astype(int).tolist() == labels


# What the client refuses before anything is sent.

STEREO = sk.Recording(np.zeros((2, 8000), np.float32), 8000, id="talk")
CHANNELS = r"tells the speakers of one channel apart, and '.*' has 2: leave it out, then channel_tag is"
LIVE = "speaker_labeling needs all of 'talk': stream it with audio_processing_type='full_data', or submit it"


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[sk.Client]:
    """A client whose service cannot be reached."""
    with sk.connect("grpc://127.0.0.1:9", journal=tmp_path / "journal.sqlite3") as client:
        yield client


def test_several_channels_are_refused_at_each_door(nowhere: sk.Client) -> None:
    """Nothing is in the journal of a recording that cannot be sent; of a batch the others go on."""
    with pytest.raises(ConfigError, match=CHANNELS):
        nowhere.submit(STEREO, speaker_labeling=True)
    link = {"encoding": "LINEAR16_PCM", "sample_rate": 8000, "n_channels": 2}
    with pytest.raises(ConfigError, match=CHANNELS):
        nowhere.submit("s3://bucket/talk.pcm", speaker_labeling=True, **link)
    with pytest.raises(ConfigError, match=CHANNELS):
        nowhere.stream(STEREO, audio_processing_type="full_data", speaker_labeling=True)
    assert nowhere.jobs().empty
    batch = nowhere.submit_many([STEREO], speaker_labeling=True, progress=False)
    batch.wait(30, progress=False)
    with pytest.raises(JobError, match=CHANNELS):
        batch[0].result(30, progress=False)


def test_a_stream_that_is_answered_while_it_lasts_is_refused(nowhere: sk.Client) -> None:
    """Also of one channel."""
    with pytest.raises(ConfigError, match=LIVE):
        nowhere.stream(STEREO, channel=0, id="talk", speaker_labeling=True)


def test_the_way_out_that_the_error_names(client: sk.Client, tmp_path: Path) -> None:
    """The channels are mixed as it says."""
    recording = sk.Recording(DATA / "dialogue.wav")
    mixed = sk.Recording(recording.read().mean(axis=0), recording.sample_rate)
    found = client.submit(mixed, speaker_labeling=True).result(30, progress=False)
    assert set(found.words.channel_tag) == {"0", "1"}


@pytest.mark.exhaustive
def test_the_words_of_the_embedded_recognizer(mono: bytes, tmp_path: Path) -> None:
    """Each word has the speaker whose words it overlaps most."""
    with serving() as api, sk.connect(f"grpc://{api.address}", journal=tmp_path / "j.sqlite3") as client:
        words = client.submit(mono, speaker_labeling=True).result(300, progress=False).words
    known = pd.read_csv(DATA / "dialogue.words.csv")
    starts, ends = (np.array([*words[side]])[:, None] for side in ("start", "end"))
    overlap = np.minimum(ends, known.end.to_numpy()) - np.maximum(starts, known.start.to_numpy())
    truth = known.channel.to_numpy()[overlap.argmax(axis=1)]
    assert measure_accuracy(words.channel_tag.astype(int), truth) >= FLOOR


@pytest.mark.parametrize(
    ("full", "n_channels", "reason"),
    [
        (False, 1, "use audio_processing_type FULL_DATA, or RecognizeFile"),
        (True, 2, "the audio has 2: leave it out"),
    ],
)
def test_the_server_refuses_a_stream_of_another_client(
    server: Server, full: bool, n_channels: int, reason: str
) -> None:
    """A session that has no end to wait for, or several channels."""
    first = options(8000, n_channels, full=full)
    first.session_options.speaker_labeling.speaker_labeling = "SPEAKER_LABELING_ENABLED"
    session = Session(server.api.channel)
    session.send(first, chunk(bytes(3200)))
    session.end_requests()
    code, message = session.status()
    assert code == "INVALID_ARGUMENT"
    assert reason in message
