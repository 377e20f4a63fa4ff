"""A grid of options against a real server: each job is paid once, and one frame tells everything."""

import itertools
import math
import sqlite3
import time
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from call_log import CountedServer
from hypothesis import given
from hypothesis import strategies as st
from killed_kernels import Kernels
from local_server import sound

import speechkit_nb as sk
from speechkit_nb.client import JobRecord
from speechkit_nb.client.jobs.costs import Prices, sum_costs
from speechkit_nb.errors import AudioError, ConfigError, EvaluationError, JobError, LimitError

RC = "general:rc"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    for name, words in (("right", "one two three"), ("wrong", "one too three")):
        rows = [f"{word},{0.1 * i:.1f},{0.1 * i + 0.1:.1f}" for i, word in enumerate(words.split())]
        (folder / f"{name}.csv").write_text("\n".join(["word,start,end", *rows]))
    models = {"general": f"scripted:{folder / 'right.csv'}", RC: f"scripted:{folder / 'wrong.csv'}"}
    running = CountedServer(tmp_path_factory.mktemp("log") / "calls", models=models)
    yield running
    running.close()


@pytest.fixture
def sent(server):
    """How many recordings the server was sent since the test began."""
    before = server.count()["RecognizeFile"]
    return lambda: server.count()["RecognizeFile"] - before


@pytest.fixture
def files(tmp_path):
    """Three recordings: 2 s, 20.5 s, and 3 channels of 16 s, which is two units of two channels."""
    numbers = itertools.count()

    def write(name, seconds, n_channels):
        samples = np.random.default_rng(next(numbers)).normal(0, 0.1, (n_channels, round(seconds * 8000)))
        (tmp_path / name).write_bytes(sound(samples.astype(np.float32), 8000))
        return tmp_path / name

    return [write("a.wav", 2.0, 1), write("b.wav", 20.5, 2), write("c.wav", 16.0, 3)]


BILLED = [15.0, 21.0, 32.0]


def run(client, recordings, *models, **options):
    made = sk.experiment(recordings, models or None, client=client, progress=False, **options)
    return made.wait(progress=False)


# ---- the grid


def test_a_row_per_recording_and_variant(client, files, sent):
    """With options, state, billed seconds, cost and text; each combination is sent once."""
    found = run(client, files, "general", RC, normalize=[False, True], language="en-US", prices=0.5)
    assert sent() == 12
    frame = found.frame
    assert frame.columns.tolist() == [
        "recording", "variant", "model", "normalize", "language",
        "status", "number", "reused", "duration", "billed", "cost", "text", "error",
    ]  # fmt: skip
    assert frame["recording"].tolist() == [path.name for path in files for _ in range(4)]
    assert frame["variant"].tolist()[:4] == [
        "general normalize=False", "general normalize=True",
        "general:rc normalize=False", "general:rc normalize=True",
    ]  # fmt: skip
    assert frame["billed"].tolist() == [seconds for seconds in BILLED for _ in range(4)]
    assert frame["cost"].tolist() == [0.5 * seconds for seconds in frame["billed"]]
    assert frame["text"].tolist()[:3] == ["one two three", "1 2 3", "one too three"]
    assert set(frame["status"]) == {"done"}
    assert frame["error"].tolist() == [""] * 12
    assert client.job(frame["number"][5]).record.recording == "b.wav"
    totals = found.variants
    assert totals["billed"].tolist() == [sum(BILLED)] * 4
    assert totals.loc["general normalize=True", ["n_done", "n_failed", "n_open"]].tolist() == [3, 0, 0]
    assert "12 done; 0.0756 h billed, cost 136.00" in repr(found)
    assert "<td style='text-align:end'>34.00</td>" in found._repr_html_()


