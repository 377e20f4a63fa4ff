"""Jobs from submission to result over every connection: v3 and v2, each over gRPC and over REST."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from local_server import DATA, Server, sound, talk, wav

import speechkit_nb as sk
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.errors import (
    AudioConverted,
    ConfigError,
    JobCancelled,
    JobFailed,
    JobUnknown,
    NotFound,
    Rejected,
    Unreachable,
)

SUBMIT = {"v3": "RecognizeFile", "v2": "LongRunningRecognize"}


class Variant(NamedTuple):
    """One combination of API and protocol."""

    api: str
    transport: str

    def target(self, server: Server) -> str:
        return f"grpc://{server.address}" if self.transport == "grpc" else server.rest

    def connect(self, server: Server, **options: Any) -> sk.Client:
        return sk.connect(self.target(server), api=self.api, **options)


VARIANTS = [Variant(api, transport) for api in ("v3", "v2") for transport in ("grpc", "rest")]


@pytest.fixture(params=VARIANTS, ids=lambda variant: f"{variant.api}-{variant.transport}")
def variant(request) -> Variant:
    return request.param


@pytest.fixture(params=VARIANTS[:2], ids=lambda variant: f"{variant.api}-{variant.transport}")
def v3_variant(request) -> Variant:
    return request.param


@pytest.fixture(scope="module")
def server(script, tmp_path_factory):
    bucket = tmp_path_factory.mktemp("bucket")
    (bucket / "mine").mkdir()
    (bucket / "mine" / "talk.ogg").write_bytes(opus(n_channels=2))
    started = Server(rest="127.0.0.1:0", models={"general": f"scripted:{script}"}, bucket_root=bucket)
    yield started
    started.close()


@pytest.fixture
def client(server, variant):
    with variant.connect(server) as connected:
        yield connected


@contextmanager
def failing(variant: Variant, script: Path, *faults: str, **settings: Any) -> Iterator[sk.Client]:
    """A client of a server with these faults."""
    settings = {"rest": "127.0.0.1:0", "models": {"general": f"scripted:{script}"}, **settings}
    server = Server(faults=faults, **settings)
    try:
        with variant.connect(server) as connected:
            yield connected
    finally:
        server.close()


def opus(seconds: float = 2.0, n_channels: int = 1) -> bytes:
    return sound(np.zeros((n_channels, round(seconds * 48000))), 48000, format="OGG", subtype="OPUS")


def done(job: sk.Job) -> sk.Transcript:
    return job.result(timeout=60, progress=False)


# ---- sources


def test_submit_a_path(client, tmp_path):
    """Words of both channels; the file name is the name of the recording."""
    (tmp_path / "talk.wav").write_bytes(wav(2.0, n_channels=2))
    transcript = done(client.submit(tmp_path / "talk.wav"))
    words = transcript.words
    assert sorted(words[["start", "channel_tag", "word", "end"]].values.tolist()) == [
        [0.2, "1", "good", 0.4],
        [0.5, "0", "hello", 0.9],
        [0.5, "1", "day", 0.8],
        [1.0, "0", "world", 1.4],
    ]
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
        (opus(), {}),
        (sound(np.zeros((1, 32000)), 16000, format="MP3", subtype="MPEG_LAYER_III"), {}),
    ],
    ids=["bytes", "array", "int16 array", "Recording", "LINEAR16_PCM", "Ogg Opus", "MP3"],
)
def test_submit_anything_that_sounds(client, source, options):
    """Bytes, arrays, Recordings, raw PCM and every container give the same words."""
    assert done(client.submit(source, **options)).text == "hello world"


def test_submit_a_link_into_object_storage(client):
    """s3:// and https:// are paths below the bucket root; the query of a signed link is dropped."""
    for link in (
        "s3://mine/talk.ogg",
        "https://storage.yandexcloud.net/mine/talk.ogg?X-Amz-Signature=secret",
    ):
        transcript = done(client.submit(link))
        assert len(transcript.words) == 4
        assert transcript.recording == "talk.ogg"
    assert "secret" not in str(client.jobs().to_dict())
    assert b"secret" not in client._journal.path.read_bytes()


