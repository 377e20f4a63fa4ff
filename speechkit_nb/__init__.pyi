from . import errors as errors
from .audio import Recording as Recording
from .client.client import Client as Client
from .client.connection import connect as connect
from .client.jobs.job import Job as Job
from .client.jobs.jobset import JobSet as JobSet
from .client.streaming.events import StreamEvent as StreamEvent
from .client.streaming.sender import SessionLimits as SessionLimits
from .client.streaming.session import StreamSession as StreamSession
from .client.transport.endpoints import Endpoints as Endpoints
from .client.transport.rate_limit import Quota as Quota
from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .config import RecognitionConfig as RecognitionConfig
from .corpus import Scores as Scores
from .corpus import score as score
from .corpus import write_part as write_part
from .evaluate import force_align as force_align
from .evaluate import normalizer as normalizer
from .formats import read_reference as read_reference
from .panel.panel import JobPanel as JobPanel
from .transcript import Transcript as Transcript
from .transcript import load as load
from .views import TimelineView as TimelineView
from .views import plot_timeline as plot_timeline

__version__: str
