"""TimelineView: a widget that shows hours of words over sound in a notebook, with its state as traits."""

from __future__ import annotations

import base64
import contextlib
import io
import threading
import warnings
from collections.abc import Mapping
from numbers import Real
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import pandas as pd
import traitlets as t

from ...audio import Recording
from ...errors import (
    AudioError,
    ConfigError,
    PlotError,
    SpeechkitError,
    check_choice,
    check_number,
    check_type,
    count_noun,
    show_value,
    suggest,
)
from ...paths import write_atomically
from ...tables import translate_problems
from ..scene.audio_encoding import encode_sound, find_urls, read_window
from ..scene.packing import pack_marks
from ..scene.scene import make_scene
from ..scene.systems import LATEST, TranscriptLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUNDLE = Path(__file__).parent / "static" / "timeline.js"
OPTIONS = ("color", "title", "locale", "marks")
CONTENT = ("spec", "columns", "peaks", "sound", "sound_type", "sound_urls")
STATE = ("current_time", "selection", "loop", "view_range", "playback_rate", "muted", "solo", "search")
SLOWEST, FASTEST = 0.25, 4.0
WIDTHS = 1.0, 100.0  # inches of a picture
RESOLUTIONS = 10, 1000  # dots per inch
PICTURE_INCHES = 9.0  # in a notebook, at 100 pixels an inch
TOLERANCE = 0.002  # s; times from the browser are rounded


SPAN = "(start, end) in seconds, or None"
WORD = "(lane, number), or None"


class _InvalidValue(PlotError, t.TraitError):
    """A value that a trait cannot have; on a TraitError traitlets restores the old value."""


class _Number(t.TraitType[float, Any]):
    """A number of any type, also of numpy, as a float."""

    def validate(self, obj: Any, value: Any) -> float:
        if isinstance(value, Real) and not isinstance(value, bool):
            with contextlib.suppress(OverflowError):
                return float(value)
        return self.error(obj, value)


class _Span(t.Tuple):
    """A pair of numbers: a tuple, a list or an array; None is all of the timeline unless None is allowed."""

    def validate(self, obj: Any, value: Any) -> Any:
        if value is None:  # traitlets does not ask about a None that is allowed
            return 0.0, obj._scene.duration
        return super().validate(obj, tuple(value) if isinstance(value, np.ndarray) else value)


