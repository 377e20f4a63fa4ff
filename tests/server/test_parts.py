"""The parts of the local server that need no process: store, links, faults, finals, texts, scripts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_server import wav

from speechkit_nb.errors import MissingExtra, ServerError
from speechkit_nb.server.engines import registry
from speechkit_nb.server.engines.base import EngineSpec, Hypothesis, LanguageEstimate, ListenRequest, Word
from speechkit_nb.server.engines.registry import check_engine, parse_engine
from speechkit_nb.server.engines.scripted import ScriptedListener, create
from speechkit_nb.server.engines.scripts import split_list
from speechkit_nb.server.operations.store import KEEP_SECONDS, Store, Work
from speechkit_nb.server.recognition.events import EventWriter, Final, interleave
from speechkit_nb.server.recognition.file import tile_finals
from speechkit_nb.server.recognition.options import Options
from speechkit_nb.server.recognition.refinement import explain_refinement, mask, refine
from speechkit_nb.server.status import Code, StatusError
from speechkit_nb.server.testing.faults import Faults
from speechkit_nb.text_options import FIGURES, find_effects
from speechkit_nb.wire import v3

WORK = Work("", "scripted:x", b"request", b"audio")


@dataclass
class Clock:
    """A clock that tests set (seconds)."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_results_are_kept_three_days(where: str, tmp_path: Path, clock: Clock) -> None:
    """After three days operation and result are not found, before they are."""
    store = Store(tmp_path if where == "folder" else None, clock=clock)
    id = store.create(WORK, "")
    store.finish(id, [b"one", b"two"])
    clock.now += KEEP_SECONDS - 1
    store.heartbeat()
    assert store.messages(id) == [b"one", b"two"]
    clock.now += 2
    with pytest.raises(StatusError, match=f"operation ID not found {id}"):
        store.messages(id)
    store.heartbeat()
    clock.now -= 2
    with pytest.raises(StatusError, match=f"operation ID not found {id}"):
        store.operation(id)
    store.close()


def test_audio_is_kept_only_while_it_is_needed(tmp_path: Path, clock: Clock) -> None:
    """The audio is stored unchanged, and deleted when the operation is done."""
    store = Store(tmp_path, clock=clock)
    work = Work("mine", "scripted:x", b"request", bytes(5 << 20))
    id = store.create(work, "")
    assert store.work(id) == work
    store.finish(id, [])
    store.close()
    assert (tmp_path / "operations.sqlite").stat().st_size < 1 << 20
    assert (tmp_path / "operations.sqlite").stat().st_mode & 0o077 == 0


def test_path_of_audio_is_kept(clock: Clock) -> None:
    """Audio that came by uri is kept as a path; a request without an id gets the operation's."""
    store = Store(clock=clock)
    work = Work("", "pocketsphinx", b"", Path("/buckets/talks/a.wav"))
    id = store.create(work, "")
    assert store.work(id) == Work(id, "pocketsphinx", b"", Path("/buckets/talks/a.wav"))
    store.close()


def test_only_orphans_can_be_claimed(tmp_path: Path, clock: Clock) -> None:
    """An operation belongs to its server while its lease lasts, then to the first server that claims it."""
    first, second, third = (Store(tmp_path, lease=5, clock=clock) for _ in range(3))
    id = first.create(WORK, "")
    clock.now += 4
    for store in (first, second, third):
        store.heartbeat()
    clock.now += 4
    assert second.orphans() == []
    assert not second.claim(id)
    second.heartbeat()
    third.heartbeat()
    clock.now += 2  # the first has been silent for 6 s
    assert second.orphans() == [id]
    assert second.claim(id)
    assert third.orphans() == []
    assert not third.claim(id)
    assert not first.finish(id, [b"late"])
    assert not first.fail(id, StatusError(Code.INTERNAL, "late"))
    assert first.owned() == set()
    assert second.finish(id, [b"in time"])
    assert first.messages(id) == [b"in time"]
    for store in (first, second, third):
        store.close()


def test_clean_stop_gives_operations_back_at_once(tmp_path: Path, clock: Clock) -> None:
    """What a server leaves behind when it closes can be claimed without waiting."""
    first, second = Store(tmp_path, clock=clock), Store(tmp_path, clock=clock)
    id = first.create(WORK, "")
    first.close()
    assert second.orphans() == [id]
    second.close()


def test_cancelled_operation_takes_no_result(clock: Clock) -> None:
    """A result that comes after the cancellation is dropped."""
    store = Store(clock=clock)
    id = store.create(WORK, "")
    store.cancel(id)
    assert not store.finish(id, [b"late"])
    with pytest.raises(StatusError, match="operation was cancelled"):
        store.messages(id)
    store.close()


