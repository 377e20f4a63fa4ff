"""Uploads to a real S3 server on this machine (moto), and to a server with failures."""

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
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np
import pytest
from credentials import self_signed
from hypothesis import example, given
from hypothesis import strategies as st
from local_server import serving, sound, wav
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

import speechkit_nb as sk
from speechkit_nb.client.connection import connect
from speechkit_nb.client.storage.backends import PART_SIZE, S3Storage, open_storage
from speechkit_nb.client.storage.links import make_link, parse_link
from speechkit_nb.client.storage.listing import list_recordings
from speechkit_nb.client.storage.upload import upload_recording
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.client.transport.grpc import GrpcTransport
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
    """The same with an empty bucket, and with credentials in the environment."""
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


# ---- uploads


def test_the_link_leads_to_the_bytes_of_the_recording(s3, tmp_path):
    """With its content type and checksum; the link contains the hash of the content and the name."""
    (tmp_path / "talk.wav").write_bytes(TALK)
    link = upload_recording(tmp_path / "talk.wav", "talks", endpoint=s3, progress=False)
    digest = hashlib.sha256(TALK).hexdigest()
    assert link == f"{s3}/talks/{digest[:16]}/talk.wav"
    body, headers = _call(link)
    assert body == TALK
    assert headers["Content-Type"] == "audio/wav"
    assert headers["x-amz-meta-sha256"] == digest


@pytest.fixture
def tls_s3(s3, tmp_path):
    """The same storage over TLS: its URL, and its self-signed certificate."""
    cert, key = self_signed(tmp_path)
    app = DomainDispatcherApplication(create_backend_app)
    served = make_server("localhost", 0, app, threaded=True, ssl_context=(str(cert), str(key)))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"https://localhost:{served.port}", cert
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_storage_with_its_own_certificate(tls_s3, tmp_path):
    """`ca` of connect() applies to the storage as well; without it nothing is sent."""
    url, cert = tls_s3
    path = _big_wav(tmp_path / "talk.wav", 2 * PART_SIZE)
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
        pytest.raises(Unreachable, match=r"cannot connect to the storage https://localhost:\d+: .*SSL"),
    ):
        client.upload(path, progress=False)


def test_a_large_file_is_sent_in_parts(s3, tmp_path):
    """Five parts; the object has the ETag of a multipart upload and every byte."""
    path = _big_wav(tmp_path / "long.wav", 4 * PART_SIZE + 12345)
    link = upload_recording(path, "talks", endpoint=s3, progress=False)
    body, headers = _call(link)
    assert hashlib.sha256(body).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert headers["ETag"].endswith('-5"')


@pytest.mark.parametrize("n_bytes", [2 * PART_SIZE - 1, 2 * PART_SIZE, 2 * PART_SIZE + 1])
def test_either_way_of_uploading_is_recognized_again(s3, tmp_path, monkeypatch, n_bytes):
    """Around the smallest size that is sent in parts: the second upload sends nothing."""
    path = _big_wav(tmp_path / "long.wav", n_bytes)
    link = upload_recording(path, "talks", endpoint=s3, progress=False)
    monkeypatch.setattr(S3Storage, "put", lambda *_: pytest.fail("it was sent again"))
    assert upload_recording(path, "talks", endpoint=s3, progress=False) == link


def test_two_files_of_one_name_do_not_overwrite_each_other(s3, tmp_path):
    """The key contains the hash of the content."""
    links = []
    for content in (wav(1.0), wav(2.0)):
        (tmp_path / "talk.wav").write_bytes(content)
        links.append(upload_recording(tmp_path / "talk.wav", "talks", endpoint=s3, progress=False))
    assert [_call(link)[0] for link in links] == [wav(1.0), wav(2.0)]


def test_a_given_key(s3):
    """It is used as it is, and overwritten if the content is different."""
    first = upload_recording(wav(1.0), "talks", "2024/one.wav", endpoint=s3, progress=False)
    assert first == f"{s3}/talks/2024/one.wav"
    assert upload_recording(wav(2.0), "talks", "2024/one.wav", endpoint=s3, progress=False) == first
    assert _call(first)[0] == wav(2.0)


