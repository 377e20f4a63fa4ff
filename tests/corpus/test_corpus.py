"""Scores of a corpus: the same results as for one frame, for any division into parts and any executor."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fatal_normalizers import deadly, faulty
from hypothesis import given, settings
from hypothesis import strategies as st

import speechkit_nb as sk
from speechkit_nb.corpus.duplicates import check_once
from speechkit_nb.corpus.part_scores import score_part
from speechkit_nb.corpus.parts import FramePart
from speechkit_nb.corpus.plan import Plan
from speechkit_nb.corpus.statistics import TABLES, Statistics
from speechkit_nb.errors import ConfigError, EvaluationError, SchemaError
from speechkit_nb.evaluate import (
    Evidence,
    align,
    compute_character_rates,
    compute_timing,
    compute_utterance_rates,
    compute_word_rates,
    count_errors,
    cut_segments,
    estimate_intervals,
    normalizer,
    summarize_pairs,
)
from speechkit_nb.tables import read_metadata

SYSTEMS = ["one", "two", "three"]
ROOT = Path(__file__).parents[2]


def spoken(n_utterances, seed=0):
    """A table of utterances with three systems that have some wrong words; some texts are empty."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_utterances):
        words = rng.choice(["a", "b", "c", "dd", "eee"], rng.integers(0, 7)).tolist()
        heard = [[w for w in words if rng.random() > 0.2] + ["x"] * (rng.random() < 0.3) for _ in SYSTEMS]
        noise = str(rng.choice(["loud", "quiet"]))
        rows.append((f"r{number:04}", noise, f"s{number % 7}", *map(" ".join, [words, *heard])))
    return pd.DataFrame(rows, columns=["recording", "noise", "speaker", "reference", *SYSTEMS]).astype("str")


def timed(table, column, late=0.0):
    """The texts of a column as a frame of words with times."""
    words = table.assign(word=table[column].str.split())[["recording", "noise", "word"]].explode("word")
    words = words.dropna().reset_index(drop=True).astype("str")
    start = words.groupby("recording").cumcount() * 0.5 + late
    return words.assign(channel_tag=pd.Series("0", words.index, dtype="str"), start=start, end=start + 0.4)


@pytest.fixture
def tables(tmp_path):
    """A folder of five files with one row per utterance."""
    table, folder = spoken(60), tmp_path / "tables"
    folder.mkdir()
    for number in range(5):
        part = table.iloc[12 * number : 12 * (number + 1)]
        part.to_parquet(folder / f"part-{number}.parquet", index=False)
    return folder


@pytest.fixture
def words(tmp_path):
    """A corpus of words: four parts of three recordings, and three systems, one with late times."""
    table = spoken(12)
    for number in range(4):
        part = table.iloc[3 * number : 3 * (number + 1)]
        for place, system in enumerate(["truth", *SYSTEMS]):
            heard = timed(part, "reference" if system == "truth" else system, late=0.01 * place)
            names = part["recording"].tolist()
            sk.write_part(tmp_path, system, heard, part=f"calls/{number}", recordings=names)
    return tmp_path


def same(first, second):
    """Assert that the sums and the frames that are computed from them are equal."""
    for name, counted in TABLES.items():
        mine, others = (
            _in_order(getattr(scores.statistics.whole(), name), counted) for scores in (first, second)
        )
        pd.testing.assert_frame_equal(mine, others, check_exact=True)
    pd.testing.assert_frame_equal(first.summary, second.summary, rtol=1e-12)
    pd.testing.assert_frame_equal(first.pairs, second.pairs, rtol=1e-12)
    if first.by and second.by:
        pd.testing.assert_frame_equal(first.groups, second.groups, rtol=1e-12)


def _in_order(table, counted):
    keys = [name for name in table if name not in counted]
    return table.sort_values(keys, ignore_index=True)