@st.composite
def hypotheses(draw: st.DrawFn) -> tuple[list[Hypothesis], int]:
    """Finals of one channel in order, and a duration that may cut the last one."""
    edges = sorted(draw(st.lists(st.integers(0, 100_000), min_size=2, max_size=20)))
    edges = edges[: len(edges) // 2 * 2]
    found = [
        Hypothesis("final", (Word("w", start, end),), start, end)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
    return found, draw(st.integers(found[-1].start_ms, found[-1].end_ms + 5_000))


@given(hypotheses())
def test_finals_tile_the_time_line(drawn: tuple[list[Hypothesis], int]) -> None:
    """No gap, no overlap, from 0 to the end of the channel; every final holds its words."""
    found, duration = drawn
    finals = tile_finals(found, 0, duration)
    assert len(finals) == len(found)
    assert finals[0].start_ms == 0
    assert finals[-1].end_ms == duration
    assert all(a.end_ms == b.start_ms for a, b in pairwise(finals))
    for final, hypothesis in zip(finals, found, strict=True):
        assert final.text == hypothesis.text
        assert all(final.start_ms <= w.start_ms <= w.end_ms <= final.end_ms for w in final.words)


def test_nothing_heard_has_no_finals() -> None:
    """Silence is not a final."""
    assert tile_finals([], 0, 5000) == []


def test_interleave() -> None:
    """Channels take turns by the ends of their finals; at the same end the one who stopped speaking first."""

    def final(channel: int, last_word: int, end: int) -> Final:
        return Final(channel, (Word("w", 0, last_word),), 0, end)

    a, b, c, d = final(0, 900, 1000), final(1, 1900, 2000), final(0, 2900, 3000), final(1, 2500, 3000)
    assert interleave([[a, c], [b, d]]) == [a, b, d, c]


def test_wall_time_counts_from_the_start_of_the_session() -> None:
    """In milliseconds, by the given clock."""
    clock = Clock()
    writer = EventWriter("id", 1000, detects_language=True, clock=clock)
    clock.now += 1.5
    final = Final(0, (Word("yes", 100, 300),), 0, 1000, (LanguageEstimate("en-US", 1.0),))
    (message,) = map(v3.StreamingResponse.FromString, writer.final(final))
    assert message.response_wall_time_ms == 1500
    (language,) = message.final.alternatives[0].languages
    assert (language.language_code, language.probability) == ("en-US", 1.0)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("on the twenty first i paid five dollars", "en-US", "On the 21st I paid $5."),
        ("i'm sure i'll be there", "en-US", "I'm sure I'll be there."),
        ("i tre", "it-IT", "I 3."),
        ("двадцать пять минут", "ru-RU", "25 минут."),
        ("жиырма бес", "kk-KZ", "Жиырма бес."),
        ("twenty five", "", "Twenty five."),
        ("", "en-US", ""),
    ],
)
def test_refine(text: str, language: str, expected: str) -> None:
    """Digits where the language has a number grammar, capital and full stop in any."""
    effects = find_effects("v3", ["normalize", "literature_text"], [language])
    options = Options(EngineSpec("scripted"), language, False, effects=effects)
    assert refine(tuple(Word(word, 0, 0) for word in text.split()), options).text == expected


def test_refine_in_the_detected_language() -> None:
    """Of several languages the likeliest has its own figures, and it is named if there are none for it."""
    options = Options(EngineSpec("scripted"), "en-US", False, effects=frozenset({FIGURES}))
    guesses = (LanguageEstimate("en-US", 0.2), LanguageEstimate("ru-RU", 0.8))
    assert refine((Word("двадцать", 0, 1), Word("пять", 1, 2)), options, guesses).text == "25"
    assert explain_refinement(options, guesses) == ""
    kazakh = (LanguageEstimate("kk-KZ", 0.6), LanguageEstimate("ru-RU", 0.4))
    assert "no grammar for 'kk-KZ'" in explain_refinement(options, kazakh)


@pytest.mark.parametrize(
    "word",
    [
        "страхуют",
        "художник",
        "хуже",
        "себя",
        "учебник",
        "небо",
        "мебель",
        "потребуют",
        "сук",
        "рубля",
        "употреблять",
        "оскорблять",
        "command",
        "classic",
        "shitake",
        "Dick",
        "cockpit",
    ],
)
def test_words_that_only_look_like_swear_words(word: str) -> None:
    """A word counts as a whole."""
    assert mask(word) == word


@pytest.mark.parametrize(
    "fault",
    [
        "",
        "unavailable",
        "unavailable:Get",
        "unavailable:get:1",
        "cut:Get:1",
        "unavailable:Get:x",
        "cut:Get",
        "slow:soon",
        "never-done:1",
        "slow:-1",
        "not-ready:²",
        "unavailable:Get:999999999999",
        f"slow:{'9' * 400}",
        "html:Get:99:1",
    ],
)
def test_fault_written_wrongly(fault: str) -> None:
    """The message lists the faults."""
    with pytest.raises(
        ServerError, match=r"there is no fault '.*'; the faults are unavailable:METHOD:N, .* slow:SECONDS"
    ):
        Faults([fault])


