"""Client against the real local server: every way to hand in sound, faults, and lost kernels."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from serving import DATA, Server, serving, sound, talk, wait_until, wav

import speechkit_nb as sk
from speechkit_nb.client.local import LocalServer
from speechkit_nb.errors import (
    AudioConverted,
    AudioError,
    ConfigError,
    JobCancelled,
    JobFailed,
    JobUnknown,
    LimitError,
    NotFound,
    Rejected,
    ServerError,
    TargetError,
    Unreachable,
)

SCRIPT = "word,start,end,channel\nhello,0.5,0.9,0\nworld,1.0,1.4,0\ngood,0.2,0.4,1\nday,0.5,0.8,1\n"


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "talk.words.csv"
    path.write_text(SCRIPT)
    return path


@pytest.fixture(scope="module")
def server(script, tmp_path_factory):
    bucket = tmp_path_factory.mktemp("bucket")
    (bucket / "mine").mkdir()
    (bucket / "mine" / "talk.wav").write_bytes(wav(2.0, n_channels=2))
    started = Server(models={"general": f"scripted:{script}"}, bucket_root=bucket)
    yield started
    started.close()


@pytest.fixture
def client(server):
    with sk.connect(f"grpc://{server.address}") as connected:
        yield connected


def done(job: sk.Job) -> sk.Transcript:
    return job.result(timeout=60, progress=False)


# ---- ways to hand in sound


def test_submit_a_path(client, tmp_path):
    """Words of both channels, with the file's name as the recording."""
    (tmp_path / "talk.wav").write_bytes(wav(2.0, n_channels=2))
    transcript = done(client.submit(tmp_path / "talk.wav"))
    words = transcript.words
    assert words[["channel_tag", "word", "start", "end"]].values.tolist() == [
        ["1", "good", 0.2, 0.4],
        ["1", "day", 0.5, 0.8],
        ["0", "hello", 0.5, 0.9],
        ["0", "world", 1.0, 1.4],
    ] or sorted(words.word) == ["day", "good", "hello", "world"]
    assert set(words.recording) == {"talk.wav"}
    assert transcript.source.source == tmp_path / "talk.wav"


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (wav(2.0), {}),
        (np.zeros(16000), {"sample_rate": 8000}),
        (np.zeros((1, 32000), "int16"), {"sample_rate": 16000}),
        (sk.Recording(np.zeros(96000), sample_rate=48000), {}),
        (sk.Recording(b"\0\0" * 16000, encoding="LINEAR16_PCM", sample_rate=8000, n_channels=1), {}),
        (sound(np.zeros((1, 96000)), 48000, format="OGG", subtype="OPUS"), {}),
        (sound(np.zeros((1, 32000)), 16000, format="MP3", subtype="MPEG_LAYER_III"), {}),
    ],
    ids=["bytes", "array", "int16 array", "Recording", "LINEAR16_PCM", "Ogg Opus", "MP3"],
)
def test_submit_anything_that_sounds(client, source, options):
    """Bytes, arrays, Recordings, raw PCM and every container: the same words."""
    assert done(client.submit(source, **options)).text == "hello world"


def test_submit_a_link_into_object_storage(client):
    """s3:// and https:// lead below the bucket root; the query of a signed link is dropped."""
    for link in (
        "s3://mine/talk.wav",
        "https://storage.yandexcloud.net/mine/talk.wav?X-Amz-Signature=secret",
    ):
        transcript = done(client.submit(link))
        assert len(transcript.words) == 4
        assert transcript.recording == "talk.wav"
    assert "secret" not in str(client.jobs().to_dict())
    assert b"secret" not in client._journal.path.read_bytes()


def test_what_the_service_does_not_take_is_converted_and_said(client):
    """FLAC becomes WAV; the user is told."""
    flac = sound(np.zeros((1, 16000)), 8000, format="FLAC")
    with pytest.warns(AudioConverted, match="FLAC.* to WAV"):
        job = client.submit(flac, id="song")
    assert done(job).recording == "song"


