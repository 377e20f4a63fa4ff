"""Changed inputs of five kinds are read, or refused with one error of the toolkit: no crash, no hang."""

import pytest
from fuzz import READ, REFUSED, Limits, run_target

COUNT = 500  # `make fuzz` reads 10,000 of each


@pytest.mark.parametrize("name", ["answers", "json", "audio", "words", "journal"])
def test_changed_inputs_are_read_or_refused(name):
    """Of 500 changed inputs each is read or refused in words, within 5 s of processor time and 1 GB.

    At least one in twenty is read and one in fifty is refused, so both ways are really tried.
    """
    found = run_target(name, first=0, count=COUNT)
    assert found["bad"] == []
    assert found[READ] + found[REFUSED] == COUNT
    assert found[READ] >= COUNT / 20
    assert found[REFUSED] >= COUNT / 50


def test_a_bad_end_is_noticed():
    """Raw errors, empty messages, loops, waits, crashes and too much memory are each found."""
    found = run_target("broken", first=9, count=6, limits=Limits(cpu=1, seconds=6, memory=2**28))
    assert len(found["bad"]) == 6
    kinds = {end["why"].split(":")[0] for end in found["bad"]}
    assert kinds == {
        "KeyError at ?",
        "an empty message",
        "too much processor time",
        "more than 6 s",
        "signal SIGSEGV",
        "too much memory",
    }
