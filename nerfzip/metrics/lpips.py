"""Learned perceptual similarity (Zhang et al., "The unreasonable effectiveness of deep features", 2018).

The `lpips` package brings the linear weights, but takes the backbone from torchvision, which would download it.
So the backbone's file must already lie in torch hub's checkpoint folder, and be the true one; else there is no LPIPS.
"""

import hashlib
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

BACKBONES = {"vgg": "vgg16-397923af.pth", "alex": "alexnet-owt-7be5be79.pth"}
"""torchvision's file names; the hexadecimal digits are the start of the file's SHA-256."""


def lpips(
    prediction: Float[Tensor, "height width 3"], truth: Float[Tensor, "height width 3"], backbone: str = "vgg"
) -> float | None:
    """LPIPS v0.1 with VGG-16 (papers on radiance fields mostly mean this one) or AlexNet; None without its weights.

    Args:
        prediction, truth: values in [0, 1]; the network is given [−1, 1], as it was trained.
        backbone: "vgg" or "alex".
    """
    if lpips_note(backbone):
        return None
    with torch.no_grad():
        return float(lpips_loss(prediction, truth, backbone))


def lpips_loss(
    prediction: Float[Tensor, "height width 3"], truth: Float[Tensor, "height width 3"], backbone: str = "vgg"
) -> Float[Tensor, ""]:
    """The same, differentiable in the prediction; the weights must be there, see `lpips_note`."""
    network = _network(backbone, prediction.device)
    x, y = (image.float().permute(2, 0, 1)[None] * 2 - 1 for image in (prediction, truth))
    return network(x, y).squeeze()


def lpips_note(backbone: str = "vgg") -> str:
    """Why there is no LPIPS and how to get it, in one line; empty where there is."""
    file = _backbone_file(backbone)
    if not file.is_file():
        return f"no LPIPS: put torchvision's {file.name} at {file}"
    if not _sha256(file, file.stat().st_mtime_ns).startswith(file.stem.rpartition("-")[2]):
        return f"no LPIPS: {file} is not the file that its name says; replace it by torchvision's"
    return ""


def lpips_missing_in_rows() -> str:
    """What to say of rows of which none has LPIPS, and how to get it."""
    file = _backbone_file("vgg")
    how = f"put torchvision's {file.name} at {file}" if lpips_note() else f"{file.name} is there now"
    return (
        f"no row has lpips: its weights were not found when the points were made; {how}, remove row.json of the points "
        "to be measured again, and give their command again"
    )


def _backbone_file(backbone: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / BACKBONES[backbone]


@cache
def _sha256(file: Path, modified: int) -> str:
    """`modified` makes a changed file a new entry of the cache."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@cache
def _network(backbone: str, device: torch.device) -> torch.nn.Module:
    from lpips import LPIPS  # torchvision takes a second to import, which only this needs

    return LPIPS(net=backbone, verbose=False).to(device)