@pytest.mark.parametrize("name", ["первый разговор.wav", "100% a+b&c=d?#.wav", "it's (1) ~ e\u0301.wav"])
def test_any_file_name_makes_a_link_that_works(s3, tmp_path, name):
    """Cyrillic, spaces and special characters of URLs are quoted; the server finds the same key."""
    (tmp_path / name).write_bytes(TALK)
    link = upload_recording(tmp_path / name, "talks", endpoint=s3, progress=False)
    assert link.isascii()
    assert " " not in link
    assert _call(link)[0] == TALK
    assert unquote(urlsplit(link).path).endswith(f"/{name}")


def test_an_id_is_no_path(s3):
    """Slashes in an id make no folders, and the suffix is that of the content."""
    link = upload_recording(
        sk.Recording(TALK, id="../call/7.5 left.mp3"), "talks", endpoint=s3, progress=False
    )
    assert unquote(link).endswith("/.._call_7.5 left.wav")


def test_bytes_of_compressed_audio_stay_as_they_are(s3):
    """Ogg Opus from memory: the same bytes with their own content type and suffix."""
    opus = sound(np.zeros((1, 48000)), 48000, format="OGG", subtype="OPUS")
    link = upload_recording(sk.Recording(opus, id="talk"), "talks", endpoint=s3, progress=False)
    body, headers = _call(link)
    assert (body, headers["Content-Type"]) == (opus, "audio/ogg")
    assert link.endswith("/talk.ogg")


def test_other_formats_are_converted_with_a_warning(s3, tmp_path):
    """FLAC is uploaded as WAV with the suffix .wav; the samples do not change."""
    samples = np.random.default_rng(2).integers(-3000, 3000, (2, 16000)) / 32768
    (tmp_path / "talk.flac").write_bytes(sound(samples, 8000, format="FLAC"))
    with pytest.warns(AudioConverted, match=r"'talk\.flac' was converted from FLAC.* to WAV"):
        link = upload_recording(tmp_path / "talk.flac", "talks", endpoint=s3, progress=False)
    assert link.endswith("/talk.wav")
    np.testing.assert_array_equal(sk.Recording(_call(link)[0]).read(), samples.astype(np.float32))


def test_samples_without_a_header_get_one(s3):
    """A link has no sample rate, so a header is added; without a warning, since the samples do not change."""
    raw = sk.Recording(b"\1\0" * 16000, encoding="LINEAR16_PCM", sample_rate=16000, id="talk.pcm")
    link = upload_recording(raw, "talks", endpoint=s3, progress=False)
    assert link.endswith("/talk.wav")
    uploaded = sk.Recording(_call(link)[0])
    assert uploaded.sample_rate == 16000
    np.testing.assert_array_equal(uploaded.read(), raw.read())


def test_uploading_without_a_header(s3, tmp_path):
    """As API v2 needs it: the 16-bit samples of a WAV file, or of a converted one."""
    samples = np.random.default_rng(3).integers(-3000, 3000, (2, 800), dtype=np.int16)
    (tmp_path / "talk.wav").write_bytes(sound(samples, 8000))
    link = upload_recording(tmp_path / "talk.wav", "talks", endpoint=s3, header=False, progress=False)
    assert link.endswith("/talk.pcm")
    assert _call(link)[0] == samples.T.tobytes()
    opus = sound(np.zeros((1, 48000)), 48000, format="OGG", subtype="OPUS")
    assert upload_recording(opus, "talks", endpoint=s3, header=False, progress=False).endswith(".ogg")