def test_what_the_service_does_not_take_is_converted_and_said(client):
    """FLAC is converted to WAV, with a warning."""
    flac = sound(np.zeros((1, 16000)), 8000, format="FLAC")
    with pytest.warns(AudioConverted, match="FLAC.* to WAV"):
        job = client.submit(flac, id="song")
    assert done(job).recording == "song"


def test_the_bar_ends_and_leaves_nothing(client, capsys):
    """Without a terminal nothing is printed."""
    client.submit(wav(2.0)).result(timeout=60)
    assert capsys.readouterr() == ("", "")


def test_both_apis_and_both_wires_answer_the_same(server):
    """The frame of finals of one recording is the same over every connection."""
    frames = []
    for variant in VARIANTS:
        with variant.connect(server) as client:
            words = done(client.submit(wav(2.0, n_channels=2), id="a")).words
        frames.append(words.sort_values(["start", "word"])[["channel_tag", "word", "start", "end"]])
    for frame in frames[1:]:
        assert frame.values.tolist() == frames[0].values.tolist()
    assert len(frames[0]) == 4


def test_options_reach_the_service(client):
    """With normalization the text is a sentence, in v2 as in the refinement of v3."""
    transcript = done(client.submit(wav(2.0), normalize=True, literature_text=True))
    assert transcript.refined_text == "Hello world."


# ---- errors of the service


def test_what_the_server_refuses_is_in_the_journal_as_failed(client):
    """An unknown model: the error lists the models of the server; the job stays in the journal."""
    with pytest.raises(Rejected, match=r"INVALID_ARGUMENT: .*'generl'.*general"):
        client.submit(wav(), model="generl")
    assert client.jobs()[["status", "model"]].values.tolist() == [["failed", "generl"]]


def test_an_error_has_the_id_that_support_asks_for(client):
    """The service returns an id for each call; it is once at the end of the message."""
    with pytest.raises(Rejected, match=r"general:rc \(x-request-id \S+\)$") as refused:
        client.submit(wav(), model="generl")
    assert str(refused.value).endswith(f"(x-request-id {refused.value.request_id})")
    with pytest.raises(NotFound, match=r"x-request-id \S+\)\. Neither") as missing:
        client.job("f8dnothing")
    assert str(missing.value).count(missing.value.request_id) == 1


