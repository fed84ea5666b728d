"""`nerfzip encode`: a capture, or some images, to a `.nrz` file."""

import json
from argparse import Namespace
from pathlib import Path

from nerfzip.benchmark.job import encode
from nerfzip.config import build, job_configs
from nerfzip.data.transforms_json import IMAGE_SUFFIXES
from nerfzip.devices import check_present
from nerfzip.errors import ConfigError
from nerfzip.files import check_writable, write_atomically

NO_FINETUNING = "method.finetuning.iterations=0"


def main(arguments: Namespace) -> int:
    images = [word for word in arguments.overrides if "=" not in word and word.lower().endswith(IMAGE_SUFFIXES)]
    words = [word for word in arguments.overrides if word not in images]
    if images:
        words += ["dataset=images", f"dataset.images={json.dumps(images)}"]
    if arguments.no_finetune:
        words.append(NO_FINETUNING)
    # Settings name a folder with `out`.
    named = [word.removeprefix("out=") for word in words if word.startswith("out=")]
    configs = job_configs([word for word in words if not word.startswith("out=")])
    if len(configs) > 1:
        raise ConfigError(
            f"rate: {len(configs)} rates for one file; choose one of {', '.join(c.rate for c in configs)}"
        )
    (config,) = configs
    check_present(config.device, config.kernels)
    if named and Path(named[-1]).suffix != ".nrz":
        raise ConfigError(f"out={named[-1]}: expected the file to write, out=NAME.nrz")
    build(config.method_settings)
    scene = build(config.dataset_settings)
    out = Path(named[-1] if named else f"{scene.name}.nrz")
    check_writable(out)
    data = encode(config, scene).data
    write_atomically(out, data)
    print(f"{out}: {len(data):,} bytes")
    return 0
