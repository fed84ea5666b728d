"""What the command lines of benchmarks share."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from nerfzip.cli import positive
from nerfzip.devices import chosen_device
from nerfzip.errors import ConfigError, NerfzipError


def as_command(main: Callable[[], int | None]) -> None:
    """Run a benchmark and end: what it refuses is one message, as of `nerfzip`, and Ctrl-C a line."""
    try:
        sys.exit(main())
    except NerfzipError as error:
        print(f"benchmarks.{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def add_device(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help=help)


def checked_device(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> str:
    """What was asked for, if it is there; else a usage message, and the end."""
    try:
        return chosen_device(arguments.device)
    except ConfigError as error:
        parser.error(str(error))


def check_words(parser: argparse.ArgumentParser, words: list[str], prefixes: tuple[str, ...]) -> None:
    """End with a usage message if a setting is none that this benchmark uses, such as device=cuda."""
    for word in words:
        if not word.lstrip("+").startswith(prefixes):
            known = " or ".join(prefixes)
            parser.error(f"{word}: expected a setting that begins with {known}; --help has the options")


def positives(text: str) -> list[int]:
    """A type of arguments: numbers separated by commas."""
    return [positive(word) for word in text.split(",")]
