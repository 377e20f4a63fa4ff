"""A pseudo-reference: the words that most systems have at each place (ROVER, Fiscus 1997).

It is not a correct reference: similar systems outvote one that is right, so error rates against it favour
systems that are similar to each other. Use it to find places to listen to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..errors import ConfigError, join_names
from ..evaluate import Floats
from .grid import count_votes, vote_on_words

FEWEST = 3


def consensus(words: Mapping[str, pd.DataFrame], by: Sequence[str]) -> pd.DataFrame:
    """The words with most votes.

    Args:
        words: normalized words by system, from `grid.normalize_words`.
        by: utterance key columns.

    Returns:
        Frame of `by`, `word`, `start`, `end` (seconds, medians over the systems with this word), `votes`.
        Having no word is also a vote; if votes are equal, the first system wins. `attrs["pseudo_reference"]`
        is the list of the systems that voted.

    Raises:
        ConfigError: if there are fewer than three systems.

    >>> heard = {"a": "one two three", "b": "one too three", "c": "one two"}
    >>> from speechkit_nb.comparison.grid import normalize_words
    >>> from speechkit_nb.evaluate import normalizer
    >>> texts = {name: pd.DataFrame({"text": [text]}) for name, text in heard.items()}
    >>> none = normalizer("none")
    >>> frames = {name: normalize_words(frame, (), none, name) for name, frame in texts.items()}
    >>> consensus(frames, ())[["word", "votes"]].to_numpy().tolist()
    [['one', 3], ['two', 2], ['three', 2]]
    """
    if len(words) < FEWEST:
        there = ", ".join(map(repr, words))
        raise ConfigError(f"a vote needs {FEWEST} systems or more, and there are {len(words)}: {there}")
    grid, start, end = vote_on_words(words, by)
    words_at = grid[list(words)].to_numpy(object)
    votes = count_votes(words_at)
    best = votes.argmax(axis=1)
    rows = np.arange(len(words_at))
    frame = grid[list(by)].assign(word=pd.Series(words_at[rows, best], grid.index, dtype="str"))
    agrees = words_at == words_at[rows, best][:, None]
    times = {"start": _middle(start, agrees), "end": _middle(end, agrees)}
    frame = frame.assign(**times, votes=votes[rows, best])
    result: pd.DataFrame = frame[frame["word"] != ""].reset_index(drop=True)
    result.attrs = {"pseudo_reference": list(words), "origin": f"vote of {join_names(list(words))}"}
    return result


def _middle(times: Floats, agrees: np.ndarray) -> Floats:
    """The median of known times of the systems that agree; NaN if none is known."""
    # as `np.nanmedian`, which warns about rows without values
    kept = np.sort(np.where(agrees, times, np.nan), axis=1)  # NaN last
    n = (~np.isnan(kept)).sum(axis=1)
    rows = np.arange(len(kept))
    low, high = np.maximum((n - 1) // 2, 0), n // 2
    return np.asarray((kept[rows, low] + kept[rows, np.minimum(high, kept.shape[1] - 1)]) / 2)
