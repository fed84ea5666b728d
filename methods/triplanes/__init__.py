"""Free planes and two networks for each object: CodecNeRF's baseline (Kang et al. 2025; sheet baselines.md, §5)."""
