"""Recordings that are read when needed, audio containers, and encoding for the service."""

from .encoding import (
    MAX_RATE,
    MIN_RATE,
    EncodedAudio,
    check_limits,
    choose_encoding,
    encode_blocks,
    encode_for_service,
    encode_to_file,
    predict_size,
)
from .layout import AUDIO_SUFFIXES, PCM, LeftOut
from .probing import read_so_far
from .recording import Recording, Samples

__all__ = [
    "AUDIO_SUFFIXES",
    "MAX_RATE",
    "MIN_RATE",
    "PCM",
    "EncodedAudio",
    "LeftOut",
    "Recording",
    "Samples",
    "check_limits",
    "choose_encoding",
    "encode_blocks",
    "encode_for_service",
    "encode_to_file",
    "predict_size",
    "read_so_far",
]
