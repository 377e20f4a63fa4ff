"""Options of the text through every door: what they change, what is warned of, and what the frames say."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from local_server import Server, wav

import speechkit_nb as sk
from speechkit_nb.audio import EncodedAudio
from speechkit_nb.cli.main import main
from speechkit_nb.client import Client
from speechkit_nb.client.transport.messages import build_file_request
from speechkit_nb.errors import ConfigError, IneffectiveOption
from speechkit_nb.wire import request_to_v2, v3

WORDS = ["call", "two", "one", "two", "eighty", "five", "zero", "six", "bullshit"]
OPTIONS = ("normalize", "phone_formatting", "profanity_filter", "literature_text")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It recognizes `WORDS`, 200 ms each, whatever the language."""
    path: Path = tmp_path_factory.mktemp("script") / "talk.csv"
    lines = [f"{word},{0.2 * i:.1f},{0.2 * (i + 1):.1f}" for i, word in enumerate(WORDS)]
    path.write_text("\n".join(["word,start,end", *lines]))
    started = Server(models={"general": f"scripted:{path}"})
    yield started
    started.close()


@pytest.fixture
def clients(server: Server) -> Iterator[dict[str, Client]]:
    """A client for each API."""
    target = f"grpc://{server.address}"
    with sk.connect(target) as v3_client, sk.connect(target, api="v2") as v2_client:
        yield {"v3": v3_client, "v2": v2_client}


def find_effects(api: str, options: dict[str, bool], language: str) -> set[str]:
    """The table of the service once more, written down by hand."""
    if language == "auto":
        return set()
    normalize, phones, masks, literature = (options[name] for name in OPTIONS)
    if api == "v3":
        wanted = (normalize, normalize and phones, normalize and masks, normalize and literature)
    else:
        wanted = (normalize, normalize, masks, literature and api == "v2")
    return {name for name, is_on in zip(OPTIONS, wanted, strict=True) if is_on}


def read_effects(text: str) -> set[str]:
    """The effects that can be seen in a text."""
    patterns = {"normalize": r"\d", "phone_formatting": "212-85-06", "profanity_filter": r"\*{8}"}
    found = {name for name, pattern in patterns.items() if re.search(pattern, text)}
    return found | ({"literature_text"} if re.fullmatch(r"Call .*\.", text) else set())


CASES = [
    (api, dict(zip(OPTIONS, switches, strict=True)), language)
    for api in ("v3", "v2", "v2 stream")
    for language in ("en-US", "auto")
    for switches in product([False, True], repeat=4)
    if switches[1] or api == "v3"
]


def recognize(client: Client, api: str, **options: Any) -> sk.Transcript:
    if api.endswith("stream"):
        return client.stream([bytes(2 * 8000 * 2)], sample_rate=8000, **options).result(timeout=60)
    return client.submit(wav(2.0), **options).result(timeout=60, progress=False)


@pytest.mark.parametrize("api", ["v3", "v2", "v2 stream"])
def test_each_combination(clients: dict[str, Client], api: str) -> None:
    """The text has the effects of the table, lost options are warned of, and the frame knows its kind."""
    for case_api, options, language in CASES:
        if case_api != api:
            continue
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", IneffectiveOption)
            transcript = recognize(clients[api[:2]], api, language=language, **options)
        case = (api, language, options)
        expected = find_effects(api, options, language)
        assert read_effects(transcript.refined_text) == expected, case
        given = {name for name in OPTIONS if options[name] != (name == "phone_formatting")}
        lost = given - expected - ({"phone_formatting"} if "normalize" in expected else set())
        told = [re.split(" ha(?:s|ve) no ", str(warning.message))[0] for warning in caught]
        assert [set(re.findall("|".join(OPTIONS), text)) for text in told] == ([lost] if lost else []), case
        raw = " ".join(WORDS)
        is_changed = api != "v3" and bool(expected)
        assert (transcript.text == raw) is not is_changed, case
        assert set(transcript.finals["text_kind"]) == {"normalized" if is_changed else "raw"}, case
        is_masked = api != "v3" and "profanity_filter" in expected
        said = [*WORDS[:-1], "********" if is_masked else WORDS[-1]]
        assert transcript.words["word"].tolist() == said, case


