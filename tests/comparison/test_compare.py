"""`compare`: the forms of input, errors, corrections, and the verdict."""

from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speechkit_nb as sk
from speechkit_nb.comparison.contributions import error_contributions
from speechkit_nb.comparison.grid import vote_on_words
from speechkit_nb.comparison.groups import STRETCH
from speechkit_nb.errors import ConfigError, EvaluationError, SchemaError, TranscriptError, Untimed

DATA = Path(__file__).parents[2] / "data"


def words(text: str, start: float = 0.0, step: float = 0.5, **columns: object) -> pd.DataFrame:
    """A frame of words, each 0.8 steps long."""
    said = text.split()
    begin = start + step * np.arange(len(said))
    frame = pd.DataFrame({"word": pd.Series(said, dtype="str"), "start": begin, "end": begin + 0.8 * step})
    return frame.assign(**columns)


def sentences(*texts: str, recording: str = "talk.wav") -> pd.DataFrame:
    """A frame of words of several texts, with two seconds of silence between them."""
    parts, at = [], 0.0
    for text in texts:
        parts.append(words(text, at))
        at += 0.5 * len(text.split()) + 2
    return pd.concat(parts, ignore_index=True).assign(recording=recording)


# --- forms of input


def counts(comparison: sk.Comparison) -> dict[str, int]:
    return comparison.summary["errors"].to_dict()


@pytest.mark.parametrize(
    ("systems", "reference"),
    [
        ({"one": "a x c", "two": "a b c"}, "a b c"),
        ({"one": words("a x c"), "two": words("a b c")}, words("a b c")),
        ({"one": words("a x c", recording="r"), "two": words("a b c")}, "a b c"),
        ({"one": ["a", "x c"], "two": ["a", "b c"]}, ["a", "b c"]),
        ({"one": {"r": "a x", "s": "c"}, "two": {"s": "c", "r": "a b"}}, {"r": "a b", "s": words("c")}),
        ({"one": words("a x c", channel=0), "two": words("a b c", channel_tag="0")}, "a b c"),
    ],
    ids=["texts", "frames", "one names its recording", "lists", "by recording", "channels"],
)
def test_the_same_words_in_any_form_have_the_same_errors(systems, reference):
    """Texts, frames, lists and mappings of these; an input without recordings has the only one."""
    assert counts(sk.compare(systems, reference)) == {"one": 1, "two": 0}


def test_transcripts_bring_their_recordings(tmp_path):
    """A list of transcripts, one without words, and a file that names recordings without suffixes."""
    answers = [sk.Transcript([], recording="talk.wav"), sk.Transcript([], recording="call.wav")]
    ctm = tmp_path / "both.ctm"
    ctm.write_text("talk 1 0.0 0.4 hello\ncall 1 0.0 0.4 good\ncall 1 0.5 0.4 day\n")
    c = sk.compare({"nothing": answers}, reference=ctm)
    assert counts(c) == {"nothing": 3}
    assert set(c.alignment["recording"]) == {"talk.wav", "call.wav"}


def test_a_reference_may_be_the_name_of_a_file():
    """If a string is the name of a file, the file is read and its words are scored."""
    c = sk.compare({"truth": pd.read_csv(DATA / "story.words.csv")}, str(DATA / "story.words.csv"))
    assert counts(c) == {"truth": 0}
    assert c.summary.loc["truth", "aas"] == 0


def test_one_channel_is_compared_with_one_whatever_its_tag():
    """If each input has only one channel, these are compared, even with different tags."""
    c = sk.compare({"one": words("a b", channel_tag="1")}, words("a b", channel_tag="0"))
    assert counts(c) == {"one": 0}


def test_alternatives_of_a_reference_hold():
    """As in `align`, each group of alternatives uses the one with the fewest errors."""
    c = sk.compare({"one": "on 7 may", "two": "on the seventh of may"}, "on {7 / the seventh of} may")
    assert counts(c) == {"one": 0, "two": 0}
    assert [tuple(row) for row in c.disagreements[["one", "two"]].to_numpy()] == [
        ("on 7 may", "on the seventh of may")
    ]


