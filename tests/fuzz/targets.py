"""What is fuzzed: for each kind of input a function that reads a changed one as a user would.

A function returns normally if the input was read, and raises what the toolkit raises.
"""

import contextlib
import functools
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from answers import final, refinement, serialized
from mutations import NUMBERS, TEXTS, mutate

import speechkit_nb as sk

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Target:
    """A kind of input. `read` gets a random generator and an empty folder, and reads one changed input."""

    name: str
    read: Callable[[random.Random, Path], None]


@functools.cache
def answers() -> list[bytes]:
    """Messages of one answer: finals, refinements, events, and those of a recorded answer."""
    from google.protobuf import text_format

    from speechkit_nb.wire import v3

    recorded = (ROOT / "data" / "answers" / "grpc_v3.txtpb").read_text()
    messages = [final(0, "да нет", "два нет"), refinement(0, "Да, нет."), final(1, "hello world", tag="1")]
    messages.append(serialized(eou_update={"time_ms": 900}, channel_tag="0"))
    messages.append(serialized(status_code={"code_type": "WORKING", "message": "ok"}))
    whole = text_format.Parse(recorded, v3.StreamingResponseList())
    return messages + [message.SerializeToString() for message in whole.streaming_responses]


def look_at(transcript: sk.Transcript, folder: Path) -> None:
    """Everything that one sees of a transcript, and a round trip through a file."""
    for name in (
        "words",
        "finals",
        "languages",
        "events",
        "speaker_analysis",
        "conversation_analysis",
        "interrupts",
    ):
        repr(getattr(transcript, name))
    for name in ("quantiles", "classifiers", "summaries", "text", "refined_text"):
        getattr(transcript, name)
    repr(transcript)
    transcript._repr_html_()
    again = sk.load(transcript.save(folder / "again.parquet"))
    assert list(again.responses) == list(transcript.responses)


def read_answer(chance: random.Random, folder: Path) -> None:
    """The messages of an answer, or the file that a transcript was saved in."""
    messages = answers()
    if chance.random() < 0.5:
        changed = [mutate(m, chance) if chance.random() < 0.3 else m for m in messages]
        look_at(sk.Transcript(changed, recording="talk"), folder)
        return
    path = sk.Transcript(messages, recording="talk", received_at=[1.0] * len(messages)).save(
        folder / "talk.parquet"
    )
    path.write_bytes(mutate(path.read_bytes(), chance))
    look_at(sk.load(path), folder)


def read_json(chance: random.Random, folder: Path) -> None:
    """A saved answer of the REST API, and the body of a request to the local server."""
    from speechkit_nb.errors import SpeechkitError
    from speechkit_nb.server.api.rest_json import parse_message
    from speechkit_nb.server.status import StatusError
    from speechkit_nb.wire import v3

    if chance.random() < 0.3:
        body = mutate(json.dumps(REQUEST).encode(), chance)
        try:
            parse_message(body, v3.RecognizeFileRequest())
        except StatusError as error:  # what the server answers with
            raise SpeechkitError(str(error)) from None
        return
    sample = ROOT / "data" / "answers" / chance.choice(["rest_v3.json", "v2_operation.json"])
    content = mutate(sample.read_bytes(), chance)
    if chance.random() < 0.05:
        content = content.decode(errors="replace").encode(chance.choice(["utf-16", "utf-16-le", "utf-32"]))
    path = folder / "answer.json"
    path.write_bytes(content)
    look_at(sk.load(path), folder)


REQUEST = {
    "uri": "https://storage.yandexcloud.net/bucket/talk.wav",
    "recognitionModel": {
        "model": "general",
        "audioFormat": {"rawAudio": {"audioEncoding": "LINEAR16_PCM", "sampleRateHertz": "8000"}},
        "textNormalization": {"textNormalization": "TEXT_NORMALIZATION_ENABLED", "literatureText": True},
        "languageRestriction": {"restrictionType": "WHITELIST", "languageCode": ["ru-RU"]},
    },
    "recognitionClassifier": {"classifiers": [{"classifier": "formal_greeting", "triggers": ["ON_FINAL"]}]},
}
CONTAINERS = [
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "GSM610"), ("WAV", "IMA_ADPCM"),
    ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "PCM_16"),
    ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip


