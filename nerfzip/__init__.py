"""Compression of neural radiance fields: methods, real bitstreams, rate-distortion curves."""

import os

# Voxel grids are read at random places: with huge pages the kernels run up to a third faster. Torch asks the system for
# them only if this is set before its first allocation.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__version__ = "0.1.0"
