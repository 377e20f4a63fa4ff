"""Client against the real local server: bad input, targets, killed processes. See also test_job_story."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from answers import final
from local_server import DATA, Server, wait_until, wav

import speechkit_nb as sk
from speechkit_nb.client import Client, JobRecord, Journal, attach_job
from speechkit_nb.client.local_server import LocalServer
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.client.transport.grpc import GrpcTransport
from speechkit_nb.errors import (
    AudioError,
    ConfigError,
    LimitError,
    NotFound,
    ServerError,
    SpeechkitError,
    TargetError,
)


@pytest.fixture(scope="module")
def server(script, tmp_path_factory):
    bucket = tmp_path_factory.mktemp("bucket")
    (bucket / "mine").mkdir()
    (bucket / "mine" / "talk.wav").write_bytes(wav(2.0, n_channels=2))
    started = Server(models={"general": f"scripted:{script}"}, bucket_root=bucket)
    yield started
    started.close()


def done(job: sk.Job) -> sk.Transcript:
    return job.result(timeout=60, progress=False)


# ---- results


def test_the_frames_join_refinement_and_final(client):
    """The refinement is a sentence; with normalization, numbers are digits."""
    finals = done(client.submit(wav(2.0))).finals
    assert finals.loc[0, ["text", "refined_text"]].tolist() == ["hello world", "hello world"]


# ---- bad input, before anything is sent


def test_bad_input_is_refused_before_anything_is_sent(client, tmp_path):
    """No job is added to the journal."""
    (tmp_path / "notes.wav").write_text("these are notes")
    with pytest.raises(AudioError, match=r"notes\.wav"):
        client.submit(tmp_path / "notes.wav")
    with pytest.raises(AudioError, match=r"nowhere\.wav"):
        client.submit(tmp_path / "nowhere.wav")
    with pytest.raises(ConfigError, match=r"no option 'modle'; did you mean 'model'"):
        client.submit(wav(), modle="general")
    with pytest.raises(ConfigError, match="language='english' is not one of auto, de-DE"):
        client.submit(wav(), language="english")
    with pytest.raises(ConfigError, match="normalize='yes', but it must be True or False"):
        client.submit(wav(), normalize="yes")
    with pytest.raises(
        AudioError,
        match=r"'ftp://x/y.wav' is not a link into Object Storage, which looks like s3://bucket/name",
    ):
        client.submit("ftp://x/y.wav")
    with pytest.raises(AudioError, match=r"the format of 's3://mine/talk' is unknown.*\.wav, \.ogg"):
        client.submit("s3://mine/talk")
    assert client.jobs().empty


def test_a_recording_above_the_inline_limit_says_both_ways_out(client, tmp_path):
    """61 MB of WAV: the error names both solutions, a link after an upload, or compression."""
    big = tmp_path / "big.wav"
    with big.open("wb") as file:
        n_bytes = 61_000_000
        file.write(wav(0.1)[:40] + n_bytes.to_bytes(4, "little"))
        file.truncate(44 + n_bytes)
    with pytest.raises(LimitError, match=r"(?s)big\.wav.*takes 60\.0 MB.*Object Storage.*Ogg Opus"):
        client.submit(big)


# ---- targets


@pytest.mark.parametrize(
    "target",
    ["locl", "127.0.0.1:50051", "grpc://", "grpc://127.0.0.1", "ftp://127.0.0.1:1", "grpc://127.0.0.1:x"],
)
def test_a_wrong_target_is_answered_with_right_ones(target):
    """The error after a typo names both valid forms."""
    with pytest.raises(
        TargetError,
        match=r"is not the address of a service: connect\('local'\).*connect\('grpc://127\.0\.0\.1",
    ):
        sk.connect(target)


def test_plain_text_does_not_leave_this_machine():
    """grpc:// is for loopback only."""
    with pytest.raises(TargetError, match=r"'grpc://example\.org:50051' would send audio in plain text"):
        sk.connect("grpc://example.org:50051")


