"""The embedded recognizer as a child process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import IneffectiveOption, ServerError, check_type, show_value, warn
from ..paths import data_folder

START_DEADLINE = 60.0
STOP_DEADLINE = 10.0
FETCHING = re.compile(r"fetching (?P<n_done>\d+) (?P<n_bytes>\d+) (?P<name>.*)|problem (?P<problem>.*)")
"""What the process prints before it is ready."""


class LocalServer:
    """A server on a free port of this machine. It stops with this object or this process.

    Args:
        models: model name -> engine, such as `{"general": "pocketsphinx"}`.
        whisper: model of whisper for the languages that the embedded recognizer does not know: a folder, or a
            name such as `small`, which is fetched once, with a progress bar.
        bucket_root: folder that is used instead of Object Storage.
        data_dir: folder for its operations, so that they survive a restart; default: in the data folder.

    Raises:
        ServerError: if an argument has a wrong type, or if it does not start; then the message has the last
            lines of its log.
    """

    def __init__(
        self,
        *,
        models: Mapping[str, str] | None = None,
        whisper: str | os.PathLike[str] | None = None,
        bucket_root: str | os.PathLike[str] | None = None,
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        data_dir = data_folder() / "local" if data_dir is None else _check_path("data_dir", data_dir)
        command = _command(models or {}, bucket_root, data_dir)
        if whisper is not None:
            command += ["--whisper", os.path.expanduser(os.fspath(whisper))]
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServerError(
                f"the local server cannot use the folder {str(data_dir)!r}: {error.strerror}"
            ) from None
        self._log = data_dir / f"server-{os.getpid()}.log"
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C and a notebook's stop button signal the process group
            )
        self._process = process
        self._finalizer = weakref.finalize(self, _stop, process, os.getpid(), self._log)
        self.target, self.rest_target = self._read_targets()

    @property
    def hint(self) -> str:
        """End of the error message if it does not answer."""
        return ". The local server has ended; connect('local') starts another one, which takes its jobs over"

    def stop(self) -> None:
        """Stop it; its finished operations stay in `data_dir`."""
        self._finalizer()

    def _read_targets(self) -> tuple[str, str]:
        """URLs of gRPC and of REST."""
        line = _follow_fetching(self._process)
        found = re.search(r"(grpc://\S+:\d+) (http://\S+:\d+)", line)
        if found is None:
            self._process.kill()
            self._process.wait()
            words = re.split(r"(?m)^Error: ", self._log.read_text(errors="replace").strip())[-1]
            self.stop()
            reason = " / ".join(words.splitlines()[-3:]) or "it gave no reason"
            raise ServerError(f"the local server did not start: {reason}")
        return found[1], found[2]


def _command(
    models: Mapping[str, str], bucket_root: str | os.PathLike[str] | None, data_dir: Path
) -> list[str]:
    command = [sys.executable, "-m", "speechkit_nb", "serve", "--stop-with-stdin"]
    command += ["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--data-dir", os.fspath(data_dir)]
    check_type("models", models, Mapping, "a mapping from model names to engines", ServerError)
    for name, engine in models.items():
        for text in (name, engine):
            check_type(
                "a model", text, str, "a name and an engine, as {'general': 'pocketsphinx'}", ServerError
            )
        if "=" in name or "\0" in name + engine:
            raise ServerError(f"the model {name!r} cannot have an equals sign or a zero byte in its name")
        command += ["--model", f"{name}={engine}"]
    if bucket_root is not None:
        command += ["--bucket-root", os.fspath(_check_path("bucket_root", bucket_root))]
    return command


def _check_path(option: str, path: str | os.PathLike[str]) -> Path:
    if (
        not isinstance(path, str | os.PathLike)
        or not isinstance(name := os.fspath(path), str)
        or "\0" in name
    ):
        raise ServerError(f"{option} must be the path of a folder, not {show_value(path)}")
    return Path(path)


def _follow_fetching(process: subprocess.Popen[bytes]) -> str:
    """Show the progress of the models that the process fetches; return the line after that."""
    bar = None
    try:
        while found := FETCHING.match(line := _next_line(process, START_DEADLINE)):
            if found["problem"]:
                warn(IneffectiveOption(f"the local server starts without a model: {found['problem']}"))
                continue
            if bar is None:
                from tqdm.auto import tqdm

                bar = tqdm(desc=found["name"], total=int(found["n_bytes"]), unit="B", unit_scale=True)
            bar.update(int(found["n_done"]) - bar.n)
    finally:
        if bar is not None:
            bar.close()
    return line


def _next_line(process: subprocess.Popen[bytes], deadline: float) -> str:
    """The next line that the process prints; empty if it ends, or prints nothing within the deadline."""
    assert process.stdout is not None
    too_late = threading.Timer(deadline, process.kill)
    too_late.start()
    try:
        return process.stdout.readline().decode(errors="replace")
    finally:
        too_late.cancel()


def _stop(process: subprocess.Popen[Any], owner: int, log: Path) -> None:
    if os.getpid() != owner:  # a forked child must not end its parent's server
        return
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(STOP_DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    log.unlink(missing_ok=True)