def test_the_frame_is_the_same_before_anything_is_sent(client, files, sent):
    """`send=False` plans only: nothing is sent, and the columns have their types."""
    planned = sk.experiment(files, ["general", RC], client=client, prices=2, send=False)
    assert sent() == 0
    assert set(planned.frame["status"]) == {"planned"}
    assert planned.plan.frame["action"].tolist() == ["send"] * 6
    assert planned.plan.frame["cost"].sum() == planned.frame["cost"].sum() == 4 * sum(BILLED)
    with pytest.raises(JobError, match=r"nothing was sent yet: experiment\.run\(\) sends"):
        _ = planned.jobs
    before = planned.frame.dtypes
    assert planned.run().wait(progress=False).frame.dtypes.equals(before)
    assert planned.run().frame["number"].tolist() == [1, 2, 3, 4, 5, 6]
    assert sent() == 6


def test_the_same_sound_is_paid_once(client, files, tmp_path, sent):
    """Under two names, and for options that are written in two ways."""
    (tmp_path / "copy.wav").write_bytes(files[0].read_bytes())
    found = run(client, [files[0], tmp_path / "copy.wav"], language=["en-US", "EN_us"], prices=1)
    assert sent() == 1
    assert found.frame["billed"].tolist() == [15.0, 0.0]
    assert found.plan.summary.startswith("2 recordings × 1 variant: 1 of 2 jobs to send, 1 used again")
    assert "1 variant equal to another one left out" in repr(found)


def test_the_same_call_pays_nothing_twice(client, files, sent):
    """Also for a server whose results are not used again by default; `reuse=False` sends all."""
    first = run(client, files, "general")
    again = run(client, files, "general", RC)
    assert sent() == 6
    assert again.plan.summary.startswith("3 recordings × 2 variants: 3 of 6 jobs to send, 3 used again")
    assert again.frame["reused"].tolist() == [True, False] * 3
    assert again.frame["billed"][::2].tolist() == first.frame["billed"].tolist()
    assert "3 used again, nothing was sent for them" in repr(again)
    run(client, files[:1], "general", reuse=False)
    assert sent() == 7


def test_options_of_single_recordings(client, files):
    """A table gives each recording its language, and columns of its own come back."""
    table = pd.DataFrame({"source": files, "language": ["en-US", "ru-RU", "de-DE"], "text": ["x", "y", "z"]})
    table = table.rename(columns={"text": "speaker"})
    frame = run(client, table, "general", RC).frame
    assert frame["language"].tolist() == ["en-US"] * 2 + ["ru-RU"] * 2 + ["de-DE"] * 2
    assert frame["speaker"].tolist() == ["x", "x", "y", "y", "z", "z"]
    with pytest.raises(ConfigError, match=r"language has several values for all recordings, and a\.wav has"):
        sk.experiment(table, client=client, language=["en-US", "ru-RU"])


def test_a_name_is_short_and_its_own(client, files):
    """Long values are cut, and a number tells apart what is equal then; a value of numpy is a value."""
    asked = {"summarization": ["word " * 30, "word " * 31], "summarization_model": "gpt://folder/model"}
    planned = sk.experiment(files, client=client, normalize=np.array(True), **asked, send=False)
    first, second = planned.plan.frame["variant"].unique()
    assert second == f"{first} (2)"
    assert first == f"summarization={('word ' * 12).strip()}...".replace("word...", "word ...")


def test_a_column_of_the_user_keeps_no_signature(client, files):
    """As in the journal, also in a list; nor does the plan."""
    link, plain = "https://h/a.html?X-Amz-Signature=5f3a", "https://h/a.html"
    table = pd.DataFrame({"source": files[:1], "page": [link], "more": [[link]], "n": [3]})
    planned = sk.experiment(table, client=client, send=False)
    assert planned.frame[["page", "more", "n"]].values.tolist() == [[plain, [plain], 3]]
    assert "5f3a" not in repr(planned.plan.cells)


