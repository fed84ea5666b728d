"""Kernels by nerfacc (Li et al. 2023), on CUDA, for those who choose them: traversal and volume rendering.

Imported when they are first called: nothing else of nerfzip needs nerfacc's extension.
"""
