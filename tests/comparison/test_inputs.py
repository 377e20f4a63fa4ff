"""Inputs of `compare`: equal recordings and utterances, audio, files, and metadata of results."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import speechkit_nb as sk
from speechkit_nb.comparison.inputs.audio_checks import check_audio
from speechkit_nb.comparison.inputs.missing import REFERENCE, align_utterances
from speechkit_nb.errors import ConfigError, EvaluationError, LeftOut, SchemaError, TranscriptError
from speechkit_nb.formats import read_words

TEXTS = pd.DataFrame({"utt": [1, 2, 3], "text": ["a b", "c d", "e f"]})


def words(text: str, start: float = 0.0, **columns: object) -> pd.DataFrame:
    """A frame of words, two per second."""
    said = text.split()
    begin = start + 0.5 * np.arange(len(said))
    frame = pd.DataFrame({"word": pd.Series(said, dtype="str"), "start": begin, "end": begin + 0.4})
    return frame.assign(**columns)


def sound(seconds: float = 3, fill: int = 0) -> sk.Recording:
    return sk.Recording(np.full(round(8000 * seconds), fill, np.int16), 8000, id="talk.wav")


def counts(comparison: sk.Comparison) -> dict[str, int]:
    return comparison.summary["errors"].to_dict()


# --- equal recordings and utterances


@pytest.mark.parametrize("by", [["utt"], "utt", ["recording", "utt"]], ids=str)
def test_systems_are_never_scored_on_different_utterances(by):
    """A missing text raises, or common ones are compared, or it is empty; the last two are reported."""
    texts = TEXTS.assign(recording="r")
    systems = {"x": texts, "y": texts.iloc[:1]}
    with pytest.raises(EvaluationError, match=r"system 'y' lacks 2 of 3 utterances \(.*utt 2, .*utt 3\): "):
        sk.compare(systems, texts, by=by)
    common = sk.compare(systems, texts, by=by, missing="common")
    assert common.summary["n_words"].to_dict() == {"x": 2, "y": 2}
    assert common.problems[0].startswith("2 of 3 utterances are left out, because not all have them (")
    empty = sk.compare(systems, texts, by=by, missing="empty")
    assert counts(empty) == {"x": 0, "y": 4}
    assert empty.problems[0].startswith("system 'y' lacks 2 of 3 utterances (")


def test_a_reference_that_lacks_an_utterance_is_refused_too():
    """Otherwise all words of a system there would be insertions; without a reference a system is checked."""
    with pytest.raises(EvaluationError, match=r"the reference lacks 1 of 3 utterances \(utt 3\)"):
        sk.compare({"x": TEXTS}, TEXTS.iloc[:2], by=["utt"])
    with pytest.raises(EvaluationError, match=r"system 'y' lacks 1 of 3 utterances \(utt 1\)"):
        sk.compare({"x": TEXTS, "y": TEXTS.iloc[1:]}, by=["utt"])
    with pytest.raises(EvaluationError, match="no utterance is common to all"):
        sk.compare({"x": TEXTS.iloc[:1]}, TEXTS.iloc[1:], by=["utt"], missing="common")


def test_a_channel_without_text_is_refused():
    """With one row per channel a missing channel is known; `channel_tag` is a default key column."""
    texts = pd.DataFrame({"recording": "r", "channel_tag": ["0", "1"], "text": ["a b", "c d"]})
    with pytest.raises(
        EvaluationError, match=r"system 'y' lacks 1 of 2 utterances \(recording 'r' channel_tag '1'\)"
    ):
        sk.compare({"x": texts, "y": texts.iloc[:1]}, texts)


def test_a_channel_without_words_may_be_silent_and_is_said():
    """A frame of words has no row for silence: it is scored, and `problems` reports systems without words."""
    both = pd.concat([words("a b", channel_tag="0"), words("c d", channel_tag="1")]).assign(recording="r")
    c = sk.compare({"x": both, "y": both[both["channel_tag"] == "0"]}, both)
    assert counts(c) == {"x": 0, "y": 2}
    assert c.problems == ("system 'y' has no words in 1 of 2 utterances (recording 'r' channel_tag '1')",)


def test_a_recording_that_is_missing_is_said_once():
    """Its utterances are not reported again; a system without words is reported once."""
    texts = TEXTS.assign(recording=["r", "r", "s"])
    c = sk.compare({"x": texts.iloc[:2]}, texts, by=["recording", "utt"], missing="empty")
    assert c.problems == ("system 'x' lacks 1 of 2 recordings ('s'), taken as empty",)
    silent = words("a").iloc[:0].assign(utt=pd.Series(dtype="int64"))
    assert sk.compare({"x": silent}, TEXTS, by=["utt"]).problems == ("system 'x' has no words",)


def test_rows_without_a_key_are_not_lost_when_sets_are_cut():
    """They raise an error, as in `align`."""
    unknown = TEXTS.assign(utt=[1, 2, np.nan])
    with pytest.raises(SchemaError, match="1 of 2 rows have no utt"):
        sk.compare({"x": unknown}, TEXTS.astype({"utt": "float64"}).iloc[:1], by=["utt"], missing="common")


def test_words_and_texts_are_cut_alike():
    """All rows with the same key are kept or dropped."""
    heard = pd.concat([words("a b", utt=1), words("c d", utt=2)])
    sides = {"x": read_words(heard, "x"), REFERENCE: read_words(TEXTS.iloc[:1], REFERENCE)}
    cut, messages = align_utterances(sides, "common", ["utt"])
    assert cut["x"].frame["word"].tolist() == ["a", "b"]
    assert messages == ["1 of 2 utterances are left out, because not all have them (utt 2)"]


@pytest.mark.parametrize("read", [Path, sk.read_reference])
def test_what_a_file_has_and_its_frame_has_not_is_a_problem(read, tmp_path):
    """It is in `problems` of the comparison, for a file and for a frame that was read from one."""
    path = tmp_path / "a.ctm"
    path.write_text("a 1 0.0 0.5 yes\n# a 1 1.0 0.5 no\n")
    with pytest.warns(LeftOut) as caught:
        c = sk.compare({"one": "yes"}, read(path))
    where = "line 2: it begins with #; comments begin with ;; ('# a 1 1.0 0.5 no')"
    assert c.problems[0] == f"the reference: left out: {where}"
    assert len(caught) == 1


# --- words and audio


def test_a_reference_beyond_the_sound_is_suspicious():
    """The message has how long it ends after the audio, and how many words begin after it."""
    heard = sk.Transcript([], "talk.wav", sound())
    said = sk.compare({"x": heard}, words("a b", start=100)).problems
    assert said[0] == (
        "the reference ends 97.9 s after the audio of 'talk.wav', which lasts 3.0 s; 2 of 2 words begin "
        "after the end of their recording: wrong recording, or times not in seconds?"
    )
    assert sk.compare({"x": heard}, words("a b", start=2.4)).problems == ("system 'x' has no words",)


def test_a_system_beyond_the_sound_is_suspicious_too():
    """The message has the worst recording and the number of others."""
    sides = {
        "x": read_words([sk.Transcript([], name, sound()) for name in ("r", "s")], "x"),
        "y": read_words({"r": words("a", start=9), "s": words("b", start=20)}, "y"),
    }
    assert [line.partition(";")[0] for line in check_audio(sides)] == [
        "system 'y' ends 17.4 s after the audio of 's', which lasts 3.0 s, and so in 1 other recordings"
    ]


def test_sounds_of_equal_length_are_told_apart_by_their_content():
    """Content is compared if both are available in the same encoding; equal content has no message."""
    heard = {
        name: sk.Transcript([], "talk.wav", sound(fill=fill))
        for name, fill in {"a": 0, "b": 0, "c": 7}.items()
    }
    told = [line for line in sk.compare(heard).problems if "audio" in line]
    assert told == [
        "system 'a' and system 'c' have audio of the same length but different content under the name "
        "'talk.wav': is it the same recording?"
    ]


def test_a_sound_in_another_encoding_may_be_the_same(tmp_path):
    """Content is not compared for different encodings or deleted files."""
    import soundfile

    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    paths = [tmp_path / name for name in ("talk.wav", "talk.flac", "gone.wav")]
    for path in paths[:2]:
        soundfile.write(path, noise, 8000)
    heard = {path.name: sk.Transcript([], "talk", str(path)) for path in paths}
    assert not [line for line in sk.compare(heard).problems if "audio" in line]


def test_milliseconds_are_recognized():
    """Words that last minutes are reported; one long word, or words without times, are not."""
    frame = words("a b c").assign(start=[0, 500, 1000.0], end=[400, 900, 1400.0])
    assert sk.compare({"x": words("a b c")}, frame).problems[0] == (
        "the reference: half of its words last longer than 400 s; start and end are seconds: divide "
        "milliseconds by 1000"
    )
    assert (
        sk.compare({"x": words("a b").assign(end=[9.0, 12.0])}, "a b")
        .problems[0]
        .startswith("system 'x': 1 of")
    )


@pytest.mark.parametrize("column", ["start", "end"])
def test_endless_times_are_unknown(column):
    """The column and the row are in `problems`, and no other warnings are issued."""
    frame = words("a b").assign(**{column: [0.0, np.inf]})
    assert sk.compare({"x": frame}, words("a b")).problems == (
        f"system 'x': 1 value of '{column}' is infinite or too large, and taken as unknown "
        "(row 1, counted from 0)",
        "system 'x': 1 of 2 words have no times",
    )


def test_one_unsorted_word_leaves_the_recordings_in_their_order():
    """Words are sorted only within their utterance."""
    late = words("a b", start=50, recording="r").iloc[::-1]
    frame = pd.concat([late, words("c d", recording="s")])
    c = sk.compare({"x": frame}, frame)
    assert c.alignment["recording"].unique().tolist() == ["r", "s"]
    assert c.alignment["hyp_word"].tolist() == ["a", "b", "c", "d"]


def test_systems_that_differ_in_time_only_are_called_that():
    """Systems with the same words but different times are not called identical."""
    said = "the systems are identical in words, but not in times: 'x', 'y'"
    assert said in sk.compare({"x": words("a b"), "y": words("a b", start=0.1)}, words("a b")).problems


# --- files


@pytest.fixture
def saved(script, client, tmp_path):
    """The path of a saved transcript, and the transcript."""
    heard = client.submit(sound()).result()
    return heard, heard.save(tmp_path / "talk.parquet")


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["name", "path"])
def test_a_saved_transcript_is_read(saved, kind):
    """It has the words and the recording of the original."""
    heard, path = saved
    c = sk.compare({"x": kind(path)}, heard)
    assert len(heard.words)
    assert c.summary["n_words"].to_list() == [len(heard.words)]
    assert counts(c) == {"x": 0}
    assert c.material.files == ("talk.wav",)


def test_tables_of_words_are_read(tmp_path):
    """Parquet and CSV are read with their columns; only first alternatives are used."""
    frame = pd.concat([words("a b", utt="u", alternative=0), words("c", 9, utt="u", alternative=1)])
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    c = sk.compare(
        {name: tmp_path / f"a.{name}" for name in ("csv", "parquet")}, words("a b", utt="u"), by=["utt"]
    )
    assert counts(c) == {"csv": 0, "parquet": 0}


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["name", "path"])
def test_a_folder_of_parts_is_read(tmp_path, kind):
    """A folder of `write_part` is read, also if a recording has no words."""
    for name, text in {"calls/1.wav": "a b", "calls/2.wav": ""}.items():
        sk.write_part(tmp_path, "x", words(text), part=name, recordings=[name])
        sk.write_part(tmp_path, "truth", words("a b"), part=name)
    folder = tmp_path / "words"
    c = sk.compare({"x": kind(folder / "system=x")}, kind(folder / "system=truth"))
    assert counts(c) == {"x": 2}
    assert c.material.files == ("calls/1.wav", "calls/2.wav")


def test_a_folder_of_files_has_a_recording_each(tmp_path):
    """The recording is named by the file; its folder and suffix may be omitted."""
    (tmp_path / "one.txt").write_text("a b")
    (tmp_path / "two.txt").write_text("c")
    (tmp_path / ".hidden.txt").write_text("x")
    (tmp_path / "notes.md").write_text("x")
    assert counts(sk.compare({"x": {"one.wav": "a b", "two.wav": "c d"}}, tmp_path)) == {"x": 1}


def test_a_word_that_is_the_name_of_a_folder_is_a_word(tmp_path, monkeypatch):
    """It is a text, unless the folder has files that can be read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    assert counts(sk.compare({"x": "data"}, "data")) == {"x": 0}
    (tmp_path / "data" / "r.txt").write_text("a b")
    assert counts(sk.compare({"x": "data"}, "a b")) == {"x": 0}


