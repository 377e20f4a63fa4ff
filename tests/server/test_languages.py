"""Which engine recognizes a language; Russian; and models that cannot be fetched or loaded."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import soundfile
import soxr
from human_speech import RUSSIAN, RUSSIAN_WORDS
from local_server import DATA, Server, talk
from model_hub import ModelHub, run_hub
from whisper_base import find_base_model

import speechkit_nb as sk
from speechkit_nb.errors import ConfigError, IneffectiveOption, JobFailed, MissingExtra, Rejected, ServerError
from speechkit_nb.server import ServerSettings
from speechkit_nb.server.engines.base import EngineSpec, ListenRequest
from speechkit_nb.server.engines.registry import check_engine, create_engine, list_languages, parse_engine
from speechkit_nb.server.engines.whisper import WhisperEngine, WhisperListener
from speechkit_nb.server.engines.whisper_models import CODES
from speechkit_nb.server.recognition.options import choose_engine, read_options
from speechkit_nb.server.status import StatusError, internal_error
from speechkit_nb.wire import methods, v2, v3

BLACKLIST = v3.LanguageRestrictionOptions.BLACKLIST


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with whisper's base for what pocketsphinx does not know, and models that know one language."""
    models = {"english": "pocketsphinx"}
    started = Server(rest="127.0.0.1:0", whisper=str(find_base_model()), models=models, workers=1)
    yield started
    started.close()


# ---- which engine


def ask(*codes: str, model: str = "", kind: int = v3.LanguageRestrictionOptions.WHITELIST) -> Any:
    """A request for languages."""
    request = v3.RecognizeFileRequest()
    request.recognition_model.model = model
    request.recognition_model.language_restriction.restriction_type = kind
    request.recognition_model.language_restriction.language_code.extend(codes)
    return request