def test_cut_counts_streams() -> None:
    """TIMES streams are cut after N messages, then they run through; 0 messages is allowed."""
    faults = Faults(["cut:GetRecognition:1:2", "slow:0.001"])

    async def sent() -> list[bytes]:
        stream = faults.through("GetRecognition", [b"a", b"b"])
        try:
            return [await anext(stream), await anext(stream)]
        except StatusError as error:
            return [error.code.name.encode()]

    assert [asyncio.run(sent()) for _ in range(3)] == [[b"UNAVAILABLE"]] * 2 + [[b"a", b"b"]]


@given(st.lists(st.binary(max_size=300)))
def test_split_list_gives_back_what_was_put_in(messages: list[bytes]) -> None:
    """Whatever the messages hold, their bytes survive; lengths take one byte or two."""

    def length(n: int) -> bytes:
        return bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7])

    assert split_list(b"".join(b"\x0a" + length(len(m)) + m for m in messages)) == messages


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0a\x05ab", "the last message is cut off"),
        (b"\x0a\x80", "the last message is cut off"),
        (b"\x0a\x01a\x12\x00", "byte 3 does not begin a message of a StreamingResponseList"),
    ],
)
def test_split_list_refuses(data: bytes, words: str) -> None:
    """Bytes that are no list of messages, or not complete, are an error."""
    with pytest.raises(ValueError, match=words):
        split_list(data)


def test_overlapping_words_stay_in_one_utterance() -> None:
    """A pause is counted from the latest end, not from the last word's."""
    words = (Word("long", 0, 2000), Word("in", 100, 300), Word("next", 900, 1100), Word("far", 2500, 2600))
    found = ScriptedListener(words, ListenRequest()).feed(bytes(32 * 4000))
    assert [(final.text, final.end_ms) for final in found] == [("long in next", 2000), ("far", 2600)]


def test_script_as_a_live_engine(tmp_path: Path) -> None:
    """Fed piece by piece, a script gives growing partials, and its final when the pause is over."""
    script = tmp_path / "talk.csv"
    script.write_text("word,start,end\none,0.1,0.3\ntwo,0.4,0.6\n")
    listener = create(EngineSpec("scripted", str(script))).listen(ListenRequest(partials=True))
    found = [(i, h.kind, h.text) for i in range(15) for h in listener.feed(bytes(3200))]  # 100 ms each
    assert found == [(2, "partial", "one"), (5, "partial", "one two"), (10, "final", "one two")]
    assert listener.finish() == []


def test_a_script_beside_the_same_sound(tmp_path: Path) -> None:
    """What comes without a name is known by the bytes of a file, or by its samples, as v2 sends them."""
    content = wav(0.5)
    (tmp_path / "talk.wav").write_bytes(content)
    (tmp_path / "talk.words.csv").write_text("word,start,end\none,0.1,0.3\n")
    engine = create(EngineSpec("scripted", str(tmp_path)))
    for known in (content, content[44:]):
        listener = engine.listen(ListenRequest(sha256=sha256(known).hexdigest()))
        assert [found.text for found in [*listener.feed(bytes(32_000)), *listener.finish()]] == ["one"]
    with pytest.raises(StatusError, match="holds no script for this recording"):
        engine.listen(ListenRequest(sha256=sha256(b"other").hexdigest()))


def test_recorded_answer_is_no_live_engine(tmp_path: Path) -> None:
    """A recorded answer has no words with times."""
    (tmp_path / "a.binpb").write_bytes(b"")
    with pytest.raises(StatusError, match=r"a\.binpb is a recorded answer: for files, not for streams"):
        create(EngineSpec("scripted", str(tmp_path / "a.binpb"))).listen(ListenRequest())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "word,begin\nx,1\n", "the columns end, start are missing"),
        ("a.csv", "word,start,end\nx,early,1\n", "could not convert string to float: 'early'"),
        ("a.json", "{", "the answer is no JSON"),
        ("a.binpb", "text", "byte 0 does not begin a message"),
    ],
)
def test_unreadable_script(tmp_path: Path, name: str, content: str, words: str) -> None:
    """A server with a script that cannot be read does not start, and the error names the reason."""
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ServerError, match=f"the script .*{name} cannot be read: .*{words}"):
        check_engine(parse_engine(f"scripted:{path}"))


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a missing package of an engine has the command that installs it."""
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"needs the package pocketsphinx"):
        check_engine(EngineSpec("pocketsphinx"))
