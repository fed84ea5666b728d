"""The float32 model that compression starts from."""

import logging
import math
from dataclasses import dataclass, replace

from jaxtyping import Bool
from torch import Tensor

from methods.mlp_maps.colour_maps import ColourNetwork, Lookup, ViewEncoding
from methods.mlp_maps.decoder import DecoderSizes
from methods.mlp_maps.encoder import EncoderSizes, LatentEncoder, encoder_images
from methods.mlp_maps.field import PLANES, Shading
from methods.mlp_maps.header import Description, describe
from methods.mlp_maps.model import FEATURES_PER_LEVEL, Layout, MapsModel
from methods.mlp_maps.occupancy import EVERYWHERE, OccupancySettings, frame_boxes, hulls, occupied
from methods.mlp_maps.pixels import FramePixels
from methods.mlp_maps.training import Frame, Schedule, train
from nerfzip.data.scene import VolumetricScene
from nerfzip.errors import ConfigError, require_setting
from nerfzip.geometry import Box
from nerfzip.kernels.hash_levels import HashLevels
from nerfzip.progress import track
from nerfzip.sampling import Occupancy
from nerfzip.training.hull import HullSettings

logger = logging.getLogger("nerfzip")
MAP_AXES = {"orthogonal": PLANES, "xy": PLANES[:1], "three_xy": PLANES[:1] * 3}
"""What the maps lie on, by name; all but the first are ablations (paper, Table 2)."""
UNITS_PER_DIAGONAL = 2.0
"""Distances are measured as if the first frame's box were so long from corner to corner, about that of a person."""


@dataclass(frozen=True)
class SharedSizes:
    """Of one network in place of the maps; a width of 0 keeps the maps."""

    width: int
    layers: int

    def __post_init__(self) -> None:
        require_setting(self.width >= 0, "method.base.shared.width", self.width, "at least 0")
        require_setting(self.layers >= 1, "method.base.shared.layers", self.layers, "at least 1")


@dataclass(frozen=True)
class Rendering:
    """See `Shading`."""

    steps: int
    weight_threshold: float

    def __post_init__(self) -> None:
        name = "method.base.rendering"
        require_setting(self.steps >= 2, f"{name}.steps", self.steps, "at least 2")
        require_setting(
            0 <= self.weight_threshold < 1, f"{name}.weight_threshold", self.weight_threshold, "from 0 to 1"
        )


@dataclass(frozen=True)
class FittedMaps:
    """A trained model, and each frame's box and occupied voxels."""

    layout: Layout
    state: dict[str, Tensor]
    boxes: list[Box]
    masks: list[Bool[Tensor, "x y z"]]

    def model(self) -> MapsModel:
        model = MapsModel(self.layout)
        model.load_state_dict(self.state)
        return model


