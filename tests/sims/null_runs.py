"""How often `compare` is right about systems of which the truth is known: simulated corpora, many times.

Two systems have the same expected error rate. Then the 95 % intervals of their rates and of the difference
should contain the truth in 95 % of the runs, and a difference should be called significant in at most 5 %.
A last condition has two systems of which one is better, and shows how often this is found (power).

Words are wrong with a probability that differs by recording, by system within a recording (interaction), and
by stretch of speech, on the logistic scale. Whoever doubts an interval of `compare` can describe a corpus
here that is like the own one, and look.

    python tests/sims/null_runs.py                    all conditions, 400 runs each: about 20 minutes
    python tests/sims/null_runs.py --runs 50 "8 long recordings"

It ends with 1 if a share is outside of its limits: intervals 0.93 to 0.97 (never less than 0.93 for few
recordings), significant differences at most 0.06, each widened by twice the standard error of so many runs.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit

import speechkit_nb as sk

SD_OF_STRETCHES = 0.5
"""Standard deviation of the stretches of a recording, on the logistic scale."""


@dataclass(frozen=True)
class Condition:
    """A kind of corpus.

    Attributes:
        stretches: number of stretches in each recording; a tuple: one of these, drawn for each recording.
        words: number of words in each stretch.
        sd: standard deviation of the recordings, on the logistic scale.
        interaction: standard deviation of what a system finds easier or harder in a recording.
        rates: expected error rates of the two systems.
        speakers: number of speakers; 0: each recording is of another one.
        groups: option of `compare`.
        timed: whether the times of words are compared, in place of the words.
    """

    n_recordings: int
    stretches: int | tuple[int, ...] = 1
    words: int = 20
    sd: float = 0.0
    interaction: float = 0.0
    rates: tuple[float, float] = (0.12, 0.12)
    speakers: int = 0
    groups: str | None = None
    timed: bool = False


CONDITIONS = {
    "20 utterances": Condition(20),
    "200 utterances": Condition(200),
    "10 speakers": Condition(10, 20, 10, 0.6),
    "10 speakers, interaction": Condition(10, 20, 10, 0.6, 0.4),
    "10 speakers named, 200 utterances": Condition(200, 1, 10, 0.6, 0.4, speakers=10, groups="speaker"),
    "8 long recordings": Condition(8, 60, 10, 0.6, 0.3),
    "40 long recordings": Condition(40, 60, 10, 0.6, 0.3),
    "20 unequal recordings": Condition(20, (1, 3, 8, 20, 60), 10, 0.6, 0.3),
    "10 timed recordings": Condition(10, 20, 10, 0.6, 0.3, timed=True),
    "power": Condition(200, rates=(0.12, 0.145)),
}


@dataclass(frozen=True)
class Found:
    """What `compare` tells in one run; None: it has no interval."""

    rates: tuple[bool, ...]
    difference: bool
    significant: bool
    verdict: bool


def run(condition: Condition, seed: int) -> Found:
    """Simulate one corpus and compare the systems."""
    rng = np.random.default_rng(seed)
    if condition.timed:
        reference, systems = simulate_times(condition, rng)
    else:
        reference, systems = simulate_words(condition, rng)
    c = sk.compare(systems, reference, groups=condition.groups)
    if condition.timed:
        (pair,), rates = c.timing_pairs.to_dict("records"), ()
        verdict = c.verdict.splitlines()[1]
    else:
        (pair,), verdict = c.pairs.to_dict("records"), c.verdict.splitlines()[0]
        rows = zip(c.summary.itertuples(), condition.rates, strict=True)
        rates = tuple(bool(row.wer_low <= rate <= row.wer_high) for row, rate in rows)
    delta = 0.0 if condition.timed else condition.rates[0] - condition.rates[1]
    return Found(
        rates,
        bool(pair["delta_low"] <= delta <= pair["delta_high"]),
        bool(pair["p_holm"] < 0.05),
        " is better in " in verdict,
    )


def simulate_words(
    condition: Condition, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The texts of a reference and of two systems, one recording a row; wrong words are "x"."""
    spread = sqrt(condition.sd**2 + condition.interaction**2 + SD_OF_STRETCHES**2)
    base = [find_base(rate, spread) for rate in condition.rates]
    speakers = np.arange(condition.n_recordings) % (condition.speakers or condition.n_recordings)
    own = rng.normal(0, condition.sd, speakers.max() + 1)
    by_system = rng.normal(0, condition.interaction, (speakers.max() + 1, 2))
    rows = []
    for recording, speaker in enumerate(speakers):
        n = condition.stretches if isinstance(condition.stretches, int) else rng.choice(condition.stretches)
        stretch = np.repeat(rng.normal(0, SD_OF_STRETCHES, n), condition.words)
        words = [f"w{i}" for i in range(len(stretch))]
        texts = []
        for system in range(2):
            wrong = rng.random(len(words)) < expit(
                base[system] + own[speaker] + by_system[speaker, system] + stretch
            )
            texts.append(" ".join(np.where(wrong, "x", words)))
        rows.append((f"r{recording}", f"s{speaker}", " ".join(words), *texts))
    frame = pd.DataFrame(rows, columns=["recording", "speaker", "text", "a", "b"])
    systems = {name: frame[["recording"]].assign(text=frame[name]) for name in ("a", "b")}
    return frame[["recording", "speaker", "text"]], systems


