"""Scores of any number of files, on this machine or on a cluster: `score`, `Scores` and `write_part`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
