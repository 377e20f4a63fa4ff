"""What is to be scored, and how: the same for all parts of a corpus."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from .. import __version__
from ..errors import ConfigError, SchemaError
from ..evaluate import COUNTS, Missing, Normalizer, normalizer
from ..tables import UTTERANCE_KEYS

LAYOUT = 2
"""Of the files that are written; files of another layout are made anew."""

OWN = {
    "unit",
    *COUNTS,
    "system",
    "part",
    "a",
    "b",
    "what",
    "value",
    "n",
    "n_words",
    "errors",
    "n_utterances",
    "n_wrong",
}
"""Columns of results, which no column of the corpus may be called that results are split by."""


@dataclass(frozen=True)
class Plan:
    """See `score` for the meaning of each.

    Attributes:
        reference: the column, or the system in a corpus of words, that is the reference.
        places: where the words of each system are: columns, or systems of a corpus of words.
        utterance: columns that tell utterances apart; None for the usual ones.
        timed: systems whose words have times; None to take what is there.
    """

    reference: str
    places: Mapping[str, str]
    utterance: tuple[str, ...] | None
    by: tuple[str, ...]
    group: tuple[str, ...]
    normalizer: Normalizer
    collar: float | None
    missing: Missing
    timed: tuple[str, ...] | None = None

    @staticmethod
    def of(
        reference: str,
        systems: Mapping[str, str] | Sequence[str],
        utterance: Sequence[str] | None,
        by: Sequence[str],
        group: str | Sequence[str] | None,
        how: str | Callable[[str], str] | Normalizer,
        collar: float | None,
        missing: Missing,
    ) -> Plan:
        """Checked.

        Raises:
            ConfigError: if an option has no such value.
        """
        if isinstance(systems, str):
            systems = [systems]
        places = dict(systems) if isinstance(systems, Mapping) else {name: name for name in systems}
        if not places:
            raise ConfigError("there is no system to score: name the columns or folders of some")
        if collar is not None and not collar >= 0:
            raise ConfigError(f"collar={collar} seconds; it is 0 or more, or None")
        if missing not in ("raise", "empty"):
            raise ConfigError(f"missing={missing!r}; there are 'raise' and 'empty'")
        by, group = _names(by), _names(group or ())
        for name in (*by, *group):
            if name in OWN:
                raise ConfigError(
                    f"a column to split by cannot be called {name!r}, as a result is: rename it"
                )
        keys = None if utterance is None else _names(utterance)
        return Plan(reference, places, keys, by, group, normalizer(how), collar, missing)

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(self.places)

    @property
    def metadata(self) -> tuple[str, ...]:
        """Columns of the reference that say something about an utterance."""
        return tuple(dict.fromkeys([*self.by, *self.group]))

    def keys(self, *columns: Sequence[str]) -> tuple[str, ...]:
        """What tells utterances apart in frames with these columns.

        Raises:
            SchemaError: if there is nothing.
        """
        if self.utterance is not None:
            return self.utterance
        keys = tuple(key for key in UTTERANCE_KEYS if all(key in names for names in columns))
        if not keys:
            there = ", ".join(map(str, columns[0]))
            raise SchemaError(
                f"there is no column 'recording'; name with utterance= what tells utterances apart: {there}"
            )
        return keys

    @property
    def facts(self) -> dict[str, Any]:
        """What results depend on, besides the corpus; written into every file."""
        return {
            "layout": LAYOUT,
            "reference": self.reference,
            "systems": dict(self.places),
            "utterance": self.utterance,
            "by": self.by,
            "group": self.group,
            "normalizer": self.normalizer.name,
            "normalizer_hash": self.normalizer.hash,
            "collar": self.collar,
            "missing": self.missing,
            "timed": self.timed,
            "versions": {"speechkit_nb": __version__, **{name: version(name) for name in _PACKAGES}},
        }

    @property
    def hash(self) -> str:
        """Changes with anything that may change a result."""
        return hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()


_PACKAGES = ("pandas", "pyarrow", "rapidfuzz")


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
