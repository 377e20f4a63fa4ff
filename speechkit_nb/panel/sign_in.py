"""What is shown while there is no service: what is missing, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from ..errors import Denied
from .controls import beside, button

NO_CREDENTIALS = """
<p>There are no credentials yet, so nothing can be sent to Yandex SpeechKit. Hand one over in a cell of this
notebook, and press Try again:</p>
<p><code>import getpass, os; os.environ["YC_API_KEY"] = getpass.getpass("API key: ")</code></p>
<p>Or, before Jupyter is started, set one of <code>YC_API_KEY</code>, <code>YC_IAM_TOKEN</code>,
<code>YC_OAUTH_TOKEN</code>, or the path of a service account's key file in
<code>YC_SERVICE_ACCOUNT_KEY_FILE</code>.</p>
<p>The local recognizer needs no account and no network. It knows English only, and makes far more
errors.</p>
"""
NOT_CONNECTED = """
<p>{}</p>
<p>The local recognizer needs no account and no network. It knows English only, and makes far more
errors.</p>
"""


class Offer(widgets.VBox):  # type: ignore[misc]
    """Two ways out: the local recognizer, and trying again.

    Args:
        start_local, try_again: called when their button is pressed.
    """

    def __init__(self, start_local: Callable[[], None], try_again: Callable[[], None]) -> None:
        self.words = widgets.HTML()
        self.local = button(
            "Use the local recognizer", "Start the recognizer in this package; it needs no account"
        )
        self.local.button_style = "primary"
        self.again = button("Try again", "Look for credentials again")
        self.local.on_click(lambda _: start_local())
        self.again.on_click(lambda _: try_again())
        super().__init__([self.words, beside([self.local, self.again])])
        self.hide()

    def hide(self) -> None:
        """There is a service."""
        self.layout.display = "none"

    def show(self, error: Exception) -> None:
        """There is none, because of this."""
        self.words.value = (
            NO_CREDENTIALS if isinstance(error, Denied) else NOT_CONNECTED.format(escape(str(error)))
        )
        self.layout.display = None
