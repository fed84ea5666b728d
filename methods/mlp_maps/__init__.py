"""Dynamic MLP maps (Peng et al. 2023): each frame is a set of small networks that one decoder predicts."""
