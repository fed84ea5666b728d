"""VQRF (Li et al. 2023): pruning, vector quantization, joint fine-tuning and entropy coding of a voxel field."""
