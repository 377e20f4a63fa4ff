"""Frames of serialized messages: values of the published answers, and comparison with a plain loop."""

import json
from pathlib import Path

import pandas as pd
import pytest
from answers import final, refinement, serialized, update
from hypothesis import given
from hypothesis import strategies as st

import speechkit_nb as sk
from speechkit_nb import tables
from speechkit_nb.errors import SchemaError, UnreadableMessage
from speechkit_nb.wire import responses_from_json, v3

ANSWERS = Path(__file__).parents[2] / "data" / "answers"
REST = responses_from_json((ANSWERS / "rest_v3.json").read_text())
V2 = responses_from_json((ANSWERS / "v2_operation.json").read_text())
SPOKEN = (
    "I'm 459-520, Yandex 640-1060, SpeechKit 1120-1959, I 2480-2520, can 2580-2800, turn 2860-3360, "
    "any 3439-3709, text 3800-4140, into 4200-4220, speech 4279-4740, now 5140-5759, you 5859-5900, "
    "can 5980-6399, too 6660-7180"
)
EXPECTED = [
    (word, int(start) / 1000, int(end) / 1000)
    for word, start, end in (w.replace("-", " ").split() for w in SPOKEN.split(", "))
]
NAN = float("nan")


# ---- the published answers


def test_words_of_the_published_answer():
    """It has 14 words with the published times in seconds, channel "0", final 0."""
    words = tables.check(tables.make_words(REST, "talk.wav"), tables.WORDS)
    assert list(zip(words.word, words.start, words.end, strict=True)) == EXPECTED
    assert list(words.word_index) == list(range(14))
    constant = ["recording", "channel_tag", "final_index", "alternative"]
    assert words[constant].drop_duplicates().values.tolist() == [["talk.wav", "0", 0, 0]]


def test_the_refinement_has_words_of_its_own():
    """The times are the same; the fourth word is "I'm"."""
    refined = tables.make_words(REST, stage="refinement")
    expected = [("I'm", *times) if k == 3 else (word, *times) for k, (word, *times) in enumerate(EXPECTED)]
    assert list(zip(refined.word, refined.start, refined.end, strict=True)) == expected


def test_finals_of_the_published_answer():
    """One final from 0 to 7.4 s, with a shorter interval of speech and its refinement in the same row."""
    finals = tables.check(tables.make_finals(REST, "talk.wav"), tables.FINALS)
    text = "I'm Yandex SpeechKit I can turn any text into speech now you can too"
    expected = pd.DataFrame(
        [["talk.wav", "0", 0, 0, text, text, "raw", 0.0, 7.4, 0.459, 7.18, NAN, None]],
        columns=list(tables.FINALS),
    ).astype(dict(tables.FINALS))
    pd.testing.assert_frame_equal(finals, expected)


def test_events_of_the_published_answer():
    """One row per message, cursors in seconds; the end of the utterance changes only with its event."""
    events = tables.check(tables.make_events(REST, "talk.wav", [10.0, 10.5, 11.0]), tables.EVENTS)
    assert list(events.event) == ["final", "final_refinement", "eou_update"]
    assert list(events.seq) == [0, 1, 2]
    assert list(events.received_data) == [7.4] * 3
    assert list(events.eou_time) == [0.0, 0.0, 7.4]
    assert list(events.server_time) == [0.189] * 3
    assert list(events.received_at) == [10.0, 10.5, 11.0]
    assert list(events.text.isna()) == [False, False, True]


def test_kinds_of_texts():
    """Texts of v3 are raw; one of v2 is raw if it is its words, unknown without words, or as given."""
    v2 = [
        v3.StreamingResponse(
            final={"alternatives": [{"text": text, "words": [{"text": word} for word in words.split()]}]}
        ).SerializeToString()
        for text, words in (("two", "two"), ("2", "two"), ("2", ""), ("", ""))
    ]
    assert tables.make_finals(REST).text_kind.tolist() == ["raw"]
    assert tables.make_finals(v2).text_kind.tolist() == ["raw", "normalized", "unknown", "raw"]
    assert tables.make_finals([*REST, *v2], "a", "normalized").text_kind.tolist() == [
        "raw",
        *["normalized"] * 4,
    ]
    assert set(tables.make_finals(v2).text_kind) <= set(tables.TEXT_KINDS)


