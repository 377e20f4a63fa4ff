"""Choosing recordings from the folders of the machine that the kernel runs on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import ipywidgets as widgets

from ..audio import AUDIO_SUFFIXES
from ..errors import count_noun
from .controls import help_html, make_button, make_control, make_row
from .threads import Task

MAX_ENTRIES = 1000
"""Entries of a folder that are listed; a longer list is too long to choose from."""
BUTTONS = {
    "Open folder": "Open the selected folder; Enter in the list does the same",
    "Folder above": "Go one folder up",
    "Choose all": "Choose all recordings in the list",
    "Refresh": "Read the folder again, for example after an upload",
}
UPLOADING = "To upload recordings, use the file browser of Jupyter, then press Refresh."
# not by a widget: a Jupyter server drops messages to a kernel above 10 MB, and its file browser sends parts


class FolderContent(NamedTuple):
    """Sub-folders and recordings of a folder, and the number of entries that are left out."""

    folders: list[Path]
    files: list[Path]
    n_left_out: int


def list_folder(folder: Path, part: str = "", limit: int = MAX_ENTRIES) -> FolderContent:
    """The sub-folders and recordings of a folder, sorted by name, without hidden ones.

    Args:
        folder: the folder to read.
        part: only files with this part in their name; upper and lower case are the same.
        limit: number of entries to return at most.

    Raises:
        OSError: if it cannot be read.
    """
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.lower()
            if name.startswith("."):
                continue
            if _is_folder(entry):
                folders.append(Path(entry.path))
            elif name.endswith(AUDIO_SUFFIXES) and part.lower() in name:
                files.append(Path(entry.path))
    folders.sort(key=_sort_key)
    files.sort(key=_sort_key)
    n_left_out = max(len(folders) + len(files) - limit, 0)
    folders = folders[:limit]
    return FolderContent(folders, files[: limit - len(folders)], n_left_out)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link that leads to itself
        return False


def _sort_key(path: Path) -> tuple[str, str]:
    return path.name.casefold(), path.name


class FileBrowser(widgets.VBox):  # type: ignore[misc]
    """A folder and the recordings in it.

    Args:
        folder: the first folder.
        run_later: runs a task in the background.
        show_message, show_error: show a text to the user.
        on_change: called when other recordings are chosen.
    """

    def __init__(
        self,
        folder: Path,
        run_later: Callable[[Task], None],
        show_message: Callable[[str], None],
        show_error: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._folder = Path(os.path.abspath(folder))
        self._run_later, self._on_change = run_later, on_change
        self._show_message, self._show_error = show_message, show_error
        self._make_controls()
        self._connect_controls()
        buttons = [self.open_folder, self.up, self.all, self.refresh]
        super().__init__(
            [
                make_row([self.path, self.filter]),
                self.list,
                make_row(buttons).add_class("sk-indent"),
                self.note.add_class("sk-indent"),
            ]
        )

    def _make_controls(self) -> None:
        self.path = make_control(
            widgets.Text,
            "Folder",
            "A folder of the machine that the kernel runs on; Enter opens it",
            {"flex": "3 1 16em"},
            value=str(self._folder),
            continuous_update=False,
        )
        self.filter = make_control(
            widgets.Text,
            "Filter",
            "Show only files with this part in their name",
            {"flex": "1 1 12em"},
            placeholder="part of the name",
            continuous_update=False,
        )
        self.list = make_control(
            widgets.SelectMultiple, "Recordings", "Ctrl or Shift selects several", rows=8
        ).add_class("sk-files")
        self.open_folder, self.up, self.all, self.refresh = (
            make_button(label, tooltip, flex="0 0 auto") for label, tooltip in BUTTONS.items()
        )
        self.open_folder.add_class("sk-open-folder")
        self.note = widgets.HTML()

    def _connect_controls(self) -> None:
        self.path.observe(lambda change: self.go_to(Path(change["new"]).expanduser()), "value")
        self.filter.observe(lambda _: self.read(), "value")
        self.list.observe(lambda _: self._on_change(), "value")
        self.open_folder.on_click(lambda _: self._open_selected())
        self.up.on_click(lambda _: self.go_to(self._folder.parent))
        self.all.on_click(lambda _: self._choose_all())
        self.refresh.on_click(lambda _: self.read())

    @property
    def chosen(self) -> list[Path]:
        """The chosen recordings."""
        return [path for is_folder, path in self.list.value if not is_folder]

    def go_to(self, folder: Path) -> None:
        """Show another folder, if it can be read."""
        folder = Path(os.path.abspath(folder))
        if folder != self._folder:
            self.read(folder)

    def read(self, folder: Path | None = None) -> None:
        """Read this folder, or the present one again, and show its content; returns at once."""
        self._run_later(lambda: self._read(folder or self._folder))

    def _read(self, folder: Path) -> None:
        try:
            content = list_folder(folder, self.filter.value.strip())
        except OSError as error:
            self._show_error(f"{folder}: {error.strerror}; the folder shown is still {self._folder}")
            self.path.value = str(self._folder)
            return
        self._folder = folder
        self.path.value = str(folder)
        chosen = self.chosen
        self.list.options = [(f"{path.name}/", (True, path)) for path in content.folders] + [
            (path.name, (False, path)) for path in content.files
        ]
        self.list.value = tuple((False, path) for path in chosen if path in content.files)
        self.note.value = help_html(f"{describe(content)} {UPLOADING}")
        self._on_change()

    def _open_selected(self) -> None:
        folders: Sequence[Path] = [path for is_folder, path in self.list.value if is_folder]
        if len(folders) == 1:
            self.go_to(folders[0])
        else:
            self._show_message("Select one folder in the list first; names of folders end in /")

    def _choose_all(self) -> None:
        self.list.value = tuple(value for _, value in self.list.options if not value[0])


def describe(content: FolderContent) -> str:
    """
    >>> describe(FolderContent([], [Path("a.wav")], 0))
    '1 recording here.'
    >>> describe(FolderContent([], [], 3))
    '0 recordings here; 3 more entries are not shown: use the filter.'
    """
    text = f"{count_noun(len(content.files), 'recording')} here"
    if content.n_left_out:
        more = count_noun(content.n_left_out, "entry", "entries").replace(" ", " more ", 1)
        text += f"; {more} are not shown: use the filter"
    return f"{text}."