def test_figures_are_those_of_the_whole_alignment():
    """Counts, rates, characters, utterances, intervals and tests are those of a single frame."""
    table = spoken(80)
    scores = sk.score(table, systems=SYSTEMS)
    texts = {name: table[["recording"]].assign(text=table[name]) for name in ["reference", *SYSTEMS]}
    whole = align(texts.pop("reference"), texts)
    summary = scores.summary
    expected = compute_word_rates(whole).set_index("system")
    for name in (
        "hits",
        "substitutions",
        "insertions",
        "deletions",
        "n_words",
        "errors",
        "wer",
        "mer",
        "wil",
    ):
        assert summary[name].tolist() == expected[name].tolist(), name
    by_character = compute_character_rates(whole).set_index("system").loc[SYSTEMS]
    assert summary["cer"].tolist() == by_character["cer"].tolist()
    by_utterance = compute_utterance_rates(whole).set_index("system").loc[SYSTEMS]
    assert summary["ser"].tolist() == by_utterance["ser"].tolist()
    assert summary["n_utterances"].tolist() == by_utterance["n_utterances"].tolist()
    evidence = Evidence.from_counts(count_errors(whole), cut_segments(whole))
    sure = estimate_intervals(evidence, method="ratio")
    pd.testing.assert_frame_equal(summary[list(sure)], sure)
    pd.testing.assert_frame_equal(scores.pairs, summarize_pairs(evidence, method="ratio"))


