"""Fields on CUDA whose rendering is captured once, as a graph of all its kernels, and then replayed by one launch."""

import logging
from dataclasses import dataclass
from typing import Any

import torch

from nerfzip.fields.field import Renderable, RenderedRays
from nerfzip.geometry import Rays
from nerfzip.kernels.backend import form_for

_log = logging.getLogger(__name__)
BEFORE_CAPTURE = 8
"""Bundles that are rendered directly. By then kernels are compiled and libraries have their workspaces; and capturing
costs more than it saves where a field, such as a frame of a video, is seen once."""


def can_be_captured(field: Renderable) -> bool:
    """Whether a field says that it `has_fixed_shapes`.

    Then it renders any two bundles of as many rays by the same operations on tensors of the same shapes, and nothing
    of that waits for the device or looks at a value, as long as its kernels are those for CUDA.
    """
    return bool(getattr(field, "has_fixed_shapes", False))


class CapturedField:
    """A field that can be captured: a graph for each number of rays that comes more than `BEFORE_CAPTURE` times.

    Where other kernels run than those for CUDA, such as twins, and once capturing has failed, it is rendered directly.
    """

    def __init__(self, field: Renderable) -> None:
        self._field = field
        self._seen: dict[int, int] = {}
        self._graphs: dict[int, _Graph] = {}
        self._resources: _Resources | None = None
        self._failed = False

    def render(self, rays: Rays) -> RenderedRays:
        if self._failed or form_for(rays.origins) != "cuda":
            return self._field.render(rays)
        count = len(rays)
        if count not in self._graphs:
            self._seen[count] = self._seen.get(count, 0) + 1
            if self._seen[count] <= BEFORE_CAPTURE:
                return self._field.render(rays)
            try:
                self._capture(rays)
            # Of PyTorch, Triton and the driver each raises its own; what can't be captured can still be rendered.
            except Exception as error:
                reason = str(error).strip().partition("\n")[0]
                _log.warning("rendering without a CUDA graph: capturing failed: %s", reason)
                self._failed = True
                return self._field.render(rays)
        return self._graphs[count].render(rays)

    def _capture(self, rays: Rays) -> None:
        device = rays.origins.device
        self._resources = self._resources or _Resources(torch.cuda.Stream(device), torch.cuda.graph_pool_handle())
        # Back to the stream of now, also where a capture ends in an error.
        with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream()):
            self._graphs[len(rays)] = _Graph(self._field, rays, self._resources)


@dataclass(frozen=True)
class _Resources:
    """What the graphs of a field share.

    Attributes:
        stream: on which they are captured; PyTorch's own for this is of whichever device came first.
        memory: a pool. None of them is replayed while another's results are read, and no result is freed.
    """

    stream: torch.cuda.Stream
    memory: Any


class _Graph:
    """One bundle, captured. Its tensors stay where they are: rays are copied in, and results out."""

    def __init__(self, field: Renderable, rays: Rays, resources: _Resources) -> None:
        self._rays = Rays(rays.origins.clone(), rays.directions.clone())
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=resources.memory, stream=resources.stream):
            self._rendered = field.render(self._rays)

    def render(self, rays: Rays) -> RenderedRays:
        self._rays.origins.copy_(rays.origins)
        self._rays.directions.copy_(rays.directions)
        self._graph.replay()
        rendered = self._rendered
        return RenderedRays(rendered.rgb.clone(), rendered.opacity.clone(), rendered.depth.clone())