def test_several_languages_in_one_request(client, files):
    """A list in the list is one value."""
    found = run(client, files[:1], language=["en-US", ["en-US", "ru-RU"]])
    assert found.frame["variant"].tolist() == ["en-US", "en-US+ru-RU"]
    assert client.job(int(found.frame["number"][1])).record.options["language"] == ["en-US", "ru-RU"]


# ---- refused combinations


def test_a_refused_combination_is_a_failed_row(client, files, sent):
    """Refused by the service or by us: its rows fail with the reason, the rest goes on."""
    grid = {"external_eou": [False, True], "max_pause": [None, 0.5]}
    found = run(client, files[:2], "general", "no-such-model", prices=1, **grid)
    frame = found.frame.set_index("variant")
    assert len(frame) == 16
    both = frame.loc["general external_eou=True max_pause=0.5"]
    assert set(both["status"]) == {"failed"}
    assert both["error"].str.contains("with external_eou the client ends utterances").all()
    assert both["number"].isna().all()
    wrong = frame[frame["model"] == "no-such-model"]
    assert set(wrong["status"]) == {"failed"}
    assert set(wrong["billed"]) == {0.0}
    done = frame.loc["general external_eou=False max_pause=None"]
    assert done["text"].tolist() == ["one two three"] * 2
    assert "no model 'no-such-model'" in repr(found)
    assert "with external_eou the client ends utterances" in found._repr_html_()
    assert found.variants["n_failed"].sum() == len(frame) - (frame["status"] == "done").sum()


def test_an_array_has_one_name(client):
    """Also in the row of a combination that is refused before the array is looked at."""
    samples = {"array": np.ones(8000), "sampling_rate": 8000}
    found = run(client, [samples], external_eou=[True, False], max_pause=[0.5, None])
    assert found.frame["status"][0] == "failed"
    assert len(set(found.frame["recording"])) == 1


def test_more_refusals_than_a_batch_takes(client, files, sent):
    """A recording with 30 refused variants does not stop the others."""
    found = run(client, files[:2], *(f"wrong-{i}" for i in range(30)), "general")
    assert found.frame["status"].value_counts().to_dict() == {"failed": 60, "done": 2}


def test_a_recording_that_is_no_audio(client, files, tmp_path):
    (tmp_path / "no.wav").write_text("no audio")
    found = run(client, [files[0], tmp_path / "no.wav"], "general", RC)
    assert found.frame["status"].tolist() == ["done", "done", "failed", "failed"]
    assert "'no.wav' is no audio" in found.frame["error"][2]
    with pytest.raises(EvaluationError, match=r"no variant has a result: 'no\.wav' is no audio"):
        run(client, [tmp_path / "no.wav"]).compare("one")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"normalise": [True]}, ConfigError, "no option 'normalise'; did you mean 'normalize'"),
        ({"normalize": []}, ConfigError, r"normalize=\[\] has no value: give one, or leave it out"),
        ({"normalize": [True, "yes"]}, ConfigError, "normalize='yes', but it must be True or False$"),
        (
            {"quantiles": [0.1, 0.9]},
            ConfigError,
            r"quantiles=0\.1, but it must be a text or a list; for all of them in one request write "
            r"quantiles=\[\[0\.1, 0\.9\]\]",
        ),
        ({"models": "general", "model": RC}, ConfigError, "give models or model, not both"),
        ({"client": "local"}, ConfigError, r"client must be made by sk\.connect\(\), not 'local'"),
        ({"max_hours": -1}, ConfigError, "max_hours must be a number from 0 to"),
        ({"reuse": None}, ConfigError, "reuse must be True or False, not None"),
        (
            {"prices": {"deferred-general": 1}},
            ConfigError,
            "no price of 'general'; there are prices of deferr",
        ),
    ],
)
def test_a_wrong_argument_is_told_before_anything_is_sent(client, files, sent, options, error, message):
    with pytest.raises(error, match=message):
        sk.experiment(files, **{"client": client, **options})
    assert sent() == 0