def test_words_of_the_published_v2_answer():
    """Tags count from 0, times are exact seconds, and a chunk without words adds no rows."""
    words = tables.make_words(V2)
    assert words[["channel_tag", "final_index", "word", "start", "end"]].values.tolist() == [
        ["0", 0, "прием", 0.88, 1.16],
        ["0", 0, "раз", 1.22, 1.54],
        ["0", 0, "два", 1.56, 2.78],
        ["1", 1, "слышу", 0.0, 0.4],
    ]
    finals = tables.make_finals(V2)
    assert list(finals.text) == ["Прием 1, 2.", "Слышу.", "Хорошо."]
    assert finals.refined_text.isna().all()
    assert finals.speech_end.isna().tolist() == [False, False, True]


# ---- schemas


@pytest.mark.parametrize(
    ("make", "schema"),
    [
        (tables.make_words, tables.WORDS),
        (lambda responses: tables.make_words(responses, stage="partial"), tables.PARTIAL_WORDS),
        (tables.make_finals, tables.FINALS),
        (tables.make_languages, tables.LANGUAGES),
        (tables.make_events, tables.EVENTS),
    ],
    ids=["words", "partial words", "finals", "languages", "events"],
)
@pytest.mark.parametrize("responses", [[], [b""], [serialized(eou_update={"time_ms": 5})]], ids=len)
def test_a_frame_keeps_its_columns_and_dtypes_without_rows(make, schema, responses):
    """An empty result has the same columns and dtypes, and a RangeIndex."""
    frame = tables.check(make(responses), schema)
    assert list(frame) == list(schema)
    assert isinstance(frame.index, pd.RangeIndex)
    assert tables.empty(schema).dtypes.equals(frame.dtypes)


def test_check_names_the_offending_column():
    """A missing column and a wrong dtype have different messages."""
    words = tables.make_words(REST)
    with pytest.raises(SchemaError, match=r"words: column 'end' is missing; there are recording, .*start$"):
        tables.check(words.drop(columns="end"), tables.WORDS, "words")
    with pytest.raises(SchemaError, match="column 'start' is int64, not float64"):
        tables.check(words.assign(start=1), tables.WORDS)


def test_an_unknown_stage_lists_the_known_ones():
    """The error for a wrong stage lists the valid ones."""
    with pytest.raises(ValueError, match="stage must be 'partial', 'final' or 'refinement', not 'interim'"):
        tables.make_words(REST, stage="interim")


# ---- odd answers


def test_a_refinement_before_its_final_is_joined():
    """Refinements are joined by key, in any order of messages."""
    finals = tables.make_finals([refinement(4, "Hello."), final(4, "hello")])
    assert list(finals.refined_text) == ["Hello."]


def test_a_refinement_without_its_final_adds_no_text():
    """It is in the events and in the words of its stage, not in the finals."""
    responses = [refinement(4, "Hello."), final(5, "you")]
    assert tables.make_finals(responses).refined_text.isna().tolist() == [True]
    assert list(tables.make_events(responses).final_index) == [4, 5]
    assert list(tables.make_words(responses, stage="refinement").word) == ["Hello."]


def test_channels_do_not_borrow_each_others_refinements():
    """The key is the channel and the index."""
    finals = tables.make_finals(
        [final(0, "a", tag="0"), final(0, "b", tag="1"), refinement(0, "B.", tag="1")]
    )
    assert finals.refined_text.fillna("-").tolist() == ["-", "B."]


def test_the_last_of_two_refinements_counts():
    """The service may send a second refinement; it adds no row."""
    finals = tables.make_finals([final(0, "a"), refinement(0, "A"), refinement(0, "A.")])
    assert list(finals.refined_text) == ["A."]


