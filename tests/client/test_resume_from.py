"""`client.resume_from`: operations that were submitted elsewhere, by a file of their ids."""

import io
import json

import pandas as pd
import pytest
from click.testing import CliRunner
from local_server import wav

from speechkit_nb.cli.main import main
from speechkit_nb.client import JobRecord
from speechkit_nb.client.journal.ids import read_ids
from speechkit_nb.errors import ConfigError, Denied, LeftOut, Unreachable


@pytest.fixture
def ids(server):
    """Three operations that no journal knows."""
    return [server.api.submit(wav(2.0), **_options()).id for _ in range(3)]


def _options():
    return {"recognition_model": {"audio_format": {"container_audio": {"container_audio_type": "WAV"}}}}


def test_a_file_of_ids(client, ids, tmp_path):
    """Each gets a job and its result; the blank line and the comments are no ids."""
    a, b, c = ids
    (tmp_path / "ids.txt").write_text(f"\ufeff# of March\n\n{a}\r\n  {b}  # the long one\n{c}")
    jobs = client.resume_from(tmp_path / "ids.txt", progress=False)
    assert jobs.frame.operation_id.tolist() == ids
    assert jobs.problems == ()
    assert {one.text for one in jobs.results(60, progress=False)} == {"hello world"}
    assert client.jobs().operation_id.tolist() == ids


def test_what_is_wrong_is_told_and_the_rest_goes_on(client, ids, tmp_path):
    """A wrong line, an unknown id, a repeated one, one in the journal: each is a sentence with its line."""
    a, b, _ = ids
    known = client.job(b)
    (tmp_path / "ids.txt").write_text(f"{a}\nnot an id\nf8dunknown\n{a}\n{b}\n")
    with pytest.warns(
        LeftOut, match=r"2 ids of 5 left out: line 2: 'not an id' is no id of a job: .* `problems`"
    ):
        jobs = client.resume_from(str(tmp_path / "ids.txt"), progress=False)
    assert jobs.frame.operation_id.tolist() == [a, b]
    assert jobs[1].number == known.number
    told = [
        "line 2: 'not an id' is no id",
        "line 3: ",
        f"line 4: {a!r} is given twice",
        f"line 5: {b!r} is in the",
    ]
    assert [problem[: len(start)] for problem, start in zip(jobs.problems, told, strict=True)] == told
    assert "f8dunknown" in jobs.problems[1]
    assert len(jobs.results(60, progress=False)) == 2
    again = client.resume_from(ids[:2], progress=False)
    assert [problem.partition(" is ")[2] for problem in again.problems] == [
        f"in the journal already, as job {number}" for number in jobs.frame.number
    ]
    assert len(client.jobs()) == 2


def test_a_job_of_another_service_is_told(client, ids):
    """It is in the journal, but this client cannot ask about it."""
    facts = {"recording": "x", "created_at": 1.0, "state": "running", "operation_id": "f8dx"}
    client.journal.add(JobRecord(service="cloud", **facts))
    with pytest.warns(LeftOut, match="item 1: job 'f8dx' was submitted to 'cloud'"):
        jobs = client.resume_from(["f8dx", ids[0]], progress=False)
    assert jobs.frame.operation_id.tolist() == ids[:1]