@pytest.mark.parametrize(
    ("request_", "engine"),
    [
        (ask("en-US"), "pocketsphinx"),
        (ask("EN-us"), "pocketsphinx"),
        (ask(), "pocketsphinx"),
        (v3.RecognizeFileRequest(), "pocketsphinx"),
        (ask("ru-RU"), "whisper:small"),
        (ask("ru-RU", model="deferred-general:rc"), "whisper:small"),
        (ask("kk-KZ"), "whisper:small"),
        (ask("de-DE"), "whisper:small"),
        (ask("ja-JP"), "whisper:small"),
        (ask("auto"), "whisper:small"),
        (ask("ru-RU", "en-US"), "whisper:small"),
        (ask("en-US", "xx-XX"), "pocketsphinx"),
        (ask("en-US", kind=BLACKLIST), "whisper:small"),
        (ask("ru-RU", kind=BLACKLIST), "whisper:small"),
        (ask("ru-RU", kind=BLACKLIST, model="english"), "pocketsphinx"),
        (ask("en-US", "auto", model="english"), "pocketsphinx"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_first_engine_that_knows_the_language_is_taken(request_: Any, engine: str) -> None:
    """pocketsphinx knows en-US; the model of `whisper` has the others, and finds out which it is."""
    models = ServerSettings(whisper="small", models={"english": "pocketsphinx"}).engines()
    assert str(choose_engine(request_, models)) == engine


def test_one_of_several_languages_is_detected() -> None:
    """Among those that the request names, or all that it does not exclude; only by an engine for several."""
    whisper, english = parse_engine("whisper:small"), parse_engine("pocketsphinx")

    def listen(request: Any, spec: EngineSpec) -> tuple[str, tuple[str, ...]]:
        found = read_options(request, spec).complete(ListenRequest())
        return found.language, found.candidates

    assert listen(ask("ru-RU", "en-US", "xx-XX"), whisper) == ("", ("ru-RU", "en-US"))
    assert listen(ask("ru-RU"), whisper) == ("ru-RU", ())
    assert listen(ask("ru-RU", "auto"), whisper) == ("", ())
    assert listen(ask("ru-RU", "en-US"), english) == ("en-US", ())
    language, candidates = listen(ask("en-us", kind=BLACKLIST), whisper)
    assert language == ""
    assert set(CODES.values()) - set(candidates) == {"en-US"}


def test_an_engine_for_one_language_detects_none() -> None:
    """A warning says so."""
    warning = read_options(ask("auto"), parse_engine("pocketsphinx")).warning
    assert warning == "pocketsphinx knows en-US only, so no language is detected"
    assert not read_options(ask("auto"), parse_engine("whisper:small")).warning
    assert not read_options(ask("en-US"), parse_engine("pocketsphinx")).warning


def test_a_language_that_no_engine_knows() -> None:
    """What was asked, and what there is."""
    for whisper, known in ((None, "en-US"), ("small.en", "en-US"), ("small", "en-US, de-DE, es-ES, fi-FI, ")):
        models = ServerSettings(whisper=whisper).engines()
        with pytest.raises(StatusError) as failed:
            choose_engine(ask("xx-XX"), models)
        assert failed.value.code == 3
        expected = f"the model 'general' does not know the language xx-XX; it knows {known}"
        assert failed.value.message.startswith(expected)
        assert failed.value.message.endswith(", and takes auto")
    with pytest.raises(StatusError, match="does not know the language xx-XX or ''; it knows"):
        choose_engine(ask("xx-XX", ""), models)


@pytest.mark.parametrize("is_installed", [True, False])
def test_a_language_that_another_engine_knows(is_installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line to type; with the package if it is not installed."""
    if not is_installed:
        monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(StatusError) as failed:
        choose_engine(ask("ru-RU"), ServerSettings().engines())
    install = "" if is_installed else "pip install 'speechkit-nb[whisper]', and "
    assert failed.value.message == (
        "the model 'general' does not know the language ru-RU; it knows en-US, and takes auto. For ru-RU: "
        f"{install}connect('local', whisper='small'), or speechkit-nb serve --whisper small; small is "
        "fetched once, and the folder of a model does as well"
    )


def test_every_caller_gets_that_sentence(server: Server) -> None:
    """v3, v2, streams and REST: INVALID_ARGUMENT, and the same words."""
    request = ask("ru-RU", model="english")
    request.content = talk(1)
    options = v3.StreamingOptions(recognition_model=request.recognition_model)
    options.recognition_model.audio_format.raw_audio.audio_encoding = v3.RawAudio.LINEAR16_PCM
    options.recognition_model.audio_format.raw_audio.sample_rate_hertz = 8000
    spec = v2.RecognitionSpec(
        model="english", language_code="ru-RU", audio_encoding=1, sample_rate_hertz=8000
    )
    config = v2.RecognitionConfig(specification=spec)
    calls = [
        ("speechkit.stt.v3.AsyncRecognizer", "RecognizeFile", request),
        ("speechkit.stt.v3.Recognizer", "RecognizeStreaming", v3.StreamingRequest(session_options=options)),
        (
            "yandex.cloud.ai.stt.v2.SttService",
            "LongRunningRecognize",
            v2.LongRunningRecognitionRequest(config=config, audio={"content": bytes(8000)}),
        ),
        (
            "yandex.cloud.ai.stt.v2.SttService",
            "StreamingRecognize",
            v2.StreamingRecognitionRequest(config=config),
        ),
    ]
    sentence = (
        "the model 'english' does not know the language ru-RU; it knows en-US, and takes auto. For ru-RU:"
    )
    for service, name, message in calls:
        method = methods(service)[name]
        channel = server.api.channel
        stream = channel.stream_stream(method.path, method.request.SerializeToString)
        unary = channel.unary_unary(method.path, method.request.SerializeToString)
        with pytest.raises(grpc.RpcError) as failed:
            list(stream(iter([message]))) if "Streaming" in name else unary(message)
        assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT, name
        assert failed.value.details().startswith(sentence), name
    body = {
        "content": "AAAA",
        "recognitionModel": {
            "model": "english",
            "languageRestriction": {"restrictionType": "WHITELIST", "languageCode": ["ru-RU"]},
        },
    }
    answer = httpx.post(f"{server.rest}/stt/v3/recognizeFileAsync", json=body)
    assert answer.status_code == 400
    assert sentence in answer.text


@pytest.mark.parametrize("wrong", ["", " ", 5])
def test_a_wrong_model_of_whisper(wrong: Any) -> None:
    """One error that says what it may be."""
    with pytest.raises(ServerError, match=r"whisper must be a folder or a name such as 'small', not "):
        ServerSettings(whisper=wrong)
    with pytest.raises(ConfigError, match="whisper must be "):
        sk.connect("local", whisper=wrong)


# ---- Russian


def test_a_model_in_a_folder_may_know_every_language() -> None:
    """`whisper:FOLDER` is checked without loading the model."""
    spec = parse_engine(f"whisper:{find_base_model()}")
    check_engine(spec)
    assert list_languages(spec) == ()


def test_a_person_who_speaks_russian(server: Server) -> None:
    """At most one word is wrong; the words lie inside the sound, in order; the language was found out."""
    with sk.connect(f"grpc://{server.address}") as client:
        transcript = client.submit(RUSSIAN, language="auto").result(progress=False)
    assert sk.wer(RUSSIAN_WORDS, transcript.text).errors <= 1
    times = transcript.words[["start", "end"]].to_numpy().ravel()
    assert (np.diff(times) >= 0).all()
    assert 0 <= times[0] < 0.6
    assert 5.5 < times[-1] <= soundfile.info(RUSSIAN).duration
    first = transcript.languages.iloc[0]
    assert first["language"] == "ru-RU"
    assert first["probability"] > 0.8
    assert transcript.languages.groupby("final_index")["probability"].sum().to_numpy() == pytest.approx(1)


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    """whisper's base, loaded once."""
    made = create_engine(parse_engine(f"whisper:{find_base_model()}"))
    assert isinstance(made, WhisperEngine)
    return made


def test_partials_in_russian_come_while_the_sound_does(engine: WhisperEngine) -> None:
    """Each with more of the sentence, about a second after the one before."""
    samples, rate = soundfile.read(RUSSIAN, dtype="float32", frames=round(8000 * 2.5))
    pcm = (soxr.resample(samples, rate, 16000) * 32767).astype("<i2").tobytes()
    listener = WhisperListener(engine, ListenRequest(partials=True), "ru", clock=lambda: 0.0)
    found = [hypothesis for i in range(0, len(pcm), 6400) for hypothesis in listener.feed(pcm[i : i + 6400])]
    assert [hypothesis.kind for hypothesis in found] == ["partial"] * len(found)
    assert len(found) >= 2
    assert found[0].end_ms < 1700
    assert len(found[-1].words) > len(found[0].words)
    assert found[-1].text.startswith("в данный момент")


@pytest.mark.exhaustive
def test_russian_is_recognized_as_by_the_library_itself(server: Server, engine: WhisperEngine) -> None:
    """Files and streams, a person and a synthetic voice: at most a point and a word worse."""
    synthetic = DATA / "russian.wav"
    spoken = " ".join(line.partition(",")[0] for line in (DATA / "russian.words.csv").read_text().split()[1:])
    for path, words in ((RUSSIAN, RUSSIAN_WORDS), (synthetic, spoken)):
        segments, _ = engine._model.transcribe(str(path), language="ru")
        itself = sk.wer(words, " ".join(segment.text for segment in segments))
        with sk.connect(f"grpc://{server.address}") as client:
            texts = [client.submit(path, language="ru-RU").result(progress=False).text]
            with client.stream(path, pace="fast", language="ru-RU") as session:
                texts.append(session.result().text)
        for text in texts:
            found = sk.wer(words, text)
            assert found.errors <= itself.errors + 1 + 0.01 * found.n_words


# ---- models that cannot be fetched or loaded


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """A folder with the files of a model for many languages, which are too small to be one."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(np.random.default_rng(0).bytes(300_000))
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text('{"version": 1}')
    (folder / "vocabulary.json").write_text(json.dumps(["a"] * 51_865))
    return folder


@pytest.fixture
def hub(small_model: Path) -> Iterator[ModelHub]:
    """A hub that has it as `base`."""
    with run_hub("Systran/faster-whisper-base", small_model) as running:
        yield running


FETCH = """
import sys
from speechkit_nb.server.engines.registry import fetch_model, parse_engine
from speechkit_nb.server.status import StatusError, internal_error
for name in sys.argv[1:]:
    found = []
    try:
        fetch_model(parse_engine(name), lambda *n: found.append(n))
        print("fetched", *found[-1:])
    except StatusError as error:
        print(error.code.name, error)
"""
FAILED = "FAILED_PRECONDITION the whisper model 'base' could not be fetched: "
ADVICE = "; try again where there is a network, or give the folder of a model that was fetched elsewhere"


def fetch(hub: ModelHub, home: Path, *names: str) -> list[str]:
    """What fetching models one after the other in another process prints."""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, *names], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_model_is_fetched_once(hub: ModelHub, tmp_path: Path) -> None:
    """With its progress. A file that arrives damaged is an error, and so is a model that the hub lacks."""
    hub.damaged = ["model.bin"]
    names = ("whisper:base", "whisper:base", "whisper:base", "whisper:someone/else")
    damaged, fetched, again, unknown = fetch(hub, tmp_path / "home", *names)
    assert damaged == f"{FAILED}model.bin arrived damaged (its SHA-256 is wrong) and was deleted{ADVICE}"
    n_bytes = sum(file.stat().st_size for file in hub.folder.iterdir())
    assert (fetched, again) == (f"fetched ({n_bytes}, {n_bytes})", "fetched")
    assert [name for name, _ in hub.served].count("model.bin") == 2
    assert len(hub.served) == 5
    assert re.match(".* 'someone/else' could not be fetched: .*404 Not Found.*; try again where", unknown)


@pytest.mark.exhaustive
def test_half_a_download(hub: ModelHub, tmp_path: Path) -> None:
    """An error with its reason, after the attempts of the library; the next time it is fetched."""
    hub.cut = {"model.bin"}
    (failed,) = fetch(hub, tmp_path / "home", "whisper:base")
    assert re.fullmatch(re.escape(FAILED) + ".*without sending complete message body.*" + ADVICE, failed)
    hub.cut = set()
    assert fetch(hub, tmp_path / "home", "whisper:base")[0].startswith("fetched (")


@pytest.mark.exhaustive
def test_connect_shows_the_progress(
    hub: ModelHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a bar of the client, before it returns; the second time there is none."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    for bar in (r"whisper:base: 100%.* (\d+k)/\1", ""):
        sk.connect("local", whisper="base", data_dir=tmp_path / "data").close()
        shown = capfd.readouterr().err
        assert re.search(bar, shown) if bar else not shown


def test_a_server_without_its_model_serves_the_others(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network, and a damaged model: a warning at the start, an error with what to do; English goes on."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    models = {"broken": f"whisper:{small_model}"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = sk.connect("local", whisper="base", models=models, data_dir=tmp_path / "data")
    no_network = "the whisper model 'base' could not be fetched: .*; try again where there is a network"
    (warning,) = (each.message for each in caught if each.category is IneffectiveOption)
    assert re.match(f"the local server starts without a model: {no_network}", str(warning))
    with client:
        for model, words in (
            ("general", no_network),
            (
                "broken",
                f"the whisper model in '{small_model}' cannot be loaded: .*; it is damaged, or half a",
            ),
        ):
            with pytest.raises(JobFailed, match=f"FAILED_PRECONDITION: {words}"):
                client.submit(RUSSIAN, model=model, language="ru-RU").result(progress=False)
            with (
                pytest.raises(Rejected, match=f"FAILED_PRECONDITION: {words}"),
                client.stream(RUSSIAN, pace="fast", model=model, language="ru-RU") as session,
            ):
                session.result()
        english = sk.Recording(talk(2), id="talk")
        assert "welcome" in client.submit(english, language="en-US").result(progress=False).text


def test_what_is_gone_is_no_fault_of_the_server(tmp_path: Path) -> None:
    """A model that was deleted after the start, or a package: FAILED_PRECONDITION, and which it is."""
    for error in (ServerError(f"the folder {tmp_path} holds no model.bin"), MissingExtra("it", "a", "b")):
        assert internal_error("the server", error).code == 9
        assert internal_error("the server", error).message == str(error)
