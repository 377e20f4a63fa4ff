"""Choosing recordings among the files of the machine that the kernel runs on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets as widgets

from .panel_style import DESCRIPTION, label_of
from .panel_upload import Upload

SUFFIXES = (".wav", ".ogg", ".oga", ".opus", ".mp3", ".flac", ".aif", ".aiff", ".au")
MOST = 1000
"""Entries of a folder that are listed; a list of more is no use to anybody."""


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
            elif entry.name.lower().endswith(SUFFIXES) and name.lower() in entry.name.lower():
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
        self._folder = folder = Path(os.path.abspath(folder))
        self._later, self._tell, self._wrong, self._changed = later, tell, wrong, changed
        self.path = widgets.Text(
            str(folder),
            description="Folder",
            continuous_update=False,
            tooltip="A folder of the machine the kernel runs on; Enter goes there",
            style=DESCRIPTION,
            layout=widgets.Layout(flex="3 1 16em", width="auto"),
        )
        self.name = widgets.Text(
            description="Filter",
            placeholder="part of the name",
            continuous_update=False,
            tooltip="Show only files with this in their name",
            style=DESCRIPTION,
            layout=widgets.Layout(flex="1 1 12em", width="auto"),
        )
        self.list = widgets.SelectMultiple(
            description="Recordings",
            rows=8,
            tooltip="Ctrl or Shift chooses several",
            style=DESCRIPTION,
            layout=widgets.Layout(width="auto"),
        )
        self.enter = widgets.Button(
            description="Open folder", tooltip="Go into the folder that is chosen; so does Enter in the list"
        )
        self.up = widgets.Button(description="Folder above", tooltip="Go one folder up")
        self.refresh = widgets.Button(description="Look again", tooltip="Read the folder again")
        self.everything = widgets.Button(description="Choose all", tooltip="Choose all recordings shown")
        self.upload = Upload(SUFFIXES, lambda: self._folder, later, self._arrived, wrong)
        self.upload.add_class("sk-upload")
        self.note = widgets.HTML()
        self.enter.add_class("sk-enter")
        buttons = [self.enter, self.up, self.everything, self.refresh]
        for button in buttons:
            button.layout = widgets.Layout(width="auto", flex="0 0 auto")
        wrap = widgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                widgets.HBox([self.path, self.name], layout=wrap),
                self.list.add_class("sk-files"),
                widgets.HBox([*buttons, self.upload], layout=wrap).add_class("sk-indent"),
                self.note.add_class("sk-indent"),
            ]
        )
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
