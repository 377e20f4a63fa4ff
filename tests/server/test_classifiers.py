"""Classifiers that look words up, and the stub of summaries: what the answer holds, and that it says so."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_server import Server, wav

import speechkit_nb as sk
from speechkit_nb.config import MODELS
from speechkit_nb.errors import ServiceError
from speechkit_nb.server.engines.base import Word
from speechkit_nb.server.recognition.classifiers import CLASSIFIERS, IN_THE_CLOUD, find_phrases

SCRIPT = """word,start,end,channel
good,0.5,0.7,0
morning,0.7,1.1,0
you,1.2,1.3,0
idiot,1.3,1.8,0
bye,4.0,4.4,0
"""


def find(name: str, text: str) -> list[str]:
    words = [Word(word, 100 * k, 100 * k + 90) for k, word in enumerate(text.split())]
    return [phrase for phrase, _, _ in find_phrases(name, words)]


@pytest.mark.parametrize(
    ("name", "text", "phrases"),
    [
        ("formal_greeting", "Здравствуйте, Добрый день!", ["Здравствуйте,", "Добрый день!"]),
        ("formal_greeting", "what a good day it is in the morning", []),
        ("informal_greeting", "Привет hi there", ["Привет", "hi there"]),
        ("informal_greeting", "приветливый", []),
        ("formal_farewell", "до свидания и всего доброго", ["до свидания", "всего доброго"]),
        ("informal_farewell", "ну пока", ["пока"]),
        ("informal_farewell", "пока идёт дождь", []),
        ("insult", "сам дурак идиотка", ["дурак", "идиотка"]),
        ("insult", "дуракаваляние дурной тупик", []),
        ("profanity", "Bullshit shitake страхуют", ["Bullshit"]),
    ],
)
def test_phrases(name: str, text: str, phrases: list[str]) -> None:
    """Whole words, in any case, with their marks."""
    assert find(name, text) == phrases


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    script = tmp_path_factory.mktemp("script") / "talk.words.csv"
    script.write_text(SCRIPT)
    running = Server(models=dict.fromkeys(MODELS, f"scripted:{script}"), rest="127.0.0.1:0")
    yield running
    running.close()


@pytest.fixture(scope="module", params=["grpc", "rest"])
def target(request: pytest.FixtureRequest, server: Server) -> str:
    return server.rest if request.param == "rest" else f"grpc://{server.address}"


def recognize(client: sk.Client, **options: Any) -> sk.Transcript:
    return client.submit(wav(5.0), **options).result(30, progress=False)


def test_what_is_found_follows_its_event(client: sk.Client) -> None:
    """One message per classifier that has found something; the phrases have times, and no probability."""
    wanted = {"insult": "on_final", "formal_greeting": ["on_utterance", "on_final"], "profanity": "on_final"}
    found = recognize(client, classifiers=wanted)
    frame = found.classifiers
    columns = ["classifier", "window", "text", "text_start", "text_end"]
    assert frame[columns].values.tolist() == [
        ["insult", "last_final", "idiot", 1.3, 1.8],
        ["formal_greeting", "last_final", "good morning", 0.5, 1.1],
        ["formal_greeting", "last_utterance", "good morning", 0.5, 1.1],
    ]
    assert frame.label.isna().all()
    kinds = found.events.event.tolist()
    assert [kinds[seq - 1] for seq in frame.seq] == ["final", "classifier_update", "eou_update"]
    assert set(found.classifiers.channel_tag) == {"0"}


def test_the_answer_says_what_is_not_as_at_the_service(client: sk.Client) -> None:
    """In its first message."""
    asked = {"summarization": "Who?", "summarization_model": "gpt://folder/model"}
    found = recognize(client, classifiers="insult", **asked)
    first = found.events.iloc[0]
    assert (first.event, first.status) == ("status_code", "warning")
    assert first.text == (
        "computed by the local server, not as the service does: recognition_classifier is short lists of "
        "words; summarization is a stub without a language model"
    )


def test_a_summary_says_that_it_is_a_stub(client: sk.Client) -> None:
    """One answer per instruction; an object where one was asked for; no tokens, since there is no model."""
    schema = {"type": "object", "properties": {"who": {"type": "string"}}}
    asked = [
        "Who?",
        {"instruction": "Where?", "json_object": True},
        {"instruction": "What?", "json_schema": schema},
    ]
    found = recognize(client, summarization=asked, summarization_model="gpt://folder/model")
    text, some, schematic = found.summaries.response
    stub = (
        "This is a stub, no summary: the local server has no language model. Heard: 5 words in 2 utterances."
    )
    assert text == f"{stub} Asked: Who?"
    assert json.loads(some) == {"stub": f"{stub} Asked: Where?"}
    assert json.loads(schematic) == {"stub": f"{stub} Asked: What?"}
    assert found.summary_tokens.iloc[0, 2:].tolist() == [0, 0, 0]
    assert found.events.event.iloc[-1] == "summarization"


@pytest.mark.parametrize("name", IN_THE_CLOUD)
def test_a_classifier_that_needs_a_trained_model(client: sk.Client, name: str) -> None:
    """The error names what there is, and where this one is."""
    with pytest.raises(
        ServiceError, match=f"UNIMPLEMENTED.*no classifier '{name}'.*it has .*insult.*use the cloud"
    ):
        recognize(client, classifiers=name)


def test_a_live_session_classifies_too(server: Server, tmp_path: Path) -> None:
    """Partials, finals and utterances; the summary comes at the end."""
    wanted = dict.fromkeys(CLASSIFIERS, ("on_partial", "on_final", "on_utterance"))
    asked = {"summarization": "Who?", "summarization_model": "gpt://folder/model"}
    with sk.connect(f"grpc://{server.address}", journal=tmp_path / "journal.sqlite3") as client:
        session = client.stream(sk.Recording(wav(5.0)), pace="fast", classifiers=wanted, **asked)
        found = session.result(60)
    frame = found.classifiers
    final = frame[frame.window == "last_final"]
    assert final.text.tolist() == ["good morning", "idiot", "bye"]
    assert set(frame.window) == {"last_partial", "last_final", "last_utterance"}
    assert found.events.event.tolist()[-2:] == ["summarization", "status_code"]
    assert "Heard: 5 words in 2 utterances" in found.summaries.response.item()
    assert "recognition_classifier is short lists" in found.events.text.iloc[0]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_of_the_service_is_taken(client: sk.Client, model: str) -> None:
    """By the names that the service has for them."""
    assert recognize(client, model=model).text == "good morning you idiot bye"


def test_a_server_without_models_takes_every_model_of_the_service() -> None:
    """With the embedded recognizer."""
    from speechkit_nb.server import ServerSettings
    from speechkit_nb.server.engines.base import EngineSpec

    engines = ServerSettings().engines()
    assert engines == dict.fromkeys(MODELS, (EngineSpec("pocketsphinx"),))
