"""Everything that knows protobuf: message classes, JSON and v2 answers turned into v3 bytes."""

import lazy_loader

# loaded on first use: the local server needs messages, but not ptars and pyarrow
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