def test_two_recordings_with_one_name(client, files):
    """Their rows could not be told apart."""
    twice = [sk.Recording(np.zeros(8000), 8000, id="x"), sk.Recording(np.ones(8000), 8000, id="x")]
    with pytest.raises(AudioError, match="two recordings are called 'x': give each once, or names"):
        sk.experiment(twice, client=client)


# ---- limits


def test_above_the_limit_nobody_is_asked_in_a_program(client, files, sent, capsys):
    """The error says what it would cost and what to give; below the limit the cost is shown."""
    with pytest.raises(LimitError, match=r"3 of 3 jobs to send; 0\.0189 h billed, no prices given\. That is"):
        sk.experiment(files, client=client, max_hours=0.018)
    assert sent() == 0
    sk.experiment(files, client=client, max_hours=0.019, prices=1).wait(progress=False)
    shown = "3 recordings × 1 variant: 3 of 3 jobs to send; 0.0189 h billed, cost 68.00\n"
    assert capsys.readouterr().out == shown
    sk.experiment(files, client=client, max_hours=0)  # it has nothing to send
    assert sent() == 3


@pytest.mark.parametrize(("answer", "n"), [("y", 3), ("", 0), (EOFError(), 0)])
def test_above_the_limit_a_terminal_asks(client, files, sent, monkeypatch, answer, n):
    def reply(question):
        assert question.endswith("That is above max_hours=0: give more, or leave it out. Send it now? [y/N] ")
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("builtins.input", reply)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    if n:
        sk.experiment(files, client=client, max_hours=0, progress=False).wait(progress=False)
    else:
        with pytest.raises(LimitError, match="Nothing was sent"):
            sk.experiment(files, client=client, max_hours=0, progress=False)
    assert sent() == n


def test_the_quota_of_the_day(server, files, sent):
    """Hours of the last day in the journal count; above the quota nothing is sent."""
    with sk.connect(f"grpc://{server.address}", quota=sk.Quota(None, None, hours_per_day=1)) as client:
        for hours_ago, seconds in ((23, 3550.0), (25, 1e6)):
            at = time.time() - 3600 * hours_ago
            job = JobRecord(
                service=client.service, recording="x", created_at=at, duration=seconds, state="done"
            )
            client.journal.add(job)
        assert run(client, files[:1]).plan.summary.endswith("; 0.986 h of 1 h used in the last 24 hours")
        with pytest.raises(LimitError, match=r"0\.99 h of 1 h used in the last 24 hours\. That is above the"):
            sk.experiment(files, RC, client=client)
    assert sent() == 1


# ---- after a crash


def test_a_killed_kernel_pays_nothing_twice(server, client, files, tmp_path, sent):
    """The kernel dies when half is sent; the same call sends the rest, and the frame is whole."""
    journal = tmp_path / "journal.sqlite3"
    where = {"target": f"grpc://{server.address}", "address": server.address, "folder": tmp_path}
    with Kernels() as kernels:
        moment = "after COMMIT of UPDATE jobs SET state = ?, operation_id = ?, submitted_at = ? (3)"
        killed = kernels.run("grid", where | {"journal": journal}, moment)
        assert killed.killed
        assert sent() == 3
        in_flight = tmp_path / "in_flight.sqlite3"
        assert kernels.run("grid", where | {"journal": in_flight}, "after RecognizeFile (2)").killed
    assert sent() == 5
    with sk.connect(f"grpc://{server.address}", journal=journal) as again:
        found = run(again, files, "general", RC)
        assert found.frame["reused"].tolist() == [True] * 3 + [False] * 3
        assert set(found.frame["status"]) == {"done"}
    assert sent() == 8
    with sk.connect(f"grpc://{server.address}", journal=in_flight) as again:
        found = run(again, files, "general", RC)
        assert found.plan.summary.startswith(
            "3 recordings × 2 variants: 4 of 6 jobs to send, 1 used again, 1 unk"
        )
        assert found.frame["status"].value_counts().to_dict() == {"done": 5, "unknown": 1}
        assert (
            "It is in experiment.jobs.unknown: resubmit() sends it again, which may be billed twice"
            in repr(found)
        )
        found.jobs.unknown[0].resubmit()
        assert set(run(again, files, "general", RC).frame["status"]) == {"done"}
    assert sent() == 13