class TimelineView(anywidget.AnyWidget):
    """Words over the sound on a time axis, to look at, listen to, search and select.

    Args:
        recording: a Recording, or its path. Default: None, only words are shown.
        systems: a frame of words (`word`, `start`, `end` in seconds; `channel_tag`, `final_index`,
            `alternative` if there are several), a transcript (with its finals, refinements and ends of
            utterances), or a mapping of names to these.
        color: `"channel"`, `"system"`, or the name of a numeric column of the frames; may be set later.
        title: text at the top. Default: None, the id of the recording.
        locale: `"en"` or `"ru"`. Default: None, the language of the browser.
        marks: places to mark, see `mark`.
        **state: any of the traits below except `playing` and `active_word`, and `layout`.

    These traits follow the user's actions in the browser, and change the view when they are set; times in
    seconds:

        current_time   of the playhead          playing         bool
        selection      (start, end) or None     loop            bool: repeat the selection
        view_range     (start, end); None: all  playback_rate   0.25 to 4
        muted, solo    tags of channels         search          a text, or /a regular expression/
        active_word    (lane, number in the lane) of the word under the playhead, or None

    A saved notebook also holds a picture, which nbconvert and viewers without widgets show. JupyterLab
    always prefers the widget, and shows "model not found" if its kernel is gone: run the cell again, or save
    a page with `to_html`, which needs no kernel.

    Below 8 ms of sound per pixel the samples themselves are drawn. Without a kernel to send them the outline
    is drawn, with a note below the lanes. Speech keeps its pitch at every playback rate.

    Raises:
        PlotError: if there is nothing to show, or a trait is set to a value that the recording does not have.
        AudioError: if the recording cannot be read.
        SchemaError: if a frame lacks a column, or its times are not numbers.
        ConfigError: if a keyword or its value is unknown.
    """

    _esm = BUNDLE

    spec = t.Dict(read_only=True).tag(sync=True)
    columns = t.Bytes(read_only=True).tag(sync=True)
    peaks = t.Bytes(read_only=True).tag(sync=True)
    sound = t.Bytes(read_only=True).tag(sync=True)
    sound_type = t.Unicode(read_only=True).tag(sync=True)
    sound_urls = t.List(t.Dict(), read_only=True).tag(sync=True)

    current_time = _Number(0.0, help="a number of seconds").tag(sync=True)
    playing = t.Bool(False, help="True or False").tag(sync=True)
    playback_rate = _Number(1.0, help="a number").tag(sync=True)
    selection = _Span(_Number(), _Number(), help=SPAN, default_value=None, allow_none=True).tag(sync=True)
    loop = t.Bool(False, help="True or False").tag(sync=True)
    view_range = _Span(_Number(), _Number(), help=SPAN).tag(sync=True)
    active_word = t.Tuple(t.Int(), t.Int(), help=WORD, default_value=None, allow_none=True).tag(sync=True)
    muted = t.List(t.Unicode(), help="a list of channel tags").tag(sync=True)
    solo = t.List(t.Unicode(), help="a list of channel tags").tag(sync=True)
    search = t.Unicode(help="a text").tag(sync=True)
    color = t.Unicode("channel", help="the name of a column, 'channel' or 'system'")

    def __init__(
        self,
        recording: Recording | str | PathLike[str] | None = None,
        systems: pd.DataFrame | TranscriptLike | Mapping[str, pd.DataFrame | TranscriptLike] | None = None,
        *,
        color: str = "channel",
        title: str | None = None,
        locale: str | None = None,
        marks: pd.DataFrame | None = None,
        **state: Any,
    ) -> None:
        _check_keywords(state)
        check_choice("locale", locale, (None, "en", "ru"))
        self._scene, self._encoding = make_scene(recording, systems, title), threading.Lock()
        self._marks = marks
        spec, columns = self._pack(color, locale)
        peaks = self._scene.peaks
        self._set_content(
            spec=spec,
            columns=columns,
            peaks=b"" if peaks is None else peaks.pairs.tobytes(),
            sound_urls=[] if self._scene.recording is None else find_urls(self._scene.recording),
        )
        super().__init__(color=color, **{"view_range": None, **state})
        self.on_msg(self._on_message)

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except SpeechkitError:
            raise
        except (t.TraitError, ValueError):  # traitlets cannot write numbers of more than 4,300 digits
            if name in CONTENT:
                message = f"{name} cannot be set: make another TimelineView for other words or another sound"
            else:
                trait = self.traits()[name]
                message = f"{name} must be {trait.help or trait.info()}, not {show_value(value)}"
            raise _InvalidValue(message) from None

    def _set_content(self, **content: Any) -> None:
        """Set traits that only this class sets."""
        with self.hold_sync():
            for name, value in content.items():
                self.set_trait(name, value)

    # --- for Python

    @property
    def selected_words(self) -> pd.DataFrame:
        """The words in the selection, at least in part, by start: `system` and the columns of their frames.

        Empty without a selection.
        """
        start, end = self.selection or (0.0, 0.0)
        frames = [system.words.assign(system=system.name) for system in self._scene.systems]
        if not frames:
            return pd.DataFrame({"system": pd.Series(dtype="str")})
        words = pd.concat(frames, ignore_index=True)
        inside = (words["start"] < end) & ((words["end"] > start) | (words["start"] >= start))
        found: pd.DataFrame = words[inside].sort_values("start", kind="stable", ignore_index=True)
        return found.reindex(columns=["system", *found.columns.drop("system")])

    @property
    def current_word(self) -> pd.Series | None:
        """The word under the playhead: the columns of its frame and `system`; None between words."""
        if self.active_word is None:
            return None
        lane, number = self.active_word
        system = self.spec["lanes"][lane]["system"]
        row: pd.Series = self._lanes[lane].assign(system=system).iloc[number]
        return row

    def play(self, start: float | None = None, end: float | None = None) -> None:
        """Play a stretch of the recording.

        Args:
            start: seconds. Default: None, the playhead.
            end: seconds. Default: None, the end of the recording.

        Raises:
            PlotError: if there is no sound, or the stretch lies outside the recording.
        """
        recording = self._scene.recording
        if recording is None:
            raise PlotError("nothing to play: this timeline has no recording")
        first = self.current_time if start is None else check_number("start", start, 0, LATEST, PlotError)
        last = recording.duration if end is None else check_number("end", end, 0, LATEST, PlotError)
        if not first < last <= recording.duration + TOLERANCE:
            raise PlotError(
                f"{_describe_span('play', first, last)}; {recording.id!r} lasts {recording.duration:g} s"
            )
        self.send({"kind": "play", "start": first, "end": None if end is None else last})

    def pause(self) -> None:
        """Stop playing; the playhead stays."""
        self.playing = False

    def add_problem(self, problem: str) -> None:
        """Show one more problem above the lanes."""
        check_type("problem", problem, str, "a text")
        if problem not in self.spec["problems"]:
            russian = self.spec["russian"] | translate_problems([problem])
            problems = [*self.spec["problems"], str(problem)]
            self._set_content(spec={**self.spec, "problems": problems, "russian": russian})

    def to_figure(self, width: float = 10.0) -> Figure:
        """The current view as a matplotlib figure, `width` inches wide, that pyplot does not manage.

        Raises:
            PlotError: if there are neither words nor sound, or the width is not 1 to 100 inches.
        """
        from ..plots.timeline import plot_scene

        start, end = self.view_range
        width = check_number("width", width, *WIDTHS, PlotError)
        return plot_scene(self._scene, start, end, color=self.color, width=width, marks=self._marks)

    def to_html(self, path: str | PathLike[str], sound: bool = True) -> Path:
        """Write this timeline, in its current state, as one page that works offline and from a folder.

        Args:
            path: the file to write.
            sound: whether to include the sound; an hour of one channel takes about 15 MB and half a minute.

        Raises:
            AudioError: if the recording cannot be read any more.
            PlotError: if the file cannot be written.
        """
        from .html_export import add_sound, render_page

        check_type("path", path, (str, PathLike), "the path of the page to write", PlotError)
        check_type("sound", sound, bool, "True or False", PlotError)
        names = (*CONTENT, *STATE)
        state = add_sound(
            {name: getattr(self, name) for name in names}, self._scene.recording if sound else None
        )
        page = render_page(state, BUNDLE.read_text(encoding="utf-8"), self.to_png())
        try:
            with write_atomically(path) as unfinished:
                unfinished.write_bytes(page.encode("utf-8", "replace"))
        except OSError as error:
            raise PlotError(f"cannot write {fspath(path)!r}: {error.strerror}") from None
        return Path(path)

    def __repr__(self) -> str:
        n_words, n_lanes = sum(map(len, self._lanes)), len(self._lanes)
        shown = f"{count_noun(n_words, 'word')} in {count_noun(n_lanes, 'lane')}"
        return f"TimelineView({self._scene.title!r}, {self._scene.duration:.1f} s, {shown})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture for viewers without widgets, such as pages of nbconvert."""
        bundle = super()._repr_mimebundle_(**kwargs)
        picture = self.to_png()
        if bundle is None or picture is None:
            return bundle
        data, metadata = bundle
        data = {**data, "image/png": base64.b64encode(picture).decode("ascii")}
        return data, {**metadata, "image/png": {"width": round(PICTURE_INCHES * 100)}}

    def to_png(self, width: float = PICTURE_INCHES, dpi: int = 144) -> bytes | None:
        """The current view as PNG; None if there is nothing to draw.

        Raises:
            PlotError: if the width is not 1 to 100 inches, or there are not 10 to 1,000 dots per inch.
        """
        check_number("width", width, *WIDTHS, PlotError)
        check_number("dpi", dpi, *RESOLUTIONS, PlotError)
        file = io.BytesIO()
        with warnings.catch_warnings(action="ignore"):  # about letters that the font does not have
            try:
                self.to_figure(width).savefig(file, format="png", dpi=dpi)
            except (PlotError, AudioError):
                return None
        return file.getvalue()

    def mark(self, marks: pd.DataFrame | None) -> None:
        """Mark these places, and remove all other marks.

        In the widget M goes to the next mark, W to the next worst, and with Shift back.

        Args:
            marks: one row per place, the worst first: `start`, `end` (seconds), `kind` (each kind has a
                colour and a line style), `text`; optionally `system` and `channel_tag` of the lane (default:
                all lanes). None removes all marks.

        Warns:
            LeftOut: if a mark has no times or lies outside of the timeline.

        Raises:
            SchemaError: if a column is missing, or times are not numbers.
        """
        before, self._marks = self._marks, marks
        try:
            self._repack()
        except SpeechkitError:
            self._marks = before
            raise

    def _pack(self, color: str, locale: str | None) -> tuple[dict[str, Any], bytes]:
        spec, columns, self._lanes = self._scene.pack(color, locale)
        spec["marks"], mark_columns = pack_marks(
            self._marks, spec["lanes"], len(columns), self._scene.duration
        )
        return spec, columns + mark_columns

    def _repack(self) -> None:
        spec, columns = self._pack(self.color, self.spec["locale"])
        spec |= {name: self.spec[name] for name in ("problems", "russian")}
        self._set_content(columns=columns, spec=spec)

    # --- from the browser

    def _on_message(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        if content.get("kind") == "window":
            self._send_window(content)
        elif content.get("kind") == "encoding":  # takes long; the kernel must stay free
            self.send({"kind": "encoding", "begun": True})
            work = threading.Thread(target=self._encode, args=(content["wanted"],), daemon=True)
            work.start()

    def _send_window(self, request: Mapping[str, Any]) -> None:
        answer = {name: request.get(name) for name in ("kind", "id", "start", "end", "channels")}
        try:
            recording = self._require_recording()
            wav = read_window(recording, request["start"], request["end"], request.get("channels"))
        except AudioError as error:
            self.send(answer | {"error": str(error)})
        else:
            self.send(answer | {"sample_rate": recording.sample_rate}, [wav])

    def _encode(self, wanted: list[str]) -> None:
        with self._encoding:  # several views may request it at once
            try:
                content, type_ = encode_sound(self._require_recording(), wanted)
            except AudioError as error:
                self.send({"kind": "encoding", "error": str(error)})
                return
            if content == self.sound:
                self.send({"kind": "encoding", "error": f"the browser already has the sound as {type_}"})
            self._set_content(sound_type=type_, sound=content)

    def _require_recording(self) -> Recording:
        if self._scene.recording is None:
            raise AudioError("this timeline has no recording")
        return self._scene.recording

    # --- allowed values

    @t.observe("color")
    def _recolor(self, _: t.Bunch) -> None:
        if self.spec["colour"] != self._scene.choose_colours(self.color)._asdict():  # equal in __init__
            self._repack()

    @t.validate("color")
    def _check_color(self, proposal: t.Bunch) -> str:
        self._scene.choose_colours(proposal["value"])
        return str(proposal["value"])

    @t.validate("current_time")
    def _check_time(self, proposal: t.Bunch) -> float:
        time, duration = proposal["value"], self._scene.duration
        if not -TOLERANCE <= time <= duration + TOLERANCE:
            raise _InvalidValue(
                f"current_time={time:g} lies outside of this timeline, which goes from 0 to {duration:g} s"
            )
        return float(min(max(time, 0.0), duration))

    @t.validate("selection", "view_range")
    def _check_span(self, proposal: t.Bunch) -> tuple[float, float] | None:
        name, span, duration = proposal["trait"].name, proposal["value"], self._scene.duration
        if span is None:
            return None
        start, end = span
        if not -TOLERANCE <= start < end <= duration + TOLERANCE:
            raise _InvalidValue(
                f"{_describe_span(name, start, end)}; this timeline goes from 0 to {duration:g} s"
            )
        return max(start, 0.0), min(end, duration)

    @t.validate("playback_rate")
    def _check_rate(self, proposal: t.Bunch) -> float:
        if not SLOWEST <= proposal["value"] <= FASTEST:
            raise _InvalidValue(
                f"playback_rate must be {SLOWEST:g} to {FASTEST:g}, not {proposal['value']:g}"
            )
        return float(proposal["value"])

    @t.validate("muted", "solo")
    def _check_tags(self, proposal: t.Bunch) -> list[str]:
        tags = [channel.tag for channel in self._scene.channels if channel.channel is not None]
        for tag in proposal["value"]:
            if tag not in tags:
                raise _InvalidValue(
                    f"{proposal['trait'].name}: no channel {tag!r} with sound; there are {tags}"
                )
        return list(proposal["value"])

    @t.validate("active_word")
    def _check_word(self, proposal: t.Bunch) -> tuple[int, int] | None:
        if proposal["value"] is None:
            return None
        lane, number = proposal["value"]
        if not (0 <= lane < len(self._lanes) and 0 <= number < len(self._lanes[lane])):
            sizes = [len(words) for words in self._lanes]
            raise _InvalidValue(
                f"active_word=({lane}, {number}): the lanes have {sizes} words, counted from 0"
            )
        return lane, number


def _describe_span(name: str, start: float, end: float) -> str:
    return f"{name} from {start:g} to {end:g} s: start must be before end, and both inside"


def _check_keywords(state: Mapping[str, Any]) -> None:
    known = [*OPTIONS, *STATE, "layout"]
    for name in state:
        if name not in known:
            raise ConfigError(f"TimelineView has no option {name!r}{suggest(name, known)}")


TimelineView.__module__ = "speechkit_nb"  # it prints under the name that users import
