"""Compression of neural radiance fields: methods, real bitstreams, rate-distortion curves."""

import os

from nerfzip.compiled import choose_cache_folder

# All are read once, by numba or torch, so they are set before either is imported.
choose_cache_folder()
# MKL may otherwise take fewer threads when it likes, and then the last bits of a matrix product change.
os.environ.setdefault("MKL_DYNAMIC", "FALSE")
# Voxel grids are read at random places; with huge pages the kernels run up to a third faster.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__version__ = "0.1.0"
