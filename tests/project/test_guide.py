"""Programs like those in the guide of the service, in `guide/`, run against the local server."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from credentials import self_signed
from local_server import Server, sound, wav

import speechkit_nb as sk

GUIDE = Path(__file__).parent / "guide"
PROTOS = Path(__file__).parents[2] / "protos"
KEY = "AQVNguide"
OAUTH = "y0_guide"
SCRIPT = "word,start,end\nhello,0.5,0.9\nworld,1.0,1.4\n"
BUCKET = "https://storage.yandexcloud.net/talks"
CHUNK_SIZE = 4000


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificate of the server, which is its own authority, and its key."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(certificates, tmp_path_factory):
    """With TLS, a key, users, and two recordings in a bucket."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "talk.csv").write_text(SCRIPT)
    (folder / "talks").mkdir()
    (folder / "talks" / "talk.wav").write_bytes(wav(2.0))
    opus = sound(np.zeros((1, 96000)), 48000, format="OGG", subtype="OPUS")
    (folder / "talks" / "talk.ogg").write_bytes(opus)
    started = Server(
        rest="127.0.0.1:0",
        models={"general": f"scripted:{folder / 'talk.csv'}"},
        bucket_root=folder,
        api_key=KEY,
        oauth_token=OAUTH,
        tls_cert=certificates[0],
        tls_key=certificates[1],
        streams={"status_seconds": 0.1},  # v3 sends a status message between all others
    )
    yield started
    started.close()


@pytest.fixture(scope="module")
def grpc_host(server):
    return server.address.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def rest(server):
    return server.rest.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def token(rest, certificates):
    """An IAM token of a user."""
    import ssl

    body = json.dumps({"yandexPassportOauthToken": OAUTH}).encode()
    trusted = ssl.create_default_context(cafile=certificates[0])
    with urllib.request.urlopen(f"{rest}/iam/v1/tokens", body, context=trusted) as answer:
        return json.load(answer)["iamToken"]


@pytest.fixture(scope="module")
def node_modules():
    """The packages of the lock file, installed once."""
    installed, lock = GUIDE / "node_modules" / ".package-lock.json", GUIDE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=GUIDE, check=True, capture_output=True, timeout=300)


