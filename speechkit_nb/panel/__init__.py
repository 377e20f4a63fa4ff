"""JobPanel, a panel for running recognitions in a notebook."""

from .job_panel import JobPanel

__all__ = ["JobPanel"]
