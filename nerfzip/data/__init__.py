"""Captures on disk, and the embedded scene, as `Scene`. One file a format."""
