"""Which engine recognizes a language, and Russian by whisper's model for many languages."""

from __future__ import annotations

from whisper_base import find_base_model

from speechkit_nb.server.engines.registry import check_engine, list_languages, parse_engine


def test_a_model_in_a_folder_may_know_every_language() -> None:
    """`whisper:FOLDER` is checked without loading the model."""
    spec = parse_engine(f"whisper:{find_base_model()}")
    check_engine(spec)
    assert list_languages(spec) == ()
