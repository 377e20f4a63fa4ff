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
    from .audio import Recording as Recording
    from .client.client import Client as Client
    from .client.connect import connect as connect
    from .client.endpoints import Endpoints as Endpoints
    from .client.job import Job as Job
    from .client.jobset import JobSet as JobSet
    from .client.legs import SessionLimits as SessionLimits
    from .client.quota import Quota as Quota
    from .client.stream_events import StreamEvent as StreamEvent
    from .client.streams import StreamSession as StreamSession
    from .config import RecognitionConfig as RecognitionConfig
    from .evaluate.compare import compare as compare
    from .evaluate.comparison import Comparison as Comparison
    from .evaluate.forced import force_align as force_align
    from .evaluate.formats import read_reference as read_reference
    from .evaluate.normalize import normalizer as normalizer
    from .evaluate.score import score as score
    from .jobpanel import JobPanel as JobPanel
    from .transcript import Transcript as Transcript
    from .transcript import load as load
    from .views.plots import plot_timeline as plot_timeline
    from .views.timeline import TimelineView as TimelineView

__version__ = "0.1.0"

_HOMES = {
    "Client": "client.client",
    "Comparison": "evaluate.comparison",
    "Endpoints": "client.endpoints",
    "Job": "client.job",
    "JobPanel": "jobpanel",
    "JobSet": "client.jobset",
    "Quota": "client.quota",
    "Recording": "audio",
    "RecognitionConfig": "config",
    "TimelineView": "views.timeline",
    "SessionLimits": "client.legs",
    "StreamEvent": "client.stream_events",
    "StreamSession": "client.streams",
    "Transcript": "transcript",
    "compare": "evaluate.compare",
    "connect": "client.connect",
    "errors": "errors",
    "force_align": "evaluate.forced",
    "load": "transcript",
    "normalizer": "evaluate.normalize",
    "plot_timeline": "views.plots",
    "read_reference": "evaluate.formats",
    "score": "evaluate.score",
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