def test_the_frames_join_refinement_and_final(client):
    """The refinement is a sentence; with normalization numbers are digits."""
    finals = done(client.submit(wav(2.0))).finals
    assert finals.loc[0, ["text", "refined_text"]].tolist() == ["hello world", "Hello world."]


def test_the_bar_ends_and_leaves_nothing(client, capsys):
    """Without a terminal nothing is printed."""
    client.submit(wav(2.0)).result(timeout=60)
    assert capsys.readouterr() == ("", "")


# ---- bad input, before anything is sent


def test_bad_input_is_refused_before_anything_is_sent(client, tmp_path):
    """Nothing of it is in the journal: no job was made."""
    (tmp_path / "notes.wav").write_text("these are notes")
    with pytest.raises(AudioError, match=r"notes\.wav"):
        client.submit(tmp_path / "notes.wav")
    with pytest.raises(AudioError, match=r"nowhere\.wav"):
        client.submit(tmp_path / "nowhere.wav")
    with pytest.raises(ConfigError, match=r"no option 'modle'; did you mean 'model'"):
        client.submit(wav(), modle="general")
    with pytest.raises(ConfigError, match="language='english' is not one of auto, de-DE"):
        client.submit(wav(), language="english")
    with pytest.raises(ConfigError, match="normalize='yes', but it is True or False"):
        client.submit(wav(), normalize="yes")
    with pytest.raises(
        AudioError, match=r"'ftp://x/y.wav' is no link into Object Storage; .* s3://bucket/name"
    ):
        client.submit("ftp://x/y.wav")
    with pytest.raises(AudioError, match=r"format behind 's3://mine/talk' cannot be told.*\.wav, \.ogg"):
        client.submit("s3://mine/talk")
    assert client.jobs().empty


def test_a_recording_above_the_inline_limit_says_both_ways_out(client, tmp_path):
    """61 MB of WAV: upload and submit the link, or compress."""
    big = tmp_path / "big.wav"
    with big.open("wb") as file:
        n_bytes = 61_000_000
        file.write(wav(0.1)[:40] + n_bytes.to_bytes(4, "little"))
        file.truncate(44 + n_bytes)
    with pytest.raises(LimitError, match=r"(?s)big\.wav.*takes 60\.0 MB.*Object Storage.*Ogg Opus"):
        client.submit(big)


def test_what_the_server_refuses_is_in_the_journal_as_failed(client):
    """An unknown model: the server's list of models; the job is not lost sight of."""
    with pytest.raises(Rejected, match=r"INVALID_ARGUMENT: .*'generl'.*general"):
        client.submit(wav(), model="generl")
    assert client.jobs()[["status", "model"]].values.tolist() == [["failed", "generl"]]


def test_bucket_paths_do_not_leave_the_bucket(client):
    """No way up."""
    with pytest.raises(Rejected, match=r"INVALID_ARGUMENT.*\.\."):
        client.submit("https://storage.yandexcloud.net/mine/%2e%2e/%2e%2e/secret.wav")
    with pytest.raises((Rejected, NotFound), match=r"nothing\.wav"):
        client.submit("s3://mine/nothing.wav")


# ---- targets


@pytest.mark.parametrize(
    "target",
    ["locl", "127.0.0.1:50051", "grpc://", "grpc://127.0.0.1", "ftp://127.0.0.1:1", "grpc://127.0.0.1:x"],
)
def test_a_wrong_target_is_answered_with_right_ones(target):
    """A typo names both forms there are."""
    with pytest.raises(
        TargetError, match=r"names no service: connect\('local'\).*connect\('grpc://127\.0\.0\.1"
    ):
        sk.connect(target)


def test_plain_text_does_not_leave_this_machine():
    """grpc:// is for loopback."""
    with pytest.raises(TargetError, match=r"'grpc://example\.org:50051' would send audio in plain text"):
        sk.connect("grpc://example.org:50051")


def test_options_of_the_local_server_belong_to_it():
    """They cannot be set for a server that runs already."""
    with pytest.raises(TargetError, match=r"models can be set for connect\('local'\) only"):
        sk.connect("grpc://127.0.0.1:50051", models={})


