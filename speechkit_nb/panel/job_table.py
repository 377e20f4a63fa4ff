"""The live table of jobs: newest first, with buttons for what can be done with each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import ipywidgets as widgets

from ..client import Action
from ..errors import count_noun
from .controls import help_html, make_button, make_row
from .job_row import TABLE_HEAD, row_html
from .jobs_model import JobRow

PAGE_SIZE = 10
BUTTONS = {
    "open": ("Open", "Show the result of {} below"),
    "cancel": ("Cancel", "Ask the service to stop recognizing {}"),
    "resubmit": ("Send again", "Send {} as a new job, which may be billed again"),
    "abandon": ("Give up", "Count {} as not sent; nothing is sent"),
    "delete": ("Delete", "Delete the result of {} from the service; it stays in the journal"),
}
CONFIRM = "Really delete"
CONFIRM_WITHIN = 6.0
"""Seconds in which the second press of Delete counts."""
BUTTONS_WIDTH = "13.5em"
CELLS_LAYOUT = {"flex": "1 1 26em", "width": "auto", "min_width": "0"}

OnAction = Callable[[Action, JobRow], None]


class RowView(widgets.HBox):  # type: ignore[misc]
    """One job and its buttons."""

    def __init__(self, on_action: OnAction) -> None:
        self._on_action = on_action
        self.text = widgets.HTML(layout=CELLS_LAYOUT)
        self.buttons = widgets.HBox(layout={"flex": f"0 0 {BUTTONS_WIDTH}", "flex_flow": "row wrap"})
        self._row: JobRow | None = None
        self._delete_pressed_at: float | None = None
        super().__init__([self.text, self.buttons], layout={"flex_flow": "row wrap"})
        self.add_class("sk-row")

    def show(self, row: JobRow, now: float) -> None:
        """Show the job as it is now; buttons that stay the same are not replaced."""
        before, self._row = self._row, row
        self.text.value = row_html(row, now)
        if before is None or before.actions != row.actions:
            self.buttons.children = [
                self._make_button(action, row.record.recording) for action in row.actions
            ]
        pressed_at = self._delete_pressed_at
        if pressed_at is not None and time.monotonic() - pressed_at > CONFIRM_WITHIN:
            self._reset_delete()

    def close_with_children(self) -> None:
        """Close the row with everything in it."""
        for widget in (*self.buttons.children, self.buttons, self.text, self):
            widget.close()

    def _make_button(self, action: Action, recording: str) -> widgets.Button:
        label, tooltip = BUTTONS[action]
        button = make_button(label, tooltip.format(recording))
        button.on_click(lambda pressed: self._press(action, pressed))
        return button

    def _press(self, action: Action, pressed: widgets.Button) -> None:
        assert self._row is not None
        if action == "delete" and pressed.description != CONFIRM:
            pressed.description = CONFIRM
            self._delete_pressed_at = time.monotonic()
            return
        self._reset_delete()
        self._on_action(action, self._row)

    def _reset_delete(self) -> None:
        self._delete_pressed_at = None
        for button in self.buttons.children:
            if button.description == CONFIRM:
                button.description = BUTTONS["delete"][0]


class JobTable(widgets.VBox):  # type: ignore[misc]
    """The newest jobs of a journal.

    Args:
        on_action: called with an action and the job to apply it to.
        on_more: called when more rows are wanted.
    """

    def __init__(self, on_action: OnAction, on_more: Callable[[], None]) -> None:
        self._on_action, self._on_more = on_action, on_more
        self.limit = PAGE_SIZE
        self._views: dict[int, RowView] = {}
        self.head = widgets.HTML(layout=CELLS_LAYOUT)
        space = widgets.Box(layout={"flex": f"0 0 {BUTTONS_WIDTH}"})
        self.rows = widgets.VBox()
        self.note = widgets.HTML()
        self.more = make_button("Show more", f"Show {PAGE_SIZE} more jobs", display="none")
        self.more.on_click(lambda _: self._show_more())
        super().__init__([make_row([self.head, space]), self.rows, make_row([self.more, self.note])])

    def show(self, rows: Sequence[JobRow], n_jobs: int, now: float) -> None:
        """Show jobs.

        Args:
            rows: the jobs to show, in this order.
            n_jobs: how many there are in all.
            now: seconds since the epoch.
        """
        # a job keeps its widget, so that the keyboard focus stays on its button
        views = {}
        for row in rows:
            number = row.record.number
            views[number] = self._views.get(number) or RowView(self._on_action)
            views[number].show(row, now)
        if list(views) != list(self._views):
            old, self._views = self._views, views
            self.rows.children = tuple(views.values())
            for number in old.keys() - views.keys():
                old[number].close_with_children()
        has_more = n_jobs > len(rows)
        self.head.value = TABLE_HEAD if rows else ""
        self.more.layout.display = None if has_more else "none"
        text = f"{len(rows)} of {count_noun(n_jobs, 'job')}" if has_more else "" if rows else "No jobs yet"
        self.note.value = help_html(text)

    def _show_more(self) -> None:
        self.limit += PAGE_SIZE
        self._on_more()
