"""Statistics the local server computes from its own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_server import serving, wav

import speechkit_nb as sk
from speechkit_nb.server.engines.base import Word
from speechkit_nb.server.recognition.analysis import describe, find_gaps, find_overlaps, find_speech
from speechkit_nb.server.recognition.events import Final

SCRIPT = """word,start,end,channel
hello,0.5,1.0,0
there,1.1,1.5,0
again,4.0,5.0,0
yes,1.2,1.8,1
"""

starts_and_lengths = st.tuples(st.integers(0, 60), st.integers(1, 9))
spans = st.lists(starts_and_lengths.map(lambda pair: (pair[0], sum(pair))), max_size=5)
edges = st.lists(st.integers(0, 70), max_size=10, unique=True).map(sorted)
sorted_spans = edges.map(lambda edges: list(zip(edges[::2], edges[1::2], strict=False)))


def covered(stretches) -> set[int]:
    return {ms for start, end in stretches for ms in range(start, end)}


@given(sorted_spans, sorted_spans)
def test_overlaps_are_the_milliseconds_in_both(one, other):
    """Held against sets of milliseconds."""
    assert covered(find_overlaps(one, other)) == covered(one) & covered(other)


@given(spans)
def test_gaps_are_the_milliseconds_in_none(stretches):
    """Held against sets of milliseconds."""
    assert covered(find_gaps(stretches, 80)) == set(range(80)) - covered(stretches)


@given(spans, st.integers(1, 8))
def test_speech_covers_every_word_and_pauses_that_are_too_short(stretches, pause):
    """What is left over are pauses of at least that length."""
    words = tuple(Word("w", *span) for span in stretches)
    found = find_speech([Final(0, words, 0, 80)] if words else [], pause)
    assert covered(stretches) <= covered(found)
    inner = find_gaps(found, 80)[bool(found and found[0][0] > 0) :]
    assert all(end - start >= pause for start, end in inner if end != 80)


def test_statistics_of_nothing_are_zeros():
    """A silent speaker has no rates."""
    assert describe([], [0.5]).ByteSize() == 0


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    script = tmp_path_factory.mktemp("script") / "talk.words.csv"
    script.write_text(SCRIPT)
    wanted = {"speaker_analysis": True, "conversation_analysis": True, "quantiles": [0.5]}
    home = tmp_path_factory.mktemp("home") / "journal.sqlite3"
    with (
        serving(models={"general": f"scripted:{script}"}) as api,
        sk.connect(f"grpc://{api.address}", journal=home) as client,
    ):
        yield client.submit(wav(6.0, n_channels=2), **wanted).result(timeout=30, progress=False)


def test_each_channel_is_a_speaker(answer):
    """Speech is 1 s and 1 s of channel 0, 0.6 s of channel 1, of 6 s."""
    frame = answer.speaker_analysis.set_index("speaker_tag")
    assert frame.total_speech.tolist() == [2.0, 0.6]
    assert frame.total_silence.tolist() == pytest.approx([4.0, 5.4])
    assert frame.loc["0", ["start", "end", "words_count", "letters_count"]].tolist() == [0.5, 5.0, 3, 15]
    assert frame.loc["0", "words_per_second_max"] == 2.0
    assert frame.loc["0", "utterance_duration_mean"] == 1.0


def test_the_dialogue_has_silence_overlap_and_interruptions(answer):
    """Channel 1 breaks in at 1.2 s while channel 0 speaks until 1.5 s."""
    row = answer.conversation_analysis.iloc[0]
    assert row.total_simultaneous_speech == 0.3
    assert row.total_speech == 2.3
    assert row.total_simultaneous_silence == pytest.approx(3.7)
    assert answer.interrupts[["speaker_tag", "start", "end"]].values.tolist() == [["1", 1.2, 1.5]]


def test_quantiles_come_when_asked_for(answer):
    """One level of each statistic."""
    assert set(answer.quantiles.level) == {0.5}
    assert {"words_per_second", "simultaneous_silence_duration"} <= set(answer.quantiles.statistic)


def test_analyses_come_after_the_utterances(answer):
    """They are about the whole."""
    kinds = answer.events.event.tolist()
    assert kinds[-3:] == ["speaker_analysis", "speaker_analysis", "conversation_analysis"]
    assert "eou_update" in kinds[:-3]
