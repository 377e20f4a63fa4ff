"""Values of every wrong kind at every door of jobs: each is used, or refused with an error of the toolkit."""

import contextlib
import dataclasses
import io
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from local_server import wav

import speechkit_nb as sk
from speechkit_nb.client import Journal
from speechkit_nb.errors import SpeechkitError

VALUES = {
    "None": None,
    "True": True,
    "zero": 0,
    "negative": -1,
    "large": 2**70,
    "fraction": 1.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "empty text": "",
    "blank": " \n",
    "NUL": "a\0b",
    "half a character": "\ud800",
    "control": "\x1b[2J",
    "long": "x" * 20_000,
    "link": "https://[x/\ud800?a#b",
    "bytes": b"\xff\xfe",
    "empty bytes": b"",
    "list": [],
    "list of None": [None],
    "list of lists": [[]],
    "dict": {},
    "dict of anything": {"a": object(), 1: 2},
    "tuple": (1, 2, 3),
    "set": {"a"},
    "object": object(),
    "class": int,
    "function": lambda: None,
    "array": np.zeros(3),
    "array of objects": np.array([None, "a"], dtype=object),
    "numpy nan": np.float64("nan"),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "frame": pd.DataFrame(),
    "frame of numbers": pd.DataFrame([[1, 2], [3, 4]]),
    "path": Path("a\0b"),
    "file": io.BytesIO(b"abc"),
    "complex": 1j,
    "range": range(3),
}
JOB = ("sample_rate", "encoding", "n_channels", "container", "id", "bucket", "reuse", "metadata")
OPTIONS = [field.name for field in dataclasses.fields(sk.RecognitionConfig)]
EXPERIMENT = (*JOB[:4], "bucket", "reuse", "models", "client", "prices", "max_hours", "progress", "language")
CONNECT = ("api", "transport", "api_key", "iam_token", "oauth_token", "service_account_key", "folder_id")
CONNECT += ("endpoints", "ca", "data_logging", "journal", "bucket", "quota", "wrong")


def _with(name):
    return lambda client, value: client.submit(wav(1.0), **{name: value})


def _config_with(name):
    return lambda client, value: sk.RecognitionConfig.of(**{name: value})


def _many_with(name):
    return lambda client, value: client.submit_many([wav(1.0)], progress=False, **{name: value}).cancel()


def _experiment_with(name):
    return lambda client, value: sk.experiment(wav(1.0), **{"client": client, "send": False, name: value})


def _connect_with(target, name):
    return lambda client, value: sk.connect(target, **{name: value}).close()


DOORS = {
    "submit": lambda client, value: client.submit(value),
    **{f"submit {name}": _with(name) for name in JOB},
    **{f"option {name}": _config_with(name) for name in OPTIONS},
    "submit of a link": lambda client, value: client.submit("s3://talks/a.wav", container=value),
    "submit_many": lambda client, value: client.submit_many(value, progress=False).cancel(),
    "submit_many of a list": lambda client, value: client.submit_many([value], progress=False).cancel(),
    "submit_many of a table": lambda client, value: client.submit_many(
        pd.DataFrame({"source": [value], "x": [value]}, dtype=object), progress=False
    ).cancel(),
    **{
        f"submit_many {name}": _many_with(name)
        for name in (*JOB[:4], "bucket", "reuse", "stop_after", "model")
    },
    "submit_many progress": lambda client, value: client.submit_many([wav()], progress=value).cancel(),
    "costs": lambda client, value: (_done(client), client.costs(value)),
    "experiment": lambda client, value: sk.experiment(value, client=client, send=False),
    **{f"experiment {name}": _experiment_with(name) for name in EXPERIMENT},
    "job": lambda client, value: client.job(value),
    "result timeout": lambda client, value: _done(client).result(timeout=value, progress=False),
    "result progress": lambda client, value: _done(client).result(progress=value),
    "results timeout": lambda client, value: client.resume().results(timeout=value, progress=False),
    "results errors": lambda client, value: client.resume().results(progress=False, errors=value),
    "upload": lambda client, value: client.upload(value, "talks", progress=False),
    "upload bucket": lambda client, value: client.upload(wav(), value, progress=False),
    "upload key": lambda client, value: client.upload(wav(), "talks", value, progress=False),
    "connect": lambda client, value: sk.connect("." if value is None else value).close(),
    **{f"connect {name}": _connect_with("grpc://127.0.0.1:9", name) for name in CONNECT},
    "journal": lambda client, value: Journal(value).close(),
    "load": lambda client, value: sk.load(value),
    "save": lambda client, value: sk.Transcript([]).save(value),
    "words_of": lambda client, value: sk.Transcript([]).words_of(value),
    "sent_at": lambda client, value: sk.Transcript([], sends=[(0.1, 5.0)]).sent_at(value),
}


def _done(client):
    return client.submit(wav(1.0), reuse=True)


@pytest.mark.parametrize("door", DOORS)
def test_values_of_every_kind(client, door, tmp_path, monkeypatch):
    """No other error than those of `sk.errors`, no hang, and the client still works."""
    monkeypatch.chdir(tmp_path)
    client._submitter.settings = dataclasses.replace(client._submitter.settings, storage=tmp_path)
    (tmp_path / "talks").mkdir()
    for value in VALUES.values():
        with warnings.catch_warnings(), contextlib.suppress(SpeechkitError):
            warnings.simplefilter("ignore")
            DOORS[door](client, value)
    assert len(repr(client.jobs()._repr_html_())) > 0
