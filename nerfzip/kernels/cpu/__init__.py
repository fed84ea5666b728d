"""The kernels in numba, over all cores. Every scatter gives the same bits for any number of threads."""