def test_names_of_a_table_are_kept(client, ids, tmp_path):
    """The table of another journal, as CSV and as a frame: the jobs have the names of their recordings."""
    table = pd.DataFrame({"number": [7, 8], "recording": ["a.wav", None], "operation_id": ids[:2]})
    table.to_csv(tmp_path / "jobs.csv")
    jobs = client.resume_from(tmp_path / "jobs.csv", progress=False)
    assert jobs.frame.recording.tolist() == ["a.wav", ids[1]]
    assert set(jobs.words.recording) == {"a.wav", ids[1]}
    third = client.resume_from(table.assign(operation_id=ids[2]).head(1), progress=False)
    assert third.frame.recording.tolist() == ["a.wav"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\n# x\nb # y\n", [("line 1", "a"), ("line 4", "b")]),
        ("a", [("line 1", "a")]),
        ("", []),
        ("a,b\n", [("line 1", "a,b")]),
        ("id\na\n\nb\n", [("line 2", "a"), ("line 4", "b")]),
        ("name;operation_id\nx y;a\nz;\n", [("line 2", "a"), ("line 3", "")]),
        ("# c\nid\tn\na\t1\n# d\nb\t2\n", [("line 3", "a"), ("line 5", "b")]),
        ('n,id\n"x,y",a\n', [("line 2", "a")]),
        ("\"a\"\n'b' # y\n", [("line 1", "a"), ("line 2", "b")]),
        ("ID,Name\na,x\n", [("line 2", "a")]),
        ('"Operation ID"\r\n"a"\r\n', [("line 2", "a")]),
        (
            'id,n\na,"call #5, ""x"""\n# d\nb,"two\nlines"\nc,\n',
            [("line 2", "a"), ("line 5", "b"), ("line 6", "c")],
        ),
        ('["a", "b"]', [("item 1", "a"), ("item 2", "b")]),
        ('[{"id": "a"}, {"operation_id": "b", "id": 1}]', [("item 1", "a"), ("item 2", "b")]),
        ('{"operations": [{"id": "a", "done": true}]}', [("item 1", "a")]),
        ('{"id": "a"}\n{"id": "b"}\n{"id": \n', [("line 1", "a"), ("line 2", "b"), ("line 3", '{"id": ')]),
        ('[{"name": "x"}]', [("item 1", {"name": "x"})]),
        ('{"operations": null}', [("item 1", {"operations": None})]),
        ('{"operations": "abc"}', [("item 1", {"operations": "abc"})]),
    ],
)
def test_forms_of_a_list(text, expected, tmp_path):
    """Lines, CSV with its usual separators, JSON and JSON lines; read from a path or from an open file."""
    (tmp_path / "ids").write_text(text)
    for source in (tmp_path / "ids", io.StringIO(text), io.BytesIO(b"\xef\xbb\xbf" + text.encode())):
        assert [found[:2] for found in read_ids(source)] == expected


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (
            "f8dabc",
            r"there is no file 'f8dabc' with ids; client\.job\(ID\) takes a single id, and several are",
        ),
        (7, "ids must be the path of a file, or several ids, not 7"),
        (b"f8d", "ids must be the path of a file, or several ids"),
        ({"id": "a"}, "ids must be the path of a file, or several ids"),
        ("\0", "ids must be a path"),
        (".", r"the ids in '\.' cannot be read: Is a directory"),
        (pd.DataFrame({"op": ["a"]}), "the table of ids has no column operation_id or id; it has op"),
    ],
)
def test_ids_that_cannot_be_read(client, ids, message):
    """One error; nothing is looked up."""
    with pytest.raises(ConfigError, match=message):
        client.resume_from(ids)


def test_the_text_of_a_file(tmp_path):
    """A row keeps its name with a `#`; UTF-16, as PowerShell writes, is read as well as UTF-8."""
    text = 'operation_id,recording\r\na,"звонок #5, ""x"".wav"\r\n'
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "ids.csv").write_bytes(text.encode(encoding))
        for source in (tmp_path / "ids.csv", io.BytesIO(text.encode(encoding))):
            assert read_ids(source) == [("line 2", "a", 'звонок #5, "x".wav')]


def test_a_file_that_is_no_text(client, tmp_path):
    """A recording in place of the list, or another encoding, is one error, however the file is given."""
    path = tmp_path / "ids.txt"
    for content in (b"RIFF\xff\xfe\x00", "id;recording\na;звонок.wav".encode("cp1251")):
        path.write_bytes(content)
        why = "cannot be read: it is no text in UTF-8; save it as UTF-8"
        with pytest.raises(ConfigError, match=rf"the ids in '.*ids\.txt' {why}"):
            client.resume_from(path)
        with path.open(encoding="utf-8") as as_text, path.open("rb") as as_bytes:
            for file in (as_text, as_bytes):
                with pytest.raises(ConfigError, match=f"the ids {why}"):
                    client.resume_from(file)


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (Unreachable("no", code="UNAVAILABLE"), True),
        (Denied("no", code="UNAUTHENTICATED"), True),
        (Denied("no", code="PERMISSION_DENIED"), False),
    ],
)
def test_a_service_that_cannot_be_asked_ends_it(client, monkeypatch, error, ends):
    """Nothing is said of the ids then; but an operation without rights is one wrong id."""

    def refuse(operation_id):
        raise error

    monkeypatch.setattr(client._transport, "status", refuse)
    with pytest.raises(type(error)) if ends else pytest.warns(LeftOut, match="item 1: no"):
        assert len(client.resume_from(["f8d"], progress=False)) == 0


def test_the_command(target, ids, tmp_path):
    """`speechkit-nb jobs adopt`: exit code 1 if something was left out, and a line about it."""
    (tmp_path / "ids.json").write_text(json.dumps(ids[:2]))
    run = CliRunner().invoke
    done = run(main, ["jobs", "adopt", str(tmp_path / "ids.json"), "--target", target])
    assert (done.exit_code, done.output) == (0, "")
    done = run(main, ["jobs", "adopt", "-", "--target", target], input=f"{ids[2]}\nwhat is this\n")
    assert done.exit_code == 1
    assert done.output.startswith("line 2: 'what is this' is no id of a job")
    assert run(main, ["jobs", "wait", "--target", target]).exit_code == 0
    assert run(main, ["jobs", "list"]).output.count("done") == 3
