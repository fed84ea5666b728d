"""The names of those files in a point's folder that say how far it is."""

CONFIG = "config.yaml"
"""Written first."""
ROW = "row.json"
"""Written last: the point is complete."""
FAILURE = "failure.json"
LOCK = "lock"
"""Held by the process that works on the point."""
