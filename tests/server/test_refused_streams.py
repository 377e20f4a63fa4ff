"""A stream that is refused tells its client why, also while the client is still sending."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any

import grpc
import pytest
from credentials import self_signed
from live_sessions import RATE, chunk, options, write_script
from local_server import Server

from speechkit_nb.wire import methods, v2, v3

KEY = "sesame"
N_CALLS = {"iterator": 20, "writes": 4}
"""Where the rest of the requests is not read, a fifth of the former fail for another reason, and most of the
latter."""
PIECE = bytes(4000)
N_PIECES = 50
FOLDER_ID = "b1glocal000000000000"
RUSSIAN = v3.LanguageRestrictionOptions(restriction_type="WHITELIST", language_code=["ru-RU"])
REFUSED = {
    "key": (options(), "wrong", "UNAUTHENTICATED", "the API key is unknown"),
    "model": (options(model="best"), KEY, "INVALID_ARGUMENT", "no model 'best'; this server has"),
    "language": (
        options(model="recognizer", language_restriction=RUSSIAN),
        KEY,
        "INVALID_ARGUMENT",
        "ru-RU",
    ),
    "rate": (options(rate=7), KEY, "INVALID_ARGUMENT", "sample_rate_hertz is 7"),
    "no options": (chunk(PIECE), KEY, "INVALID_ARGUMENT", "the first message of a session must be"),
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: Any) -> Any:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(certificate: Any, tmp_path_factory: Any) -> Iterator[Server]:
    script = write_script(tmp_path_factory.mktemp("script") / "talk.csv", [("one", 0.1, 0.4)])
    started = Server(
        models={"general": f"scripted:{script}", "recognizer": "pocketsphinx"},
        api_key=KEY,
        tls_cert=certificate[0],
        tls_key=certificate[1],
    )
    yield started
    started.close()


@pytest.fixture
def credentials(certificate: Any) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(root_certificates=certificate[0].read_bytes())


async def talk(call: Any, requests: list[Any], style: str) -> tuple[str, str]:
    """Call, send everything, and read; the status and its message."""

    async def generate() -> AsyncIterator[Any]:
        for request in requests:
            yield request

    try:
        if style == "iterator":
            session = call(generate())
        else:
            session = call()
            for request in requests:
                await session.write(request)
            await session.done_writing()
        async for _ in session:
            pass
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


@pytest.mark.parametrize(("case", "style"), [("key", "iterator"), *((case, "writes") for case in REFUSED)])
def test_asyncio_clients_see_the_reason(
    server: Server, credentials: grpc.ChannelCredentials, case: str, style: str
) -> None:
    """Clients of gRPC for asyncio, on which the vendor's SDK is built, and which fail at a write to a call
    that has ended."""
    first, key, code, message = REFUSED[case]
    method = methods("speechkit.stt.v3.Recognizer")["RecognizeStreaming"]

    async def main() -> list[tuple[str, str]]:
        answers = []
        for _ in range(N_CALLS[style]):
            async with grpc.aio.secure_channel(server.address, credentials) as channel:
                call = channel.stream_stream(method.path, method.request.SerializeToString)
                metadata = [("authorization", f"Api-Key {key}")]
                requests = [first, *[chunk(PIECE)] * N_PIECES]
                answers.append(await talk(partial(call, metadata=metadata, timeout=30), requests, style))
        return answers

    answers = asyncio.run(main())
    assert {found for found, _ in answers} == {code}
    assert all(message in text for _, text in answers)


@pytest.mark.exhaustive
def test_a_long_file(server: Server, credentials: grpc.ChannelCredentials) -> None:
    """A client that sends the largest file that a stream may have, in small pieces, takes over a second."""
    method = methods("speechkit.stt.v3.Recognizer")["RecognizeStreaming"]

    async def main() -> tuple[str, str]:
        async with grpc.aio.secure_channel(server.address, credentials) as channel:
            call = channel.stream_stream(method.path, method.request.SerializeToString)
            requests = [options(), *[chunk(bytes(1000))] * 10_000]
            ready = partial(call, metadata=[("authorization", "Api-Key wrong")], timeout=60)
            return await talk(ready, requests, "writes")

    assert asyncio.run(main()) == ("UNAUTHENTICATED", "the API key is unknown")


def test_v2_clients_see_the_reason(server: Server, credentials: grpc.ChannelCredentials) -> None:
    """The folder of another account is refused after the first message."""
    method = methods("yandex.cloud.ai.stt.v2.SttService")["StreamingRecognize"]
    config = v2.RecognitionConfig(folder_id="b1gother", specification=v2.RecognitionSpec(model="general"))
    requests = [v2.StreamingRecognitionRequest(config=config)]
    requests += [v2.StreamingRecognitionRequest(audio_content=PIECE)] * N_PIECES

    async def main() -> list[tuple[str, str]]:
        async with grpc.aio.secure_channel(server.address, credentials) as channel:
            call = channel.stream_stream(method.path, method.request.SerializeToString)
            ready = partial(call, metadata=[("authorization", f"Api-Key {KEY}")], timeout=30)
            return [await talk(ready, requests, "writes") for _ in range(N_CALLS["writes"])]

    assert {code for code, _ in asyncio.run(main())} == {"PERMISSION_DENIED"}


@pytest.mark.parametrize("style", ["run_stream", "create_bistream"])
def test_the_vendors_sdk_shows_the_reason(server: Server, certificate: Any, style: str) -> None:
    """`yandex-ai-studio-sdk`, with an iterator of pieces and by writes."""
    from yandex_ai_studio_sdk import AIStudio
    from yandex_ai_studio_sdk.auth import APIKeyAuth
    from yandex_ai_studio_sdk.retry import NoRetryPolicy

    sdk = AIStudio(
        folder_id=FOLDER_ID,
        auth=APIKeyAuth("wrong"),
        endpoint=server.address,
        verify=certificate[0],
        retry_policy=NoRetryPolicy(),
    )
    stt = sdk.speechkit.speech_to_text(audio_format="WAV", model="general")

    def recognize() -> None:
        if style == "run_stream":
            list(stt.run_stream([PIECE] * N_PIECES))
            return
        stream = stt.create_bistream(timeout=30)
        for _ in range(N_PIECES):
            stream.write(PIECE)
        stream.done_writing()
        list(stream)

    for _ in range(N_CALLS["writes"]):
        with pytest.raises(grpc.RpcError, match="the API key is unknown"):
            recognize()


@pytest.mark.parametrize("then", ["silent", "endless"])
def test_a_client_that_does_not_end_its_side(
    server: Server, credentials: grpc.ChannelCredentials, then: str
) -> None:
    """It gets the error as well: many that only wait, at the same time, and one that never stops sending."""
    method = methods("speechkit.stt.v3.Recognizer")["RecognizeStreaming"]

    is_over: Future[None] = Future()

    def requests() -> Iterator[Any]:
        yield options(rate=RATE)
        if then == "endless":
            yield from itertools.repeat(chunk(bytes(1_000_000)))
        is_over.result()

    with grpc.secure_channel(server.address, credentials) as channel:
        call = channel.stream_stream(method.path, method.request.SerializeToString)
        sessions = [
            call(requests(), metadata=[("authorization", "Api-Key wrong")], timeout=30)
            for _ in range(30 if then == "silent" else 1)
        ]
        for session in sessions:
            with pytest.raises(grpc.RpcError, match="the API key is unknown"):
                list(session)
        is_over.set_result(None)
