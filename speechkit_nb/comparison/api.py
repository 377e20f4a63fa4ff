"""`compare`: makes a Comparison from the words of systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from ..evaluate import Normalizer, align
from ..evaluate import normalizer as make
from .comparison import Comparison, Options
from .groups import Groups, with_groups, with_stretches
from .inputs.collect import collect_inputs
from .inputs.missing import Missing


def compare(
    systems: Mapping[str, Any],
    reference: Any = None,
    *,
    normalizer: str | Callable[[str], str] | Normalizer = "none",
    by: str | Sequence[str] | None = None,
    collar: float | None = None,
    groups: Groups = None,
    pause: float | None = 0.5,
    missing: Missing = "raise",
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare the words of systems with a reference, or with each other.

    Args:
        systems: of each name a transcript, a frame with `word` (and `start`, `end` in seconds) or `text`, a
            text, or a file; for several recordings a frame with the column `recording`, a list of these,
            `{recording: ...}`, or a folder with a file or several a recording. Transcripts of a list bring
            the name of their recording; of anything else the place in the list is the name.
        reference: what was said, in any of these forms; None compares the systems with each other. A file is
            a saved transcript, a Parquet file of words or texts, or of `sk.read_reference`: a TextGrid, CTM,
            STM, SRT, CSV or plain text. A folder has such files, as `corpus.write_part` makes one for each
            system. All is read into memory; `sk.score` takes corpora of any size.
        normalizer: what counts as the same word: `"ru"`, `"en"`, `"none"`, or of `sk.normalizer`.
        by: utterance key columns; default: `recording` and `channel_tag` if all have them.
        collar: pair only words that overlap when those of the systems are longer by so many seconds at both
            ends; None pairs whatever words.
        groups: what belongs together and is drawn together for intervals and tests, such as a speaker or a
            call: columns of the reference, or a mapping of recordings to groups. By default each stretch of
            speech is taken as independent, which makes intervals too narrow if a speaker has many.
        pause: seconds of silence in the reference from which on a new stretch of speech begins, for intervals
            and tests; words are aligned across it. None: an utterance is one stretch.
        missing: what to do if not all have the same recordings, or of texts the same utterances:
            `"raise"`, `"common"` compares on those that all have, `"empty"` takes the others as empty; both
            are said in `problems`. In a frame of words an utterance without a word has no row, so that
            nothing can be missing there: which utterances of a system have no words is in `problems`.
        level: share of the intervals; 1 less it is the p below which a system is called better, which at 0.95
            takes six groups or more; see `significance.pairs`.
        seed: of the bootstrap.

    Raises:
        ConfigError: if there is too little to compare, an option has no such value, or a recording is there
            twice.
        SchemaError: if a frame cannot be used.
        EvaluationError: if not all have the same recordings or utterances, two have sounds of different
            length under one name, or the normalizer leaves nothing. It is a ConfigError and a SchemaError,
            too.
        TranscriptError: if a file cannot be read.

    >>> c = compare({"one": "a b x", "two": "a b c"}, reference="a b c")
    >>> c.summary[["n_words", "errors"]].to_dict("index")
    {'one': {'n_words': 3, 'errors': 1}, 'two': {'n_words': 3, 'errors': 0}}
    >>> c.verdict
    'No significant difference in words: WER two 0.0 %, one 33.3 % (too little data ...).'
    """
    if not 0 < level < 1:
        raise ConfigError(f"level={level}; it is between 0 and 1, such as 0.95")
    material = collect_inputs(systems, reference, by, missing)
    how = make(normalizer)
    if material.reference is None:
        return _without_reference(material, how, groups, level, seed)
    alignment = align(
        material.reference, material.systems, by=material.by, normalizer=how, collar=collar, missing="empty"
    )
    attrs = alignment.attrs
    alignment = with_stretches(alignment, material.by, pause)
    alignment, names = with_groups(alignment, groups, material.by, material.reference)
    alignment.attrs = attrs
    return Comparison(material, alignment, Options(how, collar, names, pause, level, seed))


def _without_reference(material: Any, how: Normalizer, groups: Groups, level: float, seed: int) -> Comparison:
    if groups is not None:
        raise ConfigError("groups= are for intervals of error rates, and without a reference there are none")
    made = Comparison(material, None, Options(how, None, (), None, level, seed))
    _ = made.disagreements  # raises now, not later, if the words cannot be used
    return made