# --- errors


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sk.compare({}), ConfigError, "there is no system to compare"),
        (lambda: sk.compare(words("a")), ConfigError, r"of type DataFrame; give \{name: its words"),
        (lambda: sk.compare({"a": "x"}), ConfigError, "only one system, 'a', and no reference"),
        (lambda: sk.compare({"": "x"}, "x"), ConfigError, "a text that is not empty"),
        (lambda: sk.compare({"size": "x"}, "x"), ConfigError, "cannot be called 'size'"),
        (lambda: sk.compare({"a": 7}, "x"), ConfigError, "system 'a' is of type int; it can be text"),
        (lambda: sk.compare({"a": []}, "x"), ConfigError, "system 'a' is empty"),
        (lambda: sk.compare({"a": "x"}, "talk.TextGrid"), ConfigError, "no file 'talk.TextGrid'"),
        (lambda: sk.compare({"a": "x"}, Path("no.ctm")), TranscriptError, "cannot read 'no.ctm'"),
        (
            lambda: sk.compare({"a": pd.DataFrame({"token": ["x"]})}, "x"),
            SchemaError,
            "neither a column word nor text; there are token",
        ),
        (
            lambda: sk.compare({"a": words("x").assign(start="0")}, "x"),
            SchemaError,
            "system 'a': column 'start' is str, not seconds",
        ),
        (
            lambda: sk.compare({"a": "x"}, "x", missing="drop"),
            ConfigError,
            "missing must be 'raise', 'empty' or 'common', not",
        ),
        (
            lambda: sk.compare({"a": "x"}, "x", level=95),
            ConfigError,
            "level must be a number from 0 to 1, not 95",
        ),
        (
            lambda: sk.compare({"a": "x"}, "x", pause=0),
            ConfigError,
            "pause=0 seconds, but it must be more than 0",
        ),
        (
            lambda: sk.compare({"a": words("x")}, words("x"), by=["speaker"]),
            SchemaError,
            "system 'a': no utterance key column 'speaker'; there are word, start, end",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(call, error, message):
    """The message has the given value and what is valid."""
    with pytest.raises(error, match=message):
        call()


def test_systems_are_never_scored_on_different_recordings():
    """A missing recording raises, or common ones are compared, or it is empty; the last two are reported."""
    systems = {"one": {"r": "a b", "s": "c"}, "two": {"r": "a b"}}
    reference = {"r": "a b", "s": "c"}
    with pytest.raises(EvaluationError, match=r"system 'two' lacks 1 of 2 recordings \('s'\): add them"):
        sk.compare(systems, reference)
    common = sk.compare(systems, reference, missing="common")
    assert common.summary["n_words"].to_dict() == {"one": 2, "two": 2}
    assert common.problems[0] == "1 of 2 recordings are left out, because not all have them ('s')"
    empty = sk.compare(systems, reference, missing="empty")
    assert counts(empty) == {"one": 0, "two": 1}
    assert empty.problems == ("system 'two' lacks 1 of 2 recordings ('s'), taken as empty",)


def test_nothing_in_common_is_refused_even_if_asked_for():
    """Without a common recording nothing can be scored."""
    with pytest.raises(EvaluationError, match="no recording is common to all"):
        sk.compare({"a": {"r": "x"}, "b": {"s": "x"}}, missing="common")


def test_words_that_name_no_recording_cannot_be_of_several():
    """The recording is not guessed."""
    with pytest.raises(SchemaError, match=r"the reference does not name the recording .* there are 2"):
        sk.compare({"a": {"r": "x", "s": "y"}}, "x")


def test_different_sounds_under_one_name_are_refused():
    """Two transcripts of `talk.wav` with audio of different lengths are not of one recording."""
    short, long = (sk.Recording(np.zeros(n, np.int16), 8000, id="talk.wav") for n in (8000, 16000))
    systems = {name: sk.Transcript([], "talk.wav", sound) for name, sound in (("a", short), ("b", long))}
    with pytest.raises(
        EvaluationError, match=r"different recordings under the name 'talk.wav': one lasts 1.00 s"
    ):
        sk.compare(systems, "x")


def test_a_recording_given_twice_is_refused():
    """Two transcripts in a list must have different recordings."""
    twice = [sk.Transcript([], recording="talk.wav")] * 2
    with pytest.raises(ConfigError, match=r"system 'a' has the recording 'talk.wav' twice"):
        sk.compare({"a": twice}, "x")


def test_a_mapping_by_recording_holds_one_recording_each():
    """A frame with two recordings under one name is an error."""
    both = pd.concat([words("a", recording="r"), words("b", recording="s")])
    with pytest.raises(ConfigError, match="system 'a': 'x' has words of 2 recordings, not of one"):
        sk.compare({"a": {"x": both}}, {"x": "a b"})


def test_words_that_are_there_twice_are_refused():
    """In a frame that was concatenated with itself every word would count twice."""
    with pytest.raises(SchemaError, match="system 'a': 2 of 4 words are duplicate words, such as word x"):
        sk.compare({"a": pd.concat([words("x y"), words("x y")])}, "x y")


def test_a_word_may_be_repeated_within_one_interval():
    """As "no no" in an annotation whose intervals have several words; it is reported."""
    said = words("no no yes ok").assign(start=[0, 0, 0, 2.0], end=[1, 1, 1, 3.0])
    c = sk.compare({"a": "no no yes ok"}, said)
    assert c.summary["errors"].tolist() == [0]
    assert c.problems[0] == "the reference: 1 word repeats another word of the same start and end"
    for twice in (pd.concat([said, said]), pd.concat([said, said]).sort_values("start", kind="stable")):
        with pytest.raises(SchemaError, match="the reference: 5 of 8 words are duplicate words"):
            sk.compare({"a": "no no yes ok"}, twice)


def test_texts_with_one_key_twice_are_refused():
    """Utterances must have unique keys."""
    twice = pd.DataFrame({"recording": ["r", "r"], "text": ["x", "y"]})
    with pytest.raises(SchemaError, match="several texts with recording: 'r'"):
        sk.compare({"a": twice}, twice.drop_duplicates("recording"))


def test_a_normalizer_that_leaves_nothing_is_refused():
    """An error is raised with and without a reference."""
    for reference in ("x", None):
        with pytest.raises(EvaluationError, match="left none of the 1 words of"):
            sk.compare({"a": "x", "b": "y"}, reference, normalizer=lambda word: "")


# --- corrections and problems


def test_an_empty_reference_has_no_rate():
    """Insertions are counted, rates are NaN, and the verdict reports that there are no words."""
    c = sk.compare({"a": "x y", "b": ""}, "")
    assert counts(c) == {"a": 2, "b": 0}
    assert c.summary["wer"].isna().all()
    assert c.verdict == "The reference has no words, so there is no error rate."
    assert "the reference has no words" in c.problems
    assert len(c.pairs) == 1


def test_nothing_at_all_can_be_compared():
    """Two systems and a reference without words: all frames are empty or have zeros."""
    c = sk.compare({"a": "", "b": ""}, "")
    assert counts(c) == {"a": 0, "b": 0}
    assert [len(f) for f in (c.alignment, c.disagreements, c.stretches, c.carried_by())] == [0, 0, 0, 0]


def test_a_system_that_heard_nothing_has_lost_every_word():
    """All words are deletions, which is reported."""
    c = sk.compare({"a": "x y", "b": ""}, "x y")
    assert c.summary["wer"].to_dict() == {"a": 0, "b": 1}
    assert c.problems == ("system 'b' has no words",)


def test_no_common_words_are_suspicious():
    """The cause is probably another recording or script, so a problem is reported."""
    c = sk.compare({"a": "раз два", "b": "one two"}, "one two")
    assert c.problems == (
        "system 'a' has no word in common with the reference: another recording, language or script?",
    )


def test_words_out_of_order_are_sorted():
    """They are sorted by start, which is reported."""
    c = sk.compare({"a": words("x y z").iloc[::-1]}, words("x y z"))
    assert counts(c) == {"a": 0}
    assert c.problems == ("system 'a': 2 words were not sorted by start and have been sorted",)


def test_doubtful_times_are_said():
    """Words that overlap, end before they start, or have no times are reported."""
    frame = words("x y z v").assign(end=[2.0, 0.9, 0.5, np.nan])
    said = sk.compare({"a": frame}, words("x y z v")).problems
    assert "system 'a': 1 of 4 words have no times" in said
    assert "system 'a': 1 of 4 words end before they start" in said
    assert "system 'a': 3 of 4 words start before the previous word ends" in said


def test_times_on_one_side_only_fall_back_to_words():
    """Timing is not compared, and the reason is reported."""
    c = sk.compare({"a": "x y z", "b": words("x y z")}, words("x y z"))
    assert np.isnan(c.summary.loc["a", "aas"])
    assert c.summary.loc["b", "aas"] == 0
    assert "system 'a' has no times: it is aligned without times, and timing is not compared" in c.problems
    several = sk.compare({"a": "x y z", "b": "x y z"}, words("x y z"))
    assert (
        "systems 'a' and 'b' have no times: they are aligned without times, and timing is not compared"
        in several.problems
    )
    other = sk.compare({"b": words("x y z")}, "x y z")
    assert other.problems == (
        "the reference has no times, so words are aligned without times, and timing is not compared",
    )


@pytest.mark.parametrize("kind", [EvaluationError, ConfigError, SchemaError, ValueError])
def test_what_does_not_fit_together_is_caught_by_one_class(kind):
    """EvaluationError is also a subclass of the classes that callers may already catch."""
    with pytest.raises(kind, match="left none of the 1 words"):
        sk.compare({"a": "..."}, "x", normalizer="en")
    with pytest.raises(kind, match="there is no reference"):
        sk.compare({"a": "x", "b": "y"}).rates()


def test_words_after_the_end_of_the_sound_are_counted():
    """The length of the recording is that of the audio of the systems."""
    sound = sk.Recording(np.zeros(8000, np.int16), 8000, id="talk.wav")
    frame = words("x y z").assign(recording="talk.wav")
    c = sk.compare({"a": frame}, frame)
    assert c.timing.loc["a", "outside"] == 0
    known = replace(c, material=replace(c.material, sources={"talk.wav": sound}))
    assert known.timing.loc["a", "outside"] == 1 / 3


def test_a_collar_that_cannot_be_kept_is_warned_of():
    """Words without times are aligned without the collar, with a warning."""
    with pytest.warns(Untimed, match=r"system 'a': 1 of 1 utterances are aligned by words alone"):
        sk.compare({"a": "x y"}, words("x y"), collar=0.2)


def test_a_collar_keeps_words_apart_that_are_far_in_time():
    """A correct word at a wrong time is an insertion and a deletion."""
    late = words("x y", start=5)
    assert counts(sk.compare({"a": late}, words("x y"), collar=0.2)) == {"a": 4}
    assert counts(sk.compare({"a": late}, words("x y"))) == {"a": 0}


# --- the verdict


SAID = ("one two three four", "five six seven eight", "nine ten eleven twelve", "and so on again") * 5


def test_the_better_system_is_named():
    """Twenty sentences with one wrong word each: the difference is significant, and its size is reported."""
    wrong = tuple(text.replace(text.split()[1], "wrong") for text in SAID)
    systems = {"bad": sentences(*wrong), "good": sentences(*SAID)}
    c = sk.compare(systems, sentences(*SAID), groups="stretch")
    assert c.verdict.startswith(
        "good is better in words than bad: WER good 0.0 %, bad 25.0 % (a difference of 25.0 points, 95 % "
        "interval 14.9 points to 35.1 points; permutation test: p < 0.001 over 20 stretches of speech).\n"
    )
    assert c.summary.loc["bad", "n_groups"] == 20
    low, high = c.summary.loc["bad", ["wer_low", "wer_high"]]
    assert low * high == pytest.approx(0.25**2)  # symmetric on a logarithmic scale
    assert (low, high) == pytest.approx((0.167, 0.375), abs=5e-4)


def test_one_recording_cannot_tell():
    """Its stretches of speech depend on each other; the verdict says what there is and what can be done."""
    wrong = tuple(text.replace(text.split()[1], "wrong") for text in SAID)
    c = sk.compare({"bad": sentences(*wrong), "good": sentences(*SAID)}, sentences(*SAID))
    assert c.verdict.startswith(
        "Cannot tell which one is better in words: WER good 0.0 %, bad 25.0 % (a difference of 25.0 points, "
        "but 1 recording is too few for an interval or a significant difference, which needs 6; "
        "groups='stretch' takes stretches of speech as independent)."
    )
    assert c.summary[["wer_low", "wer_high"]].isna().all(axis=None)
    assert c.pairs["p_holm"].isna().all()


def test_recordings_are_the_units():
    """Not their stretches; so are what groups= names, and the unit is named."""
    said = pd.concat([sentences(*SAID[:5], recording=f"r{number}") for number in range(8)], ignore_index=True)
    heard = said.assign(word=said["word"].mask(said.index % 5 == 0, "x"))
    c = sk.compare({"good": said, "bad": heard}, said)
    assert c.summary["n_groups"].tolist() == [8, 8]
    assert c.verdict.startswith("good is better in words than bad: ")
    assert "over 8 recordings" in c.verdict
    assert "95 % intervals over 8 recordings, design effect up to " in c._repr_html_()


def test_a_stretch_with_most_errors_is_named():
    """A loop of a recognizer: the rate without it stands beside."""
    said = {f"r{number}": "a b c d e f g h" for number in range(8)}
    heard = {**said, "r1": "a b c d e f g x", "r7": "a b c d " + "loop " * 196}
    c = sk.compare({"x": heard}, said)
    sentence = "ne stretch of speech of r7 has 196 of the 197 errors of x: its WER is 1.8 % without it"
    assert c.verdict.endswith(f" O{sentence}.")
    assert c.problems[-1] == f"o{sentence}"
    assert "stretch of speech" not in sk.compare({"x": {**said, "r7": "a b c d"}}, said).verdict


def test_times_of_an_acoustic_model_are_no_neutral_reference():
    """Those of `force_align` favour systems of the same model, and the verdict on times begins with it."""
    reference = sentences(*SAID)
    late = reference.assign(start=reference["start"] + 0.1, end=reference["end"] + 0.1)
    reference.attrs["origin"] = "force_align with the English acoustic model of pocketsphinx"
    told = f"Against times from {reference.attrs['origin']}, which favour systems with this acoustic model "
    verdict = sk.compare({"late": late, "near": reference}, reference, groups="stretch").verdict
    assert verdict.splitlines()[1].startswith(told)
    reference.attrs.clear()
    assert "Against" not in sk.compare({"late": late, "near": reference}, reference).verdict


def test_when_the_data_cannot_tell_it_says_so():
    """Both systems have one error, in different places: no significant difference."""
    one, two = list(SAID), list(SAID)
    one[0], two[7] = "one too three four", "and so off again"
    c = sk.compare({"a": sentences(*one), "b": sentences(*two)}, sentences(*SAID), groups="stretch")
    assert c.verdict.startswith("No significant difference in words: WER a 1.2 %, b 1.2 %")


def test_one_stretch_of_speech_has_no_interval():
    """The frame and the verdict have no interval."""
    c = sk.compare({"a": "x q z"}, "x y z")
    assert c.summary[["wer_low", "wer_high"]].isna().all(axis=None)
    assert c.verdict == (
        "a makes 1 error in 3 words: WER 33.3 % (1 recording is too few for an interval or a significant "
        "difference, which needs 6)."
    )


def test_few_groups_cannot_tell_and_it_is_said_how_many_can():
    """With two speakers a large difference is not significant, and the verdict has the number needed."""
    wrong = tuple(text.replace(text.split()[1], "wrong") for text in SAID)
    half = len(SAID) // 2
    said, misheard = (
        pd.concat([sentences(*side[:half], recording="r"), sentences(*side[half:], recording="s")])
        for side in (SAID, wrong)
    )
    systems = {"bad": misheard, "good": said}
    c = sk.compare(systems, said, groups={"r": "Ann", "s": "Bob"})
    assert c.verdict.startswith(
        "Cannot tell which one is better in words: WER good 0.0 %, bad 25.0 % (a difference of 25.0 points, "
        "but 2 groups (group) are too few for an interval or a significant difference, which needs 6).\n"
    )
    apart = sk.compare(systems, said, groups="stretch")
    assert apart.verdict.startswith("good is better in words than bad")


def test_a_few_words_cannot_tell_which_is_closer_in_time():
    """Starts are slightly late in two stretches: numbers are shown as different, but not significantly."""
    said = sentences("a b c", "d e")
    x, y = (said.assign(start=said["start"] + late) for late in (0.020, 0.0204))
    assert sk.compare({"x": x, "y": y}, said, groups="stretch").verdict.endswith(
        "Cannot tell which one is better in time: starts and ends are off by x 10.0 ms, y 10.2 ms on "
        "the 100 % of words that all of them got right (a difference of 0.2 ms, but 2 stretches of speech "
        "are too few for an interval or a significant difference, which needs 6)."
    )


def test_a_system_without_errors_is_not_beyond_doubt():
    """The upper end of the interval for five words without errors is above 0, and its units are named."""
    said = sentences(*SAID[:6])
    assert sk.compare({"s": said}, said, groups="stretch").verdict == (
        f"s makes 0 errors in {len(said)} words: WER 0.0 % (95 % interval 0.0 % to 11.7 % over 6 stretches "
        "of speech)."
    )


def test_identical_systems_are_called_identical():
    """Neither system is better, and the verdict has no test."""
    c = sk.compare({"a": words("x y"), "b": words("x y")}, words("x q"))
    assert c.verdict.startswith("a and b have the same words: WER 50.0 %.")
    assert "the systems are identical, word for word: 'a', 'b'" in c.problems
    assert c.disagreements.empty


def test_of_three_the_best_is_told_from_whom_it_can_be():
    """It is significantly better than the bad system, but not than the other good one."""
    wrong = tuple(text.replace(text.split()[1], "wrong") for text in SAID)
    nearly = ("one too three four", *SAID[1:])
    systems = {"bad": sentences(*wrong), "good": sentences(*SAID), "nearly": sentences(*nearly)}
    verdict = sk.compare(systems, sentences(*SAID), groups="stretch").verdict
    assert verdict.startswith("good is better in words than bad: ")
    assert "; no significant difference from nearly." in verdict


def test_the_closer_system_in_time_is_named():
    """Both have the same words; one is always 100 ms late, the other 20 ms early or late."""
    reference = sentences(*SAID)
    shake = np.where(np.arange(len(reference)) % 2, 0.02, -0.02)
    near = reference.assign(start=reference["start"] + shake, end=reference["end"] + shake)
    late = reference.assign(start=reference["start"] + 0.1, end=reference["end"] + 0.1)
    c = sk.compare({"late": late, "near": near}, reference, groups="stretch")
    assert "near is better in time than late: starts and ends are off by near 20 ms, late 100 ms" in c.verdict
    pair = c.timing_pairs.iloc[0]
    assert pair["aas_delta"] == pytest.approx(0.08)
    assert c.summary.loc["late", "corrected_aas"] == pytest.approx(0, abs=1e-9)


def test_text_from_outside_is_escaped():
    """Names, words and problems are escaped in the HTML page."""
    c = sk.compare({"<b>bad</b>": "<script>", "ok": "x"}, "x")
    page = c._repr_html_()
    assert "<script>" not in page
    assert "<b>bad" not in page
    assert "&lt;b&gt;bad&lt;/b&gt;" in page


def test_names_cannot_control_a_terminal():
    """Escape sequences in the name of a system are written as escapes in the repr."""
    c = sk.compare({"\x1b[2Jone": "x", "two": "y"}, "x")
    assert "\x1b" not in repr(c)
    assert r"\x1b[2Jone 0.0 %" in repr(c)


def test_the_page_shows_answer_rates_and_how_they_were_made():
    """The page has the verdict, one row per system, and the normalizer with its hash."""
    c = sk.compare({"a": words("Ещё раз"), "b": words("еще два")}, words("еще раз"), normalizer="ru")
    page = c._repr_html_()
    for part in (*c.verdict.splitlines(), "50.0 %", "normalizer ru (", "95 % intervals over 1 recording"):
        assert escape(part) in page
    assert repr(c) == f"Comparison('a', 'b'): {c.verdict}"


# --- units


def test_stretches_begin_at_pauses_of_the_reference():
    """Pauses of a system do not count; an inserted word belongs to the stretch before it."""
    reference = sentences("a b", "c d")
    c = sk.compare({"x": "a b um c d", "y": sentences("a", "b c d")}, reference)
    frame = c.alignment
    assert frame.loc[frame["system"] == "x", STRETCH].tolist() == [0, 0, 0, 1, 1]
    assert c.stretches[["text", "n_words", "x", "y"]].to_numpy().tolist() == [
        ["a b", 2, 1, 0],
        ["c d", 2, 0, 0],
    ]
    whole = sk.compare({"x": reference}, reference, pause=None)
    assert whole.summary.loc["x", "n_groups"] == 1


def test_groups_are_drawn_as_a_whole():
    """Groups are a column of the reference, a key column, or a mapping of recordings."""
    recordings = ["r1", "r2", "r3", "r4"]
    reference = pd.concat([sentences("a b", "c d", recording=r) for r in recordings], ignore_index=True)
    reference["speaker"] = np.where(reference["recording"].isin(["r1", "r2"]), "ann", "bob")
    heard = reference.drop(columns="speaker").assign(word=["x", *reference["word"][1:]])
    for groups, n in (
        ("speaker", 2),
        ("recording", 4),
        (dict(zip(recordings, "aabc", strict=True)), 3),
        ("stretch", 8),
        (None, 4),
    ):
        c = sk.compare({"one": heard}, reference, groups=groups)
        assert c.summary.loc["one", "n_groups"] == n
        assert c.summary.loc["one", "errors"] == 1


def test_groups_that_cannot_be_are_refused():
    """Errors: an unknown column, one that changes within an utterance, a missing group, no reference."""
    reference = words("a b", speaker=["ann", "bob"], recording="r")
    with pytest.raises(SchemaError, match="the reference has no column 'accent'; there are word"):
        sk.compare({"x": "a b"}, reference, groups="accent")
    with pytest.raises(SchemaError, match="speaker changes within an utterance"):
        sk.compare({"x": "a b"}, reference, groups="speaker")
    with pytest.raises(ConfigError, match="no group for 1 recordings, such as 'r'"):
        sk.compare({"x": "a b"}, reference, groups={"s": 1})
    with pytest.raises(ConfigError, match="no recording is named"):
        sk.compare({"x": "a b"}, "a b", groups={"s": 1})
    with pytest.raises(ConfigError, match="without a reference there are none"):
        sk.compare({"x": "a b", "y": "a"}, groups="speaker")


# --- contributions to a difference


def test_words_and_recordings_that_carry_a_difference():
    """The frame of pairs has the largest as text; `carried_by` returns all."""
    reference = {"r": "the cat sat", "s": "the dog ran"}
    c = sk.compare({"a": {"r": "a cat sat", "s": "a dog run"}, "b": dict(reference)}, reference)
    pair = c.pairs.iloc[0]
    assert pair["words"] == "the (+2), ran (+1)"
    assert pair["recordings"] == "s (+2), r (+1)"
    assert c.carried_by("recording")["share"].sum() == pytest.approx(1)
    with pytest.raises(SchemaError, match="no column 'speaker' to group by; the alignment has recording"):
        c.carried_by("speaker")
    assert c.rates("recording")["errors"].sum() == 3
    assert c.confusions["count"].tolist() == [2, 1]


SYSTEMS = st.lists(st.lists(st.sampled_from("abc"), max_size=8), min_size=2, max_size=4)


@settings(max_examples=settings.default.max_examples // 4)
@given(reference=st.lists(st.sampled_from("abc"), max_size=8), systems=SYSTEMS)
def test_parts_sum_to_the_whole(reference, systems):
    """Contributions of words sum to the difference, errors of stretches sum to all errors, spans differ."""
    texts = {f"s{i}": " ".join(said) for i, said in enumerate(systems)}
    c = sk.compare(texts, " ".join(reference))
    errors = c.summary["errors"]
    for (a, b), part in error_contributions(c.alignment).groupby(["a", "b"]):
        assert part["delta"].sum() == errors[a] - errors[b]
    assert c.stretches[list(texts)].sum().to_dict() == errors.to_dict()
    spans = c.disagreements
    assert (spans[list(texts)].nunique(axis=1) > 1).all()
    assert spans["size"].is_monotonic_decreasing
    assert spans.empty == (len(set(texts.values())) == 1)


# --- without a reference


def test_without_a_reference_disagreement_is_reported():
    """Rates and places of disagreement are reported; properties that need a reference raise an error."""
    c = sk.compare({"a": words("x y z v"), "b": words("x q z v")})
    assert c.pairs.loc[0, ["n_different", "disagreement"]].tolist() == [1, 0.25]
    assert c.summary["n_differing"].tolist() == [1, 1]
    assert c.verdict == (
        "There is no reference, so no system is better: a and b differ in 25.0 % of their words, in "
        "1 place, the largest at 0.5 s."
    )
    assert c.disagreements[["start", "end", "a", "b"]].to_numpy().tolist() == [[0.5, 0.9, "y", "q"]]
    with pytest.raises(EvaluationError, match="there is no reference, so nothing is right or wrong"):
        _ = c.alignment


def test_a_vote_of_two_is_none():
    """A vote needs three systems."""
    with pytest.raises(ConfigError, match="a vote needs 3 systems or more, and there are 2: 'a', 'b'"):
        _ = sk.compare({"a": "x", "b": "y"}).consensus


def test_a_pseudo_reference_is_called_one():
    """The frame and every verdict that uses it name it a pseudo-reference."""
    systems = {"a": words("x y z"), "b": words("x q z"), "c": words("x y z", start=0.1)}
    vote = sk.compare(systems).consensus
    assert vote["word"].tolist() == ["x", "y", "z"]
    assert vote["votes"].tolist() == [3, 2, 3]
    assert vote["start"].tolist() == pytest.approx([0.0, 0.55, 1.0])
    c = sk.compare(systems, vote)
    assert counts(c) == {"a": 0, "b": 1, "c": 0}
    assert c.verdict.startswith("Against a pseudo-reference, a vote of a, b and c, which is not the truth")


@settings(max_examples=settings.default.max_examples // 4)
@given(systems=st.lists(st.lists(st.sampled_from("abcd"), max_size=7), min_size=3, max_size=5))
def test_a_vote_keeps_the_words_of_every_system_in_order(systems):
    """No word is lost or moved, every place has a word, and words of all systems win."""
    texts = {f"s{i}": " ".join(said) for i, said in enumerate(systems)}
    grid = vote_on_words({name: as_words(text) for name, text in texts.items()}, ()).grid
    for name, text in texts.items():
        assert " ".join(word for word in grid[name] if word) == text
    assert (grid[list(texts)] != "").any(axis=1).all()
    same = dict.fromkeys(texts, texts["s0"])
    assert " ".join(sk.compare(same).consensus["word"]) == texts["s0"]


def as_words(text: str) -> pd.DataFrame:
    return words(text).assign(start=np.nan, end=np.nan)


def test_utterances_of_many_recordings_stay_apart():
    """Votes and disagreements are computed within each utterance, also if a system lacks it."""
    frames = {
        "a": pd.concat([words("x y", recording="r"), words("u v", recording="s")]),
        "b": pd.concat([words("u v", recording="s"), words("x q", recording="r")]),
        "c": words("x y", recording="r"),
    }
    c = sk.compare(frames, missing="empty")
    assert c.consensus[["recording", "word"]].to_numpy().tolist() == [
        ["r", "x"],
        ["r", "y"],
        ["s", "u"],
        ["s", "v"],
    ]
    assert c.disagreements[["recording", "a", "b", "c"]].to_numpy().tolist() == [
        ["s", "u v", "u v", ""],
        ["r", "y", "q", "y"],
    ]


def test_disagreements_are_the_worst_first_and_have_times():
    """They are sorted by number of different words, and last from the first start to the last end."""
    reference = words("a b c d e f")
    c = sk.compare({"x": words("a q r d e f"), "y": words("a b c d e")}, reference)
    spans = c.disagreements
    assert spans["size"].tolist() == [2, 1]
    assert spans[["start", "end"]].to_numpy().tolist() == [[0.5, 1.4], [2.5, 2.9]]
    assert spans["reference"].tolist() == ["b c", "f"]


def test_the_frames_of_a_comparison_are_the_users_own():
    """Changing a frame does not change the comparison."""
    c = sk.compare({"a": "x q"}, "x y")
    summary, alignment = c.summary, c.alignment
    summary.loc["a", "errors"] = 99
    alignment.loc[0, "op"] = "del"
    assert counts(c) == {"a": 1}
    assert c.alignment["op"].tolist() == ["ok", "sub"]


def test_the_doubt_is_about_systems_that_differ():
    """Two equal systems in front do not hide that the third one has errors."""
    texts = {f"{i}": "x y z" for i in range(3)}
    wrong = dict.fromkeys(texts, "x y v")
    c = sk.compare({"a": texts, "b": texts, "c": wrong}, texts)
    assert "(a difference of 33.3 points, but 3 " in repr(c)
