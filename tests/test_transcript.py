"""Transcript: frames, text, display in a notebook, saving and loading."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from answers import final, refinement, serialized
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import speechkit_nb as sk
from speechkit_nb.errors import PartialAnalysis, TranscriptError, UnreadableMessage
from speechkit_nb.wire import responses_from_json

ANSWERS = Path(__file__).parents[1] / "data" / "answers"


def dialogue() -> sk.Transcript:
    responses = [
        final(0, "hello there", tag="0", start=0, end=2000),
        refinement(0, "Hello there.", tag="0"),
        final(1, "hi", tag="1", start=1000, end=2500),
        final(2, "bye", tag="0", start=2000, end=4000),
    ]
    return sk.Transcript(responses, "call.wav", "call.wav", [1.0, 1.5, 2.0, 2.5], {"model": "general"})


def test_text_of_one_channel_is_one_line():
    """Finals are joined in order of time; a refinement replaces its final."""
    one = sk.Transcript([final(1, "two", start=5), final(0, "one", start=0), refinement(0, "One.")])
    assert one.text == "one two"
    assert one.refined_text == "One. two"


def test_text_of_several_channels_has_a_line_an_utterance():
    """Lines are in order of time, for all channels together."""
    assert dialogue().text == "hello there\nhi\nbye"
    assert dialogue().refined_text == "Hello there.\nhi\nbye"


def test_a_changed_frame_leaves_the_transcript_alone():
    """Changes of one frame do not appear in the next one."""
    t = dialogue()
    words = t.words
    words.loc[0, "word"] = "spoiled"
    words["extra"] = 1
    assert t.words.loc[0, "word"] == "hello"
    assert "extra" not in t.words


def test_repr_counts_and_begins_the_text():
    """The repr is one line."""
    assert repr(dialogue()) == "Transcript('call.wav', 4 words in 3 finals: Hello there. / hi / bye)"


def test_html_is_small_and_escaped():
    """Recognized text that looks like markup is escaped; long texts are shortened."""
    finals = [final(k, "<script>alert(1)</script>", start=1000 * k, end=1000 * k + 900) for k in range(500)]
    shown = sk.Transcript(finals, "<b>.wav")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;b&gt;.wav" in shown
    assert "488 more" in shown
    assert len(shown) < 50_000


def test_plot_draws_words_when_the_recording_is_gone():
    """Without the audio file the plot has no waveform."""
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert dialogue().plot(ax) is ax
    assert ax.get_title(loc="left") + ax.get_title() == "call.wav"


def test_plot_takes_the_waveform_of_its_recording():
    """If the recording is known, its waveform is drawn."""
    from matplotlib.figure import Figure

    silent, sounding = Figure().add_subplot(), Figure().add_subplot()
    samples = np.sin(np.arange(32000) / 9).astype("float32")
    t = dialogue()
    t.plot(silent)
    sk.Transcript(t.responses, "call.wav", sk.Recording(samples, sample_rate=8000)).plot(sounding)
    assert len(sounding.collections) > len(silent.collections)


# ---- save and load

blobs = st.lists(st.binary(max_size=20), max_size=6)


@given(blobs, st.text(max_size=10), st.booleans(), st.floats(0, 2e9))
def test_save_and_load_are_lossless(tmp_path_factory, responses, name, timed, moment):
    """Messages with any bytes, arrival times, id, source and info are equal after loading."""
    path = tmp_path_factory.mktemp("t") / "talk.parquet"
    clock = [moment + k for k in range(len(responses))] if timed else []
    saved = sk.Transcript(responses, name, "talk.wav", clock, {"model": "general", "n": 1})
    assert saved.save(path) == path
    loaded = sk.load(path)
    assert list(loaded.responses) == responses
    assert list(loaded.received_at) == clock
    assert (loaded.recording, loaded.source, loaded.info) == (name, "talk.wav", {"model": "general", "n": 1})


def test_loaded_frames_equal_the_saved_ones(tmp_path):
    """Finals and events are equal after loading."""
    saved = dialogue()
    loaded = sk.load(saved.save(tmp_path / "new folder" / "call.parquet"))
    pd.testing.assert_frame_equal(loaded.finals, saved.finals)
    pd.testing.assert_frame_equal(loaded.events, saved.events)
    assert math.isclose(loaded.events.received_at[3], 2.5)


def test_a_recording_is_saved_by_its_path(tmp_path):
    """The file contains the path of the audio, not the audio."""
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    t = sk.Transcript([], "a.wav", sk.Recording(tmp_path / "a.wav"))
    assert sk.load(t.save(tmp_path / "a.parquet")).source == str(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["rest_v3.json", "v2_operation.json"])
def test_load_reads_the_services_own_json(name):
    """An answer that was saved with curl can be loaded."""
    loaded = sk.load(ANSWERS / name)
    assert list(loaded.responses) == responses_from_json((ANSWERS / name).read_text())
    assert loaded.recording == name.removesuffix(".json")
    assert len(loaded.words) in (14, 4)


def test_load_says_what_a_file_is_not(tmp_path):
    """The error names a file that is missing, of another kind, cut off, without metadata, or newer."""
    with pytest.raises(TranscriptError, match=r"cannot read '.*nowhere\.parquet': No such file"):
        sk.load(tmp_path / "nowhere.parquet")
    foreign = tmp_path / "song.mp3"
    foreign.write_bytes(b"ID3\x04 song")
    with pytest.raises(
        TranscriptError,
        match=r"song\.mp3' is neither a saved transcript nor an answer of the service in JSON",
    ):
        sk.load(foreign)
    whole = dialogue().save(tmp_path / "call.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TranscriptError, match=r"cut\.parquet' is damaged or was not written by"):
        sk.load(tmp_path / "cut.parquet")
    parquet.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(TranscriptError, match=r"other\.parquet' is damaged or was not written"):
        sk.load(tmp_path / "other.parquet")
    table = parquet.read_table(tmp_path / "call.parquet")
    facts = json.loads(table.schema.metadata[b"speechkit_nb"]) | {"format": 99}
    newer = table.replace_schema_metadata({b"speechkit_nb": json.dumps(facts)})
    parquet.write_table(newer, tmp_path / "newer.parquet")
    with pytest.raises(TranscriptError, match=r"written by a newer speechkit_nb .format 99"):
        sk.load(tmp_path / "newer.parquet")


def test_a_transcript_that_cannot_be_saved(tmp_path):
    """The error has the path and the reason; no unfinished file is left."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(
        TranscriptError,
        match=r"cannot write '.*file/call\.parquet': .*save it in a folder where you may write",
    ):
        dialogue().save(tmp_path / "file" / "call.parquet")
    (tmp_path / "taken").mkdir()
    with pytest.raises(TranscriptError, match=r"cannot write '.*taken': Is a directory"):
        dialogue().save(tmp_path / "taken")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "taken"]


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_file_is_no_transcript(tmp_path, content):
    """A failed download may leave an empty file; it is an error, not a transcript without words."""
    (tmp_path / "answer.json").write_bytes(content)
    with pytest.raises(TranscriptError, match=r"answer\.json' is empty \(\d bytes\).*fetch it again"):
        sk.load(tmp_path / "answer.json")


