"""Links into Object Storage: patterns and folders, given formats, and signatures that are not kept."""

import glob
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_server import serving, sound, wav

import speechkit_nb as sk
from speechkit_nb.client import Journal
from speechkit_nb.client.storage.backends import LocalStorage
from speechkit_nb.client.storage.links import check_link_format
from speechkit_nb.client.storage.listing import list_recordings
from speechkit_nb.errors import AudioError, ConfigError, NotFound, SpeechkitError

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
    ],
)
def test_what_a_link_means(root, link, names):
    """A folder includes those below; a star does not; text files are left out; a name is itself first."""
    assert list_recordings(link, LocalStorage(root)) == [f"s3://talks/{name}" for name in names]


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
        assert list_recordings(f"s3://talks/{pattern}", LocalStorage(root)) == expected
    else:
        with pytest.raises(AudioError, match="no recordings match"):
            list_recordings(f"s3://talks/{pattern}", LocalStorage(root))


@pytest.mark.parametrize(
    ("link", "error", "message"),
    [
        ("s3://nowhere/*.wav", NotFound, "the folder .* has no bucket 'nowhere'; create it there, or"),
        (
            "s3://empty/",
            AudioError,
            "no recordings match 's3://empty/': the storage has 0 objects in the bucket",
        ),
        ("s3://talks/2025/", AudioError, "has 0 objects in the bucket 'talks' that begin with '2025/'"),
        ("s3://talks/2024/*.mp3", AudioError, "has 4 objects in the bucket 'talks' that begin with '2024/'"),
        (
            "s3://talks/raw/",
            AudioError,
            r"has 2 objects .* A recording ends in one of \.wav, .* unless container=",
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


@pytest.mark.parametrize(
    ("source", "given", "message"),
    [
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


def test_a_signature_is_kept_nowhere(client, tmp_path):
    """Not in the journal or beside it, a saved transcript, a page, a table; nor that of a failed job."""
    job = client.submit(SIGNED)
    transcript = job.result(60, progress=False)
    jobs = client.submit_many([SIGNED, f"https://h/untold?X-Amz-Signature={SECRET}"], progress=False)
    jobs.wait(60, progress=False)
    assert jobs.frame.status.tolist() == ["done", "failed"]
    transcript.save(tmp_path / "a.parquet")
    sk.Transcript([], "a", SIGNED).save(tmp_path / "b.parquet")
    transcript.view().to_html(tmp_path / "a.html")
    sk.Transcript(transcript.responses, "a", SIGNED).view().to_html(tmp_path / "b.html")
    shown = [job, job.record, transcript, jobs, jobs[1].record, client.jobs().to_csv(), jobs._repr_html_()]
    assert SECRET not in "\n".join(map(str, shown)) + transcript._repr_html_()
    files = [*tmp_path.iterdir(), *client.journal.path.parent.iterdir()]
    assert len(files) >= 6
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert job.record.source == "https://storage.yandexcloud.net/talks/a.wav"


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