def test_files_that_cannot_be_compared_are_refused(tmp_path):
    """The error has the kind of file and the function that reads it."""
    wide, broken, json = tmp_path / "wide.parquet", tmp_path / "broken.parquet", tmp_path / "answer.json"
    pd.DataFrame({"truth": ["a"], "x": ["a"]}).to_parquet(wide)
    broken.write_bytes(b"PAR1 and no more")
    json.write_text("{}")
    sk.write_part(tmp_path / "corpus", "x", words("a"), part="r")
    (tmp_path / "none").mkdir()
    with pytest.raises(SchemaError, match=r"there are truth, x; .* several systems is for sk.score\("):
        sk.compare({"x": wide}, "a")
    with pytest.raises(TranscriptError, match=r"system 'x': cannot read '.*broken.parquet'"):
        sk.compare({"x": broken}, "a")
    with pytest.raises(
        TranscriptError, match=r"system 'x': .*answer.json' has no known format; .* sk.load\(path\)"
    ):
        sk.compare({"x": json}, "a")
    with pytest.raises(ConfigError, match=r"1 systems \('x'\); give .*system=x'\), or .* sk.score\("):
        sk.compare({"x": tmp_path / "corpus"}, "a")
    with pytest.raises(
        ConfigError, match=r"none' has no file of a known format; the known suffixes are .parquet, .TextGrid"
    ):
        sk.compare({"x": tmp_path / "none"}, "a")
    with pytest.raises(ConfigError, match=r"of type str; .* is for sk.score"):
        sk.compare(str(tmp_path / "corpus"))


