"""TimelineView: hours of words over sound in a notebook, with the state of the picture as traits."""

from __future__ import annotations

import base64
import difflib
import io
import threading
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import pandas as pd
import traitlets as t

from ...audio import Recording
from ...errors import AudioError, ConfigError, PlotError, SchemaError, count_noun
from ..scene import audio_encoding as sound
from ..scene.messages import translate_problems
from ..scene.packing import pack_marks
from ..scene.scene import scene_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUNDLE = Path(__file__).parent / "static" / "timeline.js"
OPTIONS = ("color", "title", "locale", "marks")
CONTENT = ("spec", "columns", "peaks", "sound", "sound_type", "sound_urls")
STATE = ("current_time", "selection", "loop", "view_range", "playback_rate", "muted", "solo", "search")
SLOWEST, FASTEST = 0.25, 4.0
PICTURE_INCHES = 9.0  # in a notebook, at 100 pixels an inch
SLACK = 0.002  # s; what a browser says is off by its rounding


class _Refused(PlotError, t.TraitError):
    """A value that a trait cannot have; traitlets puts the old value back on a TraitError."""


class TimelineView(anywidget.AnyWidget):
    """Words in time over the sound, to look at, listen to, search and select.

    Args:
        recording: a Recording, or the path of one; without it only words are shown.
        systems: a frame of words (`word`, `start`, `end` in seconds, and where there is more than one,
            `channel_tag`, `final_index`, `alternative`), a transcript, which brings its finals, refinements
            and ends of utterances, or a mapping of names to these.
        color: `"channel"`, `"system"`, or the name of a numeric column of the frames; may be set later.
        title: written at the top; the id of the recording unless given.
        locale: `"en"` or `"ru"`; that of the browser unless given.
        marks: places to point at, see `mark`.
        **state: any of the traits below but `playing` and `active_word`, and `layout`.

    These traits follow what is done in the browser, and move it when they are set; times in seconds:

        current_time   of the playhead          playing         bool
        selection      (start, end) or None     loop            bool: the selection is repeated
        view_range     (start, end)             playback_rate   0.25 to 4
        muted, solo    tags of channels         search          a text, or /a regular expression/
        active_word    (lane, number in the lane) of the word under the playhead, or None

    A saved notebook keeps a picture beside the widget, which nbconvert and viewers without widgets show.
    JupyterLab always prefers the widget, and says "model not found" where the kernel that made it is gone:
    run the cell again, or keep a page of `to_html`, which needs no kernel.

    Closer than 8 ms of sound a pixel the samples themselves are drawn; where nobody can be asked for them,
    the outline, and the line below the lanes says so. At other rates speech keeps its pitch.

    Raises:
        PlotError: there is nothing to show, or a trait is set to what this recording has not.
        AudioError: the recording cannot be read.
        SchemaError: a frame lacks a column, or has it in a dtype that is none of times.
        ConfigError: there is no such keyword, or it has no such value.
    """

    _esm = BUNDLE

    spec = t.Dict().tag(sync=True)
    columns = t.Bytes().tag(sync=True)
    peaks = t.Bytes().tag(sync=True)
    sound = t.Bytes().tag(sync=True)
    sound_type = t.Unicode().tag(sync=True)
    sound_urls = t.List(t.Dict()).tag(sync=True)

    current_time = t.Float(0.0).tag(sync=True)
    playing = t.Bool(False).tag(sync=True)
    playback_rate = t.Float(1.0).tag(sync=True)
    selection = t.Tuple(t.Float(), t.Float(), default_value=None, allow_none=True).tag(sync=True)
    loop = t.Bool(False).tag(sync=True)
    view_range = t.Tuple(t.Float(), t.Float(), default_value=None, allow_none=True).tag(sync=True)
    active_word = t.Tuple(t.Int(), t.Int(), default_value=None, allow_none=True).tag(sync=True)
    muted = t.List(t.Unicode()).tag(sync=True)
    solo = t.List(t.Unicode()).tag(sync=True)
    search = t.Unicode().tag(sync=True)
    color = t.Unicode("channel")

    def __init__(
        self,
        recording: Recording | str | PathLike[str] | None = None,
        systems: pd.DataFrame | Any | Mapping[str, Any] | None = None,
        *,
        color: str = "channel",
        title: str | None = None,
        locale: str | None = None,
        marks: pd.DataFrame | None = None,
        **state: Any,
    ) -> None:
        _check_keywords(state)
        if locale not in (None, "en", "ru"):
            raise ConfigError(f'locale={locale!r}: there are "en", "ru", and None for that of the browser')
        self._scene, self._encoding = scene_of(recording, systems, title), threading.Lock()
        self._marks = marks
        spec, columns = self._packed(color, locale)
        given = {"view_range": (0.0, self._scene.duration), **state}
        outline = self._scene.outline
        super().__init__(
            spec=spec,
            columns=columns,
            peaks=b"" if outline is None else outline.pairs.tobytes(),
            sound_urls=[] if self._scene.recording is None else sound.urls(self._scene.recording),
            color=color,
            **given,
        )
        self.on_msg(self._on_message)

    # --- for Python

    @property
    def selected_words(self) -> pd.DataFrame:
        """The words that lie in the selection, at least in part, by start: `system` and the columns of
        their frames. Empty without a selection."""
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
        """Play from `start` (the playhead unless given) to `end` (that of the recording unless given), s.

        Raises:
            PlotError: there is no sound, or the stretch lies outside the recording.
        """
        recording = self._scene.recording
        if recording is None:
            raise PlotError("nothing to play: this timeline has no recording")
        first = self.current_time if start is None else start
        last = recording.duration if end is None else end
        if not 0 <= first < last <= recording.duration + SLACK:
            raise PlotError(f"{_asked('play', first, last)}; {recording.id!r} lasts {recording.duration:g} s")
        self.send({"kind": "play", "start": first, "end": end})

    def pause(self) -> None:
        """Stop playing; the playhead stays where it is."""
        self.playing = False

    def add_problem(self, problem: str) -> None:
        """Show a line among those that tell what is wrong."""
        if problem not in self.spec["problems"]:
            russian = self.spec["russian"] | translate_problems([problem])
            problems = [*self.spec["problems"], str(problem)]
            self.spec = {**self.spec, "problems": problems, "russian": russian}

    def to_figure(self, width: float = 10.0) -> Figure:
        """The current view as a matplotlib figure of its own, `width` inches wide.

        Raises:
            PlotError: there are neither words nor sound.
        """
        from ..plots.timeline import draw_scene

        start, end = self.view_range
        return draw_scene(self._scene, start, end, color=self.color, width=width, marks=self._marks)

    def to_html(self, path: str | PathLike[str], sound: bool = True) -> Path:
        """Write this timeline, in its current state, as one page that works offline and from a folder.

        Args:
            path: the file to write.
            sound: whether the sound is in it; an hour of one channel takes about 15 MB and half a minute.

        Raises:
            AudioError: the recording cannot be read any more.
        """
        from .html_export import page, with_sound

        names = (*CONTENT, *STATE)
        state = with_sound(
            {name: getattr(self, name) for name in names}, self._scene.recording if sound else None
        )
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        code = BUNDLE.read_text(encoding="utf-8")
        path.write_bytes(page(state, code, self.picture()).encode("utf-8", "replace"))
        return path

    def __repr__(self) -> str:
        n_words, n_lanes = sum(map(len, self._lanes)), len(self._lanes)
        shown = f"{count_noun(n_words, 'word')} in {count_noun(n_lanes, 'lane')}"
        return f"TimelineView({self._scene.title!r}, {self._scene.duration:.1f} s, {shown})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture of it for a place where it does not run, such as a page of nbconvert."""
        bundle = super()._repr_mimebundle_(**kwargs)
        picture = self.picture()
        if bundle is None or picture is None:
            return bundle
        data, metadata = bundle
        data = {**data, "image/png": base64.b64encode(picture).decode("ascii")}
        return data, {**metadata, "image/png": {"width": round(PICTURE_INCHES * 100)}}

    def picture(self, width: float = PICTURE_INCHES, dpi: int = 144) -> bytes | None:
        """The current view as PNG; None where there is nothing that could be drawn."""
        file = io.BytesIO()
        with warnings.catch_warnings(action="ignore"):  # of letters that the font has not
            try:
                self.to_figure(width).savefig(file, format="png", dpi=dpi)
            except (PlotError, AudioError):
                return None
        return file.getvalue()

    def mark(self, marks: pd.DataFrame | None) -> None:
        """Point at these places, and no others: M goes to the next one, W to the next worst, Shift back.

        Args:
            marks: a row a place: `start`, `end` (seconds), `kind` (a colour and a kind of line each), `text`;
                and `system`, `channel_tag` of the lane that it is about; all lanes where these are missing.
                W takes them in the order of the rows, so let the worst stand first.

        Raises:
            SchemaError: a column is missing, or times are none.
        """
        before, self._marks = self._marks, marks
        try:
            self._repack()
        except SchemaError:
            self._marks = before
            raise

    def _packed(self, color: str, locale: str | None) -> tuple[dict[str, Any], bytes]:
        spec, columns, self._lanes = self._scene.packed(color, locale)
        spec["marks"], more = pack_marks(self._marks, spec["lanes"], len(columns))
        return spec, columns + more

    def _repack(self) -> None:
        spec, columns = self._packed(self.color, self.spec["locale"])
        with self.hold_sync():
            self.columns = columns
            self.spec = spec | {name: self.spec[name] for name in ("problems", "russian")}

    # --- from the browser

    def _on_message(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        if content.get("kind") == "window":
            self._send_window(content)
        elif content.get("kind") == "encoding":  # takes long; the kernel goes on meanwhile
            self.send({"kind": "encoding", "begun": True})
            work = threading.Thread(target=self._encode, args=(content["wanted"],), daemon=True)
            work.start()

    def _send_window(self, asked: Mapping[str, Any]) -> None:
        answer = {name: asked.get(name) for name in ("kind", "id", "start", "end", "channels")}
        try:
            recording = self._readable()
            wav = sound.window(recording, asked["start"], asked["end"], asked.get("channels"))
        except AudioError as error:
            self.send(answer | {"error": str(error)})
        else:
            self.send(answer | {"sample_rate": recording.sample_rate}, [wav])

    def _encode(self, wanted: list[str]) -> None:
        with self._encoding:  # several views may ask at once
            try:
                content, type_ = sound.encoded(self._readable(), wanted)
            except AudioError as error:
                self.send({"kind": "encoding", "error": str(error)})
                return
            if content == self.sound:
                self.send({"kind": "encoding", "error": f"the browser was given {type_} already"})
            self.sound_type = type_
            self.sound = content

    def _readable(self) -> Recording:
        if self._scene.recording is None:
            raise AudioError("this timeline has no recording")
        return self._scene.recording

    # --- what may be set

    @t.observe("color")
    def _recolor(self, _: Any) -> None:
        if self.spec["colour"] != self._scene.colour(self.color):  # as when it is made
            self._repack()

    @t.validate("color")
    def _check_color(self, proposal: Any) -> str:
        self._scene.colour(proposal["value"])
        return str(proposal["value"])

    @t.validate("current_time")
    def _check_time(self, proposal: Any) -> float:
        time, duration = proposal["value"], self._scene.duration
        if not -SLACK <= time <= duration + SLACK:
            raise _Refused(
                f"current_time={time:g} lies outside of this timeline, which has 0 to {duration:g} s"
            )
        return float(min(max(time, 0.0), duration))

    @t.validate("selection", "view_range")
    def _check_span(self, proposal: Any) -> tuple[float, float] | None:
        name, span, duration = proposal["trait"].name, proposal["value"], self._scene.duration
        if span is None:
            return None if name == "selection" else (0.0, duration)
        start, end = span
        if not -SLACK <= start < end <= duration + SLACK:
            raise _Refused(f"{_asked(name, start, end)}; this timeline has 0 to {duration:g} s")
        return max(start, 0.0), min(end, duration)

    @t.validate("playback_rate")
    def _check_rate(self, proposal: Any) -> float:
        if not SLOWEST <= proposal["value"] <= FASTEST:
            raise _Refused(f"playback_rate={proposal['value']:g}: it goes from {SLOWEST:g} to {FASTEST:g}")
        return float(proposal["value"])

    @t.validate("muted", "solo")
    def _check_tags(self, proposal: Any) -> list[str]:
        there = [channel.tag for channel in self._scene.channels if channel.channel is not None]
        for tag in proposal["value"]:
            if tag not in there:
                raise _Refused(f"{proposal['trait'].name}: no channel {tag!r} with sound; there are {there}")
        return list(proposal["value"])

    @t.validate("active_word")
    def _check_word(self, proposal: Any) -> tuple[int, int] | None:
        if proposal["value"] is None:
            return None
        lane, number = proposal["value"]
        if not (0 <= lane < len(self._lanes) and 0 <= number < len(self._lanes[lane])):
            sizes = [len(words) for words in self._lanes]
            raise _Refused(f"active_word=({lane}, {number}): the lanes have {sizes} words, counted from 0")
        return lane, number


def _asked(name: str, start: float, end: float) -> str:
    return f"{name} from {start:g} to {end:g} s: start must be before end, both inside"


def _check_keywords(state: Mapping[str, Any]) -> None:
    known = [*OPTIONS, *STATE, "layout"]
    for name in state:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ConfigError(f"TimelineView has no option {name!r}{hint} There are {', '.join(known)}")
