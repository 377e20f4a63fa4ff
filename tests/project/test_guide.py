"""The programs of the service's guide, in `guide/` or as commands of curl, run against the local server.

Only host, port, credentials, links and trusted certificates differ from the pages. The programs check nothing
that the pages' programs do not check: they index answers as those do, and end with an error where those do.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest
import soundfile
import soxr
from credentials import self_signed
from google.protobuf import text_format
from local_server import DATA, Server, sound, talk
from whisper_base import find_base_model

from speechkit_nb.wire import operation, v3

GUIDE = Path(__file__).parent / "guide"
SDK = Path(__file__).parent / "nodejs_sdk"
PROTOS = Path(__file__).parents[2] / "protos"
NODE = Path(sys.executable).with_name("node")
KEY = "AQVNguide"
OAUTH = "y0_guide"
FOLDER_ID = "b1gfolder"
SCRIPT = "word,start,end\nпривет,0.5,0.9\nмир,1.0,1.4\n"
BUCKET = "https://storage.yandexcloud.net/talks"
RUSSIAN = "сегодня утром было очень холодно поезд отправляется через двадцать пять минут"
CHUNK_SIZE = 4000
RATE = 8000


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: Any) -> tuple[Path, Path]:
    """Certificate of the servers, which is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: Any) -> Path:
    """A folder for Object Storage, with a bucket of English and Russian speech."""
    root = tmp_path_factory.mktemp("buckets")
    (root / "talks").mkdir()
    for name in ("talk.wav", "wav.ogg"):
        (root / "talks" / name).write_bytes(talk(3.0))
    russian = read_russian(48000)
    opus = sound(russian / 2**15, 48000, format="OGG", subtype="OPUS")
    (root / "talks" / "talk.ogg").write_bytes(opus)
    (root / "talks" / "talk.pcm").write_bytes(read_russian(RATE).tobytes())
    return root


def read_russian(rate: int, seconds: float = 5.6) -> Any:
    """Synthetic Russian speech that begins with `RUSSIAN`, 16-bit samples of shape (1, n_samples)."""
    samples, original = soundfile.read(DATA / "russian.wav", dtype="int16", stop=round(seconds * 16000))
    return soxr.resample(samples, original, rate)[None]


class Service:
    """Where a server is, and whom it lets in."""

    def __init__(self, grpc: str, rest: str, certificate: Path) -> None:
        self.grpc = grpc.replace("127.0.0.1", "localhost")
        self.rest = rest.replace("127.0.0.1", "localhost")
        self.certificate = certificate

    def run(self, *command: object, authorization: str, **variables: object) -> str:
        """What a program prints."""
        environment = {
            "AUTHORIZATION": authorization,
            "CURL_CA_BUNDLE": self.certificate,
            "REQUESTS_CA_BUNDLE": self.certificate,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": self.certificate,
            **variables,
        }
        texts = os.environ | {name: str(value) for name, value in environment.items()}
        done = subprocess.run(
            list(map(str, command)), cwd=GUIDE, env=texts, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def curl(self, path: str, *options: str, authorization: str) -> str:
        """What curl prints with the options of the guide: no content type is among them."""
        command = ["curl", "--silent", "--show-error", *options, "-H", f"Authorization: {authorization}"]
        return self.run(*command, f"{self.rest}{path}", authorization=authorization)

    def wait(self, operation_id: str, authorization: str) -> Any:
        """Ask for the operation again and again, as the guide says; returns it when it is done."""
        for _ in range(600):
            found = json.loads(self.curl(f"/operations/{operation_id}", authorization=authorization))
            if found["done"]:
                return found
            time.sleep(0.2)
        raise AssertionError(f"operation {operation_id} is not done")

    def token(self) -> str:
        """An IAM token of a user, which the guide's streams use, and which may name a folder."""
        body = json.dumps({"yandexPassportOauthToken": OAUTH})
        return str(json.loads(self.curl("/iam/v1/tokens", "-d", body, authorization=""))["iamToken"])


@pytest.fixture(scope="module")
def scripted(certificates: tuple[Path, Path], bucket: Path, tmp_path_factory: Any) -> Iterator[Service]:
    """The same two words whatever is said, in sessions with many status messages."""
    script = tmp_path_factory.mktemp("script") / "talk.csv"
    script.write_text(SCRIPT)
    started = Server(
        rest="127.0.0.1:0",
        models={"general": f"scripted:{script}"},
        bucket_root=bucket,
        api_key=KEY,
        oauth_token=OAUTH,
        tls_cert=certificates[0],
        tls_key=certificates[1],
        streams={"status_seconds": 0.1},
    )
    yield Service(started.address, started.rest, certificates[0])
    started.close()


@contextmanager
def serve(certificates: tuple[Path, Path], bucket: Path, *options: object) -> Iterator[Service]:
    """The command `speechkit-nb serve`."""
    command = [Path(sys.executable).with_name("speechkit-nb"), "serve", "--bucket-root", bucket]
    command += ["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", *options]
    command += ["--tls-cert", certificates[0], "--tls-key", certificates[1]]
    secrets = {"SPEECHKIT_NB_API_KEY": KEY, "SPEECHKIT_NB_OAUTH_TOKEN": OAUTH}
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, env=os.environ | secrets
    )
    assert process.stdout is not None
    found = re.search(r"grpcs://(\S+:\d+) (https://\S+)", process.stdout.readline())
    assert found, "the server did not start; its error is on standard error"
    try:
        yield Service(found[1], found[2], certificates[0])
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def shipped(certificates: tuple[Path, Path], bucket: Path) -> Iterator[Service]:
    """What comes with the package: the embedded recognizer for English."""
    with serve(certificates, bucket) as service:
        yield service