def test_a_converted_recording_is_never_held_whole(tmp_path):
    """Twenty minutes of FLAC, 38 MB as WAV, are converted block by block."""
    flac = sound(np.zeros((1, 16000 * 60 * 20)), 16000, format="FLAC")
    (tmp_path / "talks").mkdir()
    recording = sk.Recording(flac, id="long")
    tracemalloc.start()
    try:
        with pytest.warns(AudioConverted, match="FLAC"):
            link = upload_recording(recording, "talks", endpoint=tmp_path, progress=False)
        assert tracemalloc.get_traced_memory()[1] < 3 * PART_SIZE
    finally:
        tracemalloc.stop()
    bucket, key = split_uri(link)
    assert (tmp_path / bucket / key).stat().st_size == 44 + 2 * 16000 * 60 * 20


def test_no_bar_without_a_terminal(s3, capsys):
    """Nothing is printed into a file."""
    upload_recording(TALK, "talks", endpoint=s3)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_bar(s3, tmp_path, monkeypatch):
    """It counts the bytes of each part, and disappears at the end."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    upload_recording(_big_wav(tmp_path / "long.wav", 3 * PART_SIZE), "talks", endpoint=s3)
    steps = terminal.getvalue().split("\r")
    assert any(step.startswith("uploading long.wav:   0%") for step in steps)
    assert any("/25.2M" in step for step in steps)
    assert steps[-2].strip() == ""


# ---- failures


def test_a_missing_bucket(s3):
    """The error names it and its storage."""
    with pytest.raises(NotFound, match=rf"the storage {s3} has no bucket 'talk-s'; create it there, or name"):
        upload_recording(TALK, "talk-s", endpoint=s3, progress=False)


def test_a_missing_bucket_of_a_large_file(s3, tmp_path):
    """The same for an upload in parts."""
    with pytest.raises(NotFound, match="has no bucket 'talk-s'"):
        upload_recording(_big_wav(tmp_path / "a.wav", 3 * PART_SIZE), "talk-s", endpoint=s3, progress=False)


def test_wrong_credentials(s3):
    """The error has the code of the storage and the necessary credentials, and no secret."""
    _call(f"{s3}/moto-api/reset-auth", "POST", b"0")
    try:
        with pytest.raises(
            Denied,
            match=r"does not allow these credentials to use .*'talks'.*InvalidAccessKeyId.*AWS_ACCESS",
        ) as denied:
            upload_recording(TALK, "talks", endpoint=s3, progress=False)
    finally:
        _call(f"{s3}/moto-api/reset-auth", "POST", b"Infinity")
    assert SECRET not in _everything(denied.value)


def test_no_credentials(s3, monkeypatch):
    """The error names the variables."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Denied, match=r"there are no credentials for .*AWS_SECRET_ACCESS_KEY"):
        upload_recording(TALK, "talks", endpoint=s3, progress=False)


