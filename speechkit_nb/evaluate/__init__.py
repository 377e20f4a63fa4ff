"""Comparing recognized words with a reference: frames in, frames out.

`normalization` makes words comparable, `alignment` pairs the words of a reference with those of each system,
`metrics` counts errors and divides last, `significance` estimates how certain a difference is, and
`forced_alignment` finds the times of the words of a known text.
"""

import lazy_loader

# what other packages may use; each name is loaded on its first use
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
