"""What tests of files of words share."""

import pytest


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and returns its path."""

    def written(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return written
