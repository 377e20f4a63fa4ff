"""Protobuf messages of the service, and conversion of JSON and API v2 to v3 messages."""

import lazy_loader

# loaded on first use: the local server needs messages, but not ptars and pyarrow
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
