"""Speech recognition results in notebooks: submit recordings, read words as frames, draw them in time.

```python
import speechkit_nb as sk

client = sk.connect("local")
transcript = client.submit("talk.wav").result()
transcript.words
transcript.plot()
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .audio.recording import Recording as Recording
    from .client.client import Client as Client
    from .client.connection import connect as connect
    from .client.jobs.job import Job as Job
    from .client.jobs.jobset import JobSet as JobSet
    from .client.streaming.events import StreamEvent as StreamEvent
    from .client.streaming.sender import SessionLimits as SessionLimits
    from .client.streaming.session import StreamSession as StreamSession
    from .client.transport.endpoints import Endpoints as Endpoints
    from .client.transport.rate_limit import Quota as Quota
    from .comparison.api import compare as compare
    from .comparison.comparison import Comparison as Comparison
    from .config import RecognitionConfig as RecognitionConfig
    from .corpus.api import score as score
    from .evaluate.forced_alignment.aligner import force_align as force_align
    from .evaluate.normalization.base import normalizer as normalizer
    from .formats.registry import read_reference as read_reference
    from .panel.panel import JobPanel as JobPanel
    from .transcript import Transcript as Transcript
    from .transcript import load as load
    from .views.plots.timeline import plot_timeline as plot_timeline
    from .views.widget.timeline_view import TimelineView as TimelineView

__version__ = "0.1.0"

_HOMES = {
    "Client": "client.client",
    "Comparison": "comparison.comparison",
    "Endpoints": "client.transport.endpoints",
    "Job": "client.jobs.job",
    "JobPanel": "panel.panel",
    "JobSet": "client.jobs.jobset",
    "Quota": "client.transport.rate_limit",
    "Recording": "audio.recording",
    "RecognitionConfig": "config",
    "TimelineView": "views.widget.timeline_view",
    "SessionLimits": "client.streaming.sender",
    "StreamEvent": "client.streaming.events",
    "StreamSession": "client.streaming.session",
    "Transcript": "transcript",
    "compare": "comparison.api",
    "connect": "client.connection",
    "errors": "errors",
    "force_align": "evaluate.forced_alignment.aligner",
    "load": "transcript",
    "normalizer": "evaluate.normalization.base",
    "plot_timeline": "views.plots.timeline",
    "read_reference": "formats.registry",
    "score": "corpus.api",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Load a public name on its first use, so that the import itself costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_HOMES[name]}", __name__)
    found = module if name == "errors" else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
