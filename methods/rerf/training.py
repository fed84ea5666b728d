"""Training a whole video, frame after frame."""

from methods.rerf.key_frame import KeyFrameSettings, fit_key_frame
from methods.rerf.model import VideoModel, empty_like, with_grids
from methods.rerf.motion import MotionSettings, find_motion
from methods.rerf.residual import ResidualSettings, fit_residual, frame_of
from nerfzip.data.scene import VolumetricScene
from nerfzip.fields import ColourMLP
from nerfzip.progress import track
from nerfzip.training.hull import HullSettings, hull_of


class VideoBase:
    """What ReRF's coding starts from.

    Args:
        width, hidden_layers, frequencies: of the colour network; see `ColourMLP`.
        hull, key_frame, motion, residual: see their classes.
    """

    def __init__(
        self,
        width: int,
        hidden_layers: int,
        frequencies: int,
        hull: HullSettings,
        key_frame: KeyFrameSettings,
        motion: MotionSettings,
        residual: ResidualSettings,
    ) -> None:
        self.width = width
        self.hidden_layers = hidden_layers
        self.frequencies = frequencies
        self.hull = hull
        self.key_frame = key_frame
        self.motion = motion
        self.residual = residual

    def fit(self, video: VolumetricScene) -> VideoModel:
        """Frame 0 with the colour network, then each frame from the one before it, as trained: coding comes later."""
        decoder = ColourMLP(self.key_frame.channels, self.width, self.hidden_layers, self.frequencies)
        field = fit_key_frame(video.frames[0], decoder, self.key_frame, self.hull)
        decoder.requires_grad_(False)
        model = VideoModel(empty_like(field), [frame_of(field, None)])
        grid = field.geometry.box, field.geometry.resolution
        hull_before = hull_of(video.frames[0], *grid, self.hull, frame=0)
        for index in track(range(1, len(video)), "frames", len(video) - 1):
            scene, last = video.frames[index], model.frames[-1]
            hull = hull_of(scene, *grid, self.hull, index)
            previous = with_grids(model.template, last.grid(), last.occupied)
            moved = find_motion(previous, scene, hull, self.motion)
            model.frames.append(fit_residual(model, scene, moved, hull, hull_before, self.residual))
            hull_before = hull
        return model
