"""Finds the Chromium for the tests; as a program it prints the path, or fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

OWN = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path, end="")
"""
NAMES = ("chromium", "chromium-browser", "google-chrome")


@cache
def chromium_path() -> str:
    """The system's Chromium or Chrome, else the one that Playwright has installed.

    Raises:
        RuntimeError: if there is none; no test that needs one is skipped.
    """
    for path in filter(None, map(shutil.which, NAMES)):
        # Ubuntu's chromium-browser is a script that only refers to a snap
        if subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return path
    # in a separate process, since the caller may be using Playwright already
    own = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, check=True).stdout
    if not Path(own).exists():
        raise RuntimeError("there is no Chromium to open pages in: run tests/setup_machine.sh --browser")
    return own


if __name__ == "__main__":
    print(chromium_path())
