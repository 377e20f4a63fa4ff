"""Comparing what recognizers heard: frames in, frames out.

`normalize` makes words comparable and remembers where each came from, `align` says which word of a
reference became which word of a system, `metrics` counts and divides.
"""
