"""Small widgets of the panel: labels, buttons, the status line, and what is shown without a service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TypeVar

import anywidget
import ipywidgets as widgets
import traitlets

from ..errors import Denied

STATIC = Path(__file__).parent / "static"
LABEL_WIDTH = {"description_width": "90px"}
ABOUT_LOCAL = """
<p>The local recognizer needs no account and no network. It knows English, and makes far more errors. For
other languages run <code>sk.JobPanel(sk.connect("local", whisper="small"))</code> in a cell.</p>
"""
NO_CREDENTIALS = """
<p>There are no credentials yet, so nothing can be sent to Yandex SpeechKit. Enter an API key in a cell of
this notebook, then press Try again:</p>
<p><code>import getpass, os; os.environ["YC_API_KEY"] = getpass.getpass("API key: ")</code></p>
<p>Or set one of these variables before Jupyter is started: <code>YC_API_KEY</code>,
<code>YC_IAM_TOKEN</code>, <code>YC_OAUTH_TOKEN</code>, or <code>YC_SERVICE_ACCOUNT_KEY_FILE</code> with the
path of the key file of a service account.</p>
"""
AnyControl = TypeVar("AnyControl", bound=widgets.DOMWidget)


def help_html(text: str) -> str:
    """A line of help as HTML."""
    return f'<span class="sk-help">{escape(text)}</span>'


def heading_html(text: str) -> str:
    """The title of a part as HTML."""
    return f"<h3>{escape(text)}</h3>"


def make_button(label: str, tooltip: str | None = None, **layout: str) -> widgets.Button:
    """A button as wide as its label."""
    return widgets.Button(description=label, tooltip=tooltip, layout={"width": "auto", **layout})


def make_control(
    kind: type[AnyControl], label: str, tooltip: str, layout: dict[str, str] | None = None, **options: object
) -> AnyControl:
    """A control of this class with a label before it."""
    layout = {"width": "auto", **(layout or {})}
    control: AnyControl = kind(
        description=label, tooltip=tooltip, style=LABEL_WIDTH, layout=layout, **options
    )
    return control


def make_row(parts: Sequence[widgets.Widget]) -> widgets.HBox:
    """Widgets side by side; they wrap where there is not enough space."""
    return widgets.HBox(parts, layout={"flex_flow": "row wrap"})


class StatusLine(anywidget.AnyWidget):
    """Shows one message, also to screen readers; carries the style and the keyboard handling of the panel.

    Attributes:
        text: the message, as plain text.
        is_error: whether it is an error message.
        n_views: on how many pages it is shown.
    """

    _esm = STATIC / "panel.js"
    _css = STATIC / "panel.css"
    text = traitlets.Unicode("").tag(sync=True)
    is_error = traitlets.Bool(False).tag(sync=True)
    n_views = traitlets.Int(0).tag(sync=True)

    def show_message(self, text: str) -> None:
        """Replace the message."""
        with self.hold_sync():
            self.is_error, self.text = False, text

    def show_error(self, text: str) -> None:
        """Replace the message by an error."""
        with self.hold_sync():
            self.is_error, self.text = True, f"Error: {text}"


class SignIn(widgets.VBox):  # type: ignore[misc]
    """Explains why there is no service, and offers the local recognizer or another try.

    Args:
        start_local, try_again: called when their button is pressed.
    """

    def __init__(self, start_local: Callable[[], None], try_again: Callable[[], None]) -> None:
        self.message = widgets.HTML()
        self.local = make_button(
            "Use the local recognizer", "Start the recognizer of this package; it needs no account"
        )
        self.local.button_style = "primary"
        self.again = make_button("Try again", "Look for credentials again")
        self.local.on_click(lambda _: start_local())
        self.again.on_click(lambda _: try_again())
        super().__init__([self.message, make_row([self.local, self.again])])
        self.hide()

    def hide(self) -> None:
        """Hide."""
        self.layout.display = "none"

    def show(self, error: Exception) -> None:
        """Show why connecting failed."""
        reason = NO_CREDENTIALS if isinstance(error, Denied) else f"<p>{escape(str(error))}</p>"
        self.message.value = reason + ABOUT_LOCAL
        self.layout.display = None