def test_a_recording_in_two_files_of_a_folder_is_refused(tmp_path):
    """Otherwise the words of both files would be mixed."""
    for name in ("one", "two"):
        words("a b", recording="r").to_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(EvaluationError, match="system 'x' has the recording 'r' in two files"):
        sk.compare({"x": tmp_path}, "a b")


# --- metadata of results

FRAMES = ("summary", "pairs", "disagreements")
WITH_REFERENCE = ("alignment", "timing", "timing_pairs", "timing_errors", "confusions", "stretches")


def test_every_frame_says_how_it_was_made():
    """`attrs` have name and hash of the normalizer and the collar, with and without a reference."""
    systems = {"x": words("A b"), "y": words("a c"), "z": words("a b")}
    how = sk.normalizer("en")
    wanted = {"normalizer": "en", "normalizer_hash": how.hash, "collar": None}
    alone, scored = sk.compare(systems, normalizer=how), sk.compare(systems, words("a b"), normalizer=how)
    frames = {name: getattr(alone, name) for name in (*FRAMES, "consensus")}
    frames |= {
        f"{name} of a reference": getattr(scored, name) for name in (*FRAMES, *WITH_REFERENCE, "consensus")
    }
    frames |= {"rates": scored.rates(), "carried_by": scored.carried_by()}
    assert {
        name: {key: frame.attrs.get(key) for key in wanted} for name, frame in frames.items()
    } == dict.fromkeys(frames, wanted)
    assert alone.consensus.attrs["pseudo_reference"] == ["x", "y", "z"]


