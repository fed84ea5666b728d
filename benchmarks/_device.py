"""The option --device of benchmarks."""

import argparse

from nerfzip.devices import chosen_device
from nerfzip.errors import ConfigError


def add_device(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help=help)


def checked_device(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> str:
    """What was asked for, if it is there; else a usage message, and the end."""
    try:
        return chosen_device(arguments.device)
    except ConfigError as error:
        parser.error(str(error))