@settings(max_examples=settings.default.max_examples // 10)
@given(st.data())
def test_however_it_is_cut_the_figures_are_the_same(data):
    """Parts have any size, including no utterances, and groups are in several parts."""
    table = spoken(20, seed=data.draw(st.integers(0, 100)))
    cuts = sorted(data.draw(st.lists(st.integers(0, 20), max_size=4)))
    plan = Plan.from_options("reference", SYSTEMS, None, ["noise"], ["speaker"], "none", None, "raise")
    bounds = list(zip([0, *cuts], [*cuts, 20], strict=True))
    parts = [score_part(FramePart(str(b), table.iloc[slice(*b)]), plan, None) for b in bounds if b[0] < b[1]]
    assert [part.error for part in parts] == [""] * len(parts)
    whole = sk.score(table, systems=SYSTEMS, by="noise", group="speaker")
    same(whole, replace(whole, statistics=Statistics.sum([part.statistics for part in parts])))


def test_results_are_split_by_columns():
    """One row per value and system, equal to the scores of only these rows."""
    table = spoken(60)
    scores = sk.score(table, systems=SYSTEMS, by=["noise"])
    for noise, part in table.groupby("noise"):
        alone = sk.score(part, systems=SYSTEMS).summary
        rows = scores.groups[scores.groups["noise"] == noise].drop(columns="noise").set_index("system")
        pd.testing.assert_frame_equal(rows, alone)
    whole = sk.score(table, systems=SYSTEMS)
    same(whole, scores)
    with pytest.raises(ConfigError, match=r"not split by anything; give score\(..., by="):
        _ = whole.groups


def test_groups_may_lie_in_several_parts(tables):
    """A speaker that is in all files is one group, and intervals are computed over speakers."""
    scores = sk.score(tables, systems=SYSTEMS, group="speaker")
    table = spoken(60)
    texts = {
        name: table[["recording", "speaker"]].assign(text=table[name]) for name in ["reference", *SYSTEMS]
    }
    whole = align(texts.pop("reference"), texts, by=["recording", "speaker"])
    evidence = Evidence.from_counts(count_errors(whole), cut_segments(whole), "speaker")
    sure = estimate_intervals(evidence, method="ratio")
    assert scores.summary["n_groups"].tolist() == [7, 7, 7]
    pd.testing.assert_frame_equal(scores.summary[list(sure)], sure)
    pd.testing.assert_frame_equal(scores.pairs, summarize_pairs(evidence, method="ratio"))


def test_words_with_times_are_placed_as_well(words):
    """Timing equals that of the alignment, which is written next to the sums."""
    scores = sk.score(words, reference="truth", systems=SYSTEMS, out=words / "scores")
    whole = scores.alignment()
    expected = compute_timing(whole, units=["recording", "channel_tag"])
    pd.testing.assert_frame_equal(scores.timing, expected)
    assert scores.summary["start_bias"].tolist() == [0.01, 0.02, 0.03]
    first = scores.alignment("calls/0", ["two"])
    assert first["position"].tolist() == list(range(len(first)))
    assert set(first["system"]) == {"two"}
    assert sum(len(frame) for frame in scores.alignments()) == len(whole)
    with pytest.raises(ConfigError, match="no part 'calls/9' was scored; there are 'calls/0', 'calls/1'"):
        scores.alignment("calls/9")


def test_tables_can_be_read_by_others(words):
    """Systems are Hive partitions; the metadata of files has the options."""
    sk.score(words, reference="truth", systems=SYSTEMS, out=words / "scores", normalizer="en")
    alignment = pd.read_parquet(words / "scores" / "alignment")
    assert set(alignment["system"]) == set(SYSTEMS)
    assert set(pd.read_parquet(words / "words")["system"]) == {"truth", *SYSTEMS}
    counts = pd.read_parquet(words / "scores" / "counts")
    assert set(counts["part"]) == {f"calls/{number}" for number in range(4)}
    facts = read_metadata(words / "scores" / "counts" / "calls%2F0.parquet")
    assert facts["normalizer"] == "en"
    assert facts["normalizer_hash"] == normalizer("en").hash
    assert facts["versions"]["speechkit_nb"] == sk.__version__


@pytest.fixture(scope="module")
def cluster():
    """A local dask cluster of one process; a task whose worker dies is not repeated."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"allowed_failures": 0},
        ) as workers,
        Client(workers) as client,
    ):
        yield client


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_every_executor_gives_the_same(tables, words, cluster, tmp_path_factory, long):
    """The current thread, processes, and a cluster, with and without written files; the long form has threads
    and a corpus of words, too."""
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        for corpus, reference in ((tables, "reference"), (words, "truth"))[: 1 + long]:
            options = {"reference": reference, "systems": SYSTEMS, "by": "noise"}
            serial = sk.score(corpus, **options)
            assert serial.summary["n_words"].gt(0).all()
            for executor in (*[threads] * long, processes, cluster.get_executor()):
                for out in (None, tmp_path_factory.mktemp("out")):
                    same(serial, sk.score(corpus, **options, executor=executor, out=out))


def failed(scores):
    return scores.failed.set_index("part")["error"].to_dict()


@pytest.fixture
def one_bad(tables):
    """A function that writes a word into one of the five files."""

    def write(word):
        path = tables / "part-3.parquet"
        table = pd.read_parquet(path)
        table.loc[0, "reference"] = f"a {word}"
        table.to_parquet(path, index=False)
        return tables

    return write


def test_a_part_that_fails_is_named_and_the_others_are_scored(one_bad, tmp_path):
    """Its error is in `failed`; when the file is corrected, a second run scores only this part."""
    folder, out = one_bad("fail"), tmp_path / "out"
    with pytest.warns(
        UserWarning,
        match=r"1 of 5 parts could not be scored .* 'part-3': ConfigError: .* 'fail': RuntimeError: cannot",
    ):
        scores = sk.score(folder, systems=SYSTEMS, normalizer=faulty, out=out)
    error = "ConfigError: the normalizer 'faulty' fails for 'fail': RuntimeError: cannot stand this word"
    assert failed(scores) == {"part-3": error}
    assert "1 could not be scored and are in no figure" in repr(scores)
    rest = [folder / f"part-{number}.parquet" for number in (0, 1, 2, 4)]
    same(scores, sk.score(rest, systems=SYSTEMS, normalizer=faulty))
    one_bad("b")
    again = sk.score(folder, systems=SYSTEMS, normalizer=faulty, out=out)
    assert again.failed.empty
    assert again.parts["status"].tolist() == ["kept", "kept", "kept", "scored", "kept"]
    same(again, sk.score(folder, systems=SYSTEMS, normalizer=faulty))


def test_a_process_that_dies_costs_one_part(one_bad):
    """The pool breaks; the part that causes the crash is found, and all others are scored."""
    folder = one_bad("kill")
    with (
        ProcessPoolExecutor(2, get_context("spawn")) as processes,
        pytest.warns(UserWarning, match=r"1 of 5 parts .* 'part-3': its worker died"),
    ):
        scores = sk.score(folder, systems=SYSTEMS, normalizer=deadly, executor=processes)
    assert failed(scores) == {"part-3": "its worker died (was it killed, or out of memory?)"}
    rest = [folder / f"part-{number}.parquet" for number in (0, 1, 2, 4)]
    same(scores, sk.score(rest, systems=SYSTEMS))


def test_a_worker_of_a_cluster_that_dies_costs_one_part(one_bad, cluster, tmp_path):
    """The worker is restarted, and the part that causes the crash is named; a second run scores only it."""
    folder = one_bad("kill")
    options = {
        "systems": SYSTEMS,
        "normalizer": deadly,
        "executor": cluster.get_executor(),
        "out": tmp_path / "o",
    }
    with pytest.warns(UserWarning, match=r"1 of 5 parts .* 'part-3': KilledWorker"):
        scores = sk.score(folder, **options)
    assert list(failed(scores)) == ["part-3"]
    one_bad("b")
    again = sk.score(folder, **options)
    assert again.parts["status"].tolist() == ["kept", "kept", "kept", "scored", "kept"]
    same(again, sk.score(folder, systems=SYSTEMS))


def test_a_cluster_does_not_remember(tables, cluster):
    """The same call with a changed file scores the file again."""
    options = {"systems": SYSTEMS, "executor": cluster.get_executor()}
    path = tables / "part-1.parquet"
    before = sk.score(tables, **options)
    pd.read_parquet(path).assign(one="").to_parquet(path, index=False)
    assert sk.score(tables, **options).summary.loc["one", "errors"] > before.summary.loc["one", "errors"]


def test_only_what_is_the_same_is_kept(tables, tmp_path):
    """A changed file or option or a deleted result is scored again; a changed file date is not."""
    out = tmp_path / "out"
    sk.score(tables, systems=SYSTEMS, out=out)
    path = tables / "part-1.parquet"
    path.touch()
    assert set(sk.score(tables, systems=SYSTEMS, out=out).parts["status"]) == {"kept"}
    pd.read_parquet(path).iloc[:-1].to_parquet(path, index=False)
    (out / "alignment" / "system=two" / "part-4.parquet").unlink()
    again = sk.score(tables, systems=SYSTEMS, out=out)
    assert again.parts["status"].tolist() == ["kept", "scored", "kept", "kept", "scored"]
    same(again, sk.score(tables, systems=SYSTEMS))
    assert set(sk.score(tables, systems=SYSTEMS, out=out, normalizer="en").parts["status"]) == {"scored"}
    assert not list(out.rglob("*.unfinished"))


def test_a_damaged_file_is_one_part(tables, tmp_path):
    """The file is of the corpus, or of results that were written before."""
    out = tmp_path / "out"
    first = sk.score(tables, systems=SYSTEMS, out=out)
    (out / "counts" / "part-2.parquet").write_bytes(b"PAR1 and then nothing")
    same(first, sk.score(tables, systems=SYSTEMS, out=out))
    (tables / "part-0.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.warns(UserWarning, match=r"1 of 5 parts .* 'part-0': ArrowInvalid"):
        assert list(failed(sk.score(tables, systems=SYSTEMS, out=out))) == ["part-0"]


def test_systems_are_scored_on_the_same_parts(words):
    """If a system lacks files, an error is raised before scoring, unless they are scored as empty."""
    gone = words / "words" / "system=two" / "calls%2F1.parquet"
    gone.unlink()
    with pytest.raises(
        SchemaError, match=r"'two' lacks 1 of 4 parts \('calls/1'\): all systems are scored on the"
    ):
        sk.score(words, reference="truth", systems=SYSTEMS)
    scores = sk.score(words, reference="truth", systems=SYSTEMS, missing="empty")
    assert scores.summary["n_words"].nunique() == 1
    assert scores.summary.loc["two", "deletions"] > scores.summary.loc["one", "deletions"]


def test_systems_are_scored_on_the_same_recordings(words):
    """A recording without words is not missing if the metadata of the part lists it."""
    table = spoken(12).iloc[:3]
    heard = timed(table, "two")
    heard = heard[heard["recording"] != "r0001"]
    sk.write_part(words, "two", heard, part="calls/0", recordings=["r0000", "r0002"])
    with pytest.warns(
        UserWarning, match=r"'calls/0': EvaluationError: 'two' lacks 1 of 3 recordings \('r0001'\)"
    ):
        sk.score(words, reference="truth", systems=SYSTEMS)
    sk.write_part(words, "two", heard, part="calls/0", recordings=["r0000", "r0001", "r0002"])
    silent = sk.score(words, reference="truth", systems=SYSTEMS)
    assert silent.failed.empty
    assert silent.summary["n_words"].nunique() == 1


def test_a_missing_text_is_not_an_empty_one():
    """Null is an error; an empty text is a valid result of a system."""
    table = spoken(5)
    table.loc[2, "two"] = None
    with pytest.raises(SchemaError, match=r"none of 1 parts .* system 'two': 1 of 5 rows have no text"):
        sk.score(table, systems=SYSTEMS)
    filled = table.assign(two=table["two"].fillna(""))
    same(sk.score(table, systems=SYSTEMS, missing="empty"), sk.score(filled, systems=SYSTEMS))


def test_an_utterance_that_is_there_twice_is_an_error(tmp_path):
    """Also if the two rows are in different batches of the same file."""
    table = pd.DataFrame({"recording": np.arange(20_000).astype(str), "reference": "a", "one": "a"}).astype(
        "str"
    )
    table.loc[19_999, "recording"] = "0"
    table.to_parquet(tmp_path / "big.parquet", index=False)
    with pytest.raises(SchemaError, match=r"1 of 20000 utterances are duplicates \(by recording\)"):
        sk.score(tmp_path, systems=["one"])


def test_an_utterance_in_two_parts_is_an_error(tables):
    """The error names it and both parts before scoring, for any number of duplicates."""
    table = pd.read_parquet(tables / "part-1.parquet")
    more = spoken(70).iloc[60:]
    pd.concat([more, table.iloc[2:4]]).to_parquet(tables / "part-9.parquet", index=False)
    found = (
        r"2 utterances in several parts, such as recording 'r0014' in 'part-1' and 'part-9': remove them "
        r"from all parts but one, or name more utterance key columns in utterance="
    )
    with pytest.raises(EvaluationError, match=found):
        sk.score(tables, systems=SYSTEMS, out=tables / "out")
    assert not (tables / "out").exists()


def test_a_recording_in_two_parts_of_a_corpus_of_words_is_an_error(words):
    """The metadata of a part lists its recordings."""
    table = spoken(12).iloc[:1]
    for system in ["truth", *SYSTEMS]:
        heard = timed(table, "reference" if system == "truth" else system)
        sk.write_part(words, system, heard.assign(turn="2"), part="more", recordings=["r0000"])
    with pytest.raises(
        EvaluationError,
        match=r"1 utterance in several parts, such as recording 'r0000' in 'calls/0' and 'more'",
    ):
        sk.score(words, reference="truth", systems=SYSTEMS)


def test_an_utterance_that_is_twice_in_a_frame_is_an_error():
    """Also if the two rows are in different batches, as in a file."""
    table = spoken(9000)
    table.loc[8999, "recording"] = "r0000"
    with pytest.raises(EvaluationError, match=r"1 of 9000 utterances are duplicates \(by recording\)"):
        sk.score(table, systems=SYSTEMS)


@given(st.lists(st.lists(st.integers(0, 30), max_size=8), min_size=2, max_size=5), st.booleans())
def test_utterances_in_several_parts_are_found(numbers, two_keys):
    """The result equals that of a set, for any distribution over parts and any key columns."""
    keys = ["recording", "channel_tag"] if two_keys else ["recording"]
    frames = [
        pd.DataFrame({"recording": [f"r{n // 2}" if two_keys else f"r{n}" for n in own]}, dtype="str").assign(
            channel_tag=pd.Series([str(n % 2) for n in own], dtype="str")
        )
        for own in numbers
    ]
    parts = [FramePart(str(i), frame[keys]) for i, frame in enumerate(frames)]
    plan = Plan.from_options("reference", ["one"], None, [], None, "none", None, "raise")
    together = [n for own in numbers for n in set(own)]
    twice = {n for n in together if together.count(n) > 1}
    if not twice:
        check_once(parts, plan)
        return
    with pytest.raises(EvaluationError, match=rf"{len(twice)} utterances? in several parts"):
        check_once(parts, plan)


def test_numbers_that_are_equal_by_chance_are_no_error(monkeypatch):
    """If hashes are equal, the keys are compared."""
    monkeypatch.setattr(
        "speechkit_nb.corpus.duplicates.hash_rows", lambda table: np.zeros(len(table), np.uint64)
    )
    plan = Plan.from_options("reference", ["one"], None, [], None, "none", None, "raise")
    frames = [pd.DataFrame({"recording": [name]}, dtype="str") for name in ("a", "b")]
    check_once([FramePart(str(i), frame) for i, frame in enumerate(frames)], plan)


def test_a_part_in_which_nothing_is_left_does_not_stop_the_others(tables):
    """A file whose texts are empty after normalization, and a file without rows, are scored."""
    nothing = spoken(2).assign(recording=["x", "y"], reference="-", one="...", two="", three="a")
    nothing.to_parquet(tables / "part-5.parquet", index=False)
    nothing.iloc[:0].to_parquet(tables / "part-6.parquet", index=False)
    scores = sk.score(tables, systems=SYSTEMS, normalizer="en", by="noise", out=tables / "out")
    assert scores.failed.empty
    before = sk.score(
        [tables / f"part-{number}.parquet" for number in range(5)], systems=SYSTEMS, normalizer="en"
    )
    more = scores.summary["insertions"] - before.summary["insertions"]
    assert more.to_dict() == {"one": 0, "two": 0, "three": 2}
    assert scores.summary["n_words"].equals(before.summary["n_words"])


def test_one_utterance_has_no_interval_and_the_same_systems_no_difference():
    """The interval is NaN, and the difference is 0."""
    table = pd.DataFrame({"recording": ["r"], "reference": ["a b"], "one": ["a c"], "two": ["a c"]}).astype(
        "str"
    )
    scores = sk.score(table, systems=["one", "two"])
    assert scores.summary[["wer_low", "wer_high"]].isna().all(axis=None)
    assert scores.pairs["wer_delta"].tolist() == [0.0]
    assert repr(scores).startswith(
        "Scores(2 systems on 1 part; 1 utterance is too few for an interval or a significant difference, "
        "which needs 6)\n"
    )


def test_few_groups_are_said_to_be_too_few():
    """Two speakers are too few for a test, for any number of words; no interval starts below 0."""
    table = spoken(60).assign(speaker=["Ann", "Bob"] * 30)
    scores = sk.score(table, systems=SYSTEMS, group="speaker")
    few = "2 groups are too few for an interval or a significant difference, which needs 7"
    assert f"; {few})" in repr(scores)
    assert scores.pairs["p_holm"].isna().all()
    assert scores.summary["wer_low"].isna().all()
    assert "too few" not in repr(sk.score(table, systems=SYSTEMS))


def test_transcripts_become_a_corpus(tmp_path):
    """Words and finals of a system with one part per recording; the reference is read from a file."""
    answers = ROOT / "data" / "answers"
    transcript = sk.load(sorted(answers.glob("*.json"))[0])
    paths = sk.write_part(tmp_path, "general:rc", transcript)
    assert [path.parts[-3:-1] for path in paths] == [
        ("words", "system=general%3Arc"),
        ("finals", "system=general%3Arc"),
    ]
    part = transcript.recording
    sk.write_part(tmp_path, "truth", transcript.words[["channel_tag", "word", "start", "end"]], part=part)
    scores = sk.score(tmp_path, reference="truth", systems={"rc": "general:rc"})
    assert scores.summary.loc["rc", "wer"] == 0
    assert scores.summary.loc["rc", "n_words"] == len(transcript.words)


def test_the_old_import_of_write_part_works_and_warns():
    """`speechkit_nb.evaluate.corpus.write_part` is the same function and is deprecated."""
    with pytest.warns(DeprecationWarning, match=r"use `from speechkit_nb import write_part`; .* until 0.2"):
        from speechkit_nb.evaluate.corpus import write_part
    assert write_part is sk.write_part
    with pytest.raises(ImportError, match="cannot import name 'plan'"):
        from speechkit_nb.evaluate.corpus import plan  # noqa: F401


def test_reference_files_become_a_corpus(tmp_path):
    """TextGrids are read with the recording names of the transcripts, and keep their times."""
    for name in ("dialogue", "monologue"):
        truth = sk.read_reference(ROOT / "data" / f"{name}.TextGrid", recording=f"{name}.wav")
        sk.write_part(tmp_path, "truth", truth)
        late = truth.assign(start=truth["start"] + 0.05, end=truth["end"] + 0.05)
        sk.write_part(tmp_path, "late", late[late["word"] != "afternoon"])
    scores = sk.score(tmp_path, reference="truth", systems=["late"], group="recording")
    assert scores.parts["part"].tolist() == ["dialogue.wav", "monologue.wav"]
    assert scores.summary.loc["late", "errors"] == scores.summary.loc["late", "deletions"] > 0
    assert scores.summary.loc["late", ["start_bias", "end_bias"]].tolist() == [0.05, 0.05]


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"systems": []}, ConfigError, "there is no system to score"),
        (
            {"systems": ["one"], "collar": -1.0},
            ConfigError,
            "collar must be a number from 0 to 1,000,000, not -1.0",
        ),
        (
            {"systems": ["one"], "missing": "drop"},
            ConfigError,
            "missing must be 'raise' or 'empty', not 'drop'",
        ),
        (
            {"systems": ["one"], "by": "errors"},
            ConfigError,
            "the results have a column 'errors' of their own",
        ),
        ({"systems": ["four"]}, SchemaError, "no column 'four'; there are recording, noise, speaker"),
        ({"systems": ["one"], "by": "age"}, SchemaError, "no column 'age'; there are recording"),
        ({"systems": ["one"], "normalizer": "xx"}, ConfigError, "no normalizer 'xx'"),
    ],
)
def test_what_cannot_be_done_is_said(options, error, why):
    """Invalid options, and options that do not fit the corpus, raise an error with the reason."""
    with pytest.raises(error, match=why):
        sk.score(spoken(3), **options)


def test_a_corpus_must_be_there(tmp_path, words):
    """Errors: a folder without files, a missing file, a missing system, two files with the same name."""
    with pytest.raises(
        SchemaError, match=r"has neither \*.parquet with one row per utterance nor a folder 'words'"
    ):
        sk.score(tmp_path / "words", systems=["one"])
    with pytest.raises(SchemaError, match=r"there is no file '.*gone.parquet'"):
        sk.score([tmp_path / "gone.parquet"], systems=["one"])
    with pytest.raises(
        SchemaError, match=r"has no words of 'four'; there are those of 'one', 'three', 'truth', 'two'"
    ):
        sk.score(words, reference="truth", systems=["four"])
    with pytest.raises(SchemaError, match=r"2 files have only 1 names"):
        sk.score([tmp_path / "a" / "x.parquet", tmp_path / "b" / "x.parquet"], systems=["one"])
    with pytest.raises(SchemaError, match=r"the frame has no rows"):
        sk.score(spoken(0), systems=["one"])
    with pytest.raises(
        SchemaError, match=r"no column 'recording'; name the utterance key columns in utterance="
    ):
        sk.score(spoken(3).drop(columns="recording"), systems=["one"])
    with pytest.raises(ConfigError, match=r"no alignments were written; give score\(..., out=folder\)"):
        sk.score(spoken(3), systems=["one"]).alignment()


def test_a_part_must_have_a_name(tmp_path):
    """A transcript has the name of its recording; a frame may have none."""
    frame = pd.DataFrame({"word": ["a"], "start": [0.0], "end": [1.0]}).astype({"word": "str"})
    with pytest.raises(ConfigError, match=r"the words are of no known recordings: name the part with part="):
        sk.write_part(tmp_path, "one", frame)
    with pytest.raises(SchemaError, match=r"the words of 'one': there is neither a column word nor text"):
        sk.write_part(tmp_path, "one", frame.drop(columns="word"))


def test_an_utterance_has_one_value_of_each_column(words):
    """Different values in the rows of one utterance are an error."""
    heard = timed(spoken(3), "reference")
    heard.loc[0, "noise"] = "other"
    sk.write_part(words, "truth", heard, part="calls/0", recordings=["r0000", "r0001", "r0002"])
    with pytest.warns(UserWarning, match=r"an utterance \(recording 'r0000', .* several values of noise"):
        sk.score(words, reference="truth", systems=SYSTEMS, by="noise")
