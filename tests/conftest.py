"""What every test gets: a home of its own for journals and local servers, and no window for figures."""

import os

import pytest

os.environ["MPLBACKEND"] = "Agg"
collect_ignore = ["bench"]  # run by hand


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """No test reads or writes the journal of the user who runs it."""
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(tmp_path_factory.mktemp("home")))
