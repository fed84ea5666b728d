"""`nerfzip encode`: a capture to a `.nrz` file."""

from argparse import Namespace

from nerfzip.benchmark.job import encode
from nerfzip.config import build, job_configs
from nerfzip.errors import ConfigError
from nerfzip.files import check_writable, write_atomically


def main(arguments: Namespace) -> int:
    configs = job_configs(arguments.overrides)
    if len(configs) > 1:
        raise ConfigError(
            f"rate: {len(configs)} rates for one file; choose one of {', '.join(c.rate for c in configs)}"
        )
    (config,) = configs
    if config.out.suffix != ".nrz":
        raise ConfigError(f"out={config.out}: expected the file to write, out=NAME.nrz")
    check_writable(config.out)
    build(config.method_settings)
    encoded = encode(config, build(config.dataset_settings))
    write_atomically(config.out, encoded.data)
    print(f"{config.out}: {len(encoded.data):,} bytes")
    return 0
