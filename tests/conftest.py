"""What every test gets: a home of its own for journals and local servers, and no window for figures."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"
collect_ignore = ["bench"]  # run by hand
settings.register_profile("any machine", deadline=None)  # a busy one is no slower code
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """No test reads or writes the journal of the user who runs it."""
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def script(tmp_path_factory) -> Path:
    """What is said in every recording: "hello world" in channel 0, "good day" in channel 1."""
    words = ["hello,0.5,0.9,0", "world,1.0,1.4,0", "good,0.2,0.4,1", "day,0.5,0.8,1"]
    path = tmp_path_factory.mktemp("script") / "talk.words.csv"
    path.write_text("\n".join(["word,start,end,channel", *words]) + "\n")
    return path
