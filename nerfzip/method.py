"""The contract: what a compression method is, and what it decodes to."""

from typing import Any, Protocol

from nerfzip.data.scene import Scene
from nerfzip.fields.field import Field, RenderedRays

__all__ = ["Field", "Method", "RenderedRays"]


class Method(Protocol):
    """Three steps; a YAML file that names the class under `_target_` is all that must come with them.

    Settings are constructor arguments. Randomness comes from torch's global generator, which is seeded with the job's
    seed before each step.
    """

    def fit(self, scene: Scene) -> Any:
        """All that does not depend on the rate; the result is cached (it must survive `torch.save`)."""
        ...

    def compress(self, model: Any, scene: Scene) -> bytes:
        """All that depends on the rate: a complete `.nrz` file."""
        ...

    def decompress(self, data: bytes) -> Field:
        """The field, from the bytes alone.

        Raises:
            BitstreamError: the bytes are damaged, hostile or of another version.
        """
        ...
