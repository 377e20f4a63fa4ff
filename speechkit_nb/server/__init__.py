"""The local recognizer: the services of the cloud on 127.0.0.1, with real engines.

`api` takes calls by gRPC and REST, and checks credentials. `operations` answers them: it stores operations,
also for several servers that share a folder, and works on them. `recognition` reads requests, feeds audio to
listeners and writes messages. `workers` runs engines in processes, `engines` holds the engines. API v2 is
translated to v3 in `api` and `operations`. `testing` holds what only tests and demonstrations switch on.

`serve(ServerSettings(...))` puts them together and runs until a signal stops it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
