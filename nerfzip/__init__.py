"""Compression of neural radiance fields: methods, real bitstreams, rate-distortion curves."""

__version__ = "0.1.0"
