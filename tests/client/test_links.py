"""Links into Object Storage: patterns and folders, given formats, and signatures that are not kept."""

import glob
import itertools
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from local_server import serving, sound, wav

import speechkit_nb as sk
from speechkit_nb.cli.main import main
from speechkit_nb.client import Journal
from speechkit_nb.client.jobs.sources import collect_items
from speechkit_nb.client.storage.backends import LocalStorage, StoredObject
from speechkit_nb.client.storage.links import check_link_format
from speechkit_nb.client.storage.listing import list_recordings
from speechkit_nb.errors import AudioError, ConfigError, LimitError, NotFound, SpeechkitError

SECRET = "5f3adeadbeef"
SIGNED = f"https://storage.yandexcloud.net/talks/a.wav?X-Amz-Signature={SECRET}&X-Amz-Expires=60"
PCM = np.zeros((16000, 2), "<i2").tobytes()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of buckets: recordings in folders, one without a suffix, headerless ones, a text."""
    folder = tmp_path_factory.mktemp("root")
    files = {
        "a.wav": wav(1.1),
        "2024/a.wav": wav(1.2),
        "2024/b.ogg": sound(np.zeros((1, 62400)), 48000, format="OGG", subtype="OPUS"),
        "2024/old/c.wav": wav(1.4),
    }
    files |= {
        "raw/x.pcm": PCM,
        "raw/y.pcm": PCM,
        "untold": wav(1.5),
        "2024/notes.txt": b"text",
        "odd[1].wav": wav(1.6),
    }
    for name, content in files.items():
        path = folder / "talks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def client(root, script, tmp_path_factory):
    """A client whose storage is the folder of the local server."""
    journal = tmp_path_factory.mktemp("journal") / "journal.sqlite3"
    models = {"general": f"scripted:{script}"}
    with sk.connect("local", models=models, bucket_root=root, journal=journal) as connected:
        yield connected


def _links(link, storage):
    return [found.link for found in list_recordings(link, storage)]


# ---- patterns and folders


@pytest.mark.parametrize(
    ("link", "names"),
    [
        ("s3://talks", ["2024/a.wav", "2024/b.ogg", "2024/old/c.wav", "a.wav", "odd[1].wav"]),
        ("s3://talks/", ["2024/a.wav", "2024/b.ogg", "2024/old/c.wav", "a.wav", "odd[1].wav"]),
        ("s3://talks/2024/", ["2024/a.wav", "2024/b.ogg", "2024/old/c.wav"]),
        ("s3://talks/*.wav", ["a.wav", "odd[1].wav"]),
        ("s3://talks/*/*.wav", ["2024/a.wav"]),
        ("s3://talks/**/*.wav", ["2024/a.wav", "2024/old/c.wav", "a.wav", "odd[1].wav"]),
        ("s3://talks/2024/?.[ow]*", ["2024/a.wav", "2024/b.ogg"]),
        ("s3://talks/odd[1].wav", ["odd[1].wav"]),
        ("s3://talks/20*/", ["2024/a.wav", "2024/b.ogg", "2024/old/c.wav"]),
        ("s3://talks/*/old/", ["2024/old/c.wav"]),
    ],
)
def test_what_a_link_means(root, link, names):
    """A folder includes those below; a star does not; text files are left out; a name is itself first."""
    assert _links(link, LocalStorage(root)) == [f"s3://talks/{name}" for name in names]


def test_a_folder_with_brackets_in_its_name(tmp_path):
    """A folder is itself first, too; in an empty prefix nothing begins with anything."""
    for name in ("[d] й/x.wav", "d/y.wav"):
        (tmp_path / "talks" / name).parent.mkdir(parents=True)
        (tmp_path / "talks" / name).touch()
    storage = LocalStorage(tmp_path)
    assert _links("s3://talks/[d] й/", storage) == ["s3://talks/[d] й/x.wav"]
    assert _links("s3://talks/[d]/", storage) == ["s3://talks/d/y.wav"]
    with pytest.raises(AudioError, match=r"has 2 objects in the bucket 'talks'\. A recording ends"):
        _links("s3://talks/*.wav", storage)


PARTS = st.text("ab.", min_size=1, max_size=3).filter(lambda part: part.strip("."))
KEYS = st.lists(
    st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".wav"), min_size=1
)
PATTERNS = st.lists(st.sampled_from(["*", "**", "a*", "?", "[ab]*", "b"]), max_size=2).map(
    lambda p: "/".join([*p, "*.wav"])
)


@given(keys=KEYS, pattern=PATTERNS)
def test_a_pattern_means_the_same_as_in_a_folder(tmp_path_factory, keys, pattern):
    """The objects that `glob` finds, in a folder with the same names; it leaves out hidden ones."""
    keys = [key for key in keys if not any(part.startswith(".") for part in key.split("/"))]
    root = tmp_path_factory.mktemp("tree")
    for key in keys:
        path = root / "talks" / key
        if not any(parent.is_file() for parent in path.parents) and not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (root / "talks").mkdir(exist_ok=True)
    paths = glob.glob(str(root / "talks" / pattern), recursive=True)
    expected = sorted(
        f"s3://talks/{os.path.relpath(path, root / 'talks')}" for path in set(paths) if os.path.isfile(path)
    )
    if expected:
        assert _links(f"s3://talks/{pattern}", LocalStorage(root)) == expected
    else:
        with pytest.raises(AudioError, match="no recordings match"):
            _links(f"s3://talks/{pattern}", LocalStorage(root))


@pytest.mark.parametrize(
    ("link", "error", "message"),
    [
        ("s3://nowhere/*.wav", NotFound, "the folder .* has no bucket 'nowhere'; create it there, or"),
        (
            "s3://empty/",
            AudioError,
            "no recordings match 's3://empty/': the storage has 0 objects in the bucket",
        ),
        ("s3://talks/2024/n*", AudioError, "has 1 object in the bucket 'talks' that begins with '2024/n'"),
        ("s3://talks/2025/", AudioError, "has 0 objects in the bucket 'talks' that begin with '2025/'"),
        ("s3://talks/2024/*.mp3", AudioError, "has 4 objects in the bucket 'talks' that begin with '2024/'"),
        (
            "s3://talks/raw/",
            AudioError,
            r"has 2 objects .* A recording ends in one of \.wav, .* unless container=",
        ),
        (
            "s3://talks/20*",
            AudioError,
            r"The pattern matches folders \('2024'\) and not what is in them: 's3://talks/2024/' is "
            r"one of them with all below, 's3://talks/20\*/' all of them",
        ),
        ("s3:///*.wav", ConfigError, "bucket must be a plain name"),
        ("s3://../*.wav", ConfigError, "bucket must be a plain name"),
    ],
)
def test_a_link_that_means_nothing(client, link, error, message):
    """One error before anything is sent, with what there is."""
    before = len(client.jobs())
    with pytest.raises(error, match=message):
        client.submit_many(link, progress=False)
    assert len(client.jobs()) == before


class _Pages:
    """A storage of many objects, which counts how many were listed."""

    n_listed = 0

    def find(self, bucket, prefix):
        for number in range(10**6):
            self.n_listed += 1
            yield StoredObject(f"{prefix}{number // 1000:03}/{number:06}.wav", "1")


def test_a_bucket_is_listed_while_it_is_sent():
    """A million objects: a thousand are listed before the first is sent, and then one for each."""
    pages = _Pages()
    items = collect_items("s3://talks/2024/", lambda link, _: list_recordings(link, pages))
    names = [item.name for item in itertools.islice(items, 1500)]
    assert (names[0], names[1499], pages.n_listed) == ("000/000000.wav", "001/001499.wav", 1500)


def test_a_small_bucket_has_a_total(client):
    """Its jobs are counted before they are sent; each is called by its folders below the link."""
    jobs = client.submit_many("s3://talks/2024/", progress=False)
    assert "of 3 jobs" in repr(jobs)
    jobs.wait(60, progress=False)
    assert jobs.frame.recording.tolist() == ["a.wav", "b.ogg", "old/c.wav"]


def test_an_object_is_paid_once(client, root):
    """An earlier result is used for an object of a list until it changes; another format is another job.

    That goes for a job that was sent again, too.
    """
    path = root / "talks" / "once" / "a.wav"
    path.parent.mkdir()
    path.write_bytes(wav(1.0))

    def resubmit(number):
        db = sqlite3.connect(client.journal.path)
        with db:
            db.execute("UPDATE jobs SET state = 'failed' WHERE id = ?", (int(number),))
        db.close()
        job = client.job(number).resubmit()
        job.result(60, progress=False)
        return job.number

    def send(**given):
        client.submit_many("s3://talks/once/", reuse=True, progress=False, **given).wait(60, progress=False)
        return client.jobs().number.max()

    first = send()
    assert send() == first
    second = send(container="WAV")
    assert second > first
    path.write_bytes(wav(1.5))
    third = send()
    assert third > second
    path.write_bytes(wav(1.6))
    again = resubmit(third)  # with the content that it has now
    assert send() == again > third
    shutil.rmtree(path.parent)


def test_a_single_link_is_paid_once_if_asked_to(client, root):
    """Its sound may have changed, so by default it is sent; its result tells its length, and so the cost."""
    job = client.submit("s3://talks/2024/b.ogg", language="en-US")
    assert client.job(job.number).record.duration is None
    job.result(progress=False)
    assert job.record.duration == pytest.approx(1.3, abs=0.001)
    assert job.record.n_channels == 1
    assert client.submit("s3://talks/2024/b.ogg", language="en-US", reuse=True).reused
    assert not client.submit("s3://talks/2024/b.ogg", language="en-US").reused
    planned = sk.experiment("s3://talks/a.wav", ["general", "general:rc"], client=client, send=False)
    assert planned.plan.summary.startswith(
        "1 recording × 2 variants: 2 of 2 jobs to send; 0 h billed and 2 jobs of"
    )
    with pytest.raises(
        LimitError, match="The length of a link is known after its recognition only, so max_hours="
    ):
        sk.experiment("s3://talks/a.wav", client=client, max_hours=5)
    done = sk.experiment("s3://talks/a.wav", client=client, progress=False, prices=2).wait(progress=False)
    assert done.frame[["duration", "billed", "cost"]].values.tolist() == [[1.1, 15.0, 30.0]]
    again = sk.experiment("s3://talks/a.wav", client=client, max_hours=0, progress=False)
    assert "0 of 1 job to send, 1 used again" in again.plan.summary


def test_a_folder_of_a_disk_that_a_pattern_matches(client, root):
    """A pattern that matches folders only is one error with the two ways out."""
    with pytest.raises(AudioError, match=r"/talks/20\*' matches 1 folder \('.*/2024'\) and no file: name"):
        client.submit_many(f"{root}/talks/20*", progress=False)


def test_a_local_recognizer_without_buckets(script):
    """Its buckets, and those of another server of this machine, are not looked for in the cloud."""
    local = sk.connect("local", models={"general": f"scripted:{script}"})
    for client in (local, sk.connect("grpc://127.0.0.1:9"), sk.connect("http://localhost:9")):
        with client:
            for call in (client.submit_many, lambda link, client=client: client.upload(wav(), "talks")):
                with pytest.raises(
                    ConfigError,
                    match=r"has no buckets in the cloud: connect\(\.\.\., bucket_root=DIR\) names",
                ):
                    call("s3://talks/*.wav")


def test_a_bucket_is_sent(client):
    """Each object is a job; names that are not different get their folders."""
    jobs = client.submit_many(["s3://talks/2024/", "s3://talks/a.wav"], progress=False)
    assert {one.text for one in jobs.results(60, progress=False)} == {"hello world"}
    assert jobs.frame.recording.tolist() == ["2024/a.wav", "b.ogg", "c.wav", "talks/a.wav"]


def test_a_pattern_is_for_many(client):
    """A single link names one object."""
    with pytest.raises(
        AudioError, match=r"is a pattern; client\.submit_many sends all objects that match it"
    ):
        client.submit("s3://talks/*.wav")
    with pytest.raises(
        AudioError, match=r"'s3://talks/2024/' is not a link .*client\.submit_many takes patterns"
    ):
        client.submit("s3://talks/2024/")


# ---- formats


@pytest.mark.parametrize("api", ["v3", "v2"])
def test_samples_without_a_header_behind_a_link(root, script, tmp_path, api):
    """Their format is given, stored with the job, and used when it is sent again by another client."""
    settings = {"models": {"general": f"scripted:{script}"}, "bucket_root": root}
    with serving(**settings) as server, sk.connect(f"grpc://{server.address}", api=api) as client:
        job = client.submit("s3://talks/raw/x.pcm", encoding="LINEAR16_PCM", sample_rate=8000, n_channels=2)
        words = job.result(60, progress=False).words
        assert sorted(words.channel_tag.unique()) == ["0", "1"]
        assert client.job(job.number).record.format == {
            "encoding": "LINEAR16_PCM",
            "sample_rate": 8000,
            "n_channels": 2,
        }
        db = sqlite3.connect(client.journal.path)
        db.execute("UPDATE jobs SET state = 'failed'")
        db.commit()
        db.close()
        again = client.job(job.number).resubmit().result(60, progress=False)
        assert again.words.equals(words)


def test_formats_that_no_name_tells(client, tmp_path):
    """A key without a suffix, all files of a folder, and a file without a header that is sent again."""
    assert (
        client.submit("s3://talks/untold", container="WAV").result(60, progress=False).text == "hello world"
    )
    jobs = client.submit_many(
        "s3://talks/raw/", encoding="LINEAR16_PCM", sample_rate=8000, n_channels=2, progress=False
    )
    assert len(jobs.results(60, progress=False)) == 2
    (tmp_path / "talk.raw").write_bytes(PCM)
    job = client.submit(tmp_path / "talk.raw", encoding="LINEAR16_PCM", sample_rate=8000, n_channels=2)
    job.result(60, progress=False)
    assert client.job(job.number).record.duration == 2.0


def test_each_row_has_its_own_format(client):
    """Columns of a table: two rates of headerless samples, a whole folder, a container, and a plain file."""
    raw = {"encoding": "LINEAR16_PCM", "n_channels": 2}
    rows = [
        {"source": "s3://talks/raw/x.pcm", "sample_rate": 8000, **raw},
        {"source": "s3://talks/raw/", "sample_rate": 16000, **raw},
        {"source": "s3://talks/untold", "container": "WAV"},
        {"source": "s3://talks/a.wav", "sample_rate": 44100, "n_channels": 7},
    ]
    jobs = client.submit_many(pd.DataFrame(rows), progress=False)
    jobs.wait(60, progress=False)
    assert jobs.frame.status.tolist() == ["done"] * 5
    pcm = [{"sample_rate": rate, **raw} for rate in (8000, 16000, 16000)]
    assert [job.record.format for job in jobs[:]] == [*pcm, {"container": "WAV"}, {}]
    assert jobs.frame.sample_rate.tolist()[-1] == 44100  # what the header says is the user's own column
    listed = client.submit_many(rows, progress=False)
    listed.wait(60, progress=False)
    assert [job.record.format for job in listed[:]] == [job.record.format for job in jobs[:]]


def test_the_rate_of_a_row_and_the_encoding_of_all(client):
    """What the row lacks is taken from the call, and the row goes before the call."""
    table = pd.DataFrame({"source": ["s3://talks/raw/x.pcm"] * 2, "sample_rate": [8000, None]})
    jobs = client.submit_many(table, encoding="LINEAR16_PCM", sample_rate=16000, n_channels=2, progress=False)
    jobs.wait(60, progress=False)
    assert [job.record.format["sample_rate"] for job in jobs[:]] == [8000, 16000]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"encoding": "pcm"}, "x.pcm: encoding must be 'LINEAR16_PCM', not 'pcm'"),
        (
            {"encoding": "MP3"},
            "x.pcm: encoding='MP3' is a format of files with a header: give container",
        ),
        ({"encoding": "LINEAR16_PCM"}, "x.pcm: encoding='LINEAR16_PCM' needs sample_rate"),
        ({"container": "FLAC"}, "x.pcm: container must be 'WAV', 'OGG_OPUS' or 'MP3', not 'FLAC'"),
        ({"container": "WAV", "encoding": "LINEAR16_PCM"}, "x.pcm: container is for files with a header"),
        ({"source": "/x.pcm", "container": "WAV"}, "x.pcm: container is for links"),
        ({"source": "s3://talks/raw/", "id": "one"}, "may mean several objects, and id='one' names one"),
    ],
)
def test_a_row_with_a_wrong_format(client, row, message):
    """One error before anything is sent, with the name of the row."""
    before = len(client.jobs())
    with pytest.raises(ConfigError, match=message):
        client.submit_many(pd.DataFrame([{"source": "s3://talks/raw/x.pcm", **row}]), progress=False)
    assert len(client.jobs()) == before


def test_a_stated_encoding_that_is_wrong(client):
    """Samples without a header are not called .wav; what only the service can see fails that recording."""
    with pytest.raises(AudioError, match=r"'s3://talks/a\.wav' is that of a WAV file, .*leave encoding out"):
        client.submit("s3://talks/a.wav", encoding="LINEAR16_PCM", sample_rate=8000)
    rows = [
        {"source": "s3://talks/untold", "encoding": "LINEAR16_PCM", "sample_rate": 8000},
        {"source": "s3://talks/raw/x.pcm", "container": "MP3"},
        {"source": "s3://talks/a.wav", "container": "OGG_OPUS"},
        {"source": "s3://talks/untold", "container": "WAV"},
    ]
    jobs = client.submit_many(pd.DataFrame(rows), progress=False)
    jobs.wait(60, progress=False)
    assert jobs.frame.status.tolist() == ["failed", "failed", "failed", "done"]
    for error, part in zip(
        jobs.frame.error,
        ["begins with b'RIFF', so it has a header", "no audio", "names OGG_OPUS, the audio is WAV"],
        strict=False,
    ):
        assert part in error


@pytest.mark.parametrize(
    ("source", "given", "message"),
    [
        ("s3://talks/2024", {}, "if it is a folder, write it as 's3://talks/2024/'"),
        (
            "s3://talks/untold",
            {},
            r"the format of 's3://talks/untold' is unknown.*container='WAV'.*encoding='LINEAR",
        ),
        (
            "s3://talks/x.pcm",
            {},
            "or, for samples without a header, by encoding='LINEAR16_PCM' with sample_rate",
        ),
        ("s3://talks/x.pcm", {"encoding": "LINEAR16_PCM"}, "needs sample_rate, 8000 to 48000 Hz, not None"),
        (
            "s3://talks/x.pcm",
            {"encoding": "PCM", "sample_rate": 8000},
            "encoding must be 'LINEAR16_PCM', not 'PCM'",
        ),
        ("s3://talks/x.pcm", {"sample_rate": 8000}, "give encoding='LINEAR16_PCM' too, or leave them out"),
        ("s3://talks/x.pcm", {"encoding": "LINEAR16_PCM", "sample_rate": 7.5}, "needs sample_rate"),
        ("s3://talks/x.pcm", {"encoding": "LINEAR16_PCM", "sample_rate": True}, "needs sample_rate"),
        (
            "s3://talks/x.pcm",
            {"encoding": "LINEAR16_PCM", "sample_rate": 8000, "n_channels": 0},
            "n_channels must be",
        ),
        (
            "s3://talks/untold",
            {"container": "FLAC"},
            "container must be 'WAV', 'OGG_OPUS' or 'MP3', not 'FLAC'",
        ),
        ("s3://talks/untold", {"container": ["WAV"]}, "container must be"),
        (
            "s3://talks/untold",
            {"container": "WAV", "encoding": "LINEAR16_PCM"},
            "container is for files with a header",
        ),
        (wav(), {"container": "WAV"}, "container is for links; the format of other recordings is read"),
        (
            sk.Recording(wav()),
            {"sample_rate": 8000},
            r"sample_rate must be given to sk\.Recording, not again here",
        ),
    ],
)
def test_formats_that_do_not_fit(client, source, given, message):
    """One error before anything is sent."""
    before = len(client.jobs())
    with pytest.raises((AudioError, ConfigError), match=message):
        client.submit(source, **given)
    assert len(client.jobs()) == before


def test_the_format_of_a_link_has_few_values():
    """numpy's integers are integers."""
    assert check_link_format(encoding="LINEAR16_PCM", sample_rate=np.int64(8000)) == {
        "encoding": "LINEAR16_PCM",
        "sample_rate": 8000,
        "n_channels": 1,
    }


