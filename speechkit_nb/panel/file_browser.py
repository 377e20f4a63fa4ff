"""Choosing recordings among the files of the machine that the kernel runs on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets as widgets

from ..audio import AUDIO_SUFFIXES
from .controls import beside, button, control, label_of
from .upload import Upload

MOST = 1000
"""Entries of a folder that are listed; a list of more is no use to anybody."""
BUTTONS = {
    "Open folder": "Go into the folder that is chosen; so does Enter in the list",
    "Folder above": "Go one folder up",
    "Choose all": "Choose all recordings shown",
    "Look again": "Read the folder again",
}


class Listing(NamedTuple):
    """What a folder holds: folders, recordings, and how many of both are left out."""

    folders: list[Path]
    files: list[Path]
    left_out: int


def listing(folder: Path, name: str = "", most: int = MOST) -> Listing:
    """The folders and recordings in a folder, sorted by name; hidden ones are left out.

    Args:
        folder: where to look.
        name: only files that have this in their name, in capitals or not.
        most: how many entries to return.

    Raises:
        OSError: if it cannot be read.
    """
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                folders.append(Path(entry.path))
            elif entry.name.lower().endswith(AUDIO_SUFFIXES) and name.lower() in entry.name.lower():
                files.append(Path(entry.path))
    folders.sort(key=_by_name)
    files.sort(key=_by_name)
    left_out = max(len(folders) + len(files) - most, 0)
    folders = folders[:most]
    return Listing(folders, files[: most - len(folders)], left_out)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _by_name(path: Path) -> tuple[str, str]:
    return path.name.casefold(), path.name


class FileBrowser(widgets.VBox):  # type: ignore[misc]
    """A folder, the recordings in it, and a button to upload more of them.

    Args:
        folder: where to begin.
        later: does a task in the background.
        tell, wrong: show words to the user, of what went well or did not.
        changed: called when another choice was made.
    """

    def __init__(
        self,
        folder: Path,
        later: Callable[[Callable[[], Any]], None],
        tell: Callable[[str], None],
        wrong: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._folder = Path(os.path.abspath(folder))
        self._later, self._tell, self._wrong, self._changed = later, tell, wrong, changed
        self._make_controls()
        super().__init__(self._arranged())
        self._listen_to_controls()

    def _make_controls(self) -> None:
        self.path = control(
            widgets.Text,
            "Folder",
            "A folder of the machine the kernel runs on; Enter goes there",
            {"flex": "3 1 16em"},
            value=str(self._folder),
            continuous_update=False,
        )
        self.name = control(
            widgets.Text,
            "Filter",
            "Show only files with this in their name",
            {"flex": "1 1 12em"},
            placeholder="part of the name",
            continuous_update=False,
        )
        self.list = control(
            widgets.SelectMultiple, "Recordings", "Ctrl or Shift chooses several", rows=8
        ).add_class("sk-files")
        self.enter, self.up, self.everything, self.refresh = (
            button(words, help, flex="0 0 auto") for words, help in BUTTONS.items()
        )
        self.enter.add_class("sk-enter")
        self.upload = Upload(AUDIO_SUFFIXES, lambda: self._folder, self._later, self._arrived, self._wrong)
        self.upload.add_class("sk-upload")
        self.note = widgets.HTML()

    def _arranged(self) -> list[widgets.Widget]:
        buttons = [self.enter, self.up, self.everything, self.refresh, self.upload]
        return [
            beside([self.path, self.name]),
            self.list,
            beside(buttons).add_class("sk-indent"),
            self.note.add_class("sk-indent"),
        ]

    def _listen_to_controls(self) -> None:
        self.path.observe(lambda change: self.go(Path(change["new"]).expanduser()), "value")
        self.name.observe(lambda _: self.look(), "value")
        self.list.observe(lambda _: self._changed(), "value")
        self.enter.on_click(lambda _: self._enter())
        self.up.on_click(lambda _: self.go(self._folder.parent))
        self.refresh.on_click(lambda _: self.look())
        self.everything.on_click(lambda _: self._choose_all())

    @property
    def chosen(self) -> list[Path]:
        """The recordings that are chosen."""
        return [path for is_folder, path in self.list.value if not is_folder]

    def go(self, folder: Path) -> None:
        """Show another folder, if it can be read."""
        folder = Path(os.path.abspath(folder))
        if folder != self._folder:
            self.look(folder)

    def look(self, folder: Path | None = None, choose: Sequence[Path] = ()) -> None:
        """Read the folder, and show what is in it; returns at once."""
        self._later(lambda: self._read(folder or self._folder, choose))

    def _read(self, folder: Path, choose: Sequence[Path]) -> None:
        try:
            found = listing(folder, self.name.value.strip())
        except OSError as error:
            self._wrong(f"{folder}: {error.strerror}; the folder shown is still {self._folder}")
            self.path.value = str(self._folder)
            return
        self._folder = folder
        self.path.value = str(folder)
        kept = [*choose] or self.chosen
        self.list.options = [(f"{path.name}/", (True, path)) for path in found.folders] + [
            (path.name, (False, path)) for path in found.files
        ]
        self.list.value = tuple((False, path) for path in kept if path in found.files)
        self.note.value = label_of(_words_for(found))
        self._changed()

    @property
    def _folders(self) -> list[Path]:
        return [path for is_folder, path in self.list.value if is_folder]

    def _enter(self) -> None:
        if len(self._folders) == 1:
            self.go(self._folders[0])
        else:
            self._tell("Choose one folder of the list first; folders end in /")

    def _choose_all(self) -> None:
        self.list.value = tuple(value for _, value in self.list.options if not value[0])

    def _arrived(self, path: Path) -> None:
        """Show what was uploaded, chosen."""
        if path.parent == self._folder:
            self._read(self._folder, [*self.chosen, path])
        self._tell(f"Uploaded {path.name} into {path.parent}")


def _words_for(found: Listing) -> str:
    """
    >>> _words_for(Listing([], [Path("a.wav")], 0)), _words_for(Listing([], [], 3))
    ('1 recording here', '0 recordings here; 3 more entries are not shown, filter by name')
    """
    n_files = len(found.files)
    words = f"{n_files} recording{'s' * (n_files != 1)} here"
    if found.left_out:
        words += f"; {found.left_out} more entries are not shown, filter by name"
    return words
