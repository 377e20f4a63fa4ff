"""600,000 words of v3 finals, bytes to the full `words` frame, against three other ways over the same bytes.

`vs_c_parser` compares with protobuf's own C parser that builds no table at all and keeps nothing,
`vs_json_normalize` and `vs_loop` say how many times faster than pandas' and a plain attribute loop.
"""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from speechkit_nb import tables
from speechkit_nb.wire import responses_to_json, v3

WORDS_A_FINAL = 20
N_WORDS = 600_000
ROUNDS = 7


def make_responses(n_words: int) -> list[bytes]:
    """Finals of 20 words as the service sends them, a vocabulary of 2,000."""
    rng = np.random.default_rng(7)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    vocabulary = ["".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(2000)]
    responses = []
    for index in range(n_words // WORDS_A_FINAL):
        begin = index * WORDS_A_FINAL * 400
        chosen = [vocabulary[k] for k in rng.integers(0, 2000, WORDS_A_FINAL)]
        words = [
            v3.Word(text=text, start_time_ms=begin + 400 * k + 20, end_time_ms=begin + 400 * k + 380)
            for k, text in enumerate(chosen)
        ]
        end = begin + WORDS_A_FINAL * 400
        alternative = v3.Alternative(words=words, text=" ".join(chosen), start_time_ms=begin, end_time_ms=end)
        cursors = v3.AudioCursors(
            received_data_ms=10**8, partial_time_ms=end, final_time_ms=end, final_index=index
        )
        session = v3.SessionUuid(uuid="4f1c2a7e-93d05b61-8e2f4c17-a06d9b35", user_request_id="f8d" + "x" * 17)
        response = v3.StreamingResponse(
            session_uuid=session, audio_cursors=cursors, response_wall_time_ms=index, channel_tag="0"
        )
        response.final.channel_tag = "0"
        response.final.alternatives.append(alternative)
        responses.append(response.SerializeToString())
    return responses


def parse_only(responses: list[bytes]) -> None:
    parse = v3.StreamingResponse.FromString
    for response in responses:
        parse(response)


def attribute_loop(responses: list[bytes]) -> pd.DataFrame:
    """The same columns, gathered word by word."""
    rows: list[tuple] = []
    for message in map(v3.StreamingResponse.FromString, responses):
        for number, alternative in enumerate(message.final.alternatives):
            for position, word in enumerate(alternative.words):
                times = word.start_time_ms / 1000, word.end_time_ms / 1000
                index = message.audio_cursors.final_index
                rows.append(("talk.wav", message.channel_tag, index, number, position, word.text, *times))
    return pd.DataFrame(rows, columns=list(tables.WORDS)).astype(dict(tables.WORDS))


def normalized(results: list[dict]) -> pd.DataFrame:
    """The usual notebook recipe, over dicts that were parsed before."""
    return pd.json_normalize(
        results, ["final", "alternatives", "words"], ["channelTag", "responseWallTimeMs"]
    )


def fastest(run, rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def peak_bytes() -> int:
    """Peak resident size of this process (Linux keeps it for each program, not for its parent)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def extra_memory() -> None:
    """Run in a process of its own: prints peak extra bytes over the wire's bytes."""
    tables.make_words(make_responses(20), "talk.wav")
    responses = make_responses(N_WORDS)
    before = peak_bytes()
    frame = tables.make_words(responses, "talk.wav")
    assert len(frame) == N_WORDS
    print((peak_bytes() - before) / sum(map(len, responses)))


def main() -> None:
    responses = make_responses(N_WORDS)
    pd.testing.assert_frame_equal(
        tables.make_words(responses[:50], "talk.wav"), attribute_loop(responses[:50])
    )
    ours, parser = [], []
    for _ in range(ROUNDS):
        ours.append(fastest(lambda: tables.make_words(responses, "talk.wav"), 1))
        parser.append(fastest(lambda: parse_only(responses), 1))
    part = responses[: len(responses) // 10]
    results = [value["result"] for value in responses_to_json(part)]
    json_seconds = fastest(lambda: normalized(results), 2) * 10
    loop_seconds = fastest(lambda: attribute_loop(part), 3) * 10
    memory = subprocess.run(
        [sys.executable, __file__, "--memory"], capture_output=True, text=True, check=True
    ).stdout
    best = min(ours)
    print(f"{N_WORDS} words, {sum(map(len, responses)) / 1e6:.1f} MB on the wire")
    print(
        f"words frame {best:.3f} s ({N_WORDS / best / 1e6:.1f} M words/s), C parser alone {min(parser):.3f} s"
    )
    print(f"attribute loop {loop_seconds:.2f} s, json_normalize {json_seconds:.2f} s (both from a tenth)")
    figures = {
        "vs_c_parser": round(best / min(parser), 2),
        "vs_json_normalize": round(json_seconds / best, 1),
        "vs_loop": round(loop_seconds / best, 1),
        "peak_vs_wire": round(float(memory), 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    extra_memory() if "--memory" in sys.argv else main()
