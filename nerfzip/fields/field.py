"""What every decoded field can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class VolumetricField(Protocol):
    """A decoded volumetric video. It holds nothing but what came from the file."""

    def __len__(self) -> int:
        """The number of frames."""
        ...

    def frame(self, index: int) -> Renderable:
        """One frame, from the bytes that it needs and no others.

        Raises:
            BitstreamError: what the frame needs is lost or damaged; the message names it.
        """
        ...

    def coded_tensors(self) -> Mapping[str, Tensor]:
        """As of a `Field`, of all frames; a value is decoded when it is looked up, so that memory holds a frame."""
        ...
