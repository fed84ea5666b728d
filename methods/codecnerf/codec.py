"""The codec: views of an object -> codes -> planes and networks (CodecNeRF, figure 1; sheet codecnerf.md, §1)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.codecnerf.examples import SourceViews
from methods.codecnerf.plane_blocks import GroupResidualBlock, PlaneAttention, PlaneConvolution, Planes, enlarged
from methods.codecnerf.triplane_decoder import TriplaneDecoder, TriplaneDecoderSizes, channels_last
from methods.codecnerf.unprojection import AGGREGATIONS, unproject
from methods.codecnerf.vector_quantizer import VectorQuantizer
from methods.codecnerf.view_encoder import ViewEncoder, ViewEncoderSizes
from methods.codecnerf.volume_network import Projection, VolumeNetwork
from nerfzip.errors import CaptureError, require_setting
from nerfzip.fields.triplane_field import NetworkSizes, Sampling, TriplaneField, TriplaneNetwork
from nerfzip.geometry import Box, Colour

SCALES = 2
"""Of the planes."""


@dataclass(frozen=True)
class CodecSizes:
    """Of all networks of the codec; what a base model's file states.

    Attributes:
        lattice: vertices along each side of the volume, and cells along each side of the coded planes.
        aggregation: of views, see `unproject`.
        source_views: with "concatenation" exactly so many views are encoded, with "moments" at most so many.
        volume: channels at each level of the volume's network.
        latent: channels of the vectors that are quantized.
        codes: of the codebook.
        decoder_blocks: channels behind each of the blocks, with attention, between the codes and the planes' decoder.
        planes: of the planes' decoder.
        shortcuts: whether the unprojected views reach the codes, and the codes the planes, by one linear layer besides.
        networks, sampling: of the field.
    """

    views: ViewEncoderSizes
    lattice: int
    aggregation: str
    source_views: int
    volume: list[int]
    latent: int
    codes: int
    decoder_blocks: list[int]
    planes: TriplaneDecoderSizes
    shortcuts: bool
    networks: NetworkSizes
    sampling: Sampling

    def __post_init__(self) -> None:
        require_setting(self.aggregation in AGGREGATIONS, "aggregation", self.aggregation, " or ".join(AGGREGATIONS))
        require_setting(self.source_views >= 1, "source_views", self.source_views, "at least 1")
        require_setting(self.codes >= 2, "codes", self.codes, "at least 2")
        require_setting(len(self.volume) >= 1, "volume", self.volume, "at least one level")
        coarsest = 2 ** (len(self.volume) - 1)
        multiple = f"a multiple of {coarsest}, for {len(self.volume)} levels"
        require_setting(self.lattice % coarsest == 0 and self.lattice > 0, "lattice", self.lattice, multiple)

    @property
    def sides(self) -> tuple[int, int]:
        """Of the decoded planes."""
        return self.lattice, 2 * self.lattice


class Encoder(nn.Module):
    """Views -> the vectors that are quantized."""

    def __init__(self, sizes: CodecSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.views = ViewEncoder(sizes.views)
        channels = sizes.views.map_channels
        inputs = 2 * channels if sizes.aggregation == "moments" else sizes.source_views * channels
        self.volume = VolumeNetwork(inputs, sizes.volume)
        self.projection = Projection(sizes.volume[0], sizes.volume[0])
        before = [sizes.volume[0], sizes.latent]
        blocks = [(GroupResidualBlock(width, sizes.latent), PlaneAttention(sizes.latent)) for width in before]
        self.blocks = nn.Sequential(*[layer for pair in blocks for layer in pair])
        self.shortcut = Projection(inputs, sizes.latent) if sizes.shortcuts else None

    def forward(self, objects: list[SourceViews]) -> list[Planes]:
        """Of each object.

        Raises:
            CaptureError: too few or too many views, or one that does not look at the box.
        """
        views = torch.stack([self._volume(source) for source in objects])
        # Together: PyTorch has fast convolutions on the CPU only for large inputs.
        volumes = self.volume(views)
        latents = [self.blocks(self.projection(volume)) for volume in volumes]
        if self.shortcut is None:
            return latents
        # Of what the views show only that counts which is on the object: the network's first channel learns where.
        places = [volume[:1].sigmoid() for volume in volumes]
        return [
            planes + self.shortcut(seen, weights) for planes, seen, weights in zip(latents, views, places, strict=True)
        ]

    def _volume(self, source: SourceViews) -> Float[Tensor, "features x y z"]:
        sizes, views = self.sizes, len(source.images)
        exact = sizes.aggregation == "concatenation"
        if views != sizes.source_views if exact else not 1 <= views <= sizes.source_views:
            wanted = f"exactly {sizes.source_views}" if exact else f"1 to {sizes.source_views}"
            raise CaptureError(f"{views} views for the encoder; this base model encodes {wanted}")
        return unproject(self.views(source.images), source.cameras, source.box, sizes.lattice, sizes.aggregation)


class Decoder(nn.Module):
    """The vectors of codes -> planes at two resolutions."""

    def __init__(self, sizes: CodecSizes) -> None:
        super().__init__()
        before = [sizes.latent, *sizes.decoder_blocks[:-1]]
        pairs = zip(before, sizes.decoder_blocks, strict=True)
        blocks = [(GroupResidualBlock(*pair), PlaneAttention(pair[1])) for pair in pairs]
        self.blocks = nn.Sequential(*[layer for pair in blocks for layer in pair])
        self.planes = TriplaneDecoder(sizes.decoder_blocks[-1], sizes.planes)
        channels = sizes.planes.channels
        shortcuts = [PlaneConvolution(sizes.latent, channels, 1) for _ in range(SCALES)] if sizes.shortcuts else []
        self.shortcuts = nn.ModuleList(shortcuts)

    def forward(self, vectors: Planes) -> list[Float[Tensor, "3 rows columns channels"]]:
        scales = list(self.planes(self.blocks(vectors)))
        for index, shortcut in enumerate(self.shortcuts):
            scales[index] = scales[index] + enlarged(shortcut(vectors), 2**index)
        return [channels_last(planes) for planes in scales]


class Receiver(nn.Module):
    """What the receiver of a file needs of a base model: codes, the decoder, and the networks of the field.

    Args:
        decay: of the codebook while it is trained.
    """

    def __init__(self, sizes: CodecSizes, decay: float) -> None:
        super().__init__()
        self.sizes = sizes
        self.quantizer = VectorQuantizer(sizes.codes, sizes.latent, decay)
        self.decoder = Decoder(sizes)
        features = SCALES * sizes.planes.channels
        self.coarse, self.fine = TriplaneNetwork(features, sizes.networks), TriplaneNetwork(features, sizes.networks)

    @property
    def device(self) -> str:
        return self.quantizer.codebook.device.type

    def field(
        self, scales: list[Float[Tensor, "3 side side channels"]], box: Box, background: Colour, near: float
    ) -> TriplaneField:
        """Planes with the networks of the base model."""
        return TriplaneField(scales, self.coarse, self.fine, self.sizes.sampling, box, background, near)

    @torch.no_grad()
    def decode(self, indices: Int[Tensor, "3 rows columns"]) -> list[Float[Tensor, "3 side side channels"]]:
        """The planes at both resolutions."""
        vectors = self.quantizer.codebook[indices.flatten()]
        return self.decoder(as_planes(vectors, self.sizes.lattice))


class Codec(Receiver):
    """A whole base model."""

    def __init__(self, sizes: CodecSizes, decay: float) -> None:
        super().__init__(sizes, decay)
        self.encoder = Encoder(sizes)

    @torch.no_grad()
    def encode(self, source: SourceViews) -> Int[Tensor, "3 rows columns"]:
        """Indices of the codes.

        Raises:
            CaptureError: as of `Encoder`.
        """
        (planes,) = self.encoder([source])
        indices = self.quantizer(as_vectors(planes)).indices
        return indices.view(3, *planes.shape[2:])


def as_vectors(planes: Planes) -> Float[Tensor, "cells channels"]:
    """A vector for each cell, plane by plane and row by row."""
    return planes.movedim(1, 3).flatten(0, 2)


def as_planes(vectors: Float[Tensor, "cells channels"], side: int) -> Planes:
    """The inverse of `as_vectors`."""
    return vectors.view(3, side, side, -1).movedim(3, 1)