def test_a_message_that_was_cut_is_told_of_once():
    """The warning comes with the first frame of each transcript, whichever frame that is."""
    responses = [final(0, "one"), final(1, "lost words")[:-9]]
    for first in ("words", "finals", "events"):
        t = sk.Transcript(responses)
        with pytest.warns(UnreadableMessage, match="message 1 of 2 cannot be parsed") as told:
            getattr(t, first)
        assert len(told) == 1
        assert (len(t.words), len(t.finals), len(t.events), t.text) == (1, 1, 2, "one")
        assert len(t.words_of("partial")) == 0


def test_analyses_of_several_sessions_are_said_to_be_partial():
    """Each session of a long stream is analysed separately; for one session there is no warning."""
    analysis = {"speaker_analysis": {"speaker_tag": "0", "window_type": "TOTAL"}}
    one = serialized(session_uuid={"uuid": "a"}, **analysis)
    other = serialized(session_uuid={"uuid": "b"}, **analysis)
    assert len(sk.Transcript([one, one]).speaker_analysis) == 2
    with pytest.warns(PartialAnalysis, match=r"'call' was streamed in 2 sessions.*Submit the recording"):
        assert len(sk.Transcript([one, other], "call").speaker_analysis) == 2
    assert sk.Transcript([one, other]).summaries.empty


def test_a_failed_save_leaves_the_old_file(tmp_path):
    """A file is written completely or not at all, and no unfinished file is left."""
    path = dialogue().save(tmp_path / "call.parquet")
    before = path.read_bytes()
    unsavable = sk.Transcript([b""], info={"model": object()})
    with pytest.raises(TypeError, match="not JSON serializable"):
        unsavable.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


SAVED = Path(__file__).parent / "tables" / "saved"


@pytest.mark.parametrize(
    ("name", "recording", "text", "first_word", "shape"),
    [
        (
            "v3",
            "talk.wav",
            "I'm Yandex SpeechKit I can turn any text into speech now you can too",
            ["I'm", 0.459, 0.52],
            (14, 1, 3),
        ),
        ("v2", "two_channels.wav", "Слышу.\nПрием 1, 2.\nХорошо.", ["прием", 0.88, 1.16], (4, 3, 3)),
        ("stream", "stream.wav", "Good morning.", ["good", 0.12, 0.48], (2, 1, 8)),
    ],
)
def test_transcripts_saved_by_an_earlier_version_are_read(name, recording, text, first_word, shape):
    """The files were written by version 0.1.0 of November 2026; their frames stay the same."""
    loaded = sk.load(SAVED / f"{name}.parquet")
    assert (loaded.recording, loaded.refined_text) == (recording, text)
    assert loaded.words[["word", "start", "end"]].iloc[0].tolist() == first_word
    assert (len(loaded.words), len(loaded.finals), len(loaded.events)) == shape


def test_the_facts_of_an_earlier_transcript_are_read():
    """The path of the audio, the model, the times of a stream, and each analysis."""
    loaded = sk.load(SAVED / "v3.parquet")
    assert loaded.source == "/sound/talk.wav"
    assert loaded.info == {"model": "general", "operation_id": "e03abc", "service": "v3"}
    stream = sk.load(SAVED / "stream.parquet")
    assert stream.received_at[:2] == [1_800_000_000.0, 1_800_000_000.25]
    assert stream.events["sent_until"].tolist()[:2] == [0.2, 0.4]
    assert (len(stream.sends), stream.sent_at(0.75)) == (16, 1_800_000_000.8)
    assert stream.speaker_analysis["total_speech"].tolist() == [1.11]
    assert stream.conversation_analysis["total_speech_ratio"].tolist() == [0.74]
    assert stream.classifiers["label"].tolist() == ["female"]
    assert stream.summaries["response"].tolist() == ["A greeting."]
