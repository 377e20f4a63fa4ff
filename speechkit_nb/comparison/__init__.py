"""Interactive comparison of several systems on the same recordings: `compare` and `Comparison`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