def simulate_times(
    condition: Condition, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The words of a reference and of two systems, whose boundaries are off by about 30 ms."""
    assert isinstance(condition.stretches, int)
    reference, parts = [], ([], [])
    for recording in range(condition.n_recordings):
        n = condition.stretches * condition.words
        start = np.arange(n) * 0.4 + np.repeat(np.arange(condition.stretches) * 1.0, condition.words)
        frame = pd.DataFrame({"recording": f"r{recording}", "word": [f"w{i}" for i in range(n)]})
        reference.append(frame.assign(start=start, end=start + 0.3))
        size = 0.03 * np.exp(rng.normal(0, condition.sd))
        for system in range(2):
            shift = size * np.exp(rng.normal(0, condition.interaction))
            errors = rng.normal(0, shift, (2, n)).clip(-0.04, 0.04)
            parts[system].append(frame.assign(start=start + 0.1 + errors[0], end=start + 0.2 + errors[1]))
    systems = {name: pd.concat(part, ignore_index=True) for name, part in zip("ab", parts, strict=True)}
    return pd.concat(reference, ignore_index=True), systems


def find_base(rate: float, spread: float) -> float:
    """The mean on the logistic scale that gives this expected rate, for a normal spread around it."""
    nodes, weights = hermegauss(60)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        expected = float(weights @ expit(middle + spread * nodes)) / sqrt(2 * np.pi)
        low, high = (middle, high) if expected < rate else (low, middle)
    return (low + high) / 2


def measure(condition: Condition, n_runs: int) -> dict[str, float]:
    """Shares over `n_runs` runs: coverage of `rates` and `difference`, `significant`, `verdict`."""
    found = [run(condition, seed) for seed in range(n_runs)]
    shares = {"rates": float(np.mean([one.rates for one in found])) if found[0].rates else float("nan")}
    for name in ("difference", "significant", "verdict"):
        shares[name] = float(np.mean([getattr(one, name) for one in found]))
    return shares


def find_faults(shares: dict[str, float], n_runs: int, n_errors: float = 2) -> list[str]:
    """Names of the shares that are outside of their limits by more than `n_errors` standard errors."""
    luck = n_errors * sqrt(0.05 * 0.95 / n_runs)
    is_wrong = {
        name: share < 0.93 - luck or share > 0.97 + luck
        for name, share in shares.items()
        if name in ("rates", "difference")
    }
    is_wrong |= {name: shares[name] > 0.06 + luck for name in ("significant", "verdict")}
    return [name for name, wrong in is_wrong.items() if wrong]


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("conditions", nargs="*", help=f"some of: {', '.join(CONDITIONS)}")
    parser.add_argument("--runs", type=int, default=400)
    given = parser.parse_args()
    n_faults = 0
    print(f"{'':36}{'rates':>8}{'difference':>12}{'significant':>13}{'verdict':>9}")
    for name in given.conditions or CONDITIONS:
        condition = CONDITIONS[name]
        shares = measure(condition, given.runs)
        faults = [] if condition.rates[0] != condition.rates[1] else find_faults(shares, given.runs)
        n_faults += len(faults)
        row = "".join(f"{shares[key]:>{width}.3f}" for key, width in zip(shares, (8, 12, 13, 9), strict=True))
        print(f"{name:36}{row}{'  wrong: ' + ', '.join(faults) if faults else ''}", flush=True)
    return n_faults > 0


if __name__ == "__main__":
    sys.exit(main())
