"""Fitting a voxel field to photographs: coarse, then fine."""

from methods.dvgo.coarse import CoarseSettings, fit_coarse
from methods.dvgo.fine import FineSettings, OnStep, fit_fine
from nerfzip.data.scene import Scene
from nerfzip.fields import ColourMLP, Shading, VoxelField


class VoxelBase:
    """DVGO, or with `shading: ray` our deferred variant: features are composited and decoded once a ray.

    Args:
        shading: "sample" or "ray".
        width, hidden_layers, frequencies: of the colour network; see `ColourMLP`.
        coarse, fine: settings of the two stages.
    """

    def __init__(
        self,
        shading: str,
        width: int,
        hidden_layers: int,
        frequencies: int,
        coarse: CoarseSettings,
        fine: FineSettings,
    ) -> None:
        self.shading = Shading(shading)
        self.width = width
        self.hidden_layers = hidden_layers
        self.frequencies = frequencies
        self.coarse = coarse
        self.fine = fine

    def fit(self, scene: Scene, on_step: OnStep | None = None) -> VoxelField:
        """Train on the scene's training views, with torch's global generator.

        Args:
            on_step: called after every iteration of the fine stage with its number, from 1, and the field.
        """
        images = scene.train.images(scene.background)
        coarse = fit_coarse(scene, images, self.coarse)
        box = coarse.occupied_box().enlarged(self.coarse.box_margin)
        return fit_fine(scene, images, coarse, box, self.new_decoder(), self.shading, self.fine, on_step)

    def new_decoder(self) -> ColourMLP:
        """The colour network with random weights."""
        diffuse = self.shading == Shading.RAY
        return ColourMLP(self.fine.channels, self.width, self.hidden_layers, self.frequencies, diffuse)
