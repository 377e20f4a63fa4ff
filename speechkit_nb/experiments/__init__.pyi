from .api import experiment as experiment
from .experiment import Experiment as Experiment