def test_half_of_the_credentials(s3, monkeypatch):
    """The secret alone is not enough; it is not shown."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Denied, match=r"there are no credentials for .*AWS_ACCESS_KEY_ID") as denied:
        upload_recording(TALK, "talks", endpoint=s3, progress=False)
    assert SECRET not in _everything(denied.value)


def test_no_connection(s3):
    """The connection is refused within seconds."""
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"cannot connect to the storage http://127\.0\.0\.1:1:"):
        upload_recording(TALK, "talks", endpoint="http://127.0.0.1:1", progress=False)
    assert time.monotonic() - began < 20


def _everything(error: BaseException | None) -> str:
    """Message, causes and contexts."""
    return "" if error is None else f"{error!r}{_everything(error.__cause__)}{_everything(error.__context__)}"


class _Storage:
    """An S3 server whose responses are a function of (method, path, number of the call of that method)."""

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


def test_a_damaged_object_is_an_error(s3):
    """The storage stored other bytes than were sent: the checksums differ."""

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
        upload_recording(TALK, "talks", endpoint=storage.url, progress=False)


def test_a_damaged_object_is_uploaded_again(s3):
    """An object that exists is used only if checksum and size are right."""
    etag = hashlib.md5(TALK).hexdigest()

    def answer(method, path, n):
        there = {"Content-Length": str(len(TALK)), "ETag": f'"{etag if n > 1 else "0" * 32}"'}
        return 200, there if method == "HEAD" else {}, b""

    with _Storage(answer) as storage:
        upload_recording(TALK, "talks", endpoint=storage.url, progress=False)
        assert storage.calls["PUT"] == 1


def test_an_encrypted_bucket_is_recognized_by_our_own_checksum(s3):
    """With KMS the ETag is not an MD5."""
    there = {
        "Content-Length": str(len(TALK)),
        "ETag": f'"{"0" * 32}"',
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-meta-sha256": hashlib.sha256(TALK).hexdigest(),
    }
    with _Storage(lambda method, path, n: (200, there, b"")) as storage:
        upload_recording(TALK, "talks", endpoint=storage.url, progress=False)
        assert storage.calls["PUT"] == 0


def test_write_access_is_enough(s3):
    """Without read access the storage does not report what exists."""

    def answer(method, path, n):
        return (403, {}, b"") if method == "HEAD" else (200, {}, b"")

    with _Storage(answer) as storage:
        link = upload_recording(TALK, "talks", "a.wav", endpoint=storage.url, progress=False)
        assert link == f"{storage.url}/talks/a.wav"
        assert storage.calls["PUT"] == 1


def test_a_temporary_failure_is_retried(s3):
    """503 once, then success."""
    etag = hashlib.md5(TALK).hexdigest()

    def answer(method, path, n):
        if method == "HEAD":
            return (404, {}, b"") if n == 1 else (200, {"Content-Length": str(len(TALK)), "ETag": etag}, b"")
        return (503, {}, _xml("ServiceUnavailable")) if n == 1 else (200, {}, b"")

    with _Storage(answer) as storage:
        upload_recording(TALK, "talks", endpoint=storage.url, progress=False)
        assert storage.calls["PUT"] == 2


def test_other_errors_of_the_storage(s3):
    """The message has its code and its text."""

    def answer(method, path, n):
        return (404, {}, b"") if method == "HEAD" else (400, {}, _xml("QuotaExceeded"))

    with (
        _Storage(answer) as storage,
        pytest.raises(ServiceError, match=r"the storage http://127\S+ answered QuotaExceeded: .*so it is"),
    ):
        upload_recording(TALK, "talks", endpoint=storage.url, progress=False)


@pytest.mark.parametrize("bucket", ["", "a", "s3://talks", "talks/2024", "-talks", "my talks"])
def test_a_bucket_has_a_plain_name(bucket):
    """Anything else is refused before anything is sent."""
    with pytest.raises(ConfigError, match="bucket must be a plain name of 3 to 63 letters"):
        upload_recording(TALK, bucket)


@pytest.mark.parametrize("key", ["", "/talk.wav", "a//b.wav", "../talk.wav", "talks/"])
def test_a_key_is_no_path(key):
    """The server would refuse its link."""
    with pytest.raises(ConfigError, match="key must have no empty part"):
        upload_recording(TALK, "talks", key)


def test_plain_text_does_not_leave_this_machine():
    """http:// is for this machine only."""
    with pytest.raises(
        TargetError, match=r"'http://storage\.example\.org' is no storage.*http://HOST:PORT only for this"
    ):
        upload_recording(TALK, "talks", endpoint="http://storage.example.org")


def test_only_audio_is_uploaded(tmp_path):
    """A file that is no audio, or too long for the service, is refused before."""
    (tmp_path / "notes.wav").write_text("these are notes")
    with pytest.raises(AudioError, match=r"notes\.wav"):
        upload_recording(tmp_path / "notes.wav", "talks")
    with pytest.raises(LimitError, match=r"long\.wav.*the service takes 4 h 00 min"):
        upload_recording(_big_wav(tmp_path / "long.wav", 1_100_000_000), "talks")


