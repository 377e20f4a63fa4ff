"""A recording through server and client, against the engine called directly.

Run it as `python tests/bench/bench_server.py`.
Both do the same work: decode the file, find utterances, recognize them. The way through the server adds
processes, the wire, the journal, and the wait. The engine is loaded beforehand on both sides. The server
writes down its calls: each round must submit the recording, not fetch an earlier result.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import soundfile
from harness import SUPPORT, check_work, run, take_seconds

import speechkit_nb as sk
from speechkit_nb.server.engines.base import ListenRequest
from speechkit_nb.server.engines.registry import create_engine, parse_engine
from speechkit_nb.server.recognition.file import read_pcm

sys.path.insert(0, SUPPORT)

from call_log import CountedServer

RECORDING = Path(__file__).parents[2] / "data" / "monologue.wav"


class Size(NamedTuple):
    """The first `seconds` of the recording, and how often it is recognized in each way."""

    seconds: float | None
    rounds: int


def recognize_directly(engine: Any, path: Path) -> list[str]:
    listener = engine.listen(ListenRequest())
    found = [h for pcm in read_pcm(sk.Recording(path), 0) for h in listener.feed(pcm)]
    found += listener.finish()
    listener.close()
    return [word.text for hypothesis in found for word in hypothesis.words]


def measure(size: Size, home: Path) -> dict[str, float]:
    path = home / RECORDING.name
    frames = -1 if size.seconds is None else round(size.seconds * sk.Recording(RECORDING).sample_rate)
    soundfile.write(path, *soundfile.read(RECORDING, dtype="int16", frames=frames))
    engine = create_engine(parse_engine("pocketsphinx"))
    recognized: list[list[str]] = []
    times: dict[str, list[float]] = {"server": [], "engine": []}
    server = CountedServer(home / "calls")
    with sk.connect(f"grpc://{server.address}") as client:

        def through_server() -> None:
            job = client.submit(path, reuse=False)
            recognized.append(list(job.result(progress=False).words.word))

        through_server()  # loads the engine
        for _ in range(size.rounds):
            times["server"].append(take_seconds(through_server))
            times["engine"].append(take_seconds(lambda: recognized.append(recognize_directly(engine, path))))
    server.close()
    check_work("submissions that the server received", server.count()["RecognizeFile"], 1 + size.rounds)
    check_work(
        "results of equal words", sum(words == recognized[0] for words in recognized), 1 + 2 * size.rounds
    )
    check_work("results with words", sum(bool(words) for words in recognized), len(recognized))
    best = {name: min(seconds) for name, seconds in times.items()}
    print(f"{path.name}: server {best['server']:.2f} s, engine {best['engine']:.2f} s, best of {size.rounds}")
    return {"vs_engine": round(best["server"] / best["engine"], 3)}


if __name__ == "__main__":
    run(measure, Size(None, 3), Size(4.6, 1))
