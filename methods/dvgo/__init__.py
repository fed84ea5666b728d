"""DVGO (Sun et al. 2022), and its deferred-shading variant: the voxel models that VQRF wraps."""