def test_a_missing_package_is_named(s3, monkeypatch):
    """The error has the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(MissingExtra, match=r"Object Storage needs the package s3fs: pip install '.*\[s3\]'"):
        upload_recording(TALK, "talks", endpoint=s3)


def _links(link, storage):
    return [found.link for found in list_recordings(link, storage)]


def test_objects_of_a_bucket_are_listed(s3):
    """Patterns and folders; a wrong bucket or prefix is one error."""
    for name in ("a.wav", "2024/b.wav", "2024/notes.txt", "2024/old/c c.ogg"):
        _call(f"{s3}/talks/{quote(name)}", "PUT", b"any")
    storage = open_storage(s3)
    assert _links("s3://talks/2024/", storage) == [
        "s3://talks/2024/b.wav",
        "s3://talks/2024/old/c c.ogg",
    ]
    assert _links("s3://talks/*.wav", storage) == ["s3://talks/a.wav"]
    assert len(_links("s3://talks", storage)) == 3
    with pytest.raises(
        AudioError, match="the storage has 0 objects in the bucket 'talks' that begin with '2025/'"
    ):
        _links("s3://talks/2025/", storage)
    with pytest.raises(NotFound, match=r"the storage .* has no bucket 'nowhere'"):
        _links("s3://nowhere/*.wav", storage)


def test_a_bucket_is_listed_page_by_page(s3):
    """The second page is asked for when the first was used, with the token of the storage."""
    asked = []

    def answer(method, path, n):
        asked.append(parse_qs(urlsplit(path).query).get("continuation-token"))
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>"
        keys = "".join(
            f"<Contents><Key>{n}%20{key}.wav</Key><ETag>&quot;{key}&quot;</ETag></Contents>" for key in "ab"
        )
        inner = f"<EncodingType>url</EncodingType>{more if n == 1 else ''}{keys}"
        return 200, {}, f"<ListBucketResult>{inner}</ListBucketResult>".encode()

    with _Storage(answer) as storage:
        found = list_recordings("s3://talks/", open_storage(storage.url))
        first = [next(found).link for _ in range(2)]
        assert (first, asked) == (["s3://talks/1 a.wav", "s3://talks/1 b.wav"], [None])
        assert [one.name for one in found] == ["2 a.wav", "2 b.wav"]
        assert asked == [None, ["next"]]


def test_a_bucket_that_cannot_be_listed(s3, address):
    """Wrong credentials, no connection, no such bucket: one error, with the role that listing needs."""
    here = {"stt": f"grpc://{address}"}
    with connect(endpoints=Endpoints(**here, storage=s3), api_key="key") as client:
        with pytest.raises(NotFound, match="has no bucket 'nowhere'; create it there, or name one"):
            client.submit_many("s3://nowhere/*.wav", progress=False)
        _call(f"{s3}/moto-api/reset-auth", "POST", b"0")
        try:
            with pytest.raises(
                Denied,
                match=r"does not allow these credentials .* bucket 'talks' .*role storage\.viewer",
            ):
                client.submit_many("s3://talks/", progress=False)
        finally:
            _call(f"{s3}/moto-api/reset-auth", "POST", b"Infinity")
        assert client.jobs().empty
    broken = _Storage(lambda method, path, n: (400, {}, _xml("SlowDown")))
    with (
        broken as storage,
        connect(endpoints=Endpoints(**here, storage=storage.url), api_key="key") as client,
        pytest.raises(ServiceError, match=r"the storage http://127\S+ answered SlowDown"),
    ):
        client.submit_many("s3://talks/", progress=False)


# ---- a folder instead of the storage


def test_a_folder_as_storage(tmp_path):
    """The file is where a local server with this --bucket-root finds the link."""
    (tmp_path / "talks").mkdir()
    link = upload_recording(sk.Recording(TALK, id="ключ"), "talks", endpoint=tmp_path)
    assert link.startswith("https://storage.yandexcloud.net/talks/")
    bucket, key = split_uri(link)
    assert (tmp_path / bucket / key).read_bytes() == TALK
    assert upload_recording(sk.Recording(TALK, id="ключ"), "talks", endpoint=tmp_path) == link
    assert len(list((tmp_path / "talks").rglob("*.wav"))) == 1


def test_a_folder_without_the_bucket(tmp_path):
    """An error; no folder is created."""
    with pytest.raises(NotFound, match=r"the folder .* has no bucket 'talks'"):
        upload_recording(TALK, "talks", endpoint=tmp_path)


# ---- links


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@example(".")
def test_the_server_finds_the_key_of_every_link(name):
    """For any name, and for links of uploads as well as s3:// links."""
    key = f"2024/{name.replace('/', '_')}.wav"
    assert split_uri(make_link("talks", key)) == ("talks", key)
    assert parse_link(f"s3://talks/{key}") == (make_link("talks", key), "WAV")


