"""The contract: what a compression method is, and what it decodes to."""

from typing import Any, Protocol

from nerfzip.data.scene import Capture, VolumetricScene, frames_of
from nerfzip.errors import ConfigError
from nerfzip.fields.field import Field, RenderedRays, VolumetricField

__all__ = ["Field", "Method", "RenderedRays", "VolumetricField", "check_capture"]


class Method(Protocol):
    """Three steps; a YAML file that names the class under `_target_` is all that must come with them.

    Settings are constructor arguments. Randomness comes from torch's global generator, which is seeded with the job's
    seed before each step.

    `fit` and `compress` run on the job's device: the scene's cameras and images, the model and new tensors are there.
    Coding belongs on the CPU, see `nerfzip.on_device`.

    A method of volumetric video has a class attribute `volumetric = True`: it is given a `VolumetricScene`, and
    decodes to a `VolumetricField`. Others are given a `Scene`, and decode to a `Field`.

    A method whose files depend on other files besides, as a model that is trained beforehand, has `input_digests()`:
    their digests by name, so that results are measured again when they change.

    A method may also have `open(reader: BitstreamReader)`, which gives the field of a file of which only that is read
    that is looked at, as `nerfzip.bitstream.VolumetricVideo` does; `decompress` is then `open` over the bytes.
    """

    def fit(self, scene: Any) -> Any:
        """All that does not depend on the rate.

        The result is cached: it must survive `torch.save`, and `nerfzip.on_device` must find its tensors.
        """
        ...

    def compress(self, model: Any, scene: Any) -> bytes:
        """All that depends on the rate: a complete `.nrz` file."""
        ...

    def decompress(self, data: bytes) -> Field | VolumetricField:
        """The field, from the bytes alone.

        Raises:
            BitstreamError: the bytes are damaged, hostile or of another version.
        """
        ...


def check_capture(method: Method, name: str, capture: Capture) -> None:
    """Raise ConfigError if a method of static scenes is given a volumetric video, or the other way round."""
    takes_video = getattr(method, "volumetric", False)
    if isinstance(capture, VolumetricScene) == takes_video:
        return
    wants, found = "a volumetric video", "a static scene"
    if not takes_video:
        wants, found = "a static scene", f"a volumetric video of {len(frames_of(capture))} frames"
    raise ConfigError(f"method {name} takes {wants}; {capture.name} is {found}")
