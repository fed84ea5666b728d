"""ReRF: from a volumetric video to a file, and back (Wang et al. 2023; sheet baselines.md §4)."""

import io

import torch

from methods.rerf.closed_loop import Reconstruction, decode_frame, encode_frame
from methods.rerf.coding import CODERS, encode_section
from methods.rerf.model import VideoModel, empty_density
from methods.rerf.packing import FrameFormat, decoder_arrays, encode_decoder, header_of, with_decoder
from methods.rerf.training import VideoBase
from nerfzip.bitstream import (
    BitstreamReader,
    GroupsOfFrames,
    VolumetricVideo,
    frame_section,
    pack,
    tensor_digest,
    tensor_name,
)
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import ConfigError, require_setting
from nerfzip.kernels.marching import density_of_alpha
from nerfzip.on_device import on_device, working_on
from nerfzip.progress import track

METHOD = "rerf"
LARGEST_QUALITY = 99.95


class ReRF:
    """Each frame is the one before it, moved block by block, and a residual that is coded like a picture in 3-D.

    Args:
        base: trains the video.
        quality: of the DCT's coefficients, as in JPEG; the rate.
        group_size: a key frame comes every so many frames.
        kept_alpha: blocks without a voxel more opaque than this, over one voxel, are dropped.
        occupied_alpha: decoded voxels are looked at if they or a neighbour are more opaque than this.
        motion_step: blocks' offsets are rounded to multiples of this, in voxels; 0: to float16 only (ReRF).
        coder: "range", or "huffman" (ReRF); both code the same tensors.
    """

    volumetric = True

    def __init__(
        self,
        base: VideoBase,
        quality: float,
        group_size: int,
        kept_alpha: float,
        occupied_alpha: float,
        motion_step: float,
        coder: str,
    ) -> None:
        expected = f"more than 1, at most {LARGEST_QUALITY}"
        require_setting(1 < quality <= LARGEST_QUALITY, "method.quality", quality, expected)
        require_setting(group_size >= 1, "method.group_size", group_size, "at least 1")
        require_setting(0 < kept_alpha < 1, "method.kept_alpha", kept_alpha, "between 0 and 1")
        require_setting(0 < occupied_alpha < 1, "method.occupied_alpha", occupied_alpha, "between 0 and 1")
        require_setting(0 <= motion_step <= 1, "method.motion_step", motion_step, "from 0 to 1")
        if coder not in CODERS:
            raise ConfigError(f"method.coder: {coder!r}, expected one of {', '.join(CODERS)}")
        self.base = base
        self.quality = quality
        self.group_size = group_size
        self.kept_alpha = kept_alpha
        self.occupied_alpha = occupied_alpha
        self.motion_step = motion_step
        self.coder = coder

    def fit(self, video: VolumetricScene) -> VideoModel:
        return self.base.fit(video)

    def uncompressed_bytes(self, model: VideoModel) -> int:
        """Size of the grids of all frames and of the network as float32."""
        grids = model.template.density.numel() + model.template.features.numel()
        decoder = sum(parameter.numel() for parameter in model.template.decoder.parameters())
        return 4 * (len(model.frames) * grids + decoder)

    def compress(self, model: VideoModel, video: VolumetricScene) -> bytes:
        # Nothing is trained any more, and each frame is predicted from what the decoder, on the CPU, makes of the last.
        with working_on("cpu"):
            return self._packed(on_device(model, "cpu"))

    def _packed(self, model: VideoModel) -> bytes:
        groups = GroupsOfFrames(len(model.frames), self.group_size, "previous")
        field = model.template
        header = header_of(field, groups, self.quality, self.coder, self.occupied_alpha)
        resolution = field.geometry.resolution
        kept_density = density_of_alpha(self.kept_alpha, field.shift, 1.0) - empty_density(field)
        arrays = decoder_arrays(field.decoder)
        tensors = {tensor_name(None, name): array for name, array in arrays.items()}
        sections = {"decoder": encode_decoder(arrays)}
        previous: Reconstruction | None = None
        for index, frame in enumerate(track(model.frames, "code", len(model.frames))):
            if groups.key(index) == index:
                previous = None
            coded = encode_frame(frame, previous, self.quality, kept_density, self.motion_step)
            # The decoder's own code, so that errors of rounding never add up.
            previous = decode_frame(coded, previous, self.quality, resolution)
            sections[frame_section(index)] = encode_section(coded, CODERS[self.coder])
            tensors |= {tensor_name(index, name): array for name, array in coded.tensors().items()}
        return pack(METHOD, header, sections, tensor_digest(tensors))

    def open(self, reader: BitstreamReader) -> VolumetricVideo:
        """The video of a file of which only those frames are read that are looked at, and those they depend on."""
        format_, groups = FrameFormat.from_header(reader.header)
        arrays = with_decoder(format_, reader.read("decoder"))
        shared = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return VolumetricVideo(reader, groups, format_, shared, format_.field.geometry.box)

    def decompress(self, data: bytes) -> VolumetricVideo:
        return self.open(BitstreamReader(io.BytesIO(data)))
