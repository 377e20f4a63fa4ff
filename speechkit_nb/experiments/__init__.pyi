from .api import experiment as experiment
from .result import Experiment as Experiment
