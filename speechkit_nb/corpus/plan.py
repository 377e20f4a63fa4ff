"""What is scored, and how: the options of `score`, the same for all parts of a corpus."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from .. import __version__
from ..errors import (
    ConfigError,
    SchemaError,
    check_choice,
    check_number,
    check_system_name,
    check_type,
    list_names,
)
from ..evaluate import COUNTED, MOST_SECONDS, SUMMARY, How, Missing, Normalizer, normalizer
from ..tables import UTTERANCE_KEYS

LAYOUT = 2
"""Version of the written files; files of another version are not kept but scored again."""

OWN = {*SUMMARY, *COUNTED, "unit", "system", "part", "a", "b", "what", "value", "n"}
"""Column names of results; columns in `by` and `group` must not have these names."""


@dataclass(frozen=True)
class Plan:
    """The checked options of `score`, which describes those that are not listed here.

    Attributes:
        reference: the column of the reference, or its name in a corpus of words.
        places: for each system its column, or its name in a corpus of words.
        utterance: utterance key columns; None: those of `UTTERANCE_KEYS` that exist.
        timed: systems with word times; None if the corpus is a table of utterances.
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
    def from_options(
        reference: str,
        systems: Mapping[str, str] | Sequence[str],
        utterance: Sequence[str] | None,
        by: Sequence[str],
        group: str | Sequence[str] | None,
        how: How,
        collar: float | None,
        missing: Missing,
    ) -> Plan:
        """Check the options and make a plan.

        Raises:
            ConfigError: if an option has an invalid value.
        """
        check_type("reference", reference, str, "the name of a column or folder")
        places = systems if isinstance(systems, Mapping) else {n: n for n in list_names("systems", systems)}
        places = dict(zip(places, list_names("the columns of systems", places.values()), strict=True))
        for name in places:
            check_system_name(name)
        if not places:
            raise ConfigError("there is no system to score: name the columns or folders of some")
        if collar is not None:
            check_number("collar", collar, 0, MOST_SECONDS)
        check_choice("missing", missing, ("raise", "empty"))
        by, group = list_names("by", by), () if group is None else list_names("group", group)
        for name in (*by, *group):
            if name in OWN:
                raise ConfigError(
                    f"the results have a column {name!r} of their own: rename this column of the corpus"
                )
        keys = None if utterance is None else list_names("utterance", utterance)
        return Plan(reference, places, keys, by, group, normalizer(how), collar, missing)

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(self.places)

    @property
    def metadata(self) -> tuple[str, ...]:
        """Columns of the reference with properties of an utterance: `by` and `group`."""
        return tuple(dict.fromkeys([*self.by, *self.group]))

    def keys(self, *columns: Sequence[str]) -> tuple[str, ...]:
        """The utterance key columns of frames with these columns.

        Raises:
            SchemaError: if there are none.
        """
        if self.utterance is not None:
            return self.utterance
        keys = tuple(key for key in UTTERANCE_KEYS if all(key in names for names in columns))
        if not keys:
            there = ", ".join(map(str, columns[0]))
            raise SchemaError(
                "there is no column 'recording'; name the utterance key columns in utterance=; there are "
                + there
            )
        return keys

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that results depend on except the corpus; written as metadata of every file."""
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
        """A hash of `facts`."""
        return hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()


_PACKAGES = ("pandas", "pyarrow", "rapidfuzz")
