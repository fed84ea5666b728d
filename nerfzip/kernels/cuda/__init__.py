"""The kernels in Triton, compiled for the device when they first run.

They are the form on CUDA, and are imported only where it is chosen: nothing else needs triton. Indices of samples are
int64, since samples × channels can exceed 2³¹. Scatters use atomic additions, so the last bits of a sum may change from
run to run.
"""