def test_bucket_paths_do_not_leave_the_bucket(client):
    """Paths to parent folders are refused; the error names an object that does not exist."""
    with pytest.raises(Rejected, match=r"INVALID_ARGUMENT.*\.\."):
        client.submit("https://storage.yandexcloud.net/mine/%2e%2e/%2e%2e/secret.ogg")
    with pytest.raises((Rejected, NotFound), match=r"nothing\.ogg"):
        client.submit("s3://mine/nothing.ogg")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"speaker_labeling": True}, "speaker_labeling"),
        ({"classifiers": "gender"}, "classifiers"),
        ({"speaker_analysis": True}, "speaker_analysis"),
        ({"conversation_analysis": True}, "conversation_analysis"),
        ({"phone_formatting": False}, "phone_formatting"),
        ({"excluded_language": "ru-RU"}, "excluded_language"),
        ({"summarization": "In short?", "summarization_model": "gpt://f/m"}, "summarization"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_that_v2_does_not_have_are_named(server, options, name):
    """An option is never dropped silently: nothing is sent."""
    with (
        Variant("v2", "rest").connect(server) as client,
        pytest.raises(ConfigError, match=rf"API v2 has no {name}: leave it, or connect with api='v3'"),
    ):
        client.submit(wav(), **options)


def test_v2_takes_one_language_and_no_wav_behind_a_link(server):
    """Each error names a solution."""
    with Variant("v2", "grpc").connect(server) as client:
        with pytest.raises(ConfigError, match="takes one language, not ru-RU, en-US; v3 takes several"):
            client.submit(wav(), language=["ru-RU", "en-US"])
        with pytest.raises(ConfigError, match=r"takes no WAV behind a link.* submit the file itself"):
            client.submit("s3://mine/talk.wav")
        assert client.jobs().status.tolist() == ["failed", "failed"]


def test_a_server_that_does_not_run(variant):
    """The error has the address and the command for a server; the job is failed, since nothing was sent."""
    scheme, option = ("grpc", "grpc") if variant.transport == "grpc" else ("http", "rest")
    with sk.connect(f"{scheme}://127.0.0.1:1", api=variant.api) as client:
        expected = rf"cannot connect to {scheme}://127\.0\.0\.1:1 .*speechkit-nb serve --{option} 127"
        with pytest.raises(Unreachable, match=expected):
            client.submit(wav())
        assert client.jobs().status.tolist() == ["failed"]


def test_a_closed_client_says_so(server, variant):
    """Nothing is sent or added to the journal; a second `close` is no error."""
    client = variant.connect(server)
    client.close()
    client.close()
    with pytest.raises(Rejected, match=r"this client of \S+ was closed; connect\("):
        client.submit(wav(2.0))
    assert client.jobs().empty
    client.close()


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
    """Its operation id is looked up at the service and added to the journal."""
    operation_id = server.api.submit(wav(2.0), recognition_model={"model": "general"}).id
    assert done(client.job(operation_id)).text == "hello world"
    assert client.jobs().operation_id.tolist() == [operation_id]


@pytest.mark.parametrize("first", VARIANTS, ids=lambda variant: f"{variant.api}-{variant.transport}")
def test_a_job_of_one_api_can_be_had_by_the_other(server, variant, first):
    """v2 has the result in the operation, v3 does not: the client finds both."""
    with first.connect(server) as client:
        operation_id = client.submit(wav(2.0)).operation_id
    with variant.connect(server, journal=Path(os.environ["SPEECHKIT_NB_HOME"]) / "other.sqlite3") as client:
        assert done(client.job(operation_id)).text == "hello world"


def test_an_unknown_operation_id(client):
    """The service does not know the operation; the journal does not change."""
    with pytest.raises(NotFound, match=r"NOT_FOUND.*f8dnothing.*client\.jobs\(\) lists what was submitted"):
        client.job("f8dnothing")
    assert client.jobs().empty


def test_cancel(variant, script):
    """Cancelled jobs have no result."""
    with failing(variant, script, "never-done") as client:
        job = client.submit(wav(2.0))
        assert not job.done
        job.cancel()
        with pytest.raises(JobCancelled, match=job.operation_id):
            done(job)


def test_delete_forgets_at_the_service_only(server, v3_variant):
    """The journal keeps the fetched result."""
    with v3_variant.connect(server) as client:
        job = client.submit(wav(2.0))
        done(job)
        job.delete()
        assert done(client.job(job.operation_id)).text == "hello world"
        with pytest.raises(Exception, match="NOT_FOUND"):
            server.api.messages(job.operation_id)


def test_v2_cannot_delete_and_says_so(server):
    """v2 has no such call."""
    with Variant("v2", "rest").connect(server) as client:
        job = client.submit(wav(2.0))
        done(job)
        with pytest.raises(Rejected, match=r"API v2 cannot delete a result: .* after three days"):
            job.delete()


# ---- a region without operations


def test_without_operations_a_job_is_asked_after_by_its_result(server, v3_variant):
    """As in Kazakhstan: the status comes from the result; only cancelling needs an operation."""
    here = Endpoints(stt=f"grpc://{server.address}", stt_rest=server.rest)
    with sk.connect(endpoints=here, transport=v3_variant.transport, api_key="key") as client:
        job = client.submit(wav(2.0))
        assert done(job).text == "hello world"
        with pytest.raises(NotFound, match="NOT_FOUND"):
            client.job("f8dnothing")
        with pytest.raises(Rejected, match="has no operation endpoint, so a job cannot be cancelled"):
            client._transport.cancel(job.operation_id)


# ---- faults


@pytest.mark.parametrize("fault", ["unavailable:Get:2", "refuse:Get:RESOURCE_EXHAUSTED:2"])
def test_passing_faults_are_ridden_out(variant, script, fault):
    """After temporary faults, calls that are safe to repeat are retried."""
    with failing(variant, script, fault) as client:
        assert done(client.submit(wav(2.0))).text == "hello world"


@pytest.mark.parametrize("fault", ["unavailable:GetRecognition:2", "cut:GetRecognition:1:2", "not-ready:3"])
def test_an_answer_that_is_late_or_cut_is_fetched_again(v3_variant, script, fault):
    """From its start, so that no message is duplicated or missing."""
    with failing(v3_variant, script, fault) as client:
        transcript = done(client.submit(wav(2.0)))
        assert transcript.text == "hello world"
        assert transcript.events.event.tolist() == ["final", "final_refinement", "eou_update"]


def test_a_submission_without_answer_is_unknown_and_not_sent_again(variant, script):
    """It might be billed twice: the error and the journal report it; the server got one call."""
    with failing(variant, script, f"unavailable:{SUBMIT[variant.api]}:1") as client:
        lost = r"did not answer the submission \(UNAVAILABLE.*\(x-request-id \S+\).*billed twice"
        with pytest.raises(JobUnknown, match=lost):
            client.submit(wav(2.0), id="a")
        assert client.jobs()[["recording", "status"]].values.tolist() == [["a", "unknown"]]
        assert done(client.submit(wav(2.0))).text == "hello world"


def test_a_recorded_answer_is_replayed_as_it_is(v3_variant):
    """A published response over the protocol gives the same frames as its file."""
    recorded = DATA / "answers" / "rest_v3.json"
    with failing(v3_variant, recorded) as client:
        transcript = done(client.submit(wav(2.0)))
    assert list(transcript.responses) == list(sk.load(recorded).responses)


def test_a_server_that_ends_in_mid_wait(variant, script):
    """The wait ends with one error; the job stays submitted in the journal."""
    server = Server(rest="127.0.0.1:0", models={"general": f"scripted:{script}"}, faults=["never-done"])
    with variant.connect(server) as client:
        job = client.submit(wav(2.0))
        server.kill()
        with pytest.raises(Unreachable, match=f"cannot connect to {variant.target(server)}"):
            job.result(timeout=60, progress=False)
        assert client.jobs().status.tolist() == ["submitted"]


# ---- killed kernels

KERNEL = """
import sys, speechkit_nb as sk
from local_server import wav
client = sk.connect({target!r}, api={api!r}{options})
job = client.submit(wav(2.0), id="lost")
print(job.operation_id, flush=True)
sys.stdin.read()
"""


def _killed(target: str, api: str, options: str = "") -> str:
    """The operation id that a kernel printed before it was killed."""
    path = os.pathsep.join([str(Path(__file__).parents[1] / "support"), os.environ.get("PYTHONPATH", "")])
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL.format(target=target, api=api, options=options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert kernel.stdout is not None
    operation_id = kernel.stdout.readline().strip()
    kernel.kill()
    kernel.wait()
    for stream in (kernel.stdin, kernel.stdout):
        assert stream is not None
        stream.close()
    return operation_id


def test_resume_brings_what_a_killed_kernel_submitted(server, variant):
    """Once: after the result was delivered, there is nothing to resume."""
    operation_id = _killed(variant.target(server), variant.api)
    with variant.connect(server) as client:
        jobs = client.resume()
        assert [job.operation_id for job in jobs] == [operation_id]
        (transcript,) = jobs.results(timeout=60, progress=False)
        assert (transcript.text, transcript.recording) == ("hello world", "lost")
        assert len(client.resume()) == 0


def test_resume_brings_what_a_killed_kernel_submitted_to_its_own_local_server(script, variant):
    """The server ends with its kernel; the next server continues its operations, over every connection."""
    models = {"general": f"scripted:{script}"}
    operation_id = _killed("local", variant.api, f", models={models!r}, transport={variant.transport!r}")
    with sk.connect("local", models=models) as client:
        jobs = client.resume()
        assert [job.operation_id for job in jobs] == [operation_id]
        assert jobs.results(timeout=60, progress=False)[0].text == "hello world"


# ---- the embedded recognizer


@pytest.mark.parametrize(
    "variant",
    [VARIANTS[0], VARIANTS[3], *(pytest.param(one, marks=pytest.mark.exhaustive) for one in VARIANTS[1:3])],
    ids="-".join,
)
def test_no_account_no_network_words_from_real_speech(variant):
    """connect("local"), submit, result: the embedded recognizer over a real connection."""
    with sk.connect("local", api=variant.api, transport=variant.transport) as client:
        transcript = done(client.submit(talk(), id="talk", language="en-US"))
        words = transcript.words
        assert transcript.text.startswith("good morning")
        assert words.start.is_monotonic_increasing
        assert (words.end > words.start).all()
        with pytest.raises((Rejected, JobFailed), match="ru-RU"):
            done(client.submit(talk(), language="ru-RU"))
