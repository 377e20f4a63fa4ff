"""What every test gets: a home of its own for journals and local servers, and no window for figures.

A module that needs a server of another kind has a fixture `server` of its own; `target`, `client` and `http`
are then those of that one.
"""

import os
import signal
from pathlib import Path

import httpx
import pytest
from hypothesis import settings
from local_server import Server

import speechkit_nb as sk

os.environ["MPLBACKEND"] = "Agg"
collect_ignore_glob = ["bench/bench_*.py", "bench/harness.py"]  # programs, which test_benches.py runs
# A busy machine is no slower code. The short form has the same examples on every run. The exhaustive form has
# more, and other ones on every run except in CI, where a failure should come from the change that is tested.
# A slow property takes a share of them, `max_examples=settings.default.max_examples // 4`.
settings.register_profile("short", deadline=None, max_examples=40, derandomize=True)
settings.register_profile(
    "exhaustive", deadline=None, max_examples=500, print_blob=True, derandomize="CI" in os.environ
)


def pytest_addoption(parser):
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="run the long forms of tests that have one, and nothing else",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "exhaustive: the long form of a test, for `make exhaustive`")
    config.addinivalue_line(
        "markers", "long: the file begins first, so that no process is left alone with it at the end"
    )
    settings.load_profile("exhaustive" if config.getoption("--exhaustive") else "short")
    # `nohup` and `&` start programs that ignore these, and every process of a test would inherit that
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(trylast=True)  # after Hypothesis has marked its tests
def pytest_collection_modifyitems(config, items):
    """Without --exhaustive the long forms are left out, with it only they and the property tests run."""
    is_long = {True: ("exhaustive", "hypothesis"), False: ("exhaustive",)}[config.getoption("--exhaustive")]
    long = [item for item in items if any(item.get_closest_marker(name) for name in is_long)]
    kept = long if config.getoption("--exhaustive") else [item for item in items if item not in set(long)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = sorted(kept, key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """No test reads or writes the journal of the user who runs it."""
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def script(tmp_path_factory) -> Path:
    """The words of every recording: "hello world" in channel 0, "good day" in channel 1."""
    words = ["hello,0.5,0.9,0", "world,1.0,1.4,0", "good,0.2,0.4,1", "day,0.5,0.8,1"]
    path = tmp_path_factory.mktemp("script") / "talk.words.csv"
    path.write_text("\n".join(["word,start,end,channel", *words]) + "\n")
    return path


@pytest.fixture(scope="module")
def server(script):
    """A local server that recognizes the words of `script` in every recording."""
    started = Server(models={"general": f"scripted:{script}"})
    yield started
    started.close()


@pytest.fixture(scope="module")
def target(server) -> str:
    """What to connect to for the module's server."""
    return f"grpc://{server.address}"


@pytest.fixture
def client(target):
    """A client of the module's server."""
    with sk.connect(target) as connected:
        yield connected


@pytest.fixture(scope="module")
def http(server):
    """Plain HTTP with the module's server, which must have REST."""
    with httpx.Client(base_url=server.rest, timeout=30) as client:
        yield client
