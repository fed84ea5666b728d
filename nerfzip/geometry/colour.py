"""Colours."""

Colour = tuple[float, float, float]
"""RGB in [0, 1]."""
