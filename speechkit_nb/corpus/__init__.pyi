from .api import Scores as Scores
from .api import score as score
from .layout import write_part as write_part