def test_a_server_that_does_not_run():
    """One error that says where, and how to start one; the job is failed, not unknown: nothing was sent."""
    with sk.connect("grpc://127.0.0.1:1") as client:
        with pytest.raises(
            Unreachable, match=r"nobody answers at grpc://127\.0\.0\.1:1 .*speechkit-nb serve --grpc"
        ):
            client.submit(wav())
        assert client.jobs().status.tolist() == ["failed"]


# ---- jobs


def test_client_jobs_lists_and_client_job_attaches(client):
    """By id, from the journal, with the same result."""
    job = client.submit(wav(2.0), id="a")
    done(job)
    row = client.jobs().iloc[0]
    assert (row.recording, row.operation_id, row.status) == ("a", job.operation_id, "done")
    assert row.expires > row.finished
    assert done(client.job(job.operation_id)).text == "hello world"


def test_a_job_submitted_elsewhere_is_taken_in(client, server):
    """Somebody wrote the id down: it is looked up at the service and put into the journal."""
    operation_id = server.api.submit(wav(2.0), recognition_model={"model": "general"}).id
    assert done(client.job(operation_id)).text == "hello world"
    assert client.jobs().operation_id.tolist() == [operation_id]


def test_an_unknown_operation_id(client):
    """The service knows no such operation; the journal stays as it is."""
    with pytest.raises(NotFound, match=r"NOT_FOUND.*f8dnothing"):
        client.job("f8dnothing")
    assert client.jobs().empty


def test_an_operation_of_another_server(client):
    """It is told which service has it."""
    client._journal.add(
        service="grpc://127.0.0.1:9", operation_id="f8dother", recording="a", created_at=1.0, state="running"
    )
    with pytest.raises(
        TargetError, match=r"'f8dother' was submitted to 'grpc://127\.0\.0\.1:9', this client talks"
    ):
        client.job("f8dother")


