"""The live table of jobs: newest first, a line and a few buttons each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import ipywidgets as widgets

from .controls import beside, button, label_of
from .job_row import HEAD, Row, row_html

PAGE = 10
BUTTONS = {
    "open": ("Open", "Show the result of {} below"),
    "cancel": ("Cancel", "Ask the service to stop recognizing {}"),
    "retry": ("Retry", "Send {} again, as a new job"),
    "resend": ("Send again", "Send {} again, as a new job; it may be billed twice"),
    "abandon": ("Give up", "Take {} for not sent; nothing is sent"),
    "delete": ("Delete", "Let the service forget the result of {}; the journal keeps it"),
}
SURE = "Really delete"
SURE_FOR = 6.0
"""Seconds for which a second press of Delete is taken for a yes."""

Act = Callable[[str, Row], None]


class RowView(widgets.HBox):  # type: ignore[misc]
    """One job: what is known of it, and its buttons."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self.text = widgets.HTML(layout=widgets.Layout(flex="1 1 26em", width="auto", min_width="0"))
        self.buttons = widgets.HBox(layout=widgets.Layout(flex="0 0 13.5em", flex_flow="row wrap"))
        self._row: Row | None = None
        self._armed_at = 0.0
        super().__init__([self.text, self.buttons], layout=widgets.Layout(flex_flow="row wrap"))
        self.add_class("sk-row")

    def show(self, row: Row, now: float) -> None:
        """Say what is known of it now; what is on the page already is not sent again."""
        before, self._row = self._row, row
        self.text.value = row_html(row, now)
        if before is None or before.actions != row.actions or before.recording != row.recording:
            self.buttons.children = [self._button(name, row) for name in row.actions]
        elif self._armed_at and time.monotonic() - self._armed_at > SURE_FOR:
            self._disarm()

    def _button(self, name: str, row: Row) -> widgets.Button:
        words, help = BUTTONS[name]
        made = button(words, help.format(row.recording))
        made.on_click(lambda pressed: self._pressed(name, pressed))
        return made

    def _pressed(self, name: str, pressed: widgets.Button) -> None:
        assert self._row is not None
        if name == "delete" and pressed.description != SURE:
            pressed.description = SURE
            self._armed_at = time.monotonic()
            return
        self._disarm()
        self._act(name, self._row)

    def _disarm(self) -> None:
        self._armed_at = 0.0
        for each in self.buttons.children:
            if each.description == SURE:
                each.description = BUTTONS["delete"][0]


class JobTable(widgets.VBox):  # type: ignore[misc]
    """The newest jobs of a journal.

    Args:
        act: called with the name of an action and the row of its job.
        changed: called when more rows are wanted.
    """

    def __init__(self, act: Act, changed: Callable[[], None]) -> None:
        self._act, self._changed = act, changed
        self.limit = PAGE
        self._views: dict[int, RowView] = {}
        self.head = widgets.HTML(layout=widgets.Layout(flex="1 1 26em", width="auto", min_width="0"))
        room = widgets.Box(layout=widgets.Layout(flex="0 0 13.5em"))
        self.top = beside([self.head, room])
        self.lines = widgets.VBox()
        self.note = widgets.HTML()
        self.more = button("Show more", f"Show {PAGE} more jobs", display="none")
        self.more.on_click(lambda _: self._more())
        self._foot = beside([self.more, self.note])
        super().__init__([self.top, self.lines, self._foot])

    def show(self, rows: Sequence[Row], total: int, now: float) -> None:
        """Show these rows, newest first, of `total` in all. `now` is seconds since the epoch."""
        kept = {row.id: self._views.get(row.id) or RowView(self._act) for row in rows}
        for row in rows:
            kept[row.id].show(row, now)
        if list(kept) != list(self._views):
            gone = [view for id, view in self._views.items() if id not in kept]
            self._views = kept
            self.lines.children = tuple(kept.values())
            for view in gone:
                _close(view)
        self.head.value = HEAD if rows else ""
        self.more.layout.display = None if total > len(rows) else "none"
        self.note.value = label_of(
            f"{len(rows)} of {total} jobs" if total > len(rows) else "" if rows else "No jobs yet"
        )

    def _more(self) -> None:
        self.limit += PAGE
        self._changed()


def _close(view: RowView) -> None:
    for widget in (*view.buttons.children, view.buttons, view.text, view):
        widget.close()