def test_rates_by_a_column_of_the_reference():
    """The column is constant within an utterance; tests and intervals do not change."""
    noisy = TEXTS.assign(noise=["low", "low", "high"])
    c = sk.compare({"x": TEXTS.assign(text=["a b", "c x", "x x"]), "y": TEXTS}, noisy, by="utt")
    rates = c.rates("noise")
    assert rates[["system", "noise", "n_words", "errors"]].to_numpy().tolist() == [
        ["x", "low", 4, 1],
        ["x", "high", 2, 2],
        ["y", "low", 4, 0],
        ["y", "high", 2, 0],
    ]
    assert c.carried_by("noise")[["noise", "delta"]].to_numpy().tolist() == [["high", 2], ["low", 1]]
    assert "noise" not in c.alignment
    one = sk.compare({"x": "a c"}, words("a b", noise="low"))
    assert one.rates("noise")["noise"].tolist() == ["low"]


def test_rates_by_what_is_not_there_are_refused():
    """The error lists the columns, or explains what to do if one changes within an utterance."""
    c = sk.compare({"x": "a b"}, words("a b", speaker=["ann", "bob"]))
    with pytest.raises(
        SchemaError, match=r"no column 'noise' to group by; the alignment has .* the reference word"
    ):
        c.rates("noise")
    with pytest.raises(
        SchemaError, match=r"speaker changes within an utterance .* compare again with more utterance key"
    ):
        c.rates("speaker")


@pytest.mark.parametrize("made", [None, 7, ["a"]])
def test_a_normalizer_gives_back_text(made):
    """Any other result raises one clear error, for any word."""
    with pytest.raises(
        ConfigError, match=r"the normalizer '<lambda>' made .* of 'a'; a function gives back text"
    ):
        sk.compare({"x": "a"}, "a", normalizer=lambda word: made)


def test_normalizers_are_made_without_deep_imports():
    """`sk.normalizer` is enough."""
    how = sk.normalizer("en", equivalents={"going to": "gonna"})
    assert counts(sk.compare({"x": "I'm gonna"}, "I'm going to", normalizer=how)) == {"x": 0}


def test_pictures_say_what_they_lack():
    """Errors name the missing second system or reference; plots that do not need one are drawn."""
    with pytest.raises(ConfigError, match="there is only one system, 'x'; a scatter is of two"):
        sk.compare({"x": "a"}, "a").plot_scatter()
    c = sk.compare({"x": "a", "y": "b"})
    with pytest.raises(EvaluationError, match="there is no reference"):
        c.plot_summary()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert c.plot_summary(what="differing").get_yticklabels()


def test_lengths_of_sounds_are_asked_for_once():
    """If the audio is deleted later, its length is unknown, and no error is raised."""
    c = sk.compare({"x": sk.Transcript([], "r", "/no/such/talk.wav")}, "a")
    assert np.isnan(replace(c.material).durations()["r"])
