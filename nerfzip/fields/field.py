"""What every decoded field can do."""

from dataclasses import dataclass
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

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


class Renderable(Protocol):
    """What can be seen: a model while it is trained, or a decoded field."""

    def render(self, rays: Rays) -> RenderedRays:
        """Render a bundle of rays of any size; memory is bounded by chunking inside `nerfzip.rendering`."""
        ...


class Field(Renderable, Protocol):
    """A decoded radiance field. It holds nothing but what came from the file."""

    def coded_tensors(self) -> dict[str, Tensor]:
        """The tensors that the file codes, by name: integers and their dequantised values.

        Bit-exact on every machine (DESIGN.md, promise 4); their digest is stored in the file.
        """
        ...
