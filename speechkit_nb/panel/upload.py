"""A button that copies files from the user's computer to the machine of the kernel, in pieces.

A Jupyter server cuts the connection at a message of 10 MB, and says nothing. So a file comes in pieces, and
the next one is sent when the last one is on the disk.

Messages of the page: `{"kind": "begin", "id", "name"}`, `{"kind": "piece", "id"}` with the bytes as a buffer,
`{"kind": "end", "id"}`. Each is answered by `{"id", "error"}`; an error, in words, ends that file.
"""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import anywidget
import traitlets

JAVASCRIPT = """
const PIECE = 512 * 1024;

export default {
  render({ model, el, signal }) {
    const button = document.createElement("button");
    button.className = "jupyter-button";
    button.textContent = "Upload";
    button.title = "Copy recordings from your own computer into this folder";
    const input = document.createElement("input");
    Object.assign(input, { type: "file", multiple: true, hidden: true, accept: model.get("accept") });
    button.onclick = () => input.click();
    input.onchange = async () => {
      const files = [...input.files];
      input.value = "";  // so that the same file can be chosen again
      button.disabled = true;
      try {
        for (const file of files) await upload(model, file, (words) => { button.textContent = words; });
      } finally {
        button.textContent = "Upload";
        button.disabled = false;
      }
    };
    el.append(button, input);
  },
};

async function upload(model, file, tell) {
  const id = crypto.randomUUID?.() ?? String(Math.random());
  if (!(await asked(model, { kind: "begin", id, name: file.name }))) return;
  for (let at = 0; at < file.size; at += PIECE) {
    tell(`Uploading ${file.name}: ${Math.floor((100 * at) / file.size)} %`);
    const piece = await file.slice(at, at + PIECE).arrayBuffer();
    if (!(await asked(model, { kind: "piece", id }, [piece]))) return;
  }
  await asked(model, { kind: "end", id });
}

function asked(model, message, buffers = []) {
  return new Promise((resolve) => {
    const hear = (answer) => {
      if (answer.id !== message.id) return;
      model.off("msg:custom", hear);
      resolve(!answer.error);
    };
    model.on("msg:custom", hear);
    model.send(message, undefined, buffers);
  });
}
"""


class Part(NamedTuple):
    """A file on its way."""

    file: BinaryIO
    path: Path
    folder: Path
    name: str


class Upload(anywidget.AnyWidget):
    """The button.

    Args:
        suffixes: of the files that are offered.
        folder: says where files go.
        later: does a task in the background.
        arrived: called with the path of each file.
        wrong: called with the words for what went wrong.
    """

    _esm = JAVASCRIPT
    accept = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        suffixes: Sequence[str],
        folder: Callable[[], Path],
        later: Callable[[Callable[[], Any]], None],
        arrived: Callable[[Path], None],
        wrong: Callable[[str], None],
    ) -> None:
        self._folder, self._later, self._arrived, self._wrong = folder, later, arrived, wrong
        self._parts: dict[str, Part] = {}
        super().__init__(accept=",".join(suffixes))
        self.on_msg(lambda _, message, buffers: later(lambda: self.hear(message, buffers)))

    def hear(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Do what a message of the page says, and answer it."""
        id = str(message["id"])
        error = ""
        try:
            if message["kind"] == "begin":
                self._parts[id] = begun(self._folder(), str(message["name"]))
            elif message["kind"] == "piece":
                self._parts[id].file.write(buffers[0])
            else:
                self._arrived(ended(self._parts.pop(id)))
        except OSError as caught:
            error = caught.strerror or str(caught)
            part = self._parts.pop(id, None)
            if part is not None:
                dropped(part)
            self._wrong(f"the upload into {self._folder()} failed: {error}")
        self.send({"id": id, "error": error})

    def close(self) -> None:
        """Take the button away, and what has come of unfinished files."""
        while self._parts:
            dropped(self._parts.popitem()[1])
        super().close()


def begun(folder: Path, name: str) -> Part:
    """An empty file that is filled beside its final place, under a hidden name.

    Raises:
        OSError: if it cannot be written there.
    """
    wanted = Path(name.replace("\\", "/")).name or "upload"
    for number in range(10_000):
        path = folder / f".{wanted}.{os.getpid()}-{number}.part"
        try:
            return Part(path.open("xb"), path, folder, wanted)
        except FileExistsError:
            continue
    raise FileExistsError(17, "too many uploads of this name are unfinished")


def ended(part: Part) -> Path:
    """Give the file its name; nothing that is there is overwritten.

    A file of that name with the same content is taken in its place; with another content the new one
    gets a number.
    """
    part.file.close()
    stem, suffix = os.path.splitext(part.name)
    for number in range(1, 10_000):
        path = part.folder / (part.name if number == 1 else f"{stem} ({number}){suffix}")
        try:
            path.open("xb").close()
        except FileExistsError:
            if path.is_file() and filecmp.cmp(part.path, path, shallow=False):
                part.path.unlink()
                return path
        else:
            part.path.replace(path)
            return path
    raise FileExistsError(17, "too many files of this name are there")


def dropped(part: Part) -> None:
    """Forget an unfinished file."""
    part.file.close()
    part.path.unlink(missing_ok=True)
