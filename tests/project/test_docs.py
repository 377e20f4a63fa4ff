"""The page of frames names the columns that there are, in their order."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import speechkit_nb as sk
from speechkit_nb import tables
from speechkit_nb.text_options import EFFECTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "frames.md").read_text(encoding="utf-8")


def columns_in(section: str) -> list[str]:
    """Names in the first column of the table below a heading."""
    (body,) = re.findall(rf"^### `{re.escape(section)}`\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    cells = [line.split("|")[1] for line in body.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def dtypes_in(section: str) -> dict[str, str]:
    (body,) = re.findall(rf"^### `{re.escape(section)}`\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", body, re.MULTILINE))


@pytest.fixture(scope="module")
def comparison():
    words = pd.DataFrame({"word": ["good", "day"], "start": [0.4, 0.7], "end": [0.7, 1.1]})
    return sk.compare({"a": words, "b": words}, reference=words)


@pytest.mark.parametrize(
    ("section", "schema"),
    [
        ("transcript.words", tables.WORDS),
        ("transcript.finals", tables.FINALS),
        ("transcript.languages", tables.LANGUAGES),
        ("transcript.events", tables.EVENTS),
        ("transcript.classifiers", tables.CLASSIFIERS),
        ("transcript.summaries", tables.SUMMARIES),
        ("transcript.summary_tokens", tables.SUMMARY_TOKENS),
    ],
)
def test_frames_of_a_transcript(section, schema):
    """Columns in their order, with their dtypes."""
    assert dtypes_in(section) == dict(schema)
    assert columns_in(section) == list(schema)


def test_the_table_of_options_of_the_text():
    """docs/normalization.md has the table by which client and server act, cell by cell."""
    page = (ROOT / "docs" / "normalization.md").read_text(encoding="utf-8")
    rows = [
        [
            effect.meaning,
            *(", ".join(f"`{name}`" for name in needs or ()) or "-" for needs in effect.needs.values()),
        ]
        for effect in EFFECTS
    ]
    head = "| the text has | API v3 | API v2, files | API v2, streams |"
    (table,) = re.findall(rf"{re.escape(head)}\n\|[-|]+\n((?:\|.*\n)+)", page)
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()] == rows
    assert all(list(effect.needs) == ["v3", "v2", "v2 stream"] for effect in EFFECTS)


@pytest.mark.parametrize("frame", ["summary", "pairs"])
def test_frames_of_a_comparison(comparison, frame):
    """Every column is explained, and no other."""
    assert sorted(columns_in(frame)) == sorted(getattr(comparison, frame).columns)


def test_the_frame_of_an_alignment(comparison):
    """The columns of `sk.align`, which a comparison has too."""
    named = columns_in("comparison.alignment")
    assert [name for name in comparison.alignment.columns if name in named] == named


def test_the_frame_of_jobs(client):
    """The columns of the journal as a user sees it."""
    assert sorted(columns_in("client.jobs()")) == sorted(client.jobs().columns)


def test_the_frames_of_costs_and_experiments(client, tmp_path):
    """Columns in their order; after `variant` an experiment has its options."""
    assert dtypes_in("client.costs()").keys() == set(client.costs().columns)
    assert columns_in("client.costs()") == client.costs().columns.tolist()
    silence = sk.Recording(np.zeros(8000), 8000, id="silence")
    planned = sk.experiment(silence, client=client, normalize=[False, True], send=False)
    assert columns_in("experiment.frame") == planned.frame.columns.drop("normalize").tolist()
    assert columns_in("experiment.variants") == planned.variants.columns.tolist()


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_a_page_names_is_there(page):
    """A path is from the root, or from the package, or below one of its folders."""
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = re.findall(r"`([\w./]+/[\w]*(?:\.(?:py|js|md))?)`", text) + re.findall(
        r"\]\(([\w./]+\.md)\)", text
    )
    assert len(paths) > 10
    folders = [ROOT, (ROOT / page).parent, ROOT / "speechkit_nb", *(ROOT / "speechkit_nb").glob("*/")]
    folders += [ROOT / "speechkit_nb" / "views" / "widget"]
    missing = [path for path in paths if not any((folder / path).exists() for folder in folders)]
    assert missing == []