def test_links_of_private_buckets_lose_their_signature():
    """The signature is dropped, and never shown."""
    link = "https://talks.storage.yandexcloud.net/a%20b.ogg?X-Amz-Signature=secret#t"
    assert parse_link(link) == ("https://talks.storage.yandexcloud.net/a%20b.ogg", "OGG_OPUS")
    with pytest.raises(AudioError, match=r"the format of 'https://host/talk' is unknown") as refused:
        parse_link("https://host/talk?X-Amz-Signature=secret")
    assert "secret" not in str(refused.value)


def test_a_link_typed_by_hand_is_quoted():
    """Spaces and Cyrillic are quoted; quoted characters stay."""
    assert parse_link("https://host/b/один два%20.wav")[0] == (
        "https://host/b/%D0%BE%D0%B4%D0%B8%D0%BD%20%D0%B4%D0%B2%D0%B0%20.wav"
    )


def test_s3_links_are_of_the_storage_of_the_connection():
    """Each region has its own host."""
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
    with connect(f"grpc://{address}", bucket_root=root) as connected:
        yield connected


def test_submit_through_a_bucket(client, root, tmp_path):
    """The link is sent; the transcript has the name and the audio of the recording."""
    (tmp_path / "наш разговор.wav").write_bytes(wav(2.0))
    job = client.submit(tmp_path / "наш разговор.wav", bucket="talks")
    transcript = job.result(timeout=60, progress=False)
    assert transcript.text == "hello world"
    assert set(transcript.words.recording) == {"наш разговор.wav"}
    assert transcript.source.source == tmp_path / "наш разговор.wav"
    assert list(root.rglob("наш разговор.wav"))


def test_a_job_is_sent_again_through_its_bucket(root, script, tmp_path):
    """The journal stores the bucket."""
    (tmp_path / "again.wav").write_bytes(wav(2.0))
    settings = {"models": {"general": f"scripted:{script}"}, "bucket_root": root, "faults": ["never-done"]}
    with serving(**settings) as api, connect(f"grpc://{api.address}", bucket_root=root) as client:
        client.submit(tmp_path / "again.wav", bucket="talks").cancel()
        (uploaded,) = root.rglob("*again.wav")
        uploaded.unlink()
        assert client.job(1).resubmit().status == "running"
        assert uploaded.exists()


@pytest.mark.parametrize("n_channels", [1, 2])
def test_submit_through_a_bucket_with_api_v2(address, root, tmp_path, n_channels):
    """It accepts no links to WAV files, so the samples are uploaded."""
    (tmp_path / "talk.wav").write_bytes(wav(2.0, n_channels))
    with connect(f"grpc://{address}", api="v2", bucket_root=root) as client:
        words = client.submit(tmp_path / "talk.wav", bucket="talks").result(60, progress=False).words
    assert words[words.channel_tag == "0"].word.tolist() == ["hello", "world"]
    assert words.channel_tag.nunique() == n_channels
    assert set(words.recording) == {"talk.wav"}
    assert list(root.rglob("talk.pcm"))


def test_uploaded_once_submitted_twice(client, tmp_path):
    """The link of `client.upload` is a source; the recording has the name of the object."""
    (tmp_path / "один.wav").write_bytes(wav(2.0))
    link = client.upload(tmp_path / "один.wav", "talks", progress=False)
    for _ in range(2):
        transcript = client.submit(link).result(timeout=60, progress=False)
        assert (transcript.text, transcript.recording) == ("hello world", "один.wav")


