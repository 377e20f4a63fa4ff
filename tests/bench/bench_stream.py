"""A stream through client and local server on loopback, with an engine that takes no time.

`p99_ms`: from the moment the audio that an event is about was handed to gRPC to the moment the user has the
event, paced in real time; server and loopback are included, so the client adds less than that.
`x_realtime`: an hour of chunks as fast as the server takes them, over sessions of five minutes.
`growth_mb`: how much more memory the client holds at the end of that hour than after its first tenth.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from live_sessions import RATE, coded, script, talk
from local_server import Server

import speechkit_nb as sk
from speechkit_nb.wire import v3

LIVE_SECONDS, HOUR = 30, 3600
CHUNK = 0.5


def delays(client: sk.Client) -> np.ndarray:
    """Milliseconds for each event that audio gave rise to."""
    recording = sk.Recording(np.frombuffer(coded(LIVE_SECONDS), np.int16), RATE)
    session, found = client.stream(recording), []
    for event in session:
        now = time.time()
        if event.kind != "status_code":
            received = v3.StreamingResponse.FromString(event.response).audio_cursors.received_data_ms
            found.append((now - session.sent_at(received / 1000)) * 1000)
    return np.array(found)


def hour(client: sk.Client) -> tuple[float, float, int]:
    """Seconds it takes, MB it grows by, words."""
    process, memory = psutil.Process(), [0.0]
    chunks = (coded(CHUNK, start=i * CHUNK) for i in range(int(HOUR / CHUNK)))
    began = time.perf_counter()
    session = client.stream(chunks, sample_rate=RATE)
    for event in session:
        if memory == [0.0] and event.sent_until > HOUR / 10:
            memory = [process.memory_info().rss / 1e6]
    seconds = time.perf_counter() - began
    growth = process.memory_info().rss / 1e6 - memory[0]
    return seconds, growth, len(session.transcript.words)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["SPEECHKIT_NB_HOME"] = home
        words = talk(HOUR)
        server = Server(models={"general": f"timecoded:{script(Path(home, 'hour.csv'), words)}"})
        with sk.connect(f"grpc://{server.address}") as client:
            late = delays(client)
            seconds, growth, n_words = hour(client)
        server.close()
    assert n_words == len(words)
    p50, p99 = np.percentile(late, [50, 99])
    print(f"{len(late)} events: median {p50:.2f} ms, p99 {p99:.2f} ms, most {late.max():.2f} ms")
    print(f"an hour, {n_words} words: {seconds:.1f} s; {growth:.1f} MB more than after six minutes")
    figures = {"p99_ms": round(p99, 2), "x_realtime": round(HOUR / seconds), "growth_mb": round(growth, 1)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
