"""A codec and a method that are small enough for tests."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from methods.codecnerf.base_model import write_base_model
from methods.codecnerf.base_training import Schedule as BaseSchedule
from methods.codecnerf.codec import Codec, CodecSizes
from methods.codecnerf.deltas import DeltaSizes
from methods.codecnerf.examples import Sample
from methods.codecnerf.finetuning import Rate, Schedule
from methods.codecnerf.method import CodecNeRF
from methods.codecnerf.objective import Weights
from methods.codecnerf.triplane_decoder import TriplaneDecoderSizes
from methods.codecnerf.view_encoder import ViewEncoderSizes
from nerfzip.data.procedural import load_procedural_objects
from nerfzip.data.scene import Scene
from nerfzip.fields.triplane_field import NetworkSizes, Sampling

SIZES = CodecSizes(
    views=ViewEncoderSizes(side=16, patch=8, width=8, depth=1, heads=2, channels=3, colours=True),
    lattice=8,
    aggregation="moments",
    source_views=20,
    volume=[8, 8],
    latent=4,
    codes=32,
    decoder_blocks=[4],
    shortcuts=True,
    planes=TriplaneDecoderSizes(width=4, shared=1, low=1, high=1, refinement=[4]),
    networks=NetworkSizes(8, 1, 2),
    sampling=Sampling(8, 8, 10.0),
)
TRAINING = BaseSchedule(
    transformer=None,
    steps=6,
    objects=2,
    sample=Sample(source_views=4, target_views=2, rays=64),
    optimiser="adamw",
    views=1e-3,
    rest=1e-3,
    warm_up=2,
    decay=2,
    weight_decay=0.0,
    longest_gradient=1.0,
    quantize_from=2,
    codebook_decay=0.9,
    weights=Weights(commitment=0.25, variation=1e-3),
    precision="float32",
    save_every=2,
    validate_every=3,
    counted_objects=2,
)
FINETUNING = Schedule(
    iterations=8, rays=128, matrices=0.1, vectors=2e-3, networks=2e-3, prior=0.02, warm_up=2, variation=1e-3
)
RATE = Rate(weight=1e-5, prior_scale=2.0, shared=False, rounded=0.25)


def tiny_codec(**changes: Any) -> Codec:
    torch.manual_seed(0)
    return Codec(replace(SIZES, **changes), decay=0.9)


def tiny_base_model(folder: Path) -> Path:
    """A base model that has learnt nothing."""
    path = folder / "tiny.safetensors"
    write_base_model(path, tiny_codec(), np.arange(1, 33))
    return path


def tiny_method(base_model: Path, coder: str = "context", **finetuning: Any) -> CodecNeRF:
    return CodecNeRF(
        base_model=str(base_model),
        codec=SIZES,
        training=TRAINING,
        deltas=DeltaSizes(2, 2),
        start="vectors",
        deviation=0.1,
        finetuning=replace(FINETUNING, **finetuning),
        rate=RATE,
        coder=coder,
        network_bits=6,
    )


def tiny_object(number: int, folder: Path, split: str = "train") -> Scene:
    return load_procedural_objects(number, split, resolution=16, samples=1, cache=folder)