def test_cancel_and_delete(script):
    """Cancelled jobs have no result; deleted ones keep what was fetched."""
    with (
        serving(models={"general": f"scripted:{script}"}, faults=["never-done"]) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        job = client.submit(wav(2.0))
        assert not job.done
        job.cancel()
        with pytest.raises(JobCancelled, match=job.operation_id):
            done(job)


def test_delete_forgets_at_the_service_only(client, server):
    """The journal keeps what was fetched."""
    job = client.submit(wav(2.0))
    done(job)
    job.delete()
    assert done(client.job(job.operation_id)).text == "hello world"
    with pytest.raises(Exception, match="NOT_FOUND"):
        server.api.messages(job.operation_id)


# ---- faults


@pytest.mark.parametrize(
    "faults",
    [
        ["unavailable:Get:2"],
        ["unavailable:GetRecognition:2"],
        ["cut:GetRecognition:1:2"],
        ["not-ready:3"],
    ],
    ids=lambda faults: faults[0],
)
def test_passing_faults_are_ridden_out(script, faults):
    """Calls that are safe to repeat are repeated; a cut stream is fetched again from its start."""
    with (
        serving(models={"general": f"scripted:{script}"}, faults=faults) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        transcript = done(client.submit(wav(2.0)))
        assert transcript.text == "hello world"
        assert transcript.events.event.tolist() == ["final", "final_refinement", "eou_update"]


def test_a_submission_without_answer_is_unknown_and_not_sent_again(script):
    """It might be billed twice: the user is told, the journal says so, the server got one call."""
    with (
        serving(models={"general": f"scripted:{script}"}, faults=["unavailable:RecognizeFile:1"]) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        with pytest.raises(JobUnknown, match=r"did not answer the submission \(UNAVAILABLE.*billed twice"):
            client.submit(wav(2.0), id="a")
        assert client.jobs()[["recording", "status"]].values.tolist() == [["a", "unknown"]]
        assert done(client.submit(wav(2.0))).text == "hello world"


def test_a_recorded_answer_is_replayed_as_it_is():
    """The published answer over the wire: the frames are those of the file."""
    recorded = DATA / "answers" / "rest_v3.json"
    with (
        serving(models={"general": f"scripted:{recorded}"}) as api,
        sk.connect(f"grpc://{api.address}") as client,
    ):
        transcript = done(client.submit(wav(2.0)))
    assert list(transcript.responses) == list(sk.load(recorded).responses)


# ---- kernels that die

KERNEL = """
import sys, speechkit_nb as sk
from serving import wav
client = sk.connect({target!r}{options})
job = client.submit(wav(2.0), id="lost")
print(job.operation_id, flush=True)
sys.stdin.read()
"""


def _kernel(target: str, options: str = "") -> subprocess.Popen:
    program = KERNEL.format(target=target, options=options)
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _killed(kernel: subprocess.Popen) -> str:
    """The operation id a kernel printed before it was killed."""
    operation_id = kernel.stdout.readline().strip()
    kernel.kill()
    kernel.wait()
    for stream in (kernel.stdin, kernel.stdout):
        stream.close()
    return operation_id


def test_resume_brings_what_a_killed_kernel_submitted(server):
    """Once: after the result was handed out, there is nothing to resume."""
    target = f"grpc://{server.address}"
    operation_id = _killed(_kernel(target))
    with sk.connect(target) as client:
        jobs = client.resume()
        assert [job.operation_id for job in jobs] == [operation_id]
        (transcript,) = jobs.results(timeout=60, progress=False)
        assert (transcript.text, transcript.recording) == ("hello world", "lost")
        assert len(client.resume()) == 0


def test_resume_brings_what_a_killed_kernel_submitted_to_its_own_local_server(script):
    """The server dies with its kernel; the next one takes its operations over."""
    models = {"general": f"scripted:{script}"}
    operation_id = _killed(_kernel("local", f", models={models!r}"))
    with sk.connect("local", models=models) as client:
        jobs = client.resume()
        assert [job.operation_id for job in jobs] == [operation_id]
        assert jobs.results(timeout=60, progress=False)[0].text == "hello world"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_killed_kernel_leaves_no_server(script):
    """SIGKILL of the kernel ends its server within seconds."""
    program = (
        "import sys; from speechkit_nb.client.local import LocalServer; "
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
    """And leaves no log behind."""
    client = sk.connect("local", models={"general": f"scripted:{script}"})
    server = client._on_close.__self__
    assert done(client.submit(wav(2.0))).text == "hello world"
    client.close()
    assert server._process.returncode == 0
    assert not server._log.exists()


def test_a_forked_child_does_not_end_its_parents_server(script):
    """multiprocessing in a notebook must not take the recognizer away."""
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
    """Its last words are in the error."""
    with pytest.raises(ServerError, match=r"the local server did not start: .*nowhere\.csv"):
        LocalServer(models={"general": f"scripted:{tmp_path / 'nowhere.csv'}"})


def test_a_server_that_ends_in_mid_wait(script):
    """The wait ends with one error; the job stays in the journal as running."""
    server = Server(models={"general": f"scripted:{script}"}, faults=["never-done"])
    with sk.connect(f"grpc://{server.address}") as client:
        job = client.submit(wav(2.0))
        server.kill()
        with pytest.raises(Unreachable, match="nobody answers at grpc://"):
            job.result(timeout=60, progress=False)
        assert client.jobs().status.tolist() == ["running"]


# ---- the story


def test_no_account_no_network_words_from_real_speech():
    """connect("local"), submit, result: the embedded recognizer over the real wire."""
    with sk.connect("local") as client:
        transcript = done(client.submit(talk(), id="talk", language="en-US"))
        words = transcript.words
        assert transcript.text.startswith("good morning")
        assert words.start.is_monotonic_increasing
        assert (words.end > words.start).all()
        assert transcript.finals.start[0] == 0.0
        assert transcript.finals.end.iloc[-1] == pytest.approx(4.6, abs=0.01)
        with pytest.raises((Rejected, JobFailed), match="ru-RU"):
            done(client.submit(talk(), language="ru-RU"))
