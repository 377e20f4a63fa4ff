"""Colours that people with any colour vision tell apart (Okabe and Ito, 2008)."""

from __future__ import annotations

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREY = "#7F7F7F"  # not of the eight: for what belongs to no lane

LANES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)


def lane_colour(index: int) -> str:
    """The colour of lane `index`, 0-based; after the last colour the first comes again.

    >>> lane_colour(0), lane_colour(6) == lane_colour(0)
    ('#0072B2', True)
    """
    return LANES[index % len(LANES)]
