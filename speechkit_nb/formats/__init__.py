"""Words from and to files: references and results of other programs, saved transcripts, Parquet."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
