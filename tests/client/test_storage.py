"""Uploads to a real S3 server on this machine (moto's), and to one that misbehaves."""

import hashlib
import http.server
import io
import ssl
import threading
import time
import tracemalloc
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from credentials import self_signed
from hypothesis import given
from hypothesis import strategies as st
from local_server import serving, sound, wav
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

import speechkit_nb as sk
from speechkit_nb.client.client import Client
from speechkit_nb.client.connection import connect
from speechkit_nb.client.storage.links import link_to, parse_link
from speechkit_nb.client.storage.upload import PART, upload
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.errors import (
    AudioConverted,
    AudioError,
    ConfigError,
    Denied,
    LimitError,
    MissingExtra,
    NotFound,
    ServiceError,
    TargetError,
    Unreachable,
)
from speechkit_nb.server.recognition.bucket import split_uri

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCY"
TALK = wav(1.0)


@pytest.fixture(scope="module")
def moto():
    """URL of an S3 server with the bucket `talks`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto, monkeypatch):
    """The same, empty but for the bucket, and with credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    _no_other_credentials(monkeypatch)
    _call(f"{moto}/moto-api/reset", "POST")
    _call(f"{moto}/talks", "PUT")
    return moto


def _no_other_credentials(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def _call(url: str, method: str = "GET", body: bytes | None = None):
    headers = {"Authorization": "AWS AKIATEST:any", "Content-Type": "text/plain"}
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read(), answer.headers


def _big_wav(path: Path, n_bytes: int) -> Path:
    """A WAV file of that many bytes of noise; nearly all of them zeros, so that it is made quickly."""
    header = wav(0.01)[:40] + (n_bytes - 44).to_bytes(4, "little")
    path.write_bytes(header)
    with path.open("r+b") as file:
        file.truncate(n_bytes)
        file.seek(n_bytes - 1000)
        file.write(np.random.default_rng(1).bytes(1000))
    return path


# ---- what comes out


def test_the_link_leads_to_the_bytes_of_the_recording(s3, tmp_path):
    """With its content type and checksum; the link is made of content hash and name."""
    (tmp_path / "talk.wav").write_bytes(TALK)
    link = upload(tmp_path / "talk.wav", "talks", endpoint=s3, progress=False)
    digest = hashlib.sha256(TALK).hexdigest()
    assert link == f"{s3}/talks/{digest[:16]}/talk.wav"
    body, headers = _call(link)
    assert body == TALK
    assert headers["Content-Type"] == "audio/wav"
    assert headers["x-amz-meta-sha256"] == digest


@pytest.fixture
def tls_s3(s3, tmp_path):
    """The same storage over TLS: its URL, and the certificate that is its own authority."""
    cert, key = self_signed(tmp_path)
    app = DomainDispatcherApplication(create_backend_app)
    served = make_server("localhost", 0, app, threaded=True, ssl_context=(str(cert), str(key)))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"https://localhost:{served.port}", cert
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_storage_with_an_authority_of_its_own(tls_s3, tmp_path):
    """The file given to connect() is for the storage as well; without it nothing is sent."""
    url, cert = tls_s3
    path = _big_wav(tmp_path / "talk.wav", 2 * PART)
    here = Endpoints(stt="grpcs://127.0.0.1:1", storage=url)
    with connect(endpoints=here, api_key="key", ca=cert, bucket="talks") as client:
        link = client.upload(path, progress=False)
    assert link.startswith(f"{url}/talks/")
    context = ssl.create_default_context(cafile=str(cert))
    unsigned = urllib.request.Request(link, headers={"Authorization": "AWS AKIATEST:any"})
    with urllib.request.urlopen(unsigned, context=context, timeout=30) as answer:
        assert answer.read() == path.read_bytes()
    with (
        connect(endpoints=here, api_key="key", bucket="talks") as client,
        pytest.raises(Unreachable, match=r"nobody answers at the storage https://localhost:\d+: .*SSL"),
    ):
        client.upload(path, progress=False)


def test_a_large_file_goes_in_parts(s3, tmp_path):
    """Five of them; the object has the ETag of a multipart upload and every byte."""
    path = _big_wav(tmp_path / "long.wav", 4 * PART + 12345)
    link = upload(path, "talks", endpoint=s3, progress=False)
    body, headers = _call(link)
    assert hashlib.sha256(body).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert headers["ETag"].endswith('-5"')


@pytest.mark.parametrize("n_bytes", [2 * PART - 1, 2 * PART, 2 * PART + 1])
def test_either_way_of_uploading_is_recognized_again(s3, tmp_path, n_bytes):
    """Around the size from which on there are parts: the second upload sends nothing."""
    path = _big_wav(tmp_path / "long.wav", n_bytes)
    link = upload(path, "talks", endpoint=s3, progress=False)
    before = _call(link, "HEAD")[1]["Last-Modified"]
    time.sleep(1.1)  # the storage counts in seconds
    assert upload(path, "talks", endpoint=s3, progress=False) == link
    assert _call(link, "HEAD")[1]["Last-Modified"] == before


def test_two_files_of_one_name_do_not_overwrite_each_other(s3, tmp_path):
    """The key has the content hash in it."""
    links = []
    for content in (wav(1.0), wav(2.0)):
        (tmp_path / "talk.wav").write_bytes(content)
        links.append(upload(tmp_path / "talk.wav", "talks", endpoint=s3, progress=False))
    assert [_call(link)[0] for link in links] == [wav(1.0), wav(2.0)]


def test_a_key_of_ones_own(s3):
    """Is taken as it is, and overwritten when the content is another."""
    first = upload(wav(1.0), "talks", "2024/one.wav", endpoint=s3, progress=False)
    assert first == f"{s3}/talks/2024/one.wav"
    assert upload(wav(2.0), "talks", "2024/one.wav", endpoint=s3, progress=False) == first
    assert _call(first)[0] == wav(2.0)


@pytest.mark.parametrize("name", ["первый разговор.wav", "100% a+b&c=d?#.wav", "it's (1) ~ e\u0301.wav"])
def test_any_file_name_makes_a_link_that_works(s3, tmp_path, name):
    """Cyrillic, spaces and what means something in a URL are quoted; the server finds the same key."""
    (tmp_path / name).write_bytes(TALK)
    link = upload(tmp_path / name, "talks", endpoint=s3, progress=False)
    assert link.isascii()
    assert " " not in link
    assert _call(link)[0] == TALK
    assert unquote(urlsplit(link).path).endswith(f"/{name}")


def test_an_id_is_no_path(s3):
    """Slashes of an id do not make folders, and the ending is that of the content."""
    link = upload(sk.Recording(TALK, id="../call/7.5 left.mp3"), "talks", endpoint=s3, progress=False)
    assert unquote(link).endswith("/.._call_7.5 left.wav")


def test_bytes_of_compressed_audio_stay_as_they_are(s3):
    """Ogg Opus from memory: the same bytes with their own type and ending."""
    opus = sound(np.zeros((1, 48000)), 48000, format="OGG", subtype="OPUS")
    link = upload(sk.Recording(opus, id="talk"), "talks", endpoint=s3, progress=False)
    body, headers = _call(link)
    assert (body, headers["Content-Type"]) == (opus, "audio/ogg")
    assert link.endswith("/talk.ogg")


def test_what_the_service_does_not_take_is_converted_and_said(s3, tmp_path):
    """FLAC is uploaded as WAV under the name of a WAV, samples unchanged."""
    samples = np.random.default_rng(2).integers(-3000, 3000, (2, 16000)) / 32768
    (tmp_path / "talk.flac").write_bytes(sound(samples, 8000, format="FLAC"))
    with pytest.warns(AudioConverted, match=r"'talk\.flac' was converted from FLAC.* to WAV"):
        link = upload(tmp_path / "talk.flac", "talks", endpoint=s3, progress=False)
    assert link.endswith("/talk.wav")
    np.testing.assert_array_equal(sk.Recording(_call(link)[0]).read(), samples.astype(np.float32))


def test_samples_without_a_header_get_one(s3):
    """Behind a link there is nobody to say the rate; the samples are the same, so nothing is warned of."""
    raw = sk.Recording(b"\1\0" * 16000, encoding="LINEAR16_PCM", sample_rate=16000, id="talk.pcm")
    link = upload(raw, "talks", endpoint=s3, progress=False)
    assert link.endswith("/talk.wav")
    uploaded = sk.Recording(_call(link)[0])
    assert uploaded.sample_rate == 16000
    np.testing.assert_array_equal(uploaded.read(), raw.read())


def test_a_header_can_be_left_out(s3, tmp_path):
    """As v2 wants it: 16-bit samples of a WAV, or of what was converted."""
    samples = np.random.default_rng(3).integers(-3000, 3000, (2, 800), dtype=np.int16)
    (tmp_path / "talk.wav").write_bytes(sound(samples, 8000))
    link = upload(tmp_path / "talk.wav", "talks", endpoint=s3, header=False, progress=False)
    assert link.endswith("/talk.pcm")
    assert _call(link)[0] == samples.T.tobytes()
    opus = sound(np.zeros((1, 48000)), 48000, format="OGG", subtype="OPUS")
    assert upload(opus, "talks", endpoint=s3, header=False, progress=False).endswith(".ogg")


def test_a_converted_recording_is_never_held_whole(tmp_path):
    """Twenty minutes of FLAC, 38 MB as WAV, are converted in a few blocks of memory."""
    flac = sound(np.zeros((1, 16000 * 60 * 20)), 16000, format="FLAC")
    (tmp_path / "talks").mkdir()
    recording = sk.Recording(flac, id="long")
    tracemalloc.start()
    try:
        with pytest.warns(AudioConverted, match="FLAC"):
            link = upload(recording, "talks", endpoint=tmp_path, progress=False)
        assert tracemalloc.get_traced_memory()[1] < 3 * PART
    finally:
        tracemalloc.stop()
    bucket, key = split_uri(link)
    assert (tmp_path / bucket / key).stat().st_size == 44 + 2 * 16000 * 60 * 20


def test_a_bar_is_for_terminals(s3, capsys):
    """Into a file nothing is printed."""
    upload(TALK, "talks", endpoint=s3)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_bar(s3, tmp_path, monkeypatch):
    """Which counts the bytes of each part, and is gone at the end."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    upload(_big_wav(tmp_path / "long.wav", 3 * PART), "talks", endpoint=s3)
    steps = terminal.getvalue().split("\r")
    assert any(step.startswith("uploading long.wav:   0%") for step in steps)
    assert any("/25.2M" in step for step in steps)
    assert steps[-2].strip() == ""


# ---- what goes wrong


def test_a_missing_bucket(s3):
    """Is named, with its storage."""
    with pytest.raises(NotFound, match=rf"the storage {s3} has no bucket 'talk-s'; make it there, or name"):
        upload(TALK, "talk-s", endpoint=s3, progress=False)


def test_a_missing_bucket_of_a_large_file(s3, tmp_path):
    """The same when there would be parts."""
    with pytest.raises(NotFound, match="has no bucket 'talk-s'"):
        upload(_big_wav(tmp_path / "a.wav", 3 * PART), "talk-s", endpoint=s3, progress=False)


def test_wrong_credentials(s3):
    """The code of the storage, the credentials that are needed, and no secret."""
    _call(f"{s3}/moto-api/reset-auth", "POST", b"0")
    try:
        with pytest.raises(
            Denied, match=r"lets nobody write .*'talks'.*InvalidAccessKeyId.*AWS_ACCESS"
        ) as denied:
            upload(TALK, "talks", endpoint=s3, progress=False)
    finally:
        _call(f"{s3}/moto-api/reset-auth", "POST", b"Infinity")
    assert SECRET not in _everything(denied.value)


def test_no_credentials(s3, monkeypatch):
    """Says which variables there are."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Denied, match=r"there are no credentials for .*AWS_SECRET_ACCESS_KEY"):
        upload(TALK, "talks", endpoint=s3, progress=False)


def test_half_of_the_credentials(s3, monkeypatch):
    """The secret alone is not enough, and not shown."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Denied, match=r"there are no credentials for .*AWS_ACCESS_KEY_ID") as denied:
        upload(TALK, "talks", endpoint=s3, progress=False)
    assert SECRET not in _everything(denied.value)


def test_nobody_answers(s3):
    """Connection refused, within seconds."""
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"nobody answers at the storage http://127\.0\.0\.1:1:"):
        upload(TALK, "talks", endpoint="http://127.0.0.1:1", progress=False)
    assert time.monotonic() - began < 20


def _everything(error: BaseException | None) -> str:
    """Message, causes and contexts."""
    return "" if error is None else f"{error!r}{_everything(error.__cause__)}{_everything(error.__context__)}"


class _Storage:
    """An S3 server that answers by a function of (method, path, number of the call of that method)."""

    def __init__(self, answer):
        calls: Counter[str] = Counter()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                calls[self.command] += 1
                status, headers, body = answer(self.command, self.path, calls[self.command])
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body if self.command != "HEAD" else b"")

            def log_message(self, *_):
                pass

        for verb in ("GET", "HEAD", "PUT", "POST"):
            setattr(Handler, f"do_{verb}", Handler._answer)
        self.calls = calls
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def _xml(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()


def test_a_damaged_object_is_not_taken_for_the_recording(s3):
    """The storage kept other bytes than were sent: the checksum tells."""

    def answer(method, path, n):
        there = {"Content-Length": str(len(TALK)), "ETag": '"0123456789abcdef0123456789abcdef"'}
        return (
            (404, {}, b"") if method == "HEAD" and n == 1 else (200, there if method == "HEAD" else {}, b"")
        )

    with (
        _Storage(answer) as storage,
        pytest.raises(
            ServiceError, match=r"in the bucket 'talks' is not what was uploaded: the checksums differ"
        ),
    ):
        upload(TALK, "talks", endpoint=storage.url, progress=False)


def test_a_damaged_object_is_uploaded_again(s3):
    """What is there already counts only with the right checksum and size."""
    etag = hashlib.md5(TALK).hexdigest()

    def answer(method, path, n):
        there = {"Content-Length": str(len(TALK)), "ETag": f'"{etag if n > 1 else "0" * 32}"'}
        return 200, there if method == "HEAD" else {}, b""

    with _Storage(answer) as storage:
        upload(TALK, "talks", endpoint=storage.url, progress=False)
        assert storage.calls["PUT"] == 1


def test_an_encrypted_bucket_is_recognized_by_our_own_checksum(s3):
    """With KMS the ETag is no MD5."""
    there = {
        "Content-Length": str(len(TALK)),
        "ETag": f'"{"0" * 32}"',
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-meta-sha256": hashlib.sha256(TALK).hexdigest(),
    }
    with _Storage(lambda method, path, n: (200, there, b"")) as storage:
        upload(TALK, "talks", endpoint=storage.url, progress=False)
        assert storage.calls["PUT"] == 0


def test_who_may_only_write_can_upload(s3):
    """The storage tells them nothing about what is there."""

    def answer(method, path, n):
        return (403, {}, b"") if method == "HEAD" else (200, {}, b"")

    with _Storage(answer) as storage:
        link = upload(TALK, "talks", "a.wav", endpoint=storage.url, progress=False)
        assert link == f"{storage.url}/talks/a.wav"
        assert storage.calls["PUT"] == 1


def test_a_storage_in_trouble_is_asked_again(s3):
    """503 once, then fine."""
    etag = hashlib.md5(TALK).hexdigest()

    def answer(method, path, n):
        if method == "HEAD":
            return (404, {}, b"") if n == 1 else (200, {"Content-Length": str(len(TALK)), "ETag": etag}, b"")
        return (503, {}, _xml("ServiceUnavailable")) if n == 1 else (200, {}, b"")

    with _Storage(answer) as storage:
        upload(TALK, "talks", endpoint=storage.url, progress=False)
        assert storage.calls["PUT"] == 2


def test_an_answer_of_the_storage_is_passed_on(s3):
    """Its code and its words."""

    def answer(method, path, n):
        return (404, {}, b"") if method == "HEAD" else (400, {}, _xml("QuotaExceeded"))

    with (
        _Storage(answer) as storage,
        pytest.raises(ServiceError, match=r"the storage http://127\S+ answered QuotaExceeded: .*so it is"),
    ):
        upload(TALK, "talks", endpoint=storage.url, progress=False)


@pytest.mark.parametrize("bucket", ["", "a", "s3://talks", "talks/2024", "-talks", "my talks"])
def test_a_bucket_has_a_plain_name(bucket):
    """Anything else is refused before anything is sent."""
    with pytest.raises(ConfigError, match="but a bucket has a plain name of 3 to 63 letters"):
        upload(TALK, bucket)


@pytest.mark.parametrize("key", ["", "/talk.wav", "a//b.wav", "../talk.wav", "talks/"])
def test_a_key_is_no_path(key):
    """The server would refuse the link."""
    with pytest.raises(ConfigError, match="but a key has no empty part"):
        upload(TALK, "talks", key)


def test_plain_text_does_not_leave_this_machine():
    """http:// is for loopback."""
    with pytest.raises(
        TargetError, match=r"'http://storage\.example\.org' is no storage.*http:// only for this"
    ):
        upload(TALK, "talks", endpoint="http://storage.example.org")


def test_no_audio_is_not_uploaded(tmp_path):
    """Nor is what the service would refuse for its length."""
    (tmp_path / "notes.wav").write_text("these are notes")
    with pytest.raises(AudioError, match=r"notes\.wav"):
        upload(tmp_path / "notes.wav", "talks")
    with pytest.raises(LimitError, match=r"long\.wav.*the service takes 4 h 00 min"):
        upload(_big_wav(tmp_path / "long.wav", 1_100_000_000), "talks")


def test_a_missing_package_is_named(s3, monkeypatch):
    """With the line that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(MissingExtra, match=r"Object Storage needs the package s3fs: pip install '.*\[s3\]'"):
        upload(TALK, "talks", endpoint=s3)


# ---- a folder that stands for the storage


def test_a_folder_stands_for_the_storage(tmp_path):
    """The file is where a local server with this --bucket-root looks for the link."""
    (tmp_path / "talks").mkdir()
    link = upload(sk.Recording(TALK, id="ключ"), "talks", endpoint=tmp_path)
    assert link.startswith("https://storage.yandexcloud.net/talks/")
    bucket, key = split_uri(link)
    assert (tmp_path / bucket / key).read_bytes() == TALK
    assert upload(sk.Recording(TALK, id="ключ"), "talks", endpoint=tmp_path) == link
    assert len(list((tmp_path / "talks").rglob("*.wav"))) == 1


def test_a_folder_without_the_bucket(tmp_path):
    """Is said; folders are not made up."""
    with pytest.raises(NotFound, match=r"the folder .* has no bucket 'talks'"):
        upload(TALK, "talks", endpoint=tmp_path)


# ---- links


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_the_server_finds_the_key_of_every_link(name):
    """Whatever the name: link and back, for `upload` and for s3:// links."""
    key = f"2024/{name.replace('/', '_')}.wav"
    assert split_uri(link_to("talks", key)) == ("talks", key)
    assert parse_link(f"s3://talks/{key}") == (link_to("talks", key), "WAV")


def test_links_of_private_buckets_lose_their_signature():
    """It is dropped, and never shown."""
    link = "https://talks.storage.yandexcloud.net/a%20b.ogg?X-Amz-Signature=secret#t"
    assert parse_link(link) == ("https://talks.storage.yandexcloud.net/a%20b.ogg", "OGG_OPUS")
    with pytest.raises(AudioError, match=r"the format behind 'https://host/talk' cannot be told") as refused:
        parse_link("https://host/talk?X-Amz-Signature=secret")
    assert "secret" not in str(refused.value)


def test_a_link_typed_by_hand_is_quoted():
    """Spaces and Cyrillic; what is quoted already stays."""
    assert parse_link("https://host/b/один два%20.wav")[0] == (
        "https://host/b/%D0%BE%D0%B4%D0%B8%D0%BD%20%D0%B4%D0%B2%D0%B0%20.wav"
    )


def test_s3_links_are_of_the_storage_of_the_connection():
    """Another region has another host."""
    assert parse_link("s3://talks/a.wav", "https://storage.yandexcloud.kz")[0] == (
        "https://storage.yandexcloud.kz/talks/a.wav"
    )


# ---- the client


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    (folder / "talks").mkdir()
    return folder


@pytest.fixture(scope="module")
def address(root, script):
    with serving(models={"general": f"scripted:{script}"}, bucket_root=root) as api:
        yield api.address


@pytest.fixture
def client(address, root):
    """A client whose storage is the folder of the server's buckets."""
    with connect(f"grpc://{address}") as connected:
        connected._submitter._storage = root
        yield connected


def test_submit_through_a_bucket(client, root, tmp_path):
    """The link is sent; the frames have the recording's own name and the picture its sound."""
    (tmp_path / "наш разговор.wav").write_bytes(wav(2.0))
    job = client.submit(tmp_path / "наш разговор.wav", bucket="talks")
    transcript = job.result(timeout=60, progress=False)
    assert transcript.text == "hello world"
    assert set(transcript.words.recording) == {"наш разговор.wav"}
    assert transcript.source.source == tmp_path / "наш разговор.wav"
    assert list(root.rglob("наш разговор.wav"))


def test_a_job_is_sent_again_through_its_bucket(root, script, tmp_path):
    """The journal remembers which it was."""
    (tmp_path / "again.wav").write_bytes(wav(2.0))
    settings = {"models": {"general": f"scripted:{script}"}, "bucket_root": root, "faults": ["never-done"]}
    with serving(**settings) as api, connect(f"grpc://{api.address}") as client:
        client._submitter._storage = root
        client.submit(tmp_path / "again.wav", bucket="talks").cancel()
        (uploaded,) = root.rglob("*again.wav")
        uploaded.unlink()
        assert client.job(1).resubmit().status == "running"
        assert uploaded.exists()


@pytest.mark.parametrize("n_channels", [1, 2])
def test_submit_through_a_bucket_with_api_v2(address, root, tmp_path, n_channels):
    """Which takes no WAV behind a link: it gets the samples."""
    (tmp_path / "talk.wav").write_bytes(wav(2.0, n_channels))
    with connect(f"grpc://{address}", api="v2") as client:
        client._submitter._storage = root
        words = client.submit(tmp_path / "talk.wav", bucket="talks").result(60, progress=False).words
    assert words[words.channel_tag == "0"].word.tolist() == ["hello", "world"]
    assert words.channel_tag.nunique() == n_channels
    assert set(words.recording) == {"talk.wav"}
    assert list(root.rglob("talk.pcm"))


def test_uploaded_once_submitted_twice(client, tmp_path):
    """The link of `client.upload` is a source; the object's name is the recording's."""
    (tmp_path / "один.wav").write_bytes(wav(2.0))
    link = client.upload(tmp_path / "один.wav", "talks", progress=False)
    for _ in range(2):
        transcript = client.submit(link).result(timeout=60, progress=False)
        assert (transcript.text, transcript.recording) == ("hello world", "один.wav")


def test_a_recording_above_the_inline_limit_goes_to_the_bucket_of_the_connection(
    client, root, script, tmp_path
):
    """On its own; a small one does not. Without a bucket the error says both ways out."""
    big = _big_wav(tmp_path / "big.wav", 61_000_000)
    (tmp_path / "small.wav").write_bytes(wav(2.0))
    with pytest.raises(LimitError, match=r"through Object Storage, as with bucket='NAME', or in a comp"):
        client.submit(big)
    models = {"general": f"scripted:{script}"}
    with connect("local", models=models, bucket_root=root, bucket="talks") as local:
        for path in (big, tmp_path / "small.wav"):
            assert local.submit(path).result(timeout=60, progress=False).text == "hello world"
    assert len(list(root.rglob("big.wav"))) == 1
    assert not list(root.rglob("small.wav"))


def test_a_bucket_of_the_local_server_is_a_folder():
    """Nothing of it goes to the cloud."""
    with pytest.raises(ConfigError, match=r"bucket='talks' of connect\('local'\) is a folder below bucket_r"):
        connect("local", bucket="talks")


def test_what_lies_in_s3_is_what_the_server_recognizes(s3, address, root, tmp_path):
    """Uploaded to a real S3 server; its objects, copied below --bucket-root, are found by their links."""
    (tmp_path / "раз два.flac").write_bytes(sound(np.zeros((1, 16000)), 8000, format="FLAC"))
    with pytest.warns(AudioConverted, match="FLAC"):
        link = upload(tmp_path / "раз два.flac", "talks", endpoint=s3, progress=False)
    key = unquote(urlsplit(link).path).removeprefix("/talks/")
    (root / "talks" / key).parent.mkdir(parents=True, exist_ok=True)
    (root / "talks" / key).write_bytes(_call(link)[0])
    with connect(f"grpc://{address}") as client:
        transcript = client.submit(f"s3://talks/{key}").result(timeout=60, progress=False)
    assert (transcript.text, transcript.recording) == ("hello world", "раз два.wav")


def test_what_cannot_be_asked_for_is_not_uploaded(client, root):
    """A wrong option costs no upload."""
    before = len(list(root.rglob("*.wav")))
    with pytest.raises(ConfigError, match=r"is for client\.stream"):
        client.submit(wav(1.5), bucket="talks", external_eou=True)
    assert len(list(root.rglob("*.wav"))) == before


def test_what_v2_cannot_do_is_not_uploaded(address, root):
    """Found before the upload, too."""
    before = [path for path in root.rglob("*") if path.is_file()]
    with connect(f"grpc://{address}", api="v2") as client:
        client._submitter._storage = root
        with pytest.raises(ConfigError, match="API v2 has no speaker_labeling"):
            client.submit(wav(1.7), bucket="talks", speaker_labeling=True)
        assert client.jobs().empty
    assert [path for path in root.rglob("*") if path.is_file()] == before


def test_a_link_needs_no_bucket(client):
    """It is in one already."""
    with pytest.raises(ConfigError, match=r"bucket='talks', but a link is in a bucket already"):
        client.submit("s3://talks/a.wav", bucket="talks")


def test_upload_needs_a_bucket(client):
    """Here or in connect."""
    with pytest.raises(ConfigError, match=r"no bucket to upload to; name one here or in connect\(bucket="):
        client.upload(wav())


def test_no_secret_is_kept_by_the_client(s3, client):
    """Neither in its journal nor in its repr."""
    client._submitter._storage = s3
    client.upload(wav(1.0), "talks", progress=False)
    assert SECRET not in repr(client)
    assert SECRET.encode() not in client._journal.path.read_bytes()
    assert isinstance(client, Client)