class MapsVideo:
    """Trains all frames together.

    Args:
        levels: of the three hash tables.
        decoder: see `DecoderSizes`.
        hidden: width of the colour networks.
        lookup: "blend" or "bin"; see `Lookup`.
        view: "frequencies" or "harmonics"; see `ViewEncoding`.
        maps: "orthogonal", "xy" or "three_xy".
        shared: one network in place of the maps.
        encoder: None learns latent codes themselves.
        rendering: see `Rendering`.
        hull: of carving what may be occupied; None looks at whole boxes in training.
        hull_resolution: voxels along the longest side of the video's box, from which the frames' boxes are made.
        occupancy: of what is looked at after training; None looks everywhere in a frame's box, in training too (an
            ablation).
        band: pixels of this width round the foreground's edge are not trained on; 0 keeps them.
        schedule: of training.
    """

    def __init__(
        self,
        levels: HashLevels,
        decoder: DecoderSizes,
        hidden: int,
        lookup: str,
        view: str,
        maps: str,
        shared: SharedSizes,
        encoder: EncoderSizes | None,
        rendering: Rendering,
        hull: HullSettings | None,
        hull_resolution: int,
        occupancy: OccupancySettings | None,
        band: int,
        schedule: Schedule,
    ) -> None:
        choices: dict[str, tuple[str, list[str]]] = {
            "lookup": (lookup, list(Lookup)),
            "view": (view, list(ViewEncoding)),
            "maps": (maps, list(MAP_AXES)),
        }
        for name, (value, known) in choices.items():
            if value not in known:
                raise ConfigError(f"method.base.{name}: {value!r}, expected {' or '.join(known)}")
        if levels.count * FEATURES_PER_LEVEL != decoder.features:
            expected = f"{FEATURES_PER_LEVEL} for each of {levels.count} levels"
            raise ConfigError(f"method.base.decoder.features: {decoder.features}, expected {expected}")
        require_setting(hidden >= 1, "method.base.hidden", hidden, "at least 1")
        require_setting(hull_resolution >= 2, "method.base.hull_resolution", hull_resolution, "at least 2")
        require_setting(band >= 0, "method.base.band", band, "at least 0")
        self.levels = levels
        self.decoder = decoder
        self.hidden = hidden
        self.lookup = Lookup(lookup)
        self.view = ViewEncoding(view)
        self.map_axes = MAP_AXES[maps]
        self.shared = shared
        self.encoder = encoder
        self.rendering = rendering
        self.hull = hull
        self.hull_resolution = hull_resolution
        self.occupancy = occupancy
        self.band = band
        # Where nothing is skipped, what was seen changes nothing.
        self.schedule = schedule if occupancy else replace(schedule, refresh_at=())

    @property
    def occupancy_resolution(self) -> tuple[int, int, int]:
        return self.occupancy.resolution if self.occupancy else EVERYWHERE

    def fit(self, video: VolumetricScene) -> FittedMaps:
        boxes = frame_boxes(video, self.hull_resolution, self.hull)
        layout = self._layout(video, boxes[0])
        # What no file can hold is not trained.
        describe(Description(layout, self.occupancy_resolution, video.box))
        model = MapsModel(layout)
        frames = self.frames(video, boxes, hulls(video, boxes, self.occupancy_resolution, self.hull))
        encoder = None
        if self.encoder is not None:
            encoder = LatentEncoder(self.encoder, self.decoder.latent, encoder_images(video, self.encoder))
        occupancies = train(model, frames, self.schedule, "train", encoder)
        if encoder is not None:
            model.latents.data = encoder.codes()
        return FittedMaps(layout, model.state_dict(), boxes, self.masks(model, boxes, occupancies))

    def frames(self, video: VolumetricScene, boxes: list[Box], masks: list[Bool[Tensor, "x y z"]]) -> list[Frame]:
        """What training needs of all frames, which looks at what the masks say."""
        parts = list(zip(video.frames, boxes, masks, strict=True))
        return [
            Frame(FramePixels(scene, box, self.band), box, Occupancy.of(mask))
            for scene, box, mask in track(parts, "load", len(parts))
        ]

    def masks(self, model: MapsModel, boxes: list[Box], occupancies: list[Occupancy]) -> list[Bool[Tensor, "x y z"]]:
        """What rendering looks at, of each frame; at most what training has looked at."""
        masks = [occupancy.mask > 0 for occupancy in occupancies]
        if self.occupancy is None:
            return masks
        for index, (box, occupancy) in enumerate(zip(boxes, occupancies, strict=True)):
            masks[index] = occupied(model.field(index, box, occupancy), masks[index], self.occupancy)
            if not bool(masks[index].any()):
                logger.warning("frame %d: nothing is dense enough to be kept, it will show the background", index)
        return masks

    def _layout(self, video: VolumetricScene, box: Box) -> Layout:
        view, rendering = self.view, self.rendering
        shading = Shading(
            ColourNetwork(self.decoder.features, self.hidden, view.channels),
            self.lookup,
            view,
            self.map_axes,
            rendering.steps,
            rendering.weight_threshold,
            math.dist(box.minimum, box.maximum) / UNITS_PER_DIAGONAL,
        )
        shared, first = self.shared, video.frames[0]
        return Layout(
            *(len(video), self.levels, self.decoder, shading, shared.width, shared.layers),
            *(video.background, first.near),
        )