def test_options_of_the_local_server_belong_to_it():
    """They cannot be set for a server that is running already."""
    with pytest.raises(TargetError, match=r"models can be set for connect\('local'\) only"):
        sk.connect("grpc://127.0.0.1:50051", models={})
    with pytest.raises(TargetError, match="bucket_root is for a server on this machine, and cloud is"):
        sk.connect("cloud", api_key="key", bucket_root="buckets")


# ---- jobs


def test_an_operation_of_another_server(client):
    """The error names the service that has it."""
    service = "grpc://127.0.0.1:9"
    client.journal.add(
        JobRecord(service=service, operation_id="f8dother", recording="a", created_at=1.0, state="running")
    )
    with pytest.raises(
        TargetError, match=r"'f8dother' was submitted to 'grpc://127\.0\.0\.1:9', this client is connected"
    ):
        client.job("f8dother")


def test_a_job_can_be_attached_whatever_its_service(client):
    """The stored result of a job of another service can be read without a request to that service."""
    entry = client.journal.add(JobRecord(service="cloud", recording="far", created_at=1.0, state="running"))
    entry.store_responses([final(0, "good night")], [2.0])
    assert attach_job(client, entry.number).result(progress=False).text == "good night"


# ---- killed kernels


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_killed_kernel_leaves_no_server(script):
    """SIGKILL of the kernel ends its server within seconds."""
    program = (
        "import sys; from speechkit_nb.client.local_server import LocalServer; "
        f"server = LocalServer(models={{'general': 'scripted:{script}'}}); "
        "print(server._process.pid, flush=True); sys.stdin.read()"
    )
    kernel = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(kernel.stdout.readline())
    assert _alive(pid)
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    wait_until(lambda: not _alive(pid), 20)
    for stream in (kernel.stdin, kernel.stdout):
        stream.close()


def test_closing_the_client_ends_the_local_server(script):
    """Its log is deleted."""
    client = sk.connect("local", models={"general": f"scripted:{script}"})
    server = client._on_close.__self__
    assert done(client.submit(wav(2.0))).text == "hello world"
    client.close()
    assert server._process.returncode == 0
    assert not server._log.exists()


def test_a_forked_child_does_not_end_its_parents_server(script):
    """multiprocessing in a notebook must not stop the recognizer."""
    server = LocalServer(models={"general": f"scripted:{script}"})
    try:
        child = os.fork()
        if child == 0:
            server._finalizer()
            os._exit(0)
        os.waitpid(child, 0)
        time.sleep(0.2)
        assert server._process.poll() is None
    finally:
        server.stop()


def test_a_local_server_that_does_not_start_says_why(tmp_path):
    """The error has the last lines of its log."""
    with pytest.raises(ServerError, match=r"the local server did not start: .*nowhere\.csv"):
        LocalServer(models={"general": f"scripted:{tmp_path / 'nowhere.csv'}"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"models": ["general"]}, "models must be a mapping from model names to engines, not ['general']"),
        ({"models": {"general": None}}, "a model must be a name and an engine"),
        ({"models": {5: "pocketsphinx"}}, "a model must be a name and an engine"),
        ({"models": {"a=b": "pocketsphinx"}}, "the model 'a=b' cannot have an equals sign"),
        ({"models": {"a": "scripted:\0"}}, "a zero byte"),
        ({"bucket_root": 5}, "bucket_root must be the path of a folder, not 5"),
        ({"bucket_root": b"x"}, "bucket_root must be the path of a folder, not b'x'"),
        ({"data_dir": object}, "data_dir must be the path of a folder, not <class 'object'>"),
        ({"data_dir": "\0"}, "data_dir must be the path of a folder"),
    ],
)
def test_wrong_arguments_of_a_local_server(options, words):
    """One error that names the argument, before a process is started."""
    with pytest.raises(ServerError, match=re.escape(words)):
        LocalServer(**options)


# ---- interrupts