# ---- comparison


def test_the_variants_are_compared_on_the_same_recordings(client, files):
    """A recording that failed in one variant is left out of all, and so is a variant without results."""
    found = run(client, files, "general", RC, "no-such-model")
    compared = found.compare({path.name: "one two three" for path in files})
    assert compared.systems == ("general", RC)
    assert compared.summary["errors"].to_dict() == {"general": 0, RC: 3}
    assert compared.problems[0].startswith("variant 'no-such-model' is left out, since it has no result: the")
    assert list(found.transcripts["general"]) == [path.name for path in files]
    assert found.compare().disagreements["general"].tolist() == ["two"] * 3


@pytest.mark.parametrize("api", ["v3", "v2"])
def test_variants_with_different_kinds_of_text(client, files, api):
    """Whoever compares normalized text with raw text is told so; so is who compares what cannot differ."""
    with sk.connect(client.service, api=api) as connected:
        found = run(connected, files[:1], language="en-US", normalize=[False, True])
        assert found.compare("one two three").problems[0] == (
            "variants differ in normalize, which changes texts, but the recognized words are compared: "
            "refined=True compares the texts"
        )
        compared = found.compare("one two three", refined=True)
        assert compared.summary["errors"].tolist() == [0, 3]
        told = "the text of system 'normalize=False' is raw, that of system 'normalize=True' normalized"
        assert compared.problems[0].startswith(told)


# ---- totals


JOBS = st.tuples(st.sampled_from(["general", RC]), st.integers(0, 2), st.floats(0.01, 1e5), st.integers(1, 8))


