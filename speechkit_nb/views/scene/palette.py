"""Colours that can be told apart with any colour vision (Okabe and Ito, 2008)."""

from __future__ import annotations

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREY = "#7F7F7F"  # not one of their eight: for things that belong to no lane

LANES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

CIVIDIS = (  # the upper 85 %, low to high at equal distances: visible on white and on black
    "#243c6e",
    "#444f6c",
    "#5e626e",
    "#767676",
    "#8f8a78",
    "#a99f73",
    "#c5b568",
    "#e2cd54",
    "#fee838",
)


def lane_colour(index: int) -> str:
    """The colour of lane `index`, 0-based; the colours repeat.

    >>> lane_colour(0), lane_colour(6) == lane_colour(0)
    ('#0072B2', True)
    """
    return LANES[index % len(LANES)]