def test_an_interrupt_of_the_whole_group_stops_the_wait_not_the_job(script):
    """Ctrl-C in a terminal and a notebook's stop button signal the process group of the kernel."""
    code = (
        "import speechkit_nb as sk\n"
        f"client = sk.connect('local', models={{'general': 'scripted:{script}'}})\n"
        "try:\n    print('ready', flush=True)\n    input()\n"
        "except KeyboardInterrupt:\n    pass\n"
        f"print(client.submit({str(DATA / 'numbers.ogg')!r}).result(progress=False).text)\n"
    )
    kernel = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert kernel.stdout.readline() == "ready\n"
    os.killpg(kernel.pid, signal.SIGINT)
    out, _ = kernel.communicate(timeout=60)
    assert (out, kernel.returncode) == ("hello world\n", 0)


class Interrupting(GrpcTransport):
    """A service; the user presses Ctrl-C while a request is being sent."""

    def __init__(self):
        super().__init__("grpc://127.0.0.1:1", Endpoints.at("grpc://127.0.0.1:1"))

    def submit(self, request, request_id):
        raise KeyboardInterrupt


def test_an_interrupted_submission_is_unknown(tmp_path):
    """It is unknown whether it arrived, so waiting for it might never end."""
    with Client(Interrupting(), Journal(tmp_path / "journal.sqlite3")) as client:
        with pytest.raises(KeyboardInterrupt):
            client.submit(wav(2.0))
        assert client.jobs().status.tolist() == ["unknown"]
        assert "interrupted by KeyboardInterrupt" in client.jobs().error[0]
        client.resume()[0].abandon()
        assert client.jobs().status.tolist() == ["cancelled"]
        assert len(client.resume()) == 0


def test_results_are_fetched_though_nobody_waits(server):
    """Those of new jobs and of jobs of an earlier kernel; the service stores them for three days only."""
    target = f"grpc://{server.address}"
    with sk.connect(target) as client:
        client.submit(wav(2.0))
        wait_until(lambda: client.jobs().status.tolist() == ["done"])
    client = sk.connect(target)
    client._poller.close()  # like a kernel that ends before its first status check
    client.submit(wav(2.5))
    client.close()
    with sk.connect(target) as client:
        assert client.jobs().status.tolist() == ["done", "submitted"]
        jobs = client.resume()
        wait_until(lambda: client.jobs().status.tolist() == ["done", "done"])
        assert len(jobs) == 2


def test_a_job_by_its_number(server, client):
    """A job has a number before the service returns an id; numbers are unique over all services."""
    done(client.submit(wav(2.0), id="mine"))
    assert client.job(1).recording == "mine"
    with pytest.raises(NotFound, match=r"the journal has no job 2; client\.jobs\(\) lists all jobs"):
        client.job(2)
    Journal().add(JobRecord(service="cloud", recording="theirs", created_at=1.0))
    with pytest.raises(TargetError, match=r"job 2 was submitted to 'cloud', .*connect\('cloud'\)\.job\(2\)"):
        client.job(2)


def test_a_job_asked_for_at_the_wrong_server_stays_open(script, tmp_path):
    """Another server does not know the operation; the right server returns its result later."""
    journal, models = tmp_path / "journal.sqlite3", {"general": f"scripted:{script}"}
    options = {"journal": journal, "models": models}
    with sk.connect("local", data_dir=tmp_path / "one", **options) as client:
        client._poller.close()  # else it may store the result before the client is closed
        job = client.submit(wav(2.0))
        wait_until(lambda: client._transport.status(job.operation_id).done)
    with (
        sk.connect("local", data_dir=tmp_path / "two", **options) as client,
        pytest.raises(NotFound, match="the job may belong to another server or to other credentials"),
    ):
        client.job(job.operation_id).result(progress=False)
    with sk.connect("local", data_dir=tmp_path / "one", **options) as client:
        assert client.job(job.operation_id).result(progress=False).text == "hello world"


