"""`compare`: makes a `Comparison` from the words of systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from ..errors import ConfigError, check_number, check_type
from ..evaluate import How, Normalizer, align
from ..evaluate import normalizer as make
from ..tables import WordFrame
from .comparison import Comparison, Options
from .groups import Groups, add_groups, add_stretches
from .inputs.collect import ComparisonInput, collect_inputs
from .inputs.missing import Missing


def compare(
    systems: Mapping[str, Any],
    reference: Any = None,
    *,
    normalizer: How = "none",
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
        systems: a mapping of names to words. The words of a system are a transcript, a frame with `word` (and
            `start`, `end` in seconds) or `text`, a text, or a file. For several recordings they are a frame
            with the column `recording`, a list, a mapping `{recording: ...}`, or a folder with one or several
            files per recording. In a list, a transcript has the name of its recording; other elements are
            named by their position.
        reference: the correct words, in any of these forms; None compares the systems with each other. A file
            is a saved transcript, a Parquet file of words or texts, or a file of any format that
            `sk.read_reference` reads. A folder has such files, like the folder of a system
            that `corpus.write_part` writes. Everything is read into memory; for corpora of any size use
            `sk.score`.
        normalizer: defines which words are equal: `"ru"`, `"en"`, `"none"` (or None), or a result of
            `sk.normalizer`.
        by: utterance key columns; default: `recording` and `channel_tag` if all inputs have them.
        collar: seconds by which words of the systems are extended at both ends; only words that then overlap
            are paired. None: times do not matter.
        groups: what intervals and tests take as independent: columns of the reference, such as a speaker or a
            call, or a mapping of recordings to groups. Default: recordings (utterances, if `by` has no
            `recording`). Fewer than six are too few for an interval, or for a verdict. `"stretch"` takes each
            stretch of speech as independent, so that one recording may do; the result then holds for this
            recording, and is too sure for others, since stretches of one speaker are similar.
        pause: shortest silence in the reference, in seconds, that divides two stretches of speech; alignment
            is not affected. None: an utterance is one stretch.
        missing: what to do if inputs have different recordings, or texts of different utterances: `"raise"`
            raises EvaluationError, `"common"` compares those that all inputs have, `"empty"` compares missing
            ones as empty; the last two are reported in `problems`. A frame of words has no row for an
            utterance without words, so such utterances are never missing, but they are reported in
            `problems`.
        level: confidence level of intervals; a system is called better if p is below 1 - level. At 0.95 this
            needs at least six groups, see `compare_pairs`; with several pairs, a few more.
        seed: seed of the bootstrap.

    Raises:
        ConfigError: if there is too little to compare, an option has an invalid value, or a recording is
            given twice.
        SchemaError: if a frame cannot be used.
        EvaluationError: if inputs have different recordings or utterances, or audio of different length under
            one name, or the normalizer leaves no words. It is a subclass of ConfigError and SchemaError.
        TranscriptError: if a file cannot be read.

    >>> c = compare({"one": "a b x", "two": "a b c"}, reference="a b c")
    >>> c.summary[["n_words", "errors"]].to_dict("index")
    {'one': {'n_words': 3, 'errors': 1}, 'two': {'n_words': 3, 'errors': 0}}
    >>> c.verdict
    "Cannot tell which one is better in words: WER two 0.0 %, one 33.3 % (...1 recording is too few ...)."
    """
    check_number("level", level, 0, 1)
    check_type("seed", seed, Integral, "a whole number")
    check_number("seed", seed, 0, 2**63)
    if not 0 < level < 1:
        raise ConfigError(f"level={level}, but it must be between 0 and 1, such as 0.95")
    material = collect_inputs(systems, reference, by, missing)
    how = make(normalizer)
    if material.reference is None:
        return _without_reference(material, how, groups, level, seed)
    systems = {name: WordFrame(frame, ()) for name, frame in material.systems.items()}
    reference = WordFrame(material.reference, ())
    alignment = align(reference, systems, by=material.by, normalizer=how, collar=collar, missing="empty")
    attrs = alignment.attrs
    alignment = add_stretches(alignment, material.by, pause)
    alignment, names = add_groups(alignment, groups, material.by, material.reference)
    alignment.attrs = attrs
    return Comparison(material, alignment, Options(how, collar, names, pause, level, seed))


def _without_reference(
    material: ComparisonInput, how: Normalizer, groups: Groups, level: float, seed: int
) -> Comparison:
    if groups is not None:
        raise ConfigError("groups= are for intervals of error rates, and without a reference there are none")
    made = Comparison(material, None, Options(how, None, (), None, level, seed))
    _ = made.disagreements  # raises now, not later, if the words cannot be used
    return made