@functools.cache
def sound(container: str, subtype: str, n_channels: int) -> bytes:
    file = io.BytesIO()
    rate = 48_000 if subtype == "OPUS" else 8_000 if subtype == "GSM610" else 16_000
    n_channels = 1 if subtype == "GSM610" else n_channels
    samples = 0.1 * np.random.default_rng(0).standard_normal((rate // 2, n_channels))
    sf.write(file, samples, rate, format=container, subtype=subtype)
    return file.getvalue()


def read_audio(chance: random.Random, folder: Path) -> None:
    """A sound file: its facts, its picture, and its samples."""
    container, subtype = chance.choice(CONTAINERS)
    path = folder / f"talk.{container.lower()}"
    path.write_bytes(mutate(sound(container, subtype, chance.choice([1, 2])), chance))
    recording = sk.Recording(path)
    repr(recording)
    recording.envelope(100)
    recording.envelope(100, recording.n_channels - 1, start=0.2, end=0.4)
    recording.read(0.1, 0.3)


UNDAMAGED = sorted((Path(__file__).parent / "undamaged").iterdir())


def read_words(chance: random.Random, folder: Path) -> None:
    """A file of words: as a reference, and as what a system heard."""
    undamaged = chance.choice(UNDAMAGED)
    content = undamaged.read_text().encode(chance.choice(["utf-8"] * 8 + ["utf-8-sig", "utf-16"]))
    path = folder / undamaged.name
    path.write_bytes(mutate(content, chance))
    words = sk.read_reference(path)
    repr(words)
    if chance.random() < 0.1:
        sk.wer(words, words)


CELLS = [None, "", "x", -1, 0, 2**62, 1e308, float("inf"), b"", b"\xff\xfe", "\x1b[31m", "9" * 5_000]


def read_journal(chance: random.Random, folder: Path) -> None:
    """A journal with changed cells, or with changed bytes: its jobs are listed and read."""
    path = folder / "jobs.sqlite3"
    shutil.copy(ROOT / "tests" / "client" / "journal_0_1_0.sqlite3", path)
    if chance.random() < 0.2:
        path.write_bytes(mutate(path.read_bytes(), chance))
    else:
        _change_cells(path, chance)
    with sk.connect("grpc://127.0.0.1:50917", journal=path) as client:
        repr(client.jobs())
        for number in range(1, 7):
            # a row that is damaged raises this; the others must still be there
            with contextlib.suppress(sk.errors.SpeechkitError):
                job = client.job(number)
                repr(job)
                if job.record.state == "done":
                    repr(job.result(timeout=0.1).words)


def _change_cells(path: Path, chance: random.Random) -> None:
    database = sqlite3.connect(path)
    with database:
        for _ in range(chance.choice([1, 1, 2])):
            table = chance.choice(["jobs", "jobs", "jobs", "responses"])
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            column, key = chance.choice(columns), "id" if table == "jobs" else "job"
            (old,) = database.execute(f"SELECT {column} FROM {table} ORDER BY {key} LIMIT 1").fetchone()
            whole = old if isinstance(old, bytes) else str(old).encode()
            changed = mutate(whole, chance)
            new = chance.choice(
                [
                    *CELLS,
                    *([changed.decode(errors="replace"), changed] * 6),
                    *(text.decode(errors="replace") for text in NUMBERS + TEXTS if len(text) < 10_000),
                ]
            )
            row = chance.randrange(1, 7)
            with contextlib.suppress(sqlite3.IntegrityError):  # SQLite itself refuses the value
                database.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (new, row))
    database.close()


def read_badly(chance: random.Random, folder: Path) -> None:
    """Ends in a way that is not allowed: what the program must notice."""
    end = chance.choice(["raw", "empty", "loop", "wait", "crash", "memory"])
    if end == "raw":
        raise KeyError("raw")
    if end == "empty":
        raise sk.errors.AudioError("")
    while end == "loop":
        pass
    if end == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    kept = [b"x" * 2**24 for _ in range(100)] if end == "memory" else []
    time.sleep(1_000 + len(kept))


TARGETS = [
    Target("answers", read_answer),
    Target("json", read_json),
    Target("audio", read_audio),
    Target("words", read_words),
    Target("journal", read_journal),
    Target("broken", read_badly),
]


def warn_only_in_own_words() -> None:
    """A warning that is not of the toolkit is an error: the user would see raw words of a library."""
    warnings.simplefilter("error")
    for value in vars(sk.errors).values():
        if isinstance(value, type) and issubclass(value, Warning):
            warnings.simplefilter("ignore", value)


os.environ.setdefault("MPLBACKEND", "Agg")