@given(st.lists(JOBS, max_size=6))
def test_totals_are_those_of_the_jobs(jobs):
    """By day, folder and model, against the rule written out; failed jobs and unknown lengths are no cost."""
    records, expected = [], {}
    for model, day, seconds, n_channels in jobs:
        at = 86400.0 * day + 5
        common = {"service": "cloud", "recording": "x", "created_at": at, "options": {"model": model}}
        records.append(JobRecord(**common, duration=seconds, n_channels=n_channels, state="done", folder="f"))
        records.append(JobRecord(**common, duration=seconds, n_channels=n_channels, state="failed"))
        billed = max(math.ceil(seconds), 15) * ((n_channels + 1) // 2)
        key = (pd.Timestamp("1970-01-01") + pd.Timedelta(days=day), "f", model)
        expected[key] = expected.get(key, 0) + billed
    costs = sum_costs(records, {"general": 2, RC: 3})
    found = costs.set_index(["day", "folder", "model"])
    assert found["billed"].to_dict() == expected
    assert found["cost"].sum() == sum(n * (3 if key[2] == RC else 2) for key, n in expected.items())
    assert costs["n_jobs"].sum() == len(jobs)


def test_a_damaged_row_has_no_price(client, files):
    """Its model is not known, and the costs of the others are."""
    run(client, files[:2])
    db = sqlite3.connect(client.journal.path)
    with db:
        db.execute("UPDATE jobs SET options = '{' WHERE id = 1")
    db.close()
    costs = client.costs({"general": 2})
    assert costs[["model", "n_jobs", "n_unknown"]].values.tolist() == [["", 1, 1], ["general", 1, 0]]
    assert costs["cost"].fillna(-1).tolist() == [-1, 2 * BILLED[1]]


def test_a_price_is_any_number():
    """Also a Decimal, in a frame or alone; a day is a text, a date or a time."""
    day = pd.Timestamp("2026-11-28")
    for price in (Decimal("0.5"), np.float32(0.5), pd.Series({"general": Decimal("0.5")})):
        assert Prices(price).find("general", day).amount == 0.5
    dates = ["2026-11-01", day.date(), pd.Timestamp("2026-12-01", tz="Europe/Moscow")]
    days = [pd.Timestamp(f"2026-{day}") for day in ("11-01", "11-28", "11-30")]
    table = pd.DataFrame({"model": "general", "price": [Decimal(1), 2, 3.0], "date": dates})
    assert [price.amount for price in map(Prices(table).find, ["general"] * 3, days)] == [1, 2, 2]


def test_costs_of_all_jobs_of_the_service(client, files):
    """Also those of earlier calls; a job that is used again is paid once."""
    assert client.costs().empty
    run(client, files, "general"), run(client, files, "general", RC)
    costs = client.costs({"general": 0.1, RC: 0.2})
    assert costs["model"].tolist() == ["general", RC]
    assert costs["folder"].tolist() == ["", ""]
    assert costs["n_jobs"].tolist() == [3, 3]
    assert costs["billed"].tolist() == [sum(BILLED)] * 2
    assert costs["cost"].tolist() == pytest.approx([6.8, 13.6])
    assert client.costs()["cost"].isna().all()
    assert client.costs().dtypes.equals(costs.dtypes)
    with pytest.raises(
        ConfigError, match="prices has no price of 'general:rc'; there are prices of general: a"
    ):
        client.costs({"general": 0.1})


def test_the_folder_is_in_the_journal(server, files):
    with sk.connect(f"grpc://{server.address}", folder_id="b1g", iam_token="t1") as client:
        run(client, files[:1])
        assert client.costs()["folder"].tolist() == ["b1g"]


def test_a_price_holds_from_its_date():
    """The first one also for the days before it; the frame says which was taken."""
    table = pd.DataFrame(
        {"model": "general", "price": [3, 1, 2], "date": ["2026-03-01", "2026-01-01", "2026-02-01"]}
    )
    days = ["2025-12-31", "2026-01-31", "2026-02-01", "2026-04-01"]
    at = [pd.Timestamp(day).timestamp() for day in days]
    records = [JobRecord(service="cloud", recording="x", created_at=one, options={"model": "general"},
                         state="done", duration=20.0) for one in at]  # fmt: skip
    costs = sum_costs(records, table)
    assert costs["price"].tolist() == [1, 1, 2, 3]
    assert costs["priced"].astype(str).tolist() == ["2026-01-01", "2026-01-01", "2026-02-01", "2026-03-01"]


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        (-1, "prices: the price is -1, but it must be a number from 0 up"),
        ("0.1", "prices: the price is '0.1', but it must be a number from 0 up"),
        (
            {"general": float("nan")},
            "prices: the price of 'general' is nan, but it must be a number from 0 up",
        ),
        ({5: 1}, "prices has 5 in place of a model; it is a price per billed second, {model: price}, or"),
        ({}, "prices has no price; it is a price per billed second"),
        (
            pd.DataFrame({"model": ["general"], "cost": [1]}),
            "prices has no column 'price', only model, cost; it",
        ),
        (
            pd.DataFrame({"model": ["general"], "price": [1], "date": ["soon"]}),
            "prices has the date 'soon'; write it as 2026-11-28",
        ),
        (
            pd.DataFrame({"model": ["general"], "price": [1], "date": ["01.11.2026"]}),
            "prices has the date '01.11.2026'; write it as 2026-11-28",
        ),
        (
            pd.DataFrame({"model": ["general"], "price": [1], "date": [20261101]}),
            "prices has the date 20261101; write it as 2026-11-28",
        ),
        (
            pd.DataFrame({"model": ["general"] * 2, "price": [1, 2]}),
            "prices has two prices of 'general' for the same time: keep one",
        ),
    ],
)
def test_a_wrong_price(prices, message):
    with pytest.raises(ConfigError) as caught:
        sum_costs([], prices)
    assert str(caught.value).startswith(message)