@pytest.mark.parametrize(
    ("api", "options", "message"),
    [
        (
            "v3",
            {"literature_text": True},
            "literature_text has no effect without normalize=True: give both, or leave it out",
        ),
        (
            "v3",
            {"profanity_filter": True, "phone_formatting": False},
            "profanity_filter and phone_formatting=False have no effect without normalize=True: give both, "
            "or leave them out",
        ),
        (
            "v2",
            {"normalize": True, "language": "auto"},
            "normalize has no effect with language='auto', for which the service does not normalize: name "
            "the language, or leave it out",
        ),
        (
            "v2 stream",
            {"literature_text": True, "profanity_filter": True},
            "literature_text has no effect in a stream of API v2: send a file, connect with api='v3', or "
            "leave it out",
        ),
        ("v3", dict.fromkeys(OPTIONS, True), ""),
        ("v3", {"normalize": True, "phone_formatting": False}, ""),
        ("v2", {"literature_text": True, "profanity_filter": True}, ""),
        ("v3", {}, ""),
    ],
)
def test_explanations(api: Any, options: dict[str, Any], message: str) -> None:
    """One sentence: which options, why, what to do."""
    assert sk.RecognitionConfig(**options).explain_ineffective(api) == message


def test_columns_of_a_table_are_warned_of_once(clients: dict[str, Client]) -> None:
    """Not once per recording."""
    table = pd.DataFrame({"source": [wav(1.0), wav(1.5)], "id": ["a", "b"], "literature_text": [True, True]})
    with pytest.warns(
        IneffectiveOption, match="literature_text has no effect without normalize=True"
    ) as caught:
        clients["v3"].submit_many(table, progress=False).wait(progress=False)
    assert len(caught) == 1


def test_the_command_warns(target: str, tmp_path: Path) -> None:
    """As a call does."""
    (tmp_path / "a.wav").write_bytes(wav(1.0))
    asked = ["transcribe", str(tmp_path / "a.wav"), "--target", target, "--language", "auto", "--normalize"]
    with pytest.warns(IneffectiveOption, match="normalize has no effect with language='auto'"):
        result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("options", [{}, {"literature_text": True}, {"profanity_filter": True}])
def test_what_is_sent_is_what_was_asked(options: dict[str, bool]) -> None:
    """Normalization is not disabled for someone who did not say so; v2 is told to send raw results."""
    config = sk.RecognitionConfig(**options)
    request = build_file_request(config, EncodedAudio(b"", "OGG_OPUS", 8000, 1))
    assert request.recognition_model.text_normalization == v3.TextNormalizationOptions(**options)
    specification = request_to_v2(request).config.specification
    assert specification.raw_results
    assert specification.literature_text == options.get("literature_text", False)


def test_v2_cannot_leave_telephone_numbers_alone(clients: dict[str, Client]) -> None:
    """It has no switch for it, which is an error before anything is sent."""
    with pytest.raises(ConfigError, match="API v2 has no phone_formatting"):
        clients["v2"].submit(wav(), normalize=True, phone_formatting=False, language="en-US")


def test_words_of_the_refinement_merge(clients: dict[str, Client]) -> None:
    """The number is one word of the refinement, from the start of its first word to the end of its last."""
    transcript = recognize(clients["v3"], "v3", language="en-US", normalize=True)
    refined = transcript.words_of("refinement")
    assert refined["word"].tolist() == ["call", "212-85-06", "bullshit"]
    assert refined[["start", "end"]].values.tolist() == [[0.0, 0.2], [0.2, 1.6], [1.6, 1.8]]
    assert transcript.words["word"].tolist() == WORDS


def test_a_comparison_of_both_kinds_of_text_says_so(clients: dict[str, Client]) -> None:
    """Texts of v3 are raw, those of v2 with normalization are not; words can be compared."""
    options = {"language": "en-US", "normalize": True, "id": "a"}
    found = {
        api: client.submit(wav(2.0), **options).result(timeout=60, progress=False)
        for api, client in clients.items()
    }
    by_text = sk.compare({api: transcript.finals for api, transcript in found.items()})
    (problem,) = [text for text in by_text.problems if "text_kind" in text]
    assert problem.startswith("the text of system 'v3' is raw, that of system 'v2' normalized")
    assert not [text for text in sk.compare(found).problems if "text_kind" in text]


@pytest.mark.parametrize("way", ["v3", "v3 stream"])
@pytest.mark.parametrize(
    ("language", "reason"),
    [("kk-KZ", "there is no grammar for 'kk-KZ'"), ((), "the request names no language")],
)
def test_what_the_local_server_cannot_write_is_in_the_events(
    clients: dict[str, Client], way: str, language: Any, reason: str
) -> None:
    """A language without figures, or none: the words stay, and one message says why."""
    transcript = recognize(clients["v3"], way, language=language, normalize=True)
    assert transcript.refined_text == " ".join(WORDS)
    warned = transcript.events.query("status == 'warning' and not text.str.contains('real time')")
    assert warned["text"].tolist() == [
        f"normalization in the local server: {reason}, so that number words stay words"
    ]
