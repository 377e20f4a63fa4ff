"""Normalizers that do not survive a word; in a module of its own, so that other processes can import them."""

import os
import signal


def deadly(word):
    """Kills the process that meets the word `kill`."""
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return word


def faulty(word):
    """Fails at the word `fail`."""
    if word == "fail":
        raise RuntimeError("cannot stand this word")
    return word
