"""A stream through client and local server on loopback, with an engine that takes no time.

`p99_ms`: from the moment when the audio of an event was given to gRPC to the moment when the user has the
event, at the speed of real time. Server and loopback are included, so the client adds less than that.
`x_realtime`: an hour of chunks as fast as the server takes them, over sessions of five minutes.
`growth_mb`: how much more memory the client uses at the end of that hour than after its first tenth.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from harness import SUPPORT, check_work, run

import speechkit_nb as sk
from speechkit_nb.wire import v3

sys.path.insert(0, SUPPORT)

from live_sessions import RATE, make_audio, make_words, write_script
from local_server import Server

CHUNK = 0.5


class Size(NamedTuple):
    """Seconds in real time, and seconds as fast as possible."""

    live: int
    fast: int


def measure_delays(client: sk.Client, seconds: int) -> tuple[np.ndarray, int]:
    """Milliseconds of each event that is about audio; the number of words."""
    recording = sk.Recording(np.frombuffer(make_audio(seconds), np.int16), RATE)
    session, found = client.stream(recording), []
    for event in session:
        now = time.time()
        if event.kind != "status_code":
            received = v3.StreamingResponse.FromString(event.response).audio_cursors.received_data_ms
            found.append((now - session.sent_at(received / 1000)) * 1000)
    return np.array(found), len(session.transcript.words)


def stream_fast(client: sk.Client, seconds: int) -> tuple[float, float, int]:
    """Seconds that it takes, MB that the client grows by, and the number of words."""
    process, memory = psutil.Process(), [0.0]
    chunks = (make_audio(CHUNK, start=i * CHUNK) for i in range(int(seconds / CHUNK)))
    start = time.perf_counter()
    session = client.stream(chunks, sample_rate=RATE)
    for event in session:
        if memory == [0.0] and event.sent_until > seconds / 10:
            memory = [process.memory_info().rss / 1e6]
    took = time.perf_counter() - start
    check_work("memory was measured after a tenth", memory != [0.0], True)
    return took, process.memory_info().rss / 1e6 - memory[0], len(session.transcript.words)


def measure(size: Size, home: Path) -> dict[str, float]:
    words = make_words(size.fast)
    server = Server(models={"general": f"timecoded:{write_script(home / 'fast.csv', words)}"})
    with sk.connect(f"grpc://{server.address}") as client:
        delays, n_live = measure_delays(client, size.live)
        seconds, growth, n_words = stream_fast(client, size.fast)
    server.close()
    check_work("words of the live session", n_live, sum(start < size.live for _, start, _ in words))
    check_work("words of the fast session", n_words, len(words))
    p50, p99 = np.percentile(delays, [50, 99])
    print(f"{len(delays)} events: median {p50:.2f} ms, p99 {p99:.2f} ms, most {delays.max():.2f} ms")
    print(f"{size.fast} s, {n_words} words: {seconds:.1f} s; {growth:.1f} MB more than after a tenth")
    return {
        "p99_ms": round(p99, 2),
        "x_realtime": round(size.fast / seconds),
        "growth_mb": round(growth, 1),
    }


if __name__ == "__main__":
    run(measure, Size(30, 3600), Size(4, 400))
