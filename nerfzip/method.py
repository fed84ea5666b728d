"""The contract: what a compression method is, and what it decodes to."""

from dataclasses import dataclass
from typing import Any, Protocol

from jaxtyping import Float
from torch import Tensor

from nerfzip.data.scene import Scene
from nerfzip.geometry import Rays


@dataclass(frozen=True)
class RenderedRays:
    """What a field shows along rays.

    Attributes:
        rgb: colours in [0, 1], composited on the field's background.
        opacity: in [0, 1], before the background.
        depth: expected distance along the ray in world units, of the opaque part.
    """

    rgb: Float[Tensor, "rays 3"]
    opacity: Float[Tensor, "rays"]
    depth: Float[Tensor, "rays"]


class Field(Protocol):
    """A decoded radiance field. It holds nothing but what came from the file."""

    def render(self, rays: Rays) -> RenderedRays:
        """Render a bundle of rays of any size; memory is bounded by chunking inside `nerfzip.rendering`."""
        ...

    def coded_tensors(self) -> dict[str, Tensor]:
        """The tensors that the file codes, by name: integers and their dequantised values.

        Bit-exact on every machine (DESIGN.md, promise 4); their digest is stored in the file.
        """
        ...


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
