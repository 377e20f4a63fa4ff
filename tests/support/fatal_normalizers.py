"""Normalizers that fail at certain words; a separate module, so that other processes can import them."""

import os
import signal


def deadly(word):
    """Kills its process at the word `kill`."""
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return word


def faulty(word):
    """Raises an error at the word `fail`."""
    if word == "fail":
        raise RuntimeError("cannot stand this word")
    return word