def test_a_recording_above_the_inline_limit_goes_to_the_bucket_of_the_connection(
    client, root, script, tmp_path, monkeypatch
):
    """Only if it is too large. Without a bucket, the error names both ways out."""
    big = _big_wav(tmp_path / "big.wav", 61_000_000)
    (tmp_path / "small.wav").write_bytes(wav(2.0))
    with pytest.raises(LimitError, match=r"through Object Storage, as with bucket='NAME', or in a comp"):
        client.submit(big)
    big.write_bytes(wav(4.0))
    monkeypatch.setattr(GrpcTransport, "inline_limit", 50_000)  # a smaller one, so that the test is short
    models = {"general": f"scripted:{script}"}
    with connect("local", models=models, bucket_root=root, bucket="talks") as local:
        for path in (big, tmp_path / "small.wav"):
            assert local.submit(path).result(timeout=60, progress=False).text == "hello world"
    assert len(list(root.rglob("big.wav"))) == 1
    assert not list(root.rglob("small.wav"))


def test_a_bucket_of_the_local_server_is_a_folder():
    """Nothing is sent to the cloud."""
    with pytest.raises(ConfigError, match=r"bucket='talks' of connect\('local'\) is a folder below bucket_r"):
        connect("local", bucket="talks")


def test_the_server_recognizes_objects_of_s3(s3, address, root, tmp_path):
    """Uploaded to a real S3 server; its objects, copied below --bucket-root, are found by their links."""
    (tmp_path / "раз два.flac").write_bytes(sound(np.zeros((1, 16000)), 8000, format="FLAC"))
    with pytest.warns(AudioConverted, match="FLAC"):
        link = upload_recording(tmp_path / "раз два.flac", "talks", endpoint=s3, progress=False)
    key = unquote(urlsplit(link).path).removeprefix("/talks/")
    (root / "talks" / key).parent.mkdir(parents=True, exist_ok=True)
    (root / "talks" / key).write_bytes(_call(link)[0])
    with connect(f"grpc://{address}") as client:
        transcript = client.submit(f"s3://talks/{key}").result(timeout=60, progress=False)
    assert (transcript.text, transcript.recording) == ("hello world", "раз два.wav")


def test_wrong_options_are_refused_before_the_upload(client, root):
    """A wrong option costs no upload."""
    before = len(list(root.rglob("*.wav")))
    with pytest.raises(ConfigError, match=r"is for client\.stream"):
        client.submit(wav(1.5), bucket="talks", external_eou=True)
    assert len(list(root.rglob("*.wav"))) == before


def test_options_that_v2_lacks_are_refused_before_the_upload(address, root):
    """Nothing is uploaded."""
    before = [path for path in root.rglob("*") if path.is_file()]
    with connect(f"grpc://{address}", api="v2", bucket_root=root) as client:
        with pytest.raises(ConfigError, match="API v2 has no speaker_labeling"):
            client.submit(wav(1.7), bucket="talks", speaker_labeling=True)
        assert client.jobs().empty
    assert [path for path in root.rglob("*") if path.is_file()] == before


def test_a_link_needs_no_bucket(client):
    """The object is in a bucket already."""
    with pytest.raises(ConfigError, match=r"bucket='talks', but a link is in a bucket already"):
        client.submit("s3://talks/a.wav", bucket="talks")


def test_upload_needs_a_bucket(client):
    """Given here or to connect."""
    with pytest.raises(ConfigError, match=r"no bucket to upload to; name one here or in connect\(bucket="):
        client.upload(wav())


def test_no_secret_is_kept_by_the_client(s3, address):
    """It is neither in its journal nor in its repr."""
    here = Endpoints(stt=f"grpc://{address}", storage=s3)
    with connect(endpoints=here, api_key=SECRET) as client:
        client.upload(wav(1.0), "talks", progress=False)
        assert SECRET not in repr(client)
        assert SECRET.encode() not in client.journal.path.read_bytes()
