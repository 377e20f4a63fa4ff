"""A grid of options, recognized and compared."""

import lazy_loader

# the names, and where each lives, are in __init__.pyi; each is loaded on its first use
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