def test_a_final_without_words_has_text_but_no_speech_bounds():
    """It has a row, and the start and end of speech are NaN."""
    responses = [serialized(channel_tag="0", final={"alternatives": [{"text": "hm", "end_time_ms": 900}]})]
    finals = tables.make_finals(responses)
    assert finals.loc[0, "text"] == "hm"
    assert finals.loc[0, ["speech_start", "speech_end"]].isna().all()
    assert tables.make_words(responses).empty


def test_the_inner_channel_tag_stands_in_for_an_empty_outer_one():
    """Old servers send only the nested tag. Without both, the tag is empty."""
    nested = serialized(final=update("a", tag="1"))
    neither = serialized(final=update("b"))
    assert list(tables.make_words([nested, neither]).channel_tag) == ["1", ""]
    assert list(tables.make_events([nested, neither]).channel_tag) == ["1", ""]


def test_an_unknown_event_kind_is_kept():
    """A field of a newer service becomes an event of kind unknown, and nothing else."""
    novel = serialized(channel_tag="0") + b"\x9a\x06\x02hi"
    events = tables.make_events([novel, final(0, "a")])
    assert list(events.event) == ["unknown", "final"]
    assert list(tables.make_words([novel, final(0, "a")]).word) == ["a"]


def test_a_message_cut_in_the_middle_costs_only_itself():
    """A warning has its position; the other messages are in every frame, and the event is unreadable."""
    cut = final(1, "lost words")[:-9]
    responses = [final(0, "one"), cut, final(2, "two")]
    with pytest.warns(
        UnreadableMessage, match="message 1 of 3 cannot be parsed.*the others are in the frames"
    ):
        assert list(tables.make_words(responses).word) == ["one", "two"]
    with pytest.warns(UnreadableMessage, match="message 1 of 3"):
        assert list(tables.make_finals(responses).text) == ["one", "two"]
    with pytest.warns(UnreadableMessage, match="message 1 of 3"):
        events = tables.check(tables.make_events(responses, received_at=[1.0, 2.0, 3.0]), tables.EVENTS)
    assert list(events.event) == ["final", "unreadable", "final"]
    assert list(events.received_at) == [1.0, 2.0, 3.0]


def test_a_status_message_is_told_in_its_event():
    """Its text is the message of the service, its status the code; other events have no status."""
    warning = serialized(status_code={"code_type": "WARNING", "message": "too slow"})
    unknown = serialized(status_code={"code_type": 9})
    events = tables.make_events([warning, final(0, "a"), unknown])
    assert events.loc[0, ["event", "text", "status"]].tolist() == ["status_code", "too slow", "warning"]
    assert events.status.fillna("-").tolist() == ["warning", "-", "9"]


def test_an_event_names_its_session():
    """A long stream has several."""
    ids = ["one", "one", "two"]
    events = tables.make_events([serialized(session_uuid={"uuid": id}, eou_update={}) for id in ids])
    assert events.session.tolist() == ids


def test_partials_tell_which_message_they_came_in():
    """A partial replaces the one before, so the position of its message is part of the key."""
    responses = [serialized(partial=update("so")), serialized(partial=update("so what"))]
    words = tables.make_words(responses, stage="partial")
    assert list(zip(words.seq, words.word, strict=True)) == [(0, "so"), (1, "so"), (1, "what")]


def test_the_likeliest_language_is_named():
    """With language detection the service sends a probability per language."""
    alternative = {
        "text": "a",
        "confidence": 0.5,
        "languages": [
            {"language_code": "ru-RU", "probability": 0.2},
            {"language_code": "en-EN", "probability": 0.8},
        ],
    }
    finals = tables.make_finals([serialized(final={"alternatives": [alternative]}), final(1, "b")])
    assert finals.language.fillna("-").tolist() == ["en-EN", "-"]
    assert finals.confidence.fillna(-1).tolist() == [0.5, -1]


