"""A codec of objects that is trained once, then encodes one in a pass and refines it (Kang et al. 2025)."""
