"""A recording through server and client, against the engine called directly in this process.

Both do the same work: decode the file, find utterances, recognize them. The way through the server adds
processes, the wire, the journal, and the wait. The engine is loaded beforehand on both sides.
"""

import json
import os
import tempfile
import time
from pathlib import Path

import speechkit_nb as sk
from speechkit_nb.server.engines.base import ListenRequest
from speechkit_nb.server.engines.registry import create_engine, parse_engine
from speechkit_nb.server.recognition.file import read_pcm

RECORDING = Path(__file__).parents[2] / "data" / "monologue.wav"
ROUNDS = 3


def directly(engine) -> list[str]:
    listener = engine.listen(ListenRequest())
    heard = [h for pcm in read_pcm(sk.Recording(RECORDING), 0) for h in listener.feed(pcm)]
    heard += listener.finish()
    listener.close()
    return [word.text for hypothesis in heard for word in hypothesis.words]


def through_the_server(client: sk.Client) -> list[str]:
    return list(client.submit(RECORDING).result(progress=False).words.word)


def timed(run, argument) -> tuple[float, list[str]]:
    began = time.perf_counter()
    words = run(argument)
    return time.perf_counter() - began, words


def main() -> None:
    engine = create_engine(parse_engine("pocketsphinx"))
    times = {"server": [], "engine": []}
    with tempfile.TemporaryDirectory() as home:
        os.environ["SPEECHKIT_NB_HOME"] = home
        with sk.connect("local") as client:
            through_the_server(client)
            for _ in range(ROUNDS):
                seconds, recognized = timed(through_the_server, client)
                times["server"].append(seconds)
                seconds, expected = timed(directly, engine)
                times["engine"].append(seconds)
                assert recognized == expected
    best = {name: min(seconds) for name, seconds in times.items()}
    print(f"{RECORDING.name}: server {best['server']:.2f} s, engine {best['engine']:.2f} s, best of {ROUNDS}")
    print(json.dumps({"vs_engine": round(best["server"] / best["engine"], 3)}))


if __name__ == "__main__":
    main()