def test_each_estimate_of_a_language_has_a_row():
    """For each alternative of each final, in the order of the service; none for finals without."""

    def alternative(text, **shares):
        guesses = [{"language_code": code, "probability": share} for code, share in shares.items()]
        return {"text": text, "languages": guesses}

    def estimated(index, tag, *alternatives):
        return serialized(
            final={"alternatives": list(alternatives)},
            audio_cursors={"final_index": index},
            channel_tag=tag,
        )

    responses = [
        estimated(0, "0", alternative("да", ru=0.75, en=0.25), alternative("yes", en=1.0)),
        final(1, "b"),
        refinement(0, "Да."),
        estimated(0, "1", alternative("так", kk=0.5, ru=0.5)),
    ]
    frame = tables.check(sk.Transcript(responses, recording="talk").languages, tables.LANGUAGES)
    assert frame.values.tolist() == [
        ["talk", "0", 0, 0, "ru", 0.75],
        ["talk", "0", 0, 0, "en", 0.25],
        ["talk", "0", 0, 1, "en", 1.0],
        ["talk", "1", 0, 0, "kk", 0.5],
        ["talk", "1", 0, 0, "ru", 0.5],
    ]
    sentence = {"final": {"alternatives": [alternative("да", ru=0.75)]}, "channelTag": "2"}
    answer = responses_from_json(json.dumps({"result": sentence}))
    assert tables.make_languages(answer).values.tolist() == [["", "2", 0, 0, "ru", 0.75]]


# ---- properties

texts = st.lists(st.sampled_from(["", "a", "да", "a b", "один два три"]), max_size=3)
answers = st.lists(
    st.one_of(
        st.builds(
            lambda i, t, tag: final(i, *t, tag=tag), st.integers(0, 3), texts, st.sampled_from(["", "0", "1"])
        ),
        st.builds(
            lambda i, t, tag: refinement(i, *t, tag=tag),
            st.integers(0, 3),
            texts,
            st.sampled_from(["0", "1"]),
        ),
        st.builds(lambda t: serialized(partial=update(*t)), texts),
        st.just(serialized(eou_update={"time_ms": 7})),
    ),
    max_size=8,
)


@given(answers)
def test_words_equal_a_loop_over_the_messages(responses):
    """The columns equal the result of protobuf's own parser and a plain loop."""
    expected = []
    for message in map(v3.StreamingResponse.FromString, responses):
        tag = message.channel_tag or message.final.channel_tag
        for number, alternative in enumerate(message.final.alternatives):
            for position, word in enumerate(alternative.words):
                index = message.audio_cursors.final_index
                times = [word.start_time_ms / 1000, word.end_time_ms / 1000]
                expected.append(["r", tag, index, number, position, word.text, *times])
    assert tables.make_words(responses, "r").values.tolist() == expected


@given(answers)
def test_refinements_join_as_a_dictionary_would(responses):
    """A final has the last refinement of its (channel, index, alternative); missing if there is none."""
    refined, expected = {}, []
    parsed = [v3.StreamingResponse.FromString(response) for response in responses]
    for message in parsed:
        tag, index = message.channel_tag, message.final_refinement.final_index
        for number, alternative in enumerate(message.final_refinement.normalized_text.alternatives):
            refined[tag, index, number] = alternative.text
    for message in parsed:
        tag, index = message.channel_tag, message.audio_cursors.final_index
        for number, alternative in enumerate(message.final.alternatives):
            expected.append((alternative.text, refined.get((tag, index, number), "missing")))
    finals = tables.make_finals(responses)
    assert list(zip(finals.text, finals.refined_text.fillna("missing"), strict=True)) == expected


@given(st.lists(st.integers(0, 2**45), min_size=1, max_size=20))
def test_milliseconds_survive_the_way_through_seconds(times):
    """Conversion from ms to s and back is exact."""
    responses = [
        serialized(final={"alternatives": [{"words": [{"text": "x", "start_time_ms": t} for t in times]}]})
    ]
    assert (tables.make_words(responses).start * 1000).round().astype("int64").tolist() == times
