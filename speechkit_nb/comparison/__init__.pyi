from .api import compare as compare
from .comparison import Comparison as Comparison
