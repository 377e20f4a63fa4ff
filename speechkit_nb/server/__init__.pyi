from .app import parse_models as parse_models
from .app import serve as serve
from .settings import ServerSettings as ServerSettings
