"""Compare recognized words with a reference. Functions take and return frames.

`normalization` makes words comparable, `alignment` pairs the words of a reference with those of each system,
`metrics` counts errors and computes rates from the sums, `significance` estimates how certain a difference
is, and `forced_alignment` finds the times of the words of a known text.
"""

import lazy_loader

# The names that other packages may use. Each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
