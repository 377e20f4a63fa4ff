"""What `compare` claims about equal systems; `null_runs.py` shows it for more runs.

Intervals themselves are simulated in `tests/evaluate/test_significance.py`, which is quicker.
"""

import null_runs
import pytest
from null_runs import CONDITIONS, Condition, find_faults, measure


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", CONDITIONS)
def test_each_kind_of_corpus(name):
    """All conditions of the script, in as many runs as there is time for."""
    shares = measure(CONDITIONS[name], 40)
    if name == "power":
        assert shares["significant"] > 0.6
    else:
        # twenty shares are looked at, so one of them may well be two standard errors off
        assert find_faults(shares, 40, 3) == []


@pytest.mark.exhaustive
def test_the_limits_can_be_missed():
    """Utterances of few speakers that are taken as independent: equal systems are called different."""
    shares = measure(Condition(60, 1, 10, sd=1.0, interaction=1.0, speakers=6), 20)
    assert {"significant", "verdict"} <= set(find_faults(shares, 20, 3))


def test_the_script_ends_with_1_if_a_share_is_wrong(monkeypatch, capsys):
    """And names what is wrong."""
    monkeypatch.setattr("sys.argv", ["null_runs.py", "--runs", "2", "20 utterances"])
    monkeypatch.setattr(null_runs, "find_faults", lambda shares, n_runs: ["rates"])
    assert null_runs.main() == 1
    assert "wrong: rates" in capsys.readouterr().out