@pytest.fixture(scope="module")
def russian(certificates: tuple[Path, Path], bucket: Path) -> Iterator[Service]:
    """The same with a model of whisper for other languages."""
    with serve(certificates, bucket, "--whisper", find_base_model()) as service:
        yield service


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: Any) -> Path:
    """A folder for PYTHONPATH: what `grpc_tools.protoc` makes of the .proto files."""
    import grpc_tools

    folder = tmp_path_factory.mktemp("stubs")
    includes = [PROTOS, folder_of_googleapis(), Path(grpc_tools.__file__).parent / "_proto"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{path}" for path in includes)]
    command += [f"--python_out={folder}", f"--grpc_python_out={folder}", *sorted(PROTOS.rglob("*.proto"))]
    subprocess.run(list(map(str, command)), check=True)
    for package in [path for path in (folder / "yandex").rglob("*") if path.is_dir()] + [folder / "yandex"]:
        (package / "__init__.py").touch()  # otherwise the package yandexcloud of this environment is first
    return folder


def folder_of_googleapis() -> Path:
    """The folder of google/rpc/status.proto."""
    import google.rpc

    return Path(next(iter(google.rpc.__path__))).parents[1]


def install(folder: Path) -> None:
    """The packages of the lock file, once."""
    installed, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [NODE.with_name("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, timeout=300, env=os.environ | {"PATH": path}
        )


# ---- the samples of the pages: keys, and patterns for the values

NUMBER = r"\d+"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
V3_OPERATION = {
    "id": "f8d[a-z0-9]{17}",
    "description": "STT v3 async recognition",
    "createdAt": TIME,
    "createdBy": "aje[a-z0-9]{17}",
    "modifiedAt": TIME,
}
V3_UPDATE = {
    "alternatives": [
        {
            "words": [{"text": ".+", "startTimeMs": NUMBER, "endTimeMs": NUMBER}],
            "text": ".+",
            "startTimeMs": "0",
            "endTimeMs": NUMBER,
            "confidence": 0,
            "languages": [],
        }
    ],
    "channelTag": "0",
}
V3_MESSAGE = {
    "sessionUuid": {"uuid": UUID, "userRequestId": ".+"},
    "audioCursors": {
        "receivedDataMs": NUMBER,
        "resetTimeMs": "0",
        "partialTimeMs": NUMBER,
        "finalTimeMs": NUMBER,
        "finalIndex": "0",
        "eouTimeMs": NUMBER,
    },
    "responseWallTimeMs": NUMBER,
    "channelTag": "0",
}
V3_RESULT = [
    {"result": V3_MESSAGE | {"final": V3_UPDATE}},
    {"result": V3_MESSAGE | {"finalRefinement": {"finalIndex": "0", "normalizedText": V3_UPDATE}}},
    {"result": V3_MESSAGE | {"eouUpdate": {"timeMs": NUMBER}}},
]
V2_OPERATION = {
    "id": "e03[a-z0-9]{17}",
    "createdAt": TIME,
    "createdBy": "aje[a-z0-9]{17}",
    "modifiedAt": TIME,
}
DURATION = r"\d+(\.\d+)?s"
V2_RESPONSE = {
    "@type": r"type\.googleapis\.com/yandex\.cloud\.ai\.stt\.v2\.LongRunningRecognitionResponse",
    "chunks": [
        {
            "alternatives": [
                {
                    "words": [{"startTime": DURATION, "endTime": DURATION, "word": ".+", "confidence": 1}],
                    "text": ".+",
                    "confidence": 1,
                }
            ],
            "channelTag": "1",
        }
    ],
}


def check_shape(value: Any, sample: Any, place: str = "the answer") -> None:
    """Every object has the keys of the sample, and every value is like the sample's.

    A text of the sample is a pattern. A list of one element stands for one or more like it.
    """
    if isinstance(sample, dict):
        assert isinstance(value, dict), place
        assert set(value) == set(sample), place
        for key, each in sample.items():
            check_shape(value[key], each, f"{place}.{key}")
    elif isinstance(sample, list):
        assert isinstance(value, list), place
        assert len(value) >= len(sample) if sample else not value, place
        for i, each in enumerate(value):
            check_shape(each, sample[0], f"{place}[{i}]")
    elif isinstance(sample, str):
        assert isinstance(value, str), place
        assert re.fullmatch(sample, value), f"{place}: {value!r} is not like {sample!r}"
    else:
        assert value == sample, place
        assert isinstance(value, bool) == isinstance(sample, bool), place


def read_objects(text: str) -> list[Any]:
    """JSON objects one after another."""
    found, at = [], 0
    while at < len(text.rstrip()):
        value, at = json.JSONDecoder().raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


# ---- curl, v3: a WAV file


def test_v3_with_curl(shipped: Service) -> None:
    """A body without a content type; the operation, with a key whose scheme is spelled `Api-key`; the result,
    with a token. Every object has the fields of the page's sample.
    """
    api_key, bearer = f"Api-Key {KEY}", f"Bearer {shipped.token()}"
    answer = shipped.curl("/stt/v3/recognizeFileAsync", "-d", "@request.json", authorization=api_key)
    created = json.loads(answer)
    check_shape(created, V3_OPERATION | {"done": False, "metadata": None})
    done = shipped.wait(created["id"], f"Api-key {KEY}")
    check_shape(done, V3_OPERATION | {"done": True})
    answer = shipped.curl(f"/stt/v3/getRecognition?operation_id={created['id']}", authorization=bearer)
    messages = read_objects(answer)
    assert len(messages) == 3
    for i, (message, sample) in enumerate(zip(messages, V3_RESULT, strict=True)):
        check_shape(message, sample, f"message {i}")
    final, refinement, end = (message["result"] for message in messages)
    assert final["final"]["alternatives"][0]["text"].startswith("good morning")
    assert refinement["finalRefinement"]["normalizedText"] == final["final"]
    assert [each["audioCursors"]["eouTimeMs"] for each in (final, refinement)] == ["0", "0"]
    assert end["audioCursors"]["eouTimeMs"] == end["eouUpdate"]["timeMs"] == "3000"
    for cursor in ("receivedDataMs", "partialTimeMs", "finalTimeMs"):
        assert end["audioCursors"][cursor] == final["final"]["alternatives"][0]["endTimeMs"] == "3000"
    assert len({each["sessionUuid"]["uuid"] for each in (final, refinement, end)}) == 1


def test_curl_shows_the_error(scripted: Service) -> None:
    """With a wrong key the answer is an error of the service, without the key."""
    answer = scripted.curl(
        "/stt/v3/recognizeFileAsync", "-d", "@request.json", authorization="Api-Key AQVNwrong"
    )
    check_shape(json.loads(answer), {"message": "the API key is unknown"})


# ---- Python, v3: a WAV file


def test_v3_with_python(shipped: Service, stubs: Path) -> None:
    """The operation as text, then the list of messages as text. As on the page, zeros are left out."""
    options: dict[str, Any] = {"authorization": f"Api-Key {KEY}", "PYTHONPATH": stubs}
    link = f"{BUCKET}/talk.wav?X-Amz-Signature=0"
    printed = shipped.run(sys.executable, "v3_submit.py", shipped.grpc, link, **options)
    fields = re.findall(r"^\w+", printed, flags=re.MULTILINE)
    assert fields == ["id", "description", "created_at", "created_by", "modified_at"]
    created = text_format.Parse(printed, operation.Operation())
    assert created.description == "STT v3 async recognition"
    shipped.wait(created.id, f"Api-Key {KEY}")
    printed = shipped.run(sys.executable, "v3_result.py", shipped.grpc, created.id, **options)
    assert printed.startswith("[session_uuid {")
    texts = printed.strip()[1:-1].split("\n, ")
    messages = [text_format.Parse(text, v3.StreamingResponse()) for text in texts]
    assert [each.WhichOneof("Event") for each in messages] == ["final", "final_refinement", "eou_update"]
    assert printed.count('text: "good morning') == 2
    assert "final_index" not in printed
    assert printed.count("end_time_ms: 3000") == 2
    assert messages[2].eou_update.time_ms == 3000


# ---- v2: a file in Ogg Opus, the default format, and headerless samples

V2_CALL = ("/speech/stt/v2/longRunningRecognize", "-d")
V2_BODY = {"config": {"specification": {"languageCode": "ru-RU"}}, "audio": {"uri": f"{BUCKET}/talk.ogg"}}
LPCM = {
    "languageCode": "ru-RU",
    "audioEncoding": "LINEAR16_PCM",
    "sampleRateHertz": 8000,
    "audioChannelCount": 1,
}
V2_FILES = {"Ogg Opus": ("talk.ogg", {"languageCode": "ru-RU"}), "LPCM": ("talk.pcm", LPCM)}


@pytest.mark.parametrize("kind", V2_FILES)
def test_v2_with_curl(scripted: Service, kind: str) -> None:
    """The operation, and when it is done the answer in it."""
    authorization = f"Api-Key {KEY}"
    name, specification = V2_FILES[kind]
    body = {"config": {"specification": specification}, "audio": {"uri": f"{BUCKET}/{name}"}}
    created = json.loads(scripted.curl(*V2_CALL, json.dumps(body), authorization=authorization))
    check_shape(created, V2_OPERATION | {"done": False})
    done = scripted.wait(created["id"], authorization)
    check_shape(done, V2_OPERATION | {"done": True, "response": V2_RESPONSE})
    assert [chunk["alternatives"][0]["text"] for chunk in done["response"]["chunks"]] == ["привет мир"]


def test_v2_with_the_wrong_codec(scripted: Service) -> None:
    """The suffix decides nothing: a WAV file is no Ogg Opus, whatever its name."""
    body = V2_BODY | {"audio": {"uri": f"{BUCKET}/wav.ogg"}}
    answer = json.loads(scripted.curl(*V2_CALL, json.dumps(body), authorization=f"Api-Key {KEY}"))
    check_shape(answer, {"code": 3, "message": "Invalid audio received: .*", "details": []})


def recognize_v2(service: Service, name: str, specification: dict[str, Any]) -> list[str]:
    """The texts that the program of the page prints."""
    command = [sys.executable, "v2_files.py", service.rest, service.rest, f"{BUCKET}/{name}"]
    printed = service.run(*command, json.dumps(specification), authorization=f"Api-Key {KEY}")
    before, after = printed.split("Response:\n")
    assert set(before.splitlines()[1:]) <= {"Not ready"}
    answer, texts = after.split("Text chunks:\n")
    check_shape(json.loads(answer), V2_OPERATION | {"done": True, "response": V2_RESPONSE})
    return texts.splitlines()


@pytest.mark.parametrize("kind", V2_FILES)
def test_v2_with_python(scripted: Service, kind: str) -> None:
    """The program of the page finds `done`, the chunks and their first alternatives."""
    assert recognize_v2(scripted, *V2_FILES[kind]) == ["привет мир"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", V2_FILES)
def test_v2_in_russian(russian: Service, kind: str) -> None:
    """With a model of whisper the text is that of the recording."""
    check_russian(recognize_v2(russian, *V2_FILES[kind]))


def check_russian(texts: list[str]) -> None:
    """The texts are about `RUSSIAN`: the speech is synthetic and the model small, so some words are wrong."""
    text = " ".join(texts).lower()
    assert SequenceMatcher(None, text, RUSSIAN).ratio() > 0.45, text


def test_v2_without_an_engine_for_russian(shipped: Service) -> None:
    """The answer is one sentence that says so."""
    answer = json.loads(shipped.curl(*V2_CALL, json.dumps(V2_BODY), authorization=f"Api-Key {KEY}"))
    check_shape(answer, {"code": 3, "message": ".*ru-RU.*--whisper.*", "details": []})


# ---- v2 streams


@pytest.fixture(scope="module")
def speech(tmp_path_factory: Any) -> Path:
    """Headerless samples at 8 kHz: Russian speech, a pause, and some bytes that fill no chunk."""
    path = tmp_path_factory.mktemp("speech") / "speech.pcm"
    path.write_bytes(read_russian(RATE, 1.6).tobytes() + bytes(2 * CHUNK_SIZE + 1000))
    return path


def read_chunks(printed: str) -> list[tuple[list[str], bool]]:
    """Texts and `final` of every answer that a streaming program has printed; it prints nothing else."""
    chunks = []
    for block in printed.split("Start chunk: \n")[1:]:
        *texts, final = block.rstrip("\n").split("\n")
        assert all(text.startswith("alternative:  ") for text in texts), printed
        kind, value = final.split(":  ")
        assert (kind, value.lower()) in (("Is final", "true"), ("Is final", "false")), printed
        chunks.append(([text.removeprefix("alternative:  ") for text in texts], value.lower() == "true"))
    return chunks


@pytest.fixture(params=["Python", "Node"])
def stream(request: Any, stubs: Path) -> Any:
    """Runs the program on a server with a file; returns what it prints."""
    if request.param == "Node":
        install(GUIDE)

    def run(service: Service, speech: Path) -> str:
        authorization = f"Bearer {service.token()}"
        if request.param == "Python":
            command = [sys.executable, "v2_streaming.py", service.grpc, FOLDER_ID, speech]
            return service.run(*command, authorization=authorization, PYTHONPATH=stubs)
        command = [NODE, "v2_streaming.js", service.grpc, service.certificate, FOLDER_ID, speech]
        return service.run(*command, PROTOS, folder_of_googleapis(), authorization=authorization)

    return run


def test_v2_streams(scripted: Service, stream: Any, speech: Path) -> None:
    """Partials that grow, then a final with all words. The program in Node would end at an answer without
    chunks, so status messages have none here."""
    chunks = read_chunks(stream(scripted, speech))
    assert [texts for texts, final in chunks if final] == [["привет мир"]]
    assert ["привет"] in [texts for texts, final in chunks if not final]
    assert chunks[-1][1]


@pytest.mark.exhaustive
def test_v2_streams_in_russian(russian: Service, stream: Any, bucket: Path) -> None:
    """The same with a model of whisper."""
    chunks = read_chunks(stream(russian, bucket / "talks" / "talk.pcm"))
    check_russian([texts[0] for texts, final in chunks if final])
    assert any(not final for _, final in chunks)


def test_v2_streams_without_an_engine_for_russian(shipped: Service, stream: Any, speech: Path) -> None:
    """The program prints the sentence of the status."""
    printed = stream(shipped, speech)
    assert "Start chunk" not in printed
    assert "--whisper" in printed
    assert re.search(r"INVALID_ARGUMENT|code: 3\b", printed), printed


# ---- the vendor's SDK for Node


@pytest.mark.exhaustive
def test_the_vendors_sdk_for_node(scripted: Service, speech: Path) -> None:
    """Files and streams of v3, and the reason why a stream is refused."""
    install(SDK)

    def run(action: str, *arguments: object, token: str) -> list[Any]:
        command = [
            NODE,
            SDK / "v3.js",
            scripted.grpc,
            scripted.grpc,
            scripted.certificate,
            action,
            *arguments,
        ]
        return [
            json.loads(line)
            for line in scripted.run(*command, authorization="", IAM_TOKEN=token).splitlines()
        ]

    token = scripted.token()
    stream = run("stream", speech, token=token)
    assert [each["final"]["alternatives"][0]["text"] for each in stream if "final" in each] == ["привет мир"]
    for _ in range(5):
        with pytest.raises(AssertionError, match="UNAUTHENTICATED: the token is invalid"):
            run("stream", speech, token="t1.wrong")
        with pytest.raises(AssertionError, match="INVALID_ARGUMENT: no model 'best'"):
            run("stream", speech, "best", token=token)
    file = run("file", f"{BUCKET}/talk.wav", token=token)
    assert [each["final"]["alternatives"][0]["text"] for each in file if "final" in each] == ["привет мир"]
    assert [set(each) & {"final", "finalRefinement", "eouUpdate"} for each in file] == [
        {"final"},
        {"finalRefinement"},
        {"eouUpdate"},
    ]


def test_the_lock_files_name_no_host() -> None:
    """Packages come from the registry that npm is configured for, and their hashes are checked."""
    for folder in (GUIDE, SDK):
        lock = json.loads((folder / "package-lock.json").read_text())
        packages = [facts for name, facts in lock["packages"].items() if name]
        assert packages
        assert all("integrity" in facts and "resolved" not in facts for facts in packages)
