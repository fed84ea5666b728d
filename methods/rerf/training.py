"""Training a whole video, frame after frame."""

from methods.rerf.hull import HullSettings, hull_of
from methods.rerf.key_frame import KeyFrameSettings, fit_key_frame
from methods.rerf.model import VideoModel, empty_like, with_grids
from methods.rerf.motion import MotionSettings, find_motion
from methods.rerf.residual import ResidualSettings, fit_residual, frame_of
from nerfzip.data.scene import VolumetricScene
from nerfzip.fields import ColourMLP
from nerfzip.progress import track


def fit_video(
    video: VolumetricScene,
    decoder: ColourMLP,
    hull_settings: HullSettings,
    key_frame: KeyFrameSettings,
    motion: MotionSettings,
    residual: ResidualSettings,
) -> VideoModel:
    """Frame 0 with the colour network, then each frame from the one before it, as trained: coding comes afterwards."""
    field = fit_key_frame(video.frames[0], decoder, key_frame, hull_settings)
    decoder.requires_grad_(False)
    model = VideoModel(empty_like(field), [frame_of(field, None)])
    hull_before = hull_of(video.frames[0], field.geometry, hull_settings, frame=0)
    for index in track(range(1, len(video)), "frames", len(video) - 1):
        scene, last = video.frames[index], model.frames[-1]
        hull = hull_of(scene, field.geometry, hull_settings, index)
        previous = with_grids(model.template, last.grid(), last.occupied)
        moved = find_motion(previous, scene, hull, motion)
        model.frames.append(fit_residual(model, scene, moved, hull, hull_before, residual))
        hull_before = hull
    return model