def test_a_result_of_another_engine_is_not_used_again(script, tmp_path, monkeypatch):
    """Where pocketsphinx is not installed, other engines recognize: its earlier results are not given out."""

    def submit() -> bool:
        models = {"general": f"scripted:{script}"}
        with sk.connect("local", models=models, data_dir=tmp_path) as client:
            job = client.submit(wav(2.0))
            job.result(progress=False)
            return job.reused

    assert [submit(), submit()] == [False, True]
    monkeypatch.setattr("speechkit_nb.client.connection.find_spec", lambda _: None)
    assert not submit()


def test_a_target_has_one_spelling():
    """The journal stores the target as the name of the service."""
    with sk.connect("grpc://LOCALHOST:50051/") as client:
        assert client.service == "grpc://localhost:50051"


@pytest.mark.parametrize("target", [5, "grpc://me@127.0.0.1:1", "grpc://127.0.0.1:1?x=1"])
def test_a_target_with_more_or_less_than_an_address(target):
    """A number, or a URL with a user or a query, is refused."""
    with pytest.raises(
        TargetError,
        match=r"is not the address of a service: connect\('local'\)|must be an address or a",
    ):
        sk.connect(target)


def test_a_local_server_without_its_folders(tmp_path):
    """Its data folder, and the folder used instead of Object Storage: each has a one-line error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match=r"cannot use the folder '.*/file': File exists"):
        sk.connect("local", data_dir=tmp_path / "file")
    with pytest.raises(ServerError, match=r"did not start: [^/]*'--bucket-root'.*nowhere' does not exist"):
        sk.connect("local", bucket_root=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modles": {}}, "no option 'modles'; did you mean 'models'. There are api, .*data_dir"),
        ({"api_key": "key", "folder_id": "b1g"}, "has no use for api_key and folder_id: leave it out"),
        ({"data_logging": True}, r"connect\('local'\) starts a recognizer of its own.*data_logging"),
    ],
)
def test_what_the_local_recognizer_does_not_take(options, message):
    """A misspelled option, or credentials, which it does not check: an error before a process is started."""
    with pytest.raises(ConfigError, match=message):
        sk.connect("local", **options)


def test_options_of_the_local_recognizer_are_for_it_alone():
    """The error for a misspelled option differs from that for an option of another target."""
    with pytest.raises(TargetError, match=r"models can be set for connect\('local'\) only"):
        sk.connect("grpc://127.0.0.1:1", models={})
    with pytest.raises(ConfigError, match="no option 'api_kye'; did you mean 'api_key'"):
        sk.connect("grpc://127.0.0.1:1", api_kye="secret")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 5}, "target must be an address or a name such as 'local', not 5"),
        ({"endpoints": "https://host"}, "endpoints must be of the class Endpoints, not 'https://host'"),
        ({"quota": 500}, "quota must be of the class Quota, not 500"),
        ({"service_account_key": 5}, "service_account_key must be a file, or its content, not 5"),
        ({"ca": np.zeros(2)}, r"ca must be a path, such as 'folder/name', not array\(\[0\., 0\.\]\)"),
        ({"ca": "a\0b"}, r"ca must be a path, such as 'folder/name', not 'a\\x00b'"),
        (
            {"bucket": ["mine"]},
            r"bucket must be a plain name of 3 to 63 letters, .*, not \['mine'\]",
        ),
        ({"folder_id": 5}, "folder_id must be a text, not 5"),
        ({"data_logging": "no"}, "data_logging must be True or False, not 'no'"),
        (
            {"target": "https://" + "x" * 9000 + "?key=1"},
            r"'https://x+\.\.\.x+' is not the address of a service",
        ),
        ({"target": "https://a\udcff"}, "is not the address of a service"),
    ],
)
def test_arguments_of_another_type(options, message):
    """One short sentence, whatever the value is."""
    target = options.pop("target", None if "endpoints" in options else "http://127.0.0.1:1")
    with pytest.raises(SpeechkitError, match=message) as caught:
        sk.connect(target, **options)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [5, b"https://host", ["https://host"]])
def test_endpoints_of_another_type(value):
    """The same for each host of an installation."""
    with pytest.raises(TargetError, match="the address of a service must be a text, not "):
        sk.Endpoints(iam=value)