@pytest.mark.parametrize(
    "link",
    ["https://[x/a.wav", "s3://\ud800/a.wav", "s3://b/\ud800.wav", "https://h/\x00.wav", "://", "s3://"],
)
def test_links_that_are_none(client, link):
    """An error of the toolkit, whatever the characters."""
    with pytest.raises(SpeechkitError):
        client.submit(link)


# ---- signatures


HIDDEN = [
    SIGNED,
    f"s3://talks/a.wav?X-Amz-Credential=me&X-Amz-Signature={SECRET}",
    f"s3://me:{SECRET}@talks/a.wav",
    f"https://me:{SECRET}@storage.yandexcloud.net/talks/a.wav",
    f"https://storage.yandexcloud.net/talks/a.wav?AWSAccessKeyId=me&Signature={SECRET}&Expires=1#t",
]


def test_a_signature_is_kept_nowhere(tmp_path, monkeypatch, root, script, caplog):
    """In no file of the home, of the local server or of a result; nor in what is shown, raised or logged."""
    home = tmp_path / "home"
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(home))
    shown = []
    models = {"general": f"scripted:{script}"}
    with sk.connect("local", models=models, bucket_root=root, data_dir=tmp_path / "server") as client:
        jobs = client.submit_many(
            pd.DataFrame({"source": HIDDEN, "id": HIDDEN, "page": HIDDEN, "n": range(len(HIDDEN))}),
            progress=False,
        )
        more = client.submit_many([*HIDDEN, f"https://h/untold?X-Amz-Signature={SECRET}"], progress=False)
        for some in (jobs, more):
            some.wait(60, progress=False)
        assert jobs.frame.status.tolist() == ["done"] * len(HIDDEN)
        assert more.frame.status.tolist() == ["done"] * len(HIDDEN) + ["failed"]
        job = client.submit(SIGNED, metadata={"page": [SIGNED], "n": 1})
        transcript = job.result(60, progress=False)
        assert job.metadata == {"page": [SIGNED.partition("?")[0]], "n": 1}
        assert job.record.source == "https://storage.yandexcloud.net/talks/a.wav"
        for name in ("a.parquet", "a.csv", "a.json", "a.txt"):
            transcript.save(tmp_path / name)
        sk.Transcript([], "a", SIGNED).save(tmp_path / "b.parquet")
        transcript.view().to_html(tmp_path / "a.html")
        sk.Transcript(transcript.responses, "a", SIGNED).view().to_html(tmp_path / "b.html")
        for one in (job, *jobs, *more):
            shown += [one, one.record, one.record.error]
        shown += [
            transcript,
            transcript._repr_html_(),
            client.jobs().to_csv(),
            client.resume().frame.to_csv(),
        ]
        for some in (jobs, more):
            shown += [some, some._repr_html_(), some.frame.to_csv(), some.words.to_csv()]
        for link in HIDDEN:
            for call in (
                lambda link: client.submit(link, encoding="MP3"),
                lambda link: client.submit(f" {link}"),
                lambda link: client.submit(Path(link)),
                lambda link: client.submit_many([Path(link, "*")], progress=False),
                lambda link: client.upload(link, "talks"),
                lambda link: client.upload(wav(), link),
                client.resume_from,
                client.costs,
                client.stream,
                client.job,
                sk.Recording,
                sk.load,
                sk.Transcript([], link).save,
            ):
                with pytest.raises(SpeechkitError) as raised:
                    call(link)
                shown += [raised.value, *raised.value.args]
    listing = CliRunner().invoke(main, ["jobs", "list", "--json"])
    shown += [caplog.text, listing.output]
    assert '"done"' in listing.output
    assert [text for one in shown for text in (str(one), repr(one)) if SECRET in text] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"journal.sqlite3", "operations.sqlite", "a.parquet", "b.html"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_a_signature_in_an_earlier_journal_is_removed(tmp_path):
    """The first opening by this version removes it."""
    path = shutil.copy(Path(__file__).with_name("journal_0_1_0.sqlite3"), tmp_path)
    db = sqlite3.connect(path)
    db.execute("UPDATE jobs SET source = ? WHERE id = 1", (SIGNED,))
    db.execute("UPDATE jobs SET source = '/what?.wav' WHERE id = 2")
    db.commit()
    db.close()
    journal = Journal(path)
    assert [record.source for record in journal.records()][:2] == [SIGNED.partition("?")[0], "/what?.wav"]
    journal.close()
    db = sqlite3.connect(path)
    assert db.execute("SELECT source FROM jobs WHERE id = 1").fetchone() == (SIGNED.partition("?")[0],)
    db.close()
