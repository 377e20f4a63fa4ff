"""Changed inputs of five kinds are read, or refused with one error of the toolkit: no crash, no hang."""

import pytest
from fuzz import READ, REFUSED, Limits, run_target


@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("name", ["answers", "json", "audio", "words", "journal"])
def test_changed_inputs_are_read_or_refused(name, count):
    """Each changed input is read or refused in words, within 5 s of processor time and 1 GB.

    At least one in twenty is read and one in fifty is refused, so both ways are really tried. `make fuzz`
    reads 10,000 of each kind.
    """
    found = run_target(name, first=0, count=count)
    assert found["bad"] == []
    assert found[READ] + found[REFUSED] == count
    assert found[READ] >= count / 20
    assert found[REFUSED] >= count / 50


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