def run(*command: object, authorization: str, trusted: Path) -> str:
    """What the program prints."""
    environment = {
        **os.environ,
        "AUTHORIZATION": authorization,
        "CURL_CA_BUNDLE": str(trusted),
        "REQUESTS_CA_BUNDLE": str(trusted),
    }
    done = subprocess.run(
        list(map(str, command)), cwd=GUIDE, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Two seconds of headerless samples at 8 kHz, and some bytes that fill no chunk."""
    path = tmp_path_factory.mktemp("speech") / "speech.pcm"
    path.write_bytes(bytes(8 * CHUNK_SIZE + 1000))
    return path


def read_answers(output: str) -> list[tuple[list[str], bool]]:
    """Texts and `final` of each answer with a chunk that a streaming program has printed."""
    answers, texts = [], []
    for line in output.splitlines():
        kind, _, value = line.partition(": ")
        if kind == "alternative":
            texts.append(value)
        elif kind == "final":
            answers.append((texts, value in ("True", "true")))
            texts = []
        else:
            raise AssertionError(f"an answer has no chunk: {line}")
    return answers


# ---- (a) curl, v3 files


@pytest.mark.parametrize("scheme", ["Api-Key", "Api-key"])
def test_v3_files_with_curl(server, rest, certificates, tmp_path, scheme):
    """A body without a content type, the operation, the result: the frames are those of the client."""
    assert shutil.which("curl")
    authorization = f"{scheme} {KEY}"
    command = ["sh", GUIDE / "v3_files.sh", rest, rest, GUIDE / "request.json"]
    output = run(*command, authorization=authorization, trusted=certificates[0])
    operation, length = json.JSONDecoder().raw_decode(output)
    assert operation["done"] is True
    assert "response" not in operation
    (tmp_path / "answer.json").write_text(output[length:])
    transcript = sk.load(tmp_path / "answer.json")
    assert transcript.words.word.tolist() == ["hello", "world"]
    assert transcript.events.event.tolist() == ["final", "final_refinement", "eou_update"]


def test_v3_files_with_curl_and_a_token(server, rest, certificates, token):
    """Bearer and an IAM token."""
    command = ["sh", GUIDE / "v3_files.sh", rest, rest, GUIDE / "request.json"]
    output = run(*command, authorization=f"Bearer {token}", trusted=certificates[0])
    assert '"hello world"' in output


def test_curl_shows_the_error(server, rest, certificates):
    """With a wrong key the program fails and shows the message of the service, without the key."""
    command = ["sh", GUIDE / "v3_files.sh", rest, rest, GUIDE / "request.json"]
    with pytest.raises(AssertionError, match="401") as failed:
        run(*command, authorization="Api-Key AQVNwrong", trusted=certificates[0])
    assert "AQVNwrong" not in str(failed.value)


# ---- (b) Python, v3 files


def test_v3_files_with_the_vendors_stubs(server, grpc_host, certificates):
    """The operation as text, then every message as text; zeros are left out, as gRPC does."""
    link = f"{BUCKET}/talk.wav?X-Amz-Signature=0"
    command = [sys.executable, GUIDE / "v3_files.py", grpc_host, grpc_host, link, certificates[0]]
    output = run(*command, authorization=f"Api-Key {KEY}", trusted=certificates[0])
    assert output.startswith('id: "')
    assert 'description: "STT v3 async recognition"' in output
    assert [output.count(f"\n{event} {{") for event in ("final", "final_refinement", "eou_update")] == [
        1,
        1,
        1,
    ]
    assert output.count('text: "hello world"') == 2  # the refinement has the text of its final
    assert "start_time_ms: 500" in output


# ---- (c) Python, v2 files


def test_v2_files_with_requests(server, rest, certificates):
    """Language and link are enough for Ogg Opus; the program finds `done` and the chunks."""
    command = [sys.executable, GUIDE / "v2_files.py", rest, rest, f"{BUCKET}/talk.ogg"]
    output = run(*command, authorization=f"Api-Key {KEY}", trusted=certificates[0])
    assert output.splitlines()[-1] == "hello world"


# ---- (d) Python, v2 streaming


def test_v2_streaming_with_the_vendors_stubs(server, grpc_host, certificates, token, speech):
    """Chunks without pauses between them: partials if there are any, then one final with all words."""
    command = [sys.executable, GUIDE / "v2_streaming.py", grpc_host, "b1gfolder", speech, certificates[0]]
    answers = read_answers(run(*command, authorization=f"Bearer {token}", trusted=certificates[0]))
    assert [texts for texts, final in answers if final] == [["hello world"]]
    assert answers[-1][1]


# ---- (e) Node, v2 streaming


def test_v2_streaming_with_node(server, grpc_host, certificates, token, speech, node_modules):
    """One chunk every 250 ms: partials grow while the audio is sent."""
    import google.rpc  # the folder of google/rpc/status.proto

    googleapis = Path(google.rpc.__path__[0]).parents[1]
    command = ["node", GUIDE / "v2_streaming.js", grpc_host, "b1gfolder", speech]
    command += [PROTOS, googleapis, "--", certificates[0]]
    answers = read_answers(run(*command, authorization=f"Bearer {token}", trusted=certificates[0]))
    assert [texts for texts, final in answers if final] == [["hello world"]]
    assert ["hello"] in [texts for texts, final in answers if not final]


def test_the_lock_file_names_no_host():
    """Packages come from the registry that npm is configured for, and their hashes are checked."""
    lock = json.loads((GUIDE / "package-lock.json").read_text())
    packages = [facts for name, facts in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in facts and "resolved" not in facts for facts in packages)
