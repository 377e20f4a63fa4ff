"""Speech recognition results in notebooks: submit recordings, read words as frames, draw them in time.

```python
import speechkit_nb as sk

client = sk.connect("local")
transcript = client.submit("talk.wav").result()
transcript.words
transcript.plot()
```
"""

import lazy_loader

__version__ = "0.1.0"

# the names, and where each lives, are in __init__.pyi; each is loaded on its first use
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
