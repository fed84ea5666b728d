"""The card of a base model: what it is and what made it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from methods.codecnerf.codec import Codec
from nerfzip.files import write_atomically


def write_card(path: Path, codec: Codec, schedule: Any, objects: int, digest: str) -> None:
    parameters = {name: sum(p.numel() for p in part.parameters()) for name, part in codec.named_children()}
    lines = [
        f"# Base model {digest}",
        "",
        f"CodecNeRF, trained on {objects:,} objects, {schedule.steps:,} steps of"
        f" {schedule.objects} objects each. Parameters: "
        + ", ".join(f"{name} {count:,}" for name, count in parameters.items() if count)
        + ".",
        "",
        "Sizes and schedule:",
        "",
        "```json",
        json.dumps({"codec": asdict(codec.sizes), "training": asdict(schedule)}, indent=2),
        "```",
        "",
        "`log.jsonl` beside it has the quality of validation objects during training.",
    ]
    write_atomically(path, "\n".join([*lines, ""]).encode())
