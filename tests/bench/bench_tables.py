"""600,000 words of v3 finals, bytes to the full `words` frame, against three other ways over the same bytes.

Run it as `python tests/bench/bench_tables.py`.

`vs_c_parser` compares with protobuf's own C parser that builds no table at all and keeps nothing,
`vs_json_normalize` and `vs_loop` are how many times faster ours is than pandas' and than a plain loop.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from harness import check_work, measure_peak, run, take_seconds

from speechkit_nb import tables
from speechkit_nb.wire import responses_to_json, v3

WORDS_PER_FINAL = 20


class Size(NamedTuple):
    n_words: int
    rounds: int


def make_responses(n_words: int) -> list[bytes]:
    """Finals of 20 words as the service sends them, a vocabulary of 2,000."""
    rng = np.random.default_rng(7)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    vocabulary = ["".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(2000)]
    responses = []
    for index in range(n_words // WORDS_PER_FINAL):
        begin = index * WORDS_PER_FINAL * 400
        chosen = [vocabulary[k] for k in rng.integers(0, 2000, WORDS_PER_FINAL)]
        words = [
            v3.Word(text=text, start_time_ms=begin + 400 * k + 20, end_time_ms=begin + 400 * k + 380)
            for k, text in enumerate(chosen)
        ]
        end = begin + WORDS_PER_FINAL * 400
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


def parse_only(responses: list[bytes]) -> int:
    parse, n_bytes = v3.StreamingResponse.FromString, 0
    for response in responses:
        n_bytes += len(response)
        parse(response)
    return n_bytes


def attribute_loop(responses: list[bytes]) -> pd.DataFrame:
    """The same columns, collected word by word."""
    rows: list[tuple] = []
    for message in map(v3.StreamingResponse.FromString, responses):
        for number, alternative in enumerate(message.final.alternatives):
            for position, word in enumerate(alternative.words):
                times = word.start_time_ms / 1000, word.end_time_ms / 1000
                index = message.audio_cursors.final_index
                rows.append(("talk.wav", message.channel_tag, index, number, position, word.text, *times))
    return pd.DataFrame(rows, columns=list(tables.WORDS)).astype(dict(tables.WORDS))


def normalize_json(results: list[dict]) -> pd.DataFrame:
    """The usual notebook recipe, over dicts that were parsed before."""
    return pd.json_normalize(
        results, ["final", "alternatives", "words"], ["channelTag", "responseWallTimeMs"]
    )


def measure(size: Size, home: Path) -> dict[str, float]:
    responses = make_responses(size.n_words)
    n_bytes = sum(map(len, responses))
    pd.testing.assert_frame_equal(
        tables.make_words(responses[:50], "talk.wav"), attribute_loop(responses[:50])
    )
    made: dict[str, set[int]] = {"frame": set(), "parser": set(), "json": set(), "loop": set()}
    ours, parser = [], []
    for _ in range(size.rounds):
        ours.append(take_seconds(lambda: made["frame"].add(len(tables.make_words(responses, "talk.wav")))))
        parser.append(take_seconds(lambda: made["parser"].add(parse_only(responses))))
    part = responses[: len(responses) // 10]
    results = [value["result"] for value in responses_to_json(part)]
    json_seconds = take_seconds(lambda: made["json"].add(len(normalize_json(results))), 2) * 10
    loop_seconds = take_seconds(lambda: made["loop"].add(len(attribute_loop(part))), 3) * 10
    peak = measure_peak(
        "import sys, bench_tables as b; n = int(sys.argv[1]); "
        "b.tables.make_words(b.make_responses(20), 'talk.wav'); responses = b.make_responses(n)",
        "len(b.tables.make_words(responses, 'talk.wav'))",
        size.n_words,
    )
    check_work("words in the frame", made["frame"], {size.n_words})
    check_work("words in the frame of the process for memory", peak.n_done, size.n_words)
    check_work("bytes that the parser read", made["parser"], {n_bytes})
    check_work("words of json_normalize and of the loop", made["json"] | made["loop"], {size.n_words // 10})
    best = min(ours)
    print(f"{size.n_words} words, {n_bytes / 1e6:.1f} MB on the wire")
    print(
        f"words frame {best:.3f} s ({size.n_words / best / 1e6:.1f} M words/s), "
        f"C parser alone {min(parser):.3f} s"
    )
    print(f"attribute loop {loop_seconds:.2f} s, json_normalize {json_seconds:.2f} s (both from a tenth)")
    return {
        "vs_c_parser": round(best / min(parser), 2),
        "vs_json_normalize": round(json_seconds / best, 1),
        "vs_loop": round(loop_seconds / best, 1),
        "peak_vs_wire": round(peak.growth * 1e6 / n_bytes, 2),
    }


if __name__ == "__main__":
    run(measure, Size(600_000, 7), Size(100_000, 2))
