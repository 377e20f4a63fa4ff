"""The command line: what it prints, which files it writes, which errors it shows."""

import os
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from local_server import DATA, sound, talk, wav

import speechkit_nb as sk
from speechkit_nb.cli.main import main


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_transcribe_prints_the_text(run, target, tmp_path):
    """One file: its text and nothing else."""
    (tmp_path / "a.wav").write_bytes(wav(2.0))
    done = run("transcribe", tmp_path / "a.wav", "--target", target)
    assert (done.exit_code, done.output) == (0, "hello world\n")


def test_transcribe_writes_tables_and_pictures(run, target, tmp_path):
    """A folder: each recording's text under its name; words, transcript and timeline in --out."""
    for name in ("a.wav", "b.WAV"):
        (tmp_path / name).write_bytes(wav(2.0))
    (tmp_path / "notes.txt").write_text("no audio")
    done = run("transcribe", tmp_path, "--target", target, "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (0, "a.wav\nhello world\nb.WAV\nhello world\n")
    assert re.fullmatch(r"b\.WAV: result of .* used again, nothing was sent\n", done.stderr)
    assert sorted(os.listdir(tmp_path / "out")) == [
        f"{name}.{kind}" for name in ("a.wav", "b.WAV") for kind in ("parquet", "timeline.png", "words.csv")
    ]
    assert pd.read_csv(tmp_path / "out" / "a.wav.words.csv").word.tolist() == ["hello", "world"]
    assert sk.load(tmp_path / "out" / "a.wav.parquet").text == "hello world"


def test_transcribe_takes_every_audio_suffix_of_a_folder(run, target, tmp_path):
    """The suffixes that `submit_many` takes, such as .aiff and .oga; other files are ignored."""
    (tmp_path / "a.aiff").write_bytes(sound(np.zeros(16000), 8000, format="AIFF"))
    shutil.copy(DATA / "numbers.ogg", tmp_path / "b.OGA")
    (tmp_path / "notes.txt").write_text("no audio")
    with pytest.warns(sk.errors.AudioConverted):
        done = run("transcribe", tmp_path, "--target", target)
    assert (done.exit_code, done.output) == (0, "a.aiff\nhello world\nb.OGA\nhello world\n")


def test_an_error_is_one_line(run, target, tmp_path):
    """No traceback, exit code 1."""
    (tmp_path / "notes.wav").write_text("these are notes")
    done = run("transcribe", tmp_path / "notes.wav", "--target", target)
    assert done.exit_code == 1
    assert re.fullmatch(r"Error: .*notes\.wav.*\n", done.output)
    done = run("transcribe", DATA / "russian.wav", "--target", "nowhere")
    assert "Error: 'nowhere' is not the address of a service" in done.output


def test_a_file_that_fails_does_not_stop_the_others(run, target, tmp_path):
    """A name that is not UTF-8, and a file that is no recording: the others are recognized, exit code 1."""
    folder = os.fsencode(tmp_path)
    for name in (b"a.wav", b"\xcf\xf0\xe8.wav", b"notes.wav"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"these are notes" if name == b"notes.wav" else wav(1.0 + len(name)))
    done = run("transcribe", tmp_path, "--target", target, "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (1, "a.wav\nhello world\n\\xcf\\xf0\\xe8.wav\nhello world\n")
    assert re.search(r"Error: notes\.wav: the job is failed: .*notes\.wav", done.stderr)
    assert "_xcf_xf0_xe8.wav.parquet" in os.listdir(tmp_path / "out")
    listed = run("jobs")
    assert "\\xcf\\xf0\\xe8.wav" in listed.stdout


@pytest.fixture
def scripted(monkeypatch, script):
    """The local target recognizes the words of `script`."""
    models = {"general": f"scripted:{script}"}
    monkeypatch.setattr("speechkit_nb.client.connect", partial(sk.connect, models=models))


def test_transcribe_of_a_bucket(run, scripted, tmp_path):
    """A folder of a bucket; with --out the tables of each, and a line for the missing pictures."""
    for name in ("a.wav", "old/b.wav", "notes.txt"):
        (path := tmp_path / "root" / "talks" / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(2.0))
    local = ("--bucket-root", tmp_path / "root")
    done = run("transcribe", "s3://talks/", *local, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout == "a.wav\nhello world\nold/b.wav\nhello world\n"
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.wav.parquet", "a.wav.words.csv", "old_b.wav.parquet", "old_b.wav.words.csv"]
    assert "https://storage" not in done.stderr
    assert "s3://talks/a.wav: the sound is not on this machine, so there is no picture" in done.stderr


def test_transcribe_of_samples_without_a_header(run, scripted, tmp_path):
    """Behind a link and in a file: their format is given; a wrong one is one error, and nothing is sent."""
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks" / "call").write_bytes(bytes(32000))
    local = ("--bucket-root", tmp_path)
    pcm = ("--encoding", "LINEAR16_PCM", "--sample-rate", 8000)
    done = run("transcribe", "s3://talks/call", tmp_path / "talks" / "call", *local, *pcm)
    assert (done.exit_code, done.stdout.count("hello world")) == (0, 2), done.output
    done = run("transcribe", "s3://talks/call", *local, "--encoding", "LINEAR16_PCM")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "needs sample_rate, 8000 to 48000 Hz" in done.output


def test_transcribe_of_a_folder_without_recordings(run, target, tmp_path):
    """The message lists the suffixes."""
    done = run("transcribe", tmp_path, "--target", target)
    assert done.exit_code == 1
    assert re.search(r"Error: no recordings in .*no file there ends in \.wav, .*\.aiff", done.output)


@pytest.mark.parametrize("connection", [[], ["--transport", "rest"], ["--api", "v2"]], ids=["", "rest", "v2"])
def test_demo_leaves_words_timelines_and_a_report(run, tmp_path, connection):
    """With the local recognizer over each protocol: words.csv, one timeline each, one self-contained page."""
    (tmp_path / "talk.wav").write_bytes(talk())
    (tmp_path / "russian.wav").write_bytes(wav(2.0))
    number = ["двести", "двенадцать", "восемьдесят", "пять", "ноль", "шесть"]
    lines = [f"{word},{0.2 * i:.1f},{0.2 * (i + 1):.1f}" for i, word in enumerate(number)]
    (tmp_path / "russian.words.csv").write_text("\n".join(["word,start,end", *lines]))
    out = tmp_path / "demo"
    done = run("demo", tmp_path, "--out", out, *connection)
    assert done.exit_code == 0, done.output
    words = pd.read_csv(out / "words.csv", dtype={"channel_tag": "str"})
    assert words.word.head(8).tolist() == [*number, "good", "morning"]
    assert "good" in done.output
    assert "report.html" in done.output
    assert (out / "talk.wav.timeline.png").read_bytes()[:4] == b"\x89PNG"
    page = (out / "report.html").read_text()
    assert "Good morning" in page
    assert "212-85-06" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)


def test_demo_leaves_the_journal_of_the_user_alone(run, tmp_path):
    """It has its own journal, and runs the second time as it ran the first time."""
    (tmp_path / "talk.wav").write_bytes(talk())
    first, second = (run("demo", tmp_path, "--out", tmp_path / "demo") for _ in range(2))
    assert (first.exit_code, first.output) == (0, second.output)
    assert os.listdir(os.environ["SPEECHKIT_NB_HOME"]) == []


def test_demo_without_recordings_says_where_they_are(run, tmp_path):
    """The samples are in the repository, not in the package."""
    done = run("demo", tmp_path / "data")
    assert done.exit_code == 1
    assert "no recordings in" in done.output
    assert "the folder data of the repository" in done.output


@pytest.mark.parametrize("command", [["-m", "speechkit_nb"], ["speechkit-nb"]], ids=["module", "script"])
def test_serve_prints_its_address_and_ends_on_sigterm(command):
    """Both spellings; one readable line; a clean exit."""
    program = [sys.executable, *command] if command[0] == "-m" else [Path(sys.executable).parent / command[0]]
    server = subprocess.Popen(
        [*program, "serve", "--grpc", "127.0.0.1:0", "--model", "mine=pocketsphinx"],
        stdout=subprocess.PIPE,
        text=True,
    )
    line = server.stdout.readline()
    assert re.match(
        r"speechkit-nb local server: grpc://127\.0\.0\.1:\d+ \(models .*mine=pocketsphinx\)", line
    )
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
    server.stdout.close()


def test_serve_refuses_wrong_options(run):
    """A model without an engine, an unknown engine, an address that other machines can reach."""
    assert "'general' names no model" in run("serve", "--model", "general").output
    assert "there is no engine 'vosk'" in run("serve", "--model", "general=vosk").output
    assert "can be reached from other machines" in run("serve", "--grpc", "0.0.0.0:50051").output
