"""The command `nerfzip`. Each subcommand is imported when it is called, so that help and listings are quick."""

import argparse
import difflib
import importlib
import logging
import re
import signal
import sys
import time
from pathlib import Path

from nerfzip.errors import NerfzipError

_SETTINGS_HELP = (
    "settings such as method=vqrf, rate=low,high (or all), dataset=fox, dataset.root=DIR, seed=1, label=mine"
)

_DEVICE_HELP = """

device=cuda fits, compresses and renders on a GPU, kernels=nerfacc also with nerfacc's kernels (auto is the CPU)."""

_RESUMABLE = ("run", "sweep", "train")

LONGEST_SIDE = 8192
"""Of a rendered image, in pixels: the rays of a whole view are held in memory."""

AXES = ("x", "y", "z", "-x", "-y", "-z")

HIGHEST_FRAME_RATE = 240
"""Of a video, which players can show."""

_RUN_EXAMPLE = f"""example:
  nerfzip run method=vqrf rate=medium dataset=nerf_synthetic dataset.root=DIR dataset.scene=lego out=OUT

A complete job is left as it is; one that was interrupted is done again, with its cached fit. Results go to
OUT/<point>/row.json. The exit status is 1 if a job failed (OUT/<point>/failure.json says why).{_DEVICE_HELP}"""


_SWEEP_EXAMPLE = f"""examples:
  nerfzip sweep method=dvgo,vqrf rate=all dataset=nerf_synthetic dataset.root=DIR dataset.scene=lego,ship out=OUT
  nerfzip sweep +preset=demo --plan
  nerfzip sweep +preset=demo hydra/launcher=joblib hydra.launcher.n_jobs=4

Every setting may have several values; all combinations are run. What is complete is left as it is, and so is what
failed before, unless --retry-failed. Several processes with one command share the work. The exit status is 1 if any
point failed.{_DEVICE_HELP}"""


_TRAIN_EXAMPLE = f"""examples:
  nerfzip train method=codecnerf dataset=procedural_objects out=base
  nerfzip train method=codecnerf dataset=objaverse dataset.root=DIR scenes=cake,camera validation=chair out=base
  torchrun --nproc-per-node 2 -m nerfzip.cli train method=codecnerf dataset=procedural_objects out=base

The same command again goes on where the last one stopped, to the same result.{_DEVICE_HELP}"""


_REPORT_EXAMPLE = """example:
  nerfzip report OUT --anchor vqrf/paper --metric psnr --out report/"""


_DOCTOR_EXAMPLE = """example:
  nerfzip doctor

It ends after about ten seconds; what was compiled by then is kept, so that the next call gets further. The exit status
is 0 only if all kernels were tested and agree with their pure-torch twins. Of several GPUs each is tested."""


def main(words: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 (a job failed), 2 (bad input) or 130 (Ctrl-C)."""
    started = time.perf_counter()
    arguments, unknown = _parser().parse_known_args(words)
    arguments.started = started
    if "overrides" in arguments:
        # Of settings argparse finds only those that stand together, before or behind all options.
        arguments.overrides += [word for word in unknown if not word.startswith("-")]
        unknown = [word for word in unknown if word.startswith("-")]
    if unknown:
        arguments.parser.error(_unrecognized(unknown, arguments.parser))
    _log_to_stderr()
    try:
        return importlib.import_module(f"nerfzip.commands.{arguments.command.replace('-', '_')}").main(arguments)
    except NerfzipError as error:
        print(f"nerfzip: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        # A second one would reach Python's shutdown, which answers with a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        goes_on = "; the same command goes on where it stopped" if arguments.command in _RESUMABLE else ""
        print(f"nerfzip: interrupted{goes_on}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; there is nobody left to tell.
        sys.stderr.close()
        return 141
    except OSError as error:
        print(f"nerfzip: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 2


def _unrecognized(words: list[str], parser: argparse.ArgumentParser) -> str:
    if "KEY=VALUE" in parser.format_usage() and words[0].startswith("--device"):
        return f"unrecognized arguments: {' '.join(words)}; the device is a setting here: device=cuda"
    options = re.findall(r"--[\w-]+", parser.format_usage())
    nearest = [name for word in words for name in difflib.get_close_matches(word.partition("=")[0], options, n=1)]
    offer = f"; did you mean {', '.join(nearest)}?" if nearest else ""
    return f"unrecognized arguments: {' '.join(words)}{offer}"


def _log_to_stderr() -> None:
    logger = logging.getLogger("nerfzip")
    logger.setLevel(logging.INFO)
    logger.handlers = [logging.StreamHandler(sys.stderr)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nerfzip", description="Compress radiance fields to real files, decode them again, measure."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_job_commands(commands)
    _add_file_commands(commands)
    _add_report_command(commands)
    _add_new_method_command(commands)
    _add(
        commands,
        "list",
        "list methods with their rates, bases, data sets, launchers and presets",
        "example:\n  nerfzip list",
    )
    doctor = _add(commands, "doctor", "show what this machine has, and test its kernels", _DOCTOR_EXAMPLE)
    doctor.add_argument(
        "--all", action="store_true", help="test all kernels, however long compiling takes, and try to build nerfacc's"
    )
    return parser


def _add_job_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _add(commands, "run", "fit, compress, decode in a fresh process, measure; print a table", _RUN_EXAMPLE)
    run.add_argument("overrides", nargs="+", metavar="KEY=VALUE", help=_SETTINGS_HELP)
    _add_sweep_commands(commands)
    train = _add(commands, "train", "train the model that a method shares among many scenes", _TRAIN_EXAMPLE)
    train.add_argument(
        "overrides", nargs="+", metavar="KEY=VALUE", help="settings; scenes=A:B or NAME,NAME; validation=; out=FOLDER"
    )
    encode = _add(
        commands,
        "encode",
        "compress a capture to one file",
        "examples:\n  nerfzip encode method=vqrf rate=high dataset=fox dataset.root=DIR out=fox.nrz\n"
        f"  nerfzip encode method=codecnerf cake/*.png out=cake.nrz --no-finetune{_DEVICE_HELP}",
    )
    encode.add_argument(
        "overrides",
        nargs="+",
        metavar="KEY=VALUE",
        help=f"{_SETTINGS_HELP}; out=FILE.nrz (by default the scene's name); or in place of a data set images, with"
        " dataset.cameras=FILE or a transforms.json near them",
    )
    encode.add_argument("--no-finetune", action="store_true", help="what one pass of the encoder gives, in seconds")


def _add_sweep_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sweep = _add(commands, "sweep", "run all combinations of several values of the settings", _SWEEP_EXAMPLE)
    sweep.add_argument(
        "overrides", nargs="+", metavar="KEY=VALUES", help=f"{_SETTINGS_HELP}, each with several values; +preset=NAME"
    )
    sweep.add_argument("--plan", action="store_true", help="print what would be run, and stop")
    sweep.add_argument("--retry-failed", action="store_true", help="do the points again that failed before")
    status = _add(
        commands, "status", "show how far a sweep is and what failed, and why", "example:\n  nerfzip status OUT"
    )
    status.add_argument("folder", type=Path, metavar="OUT", help="the folder of the sweep's results")


def _add_file_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    decode = _add(
        commands,
        "decode",
        "decode a file and write the tensors it codes",
        "example:\n  nerfzip decode lego.nrz --out lego.npz",
    )
    _add_file(decode)
    _add_decoding_device(decode)
    decode.add_argument("--out", type=Path, metavar="FILE.npz", help="default: the file's name with .npz")
    render = _add(
        commands,
        "render",
        "decode a file and render images",
        "examples:\n  nerfzip render lego.nrz --orbit 8 --size 800x800"
        "\n  nerfzip render lego.nrz --scene dataset=nerf_synthetic dataset.root=DIR dataset.scene=lego"
        "\n  nerfzip render dancer.nrz --frame 7"
        "\n  nerfzip render dancer.nrz --video dancer.mp4 --path orbit --fps 30",
    )
    _add_file(render)
    _add_rendering_device(render)
    cameras = render.add_mutually_exclusive_group()
    cameras.add_argument("--scene", nargs="+", metavar="KEY=VALUE", help="render the test cameras of this data set")
    cameras.add_argument("--orbit", type=positive, metavar="N", help="N cameras around the box (default: 8)")
    render.add_argument("--size", type=_size, default=(400, 400), metavar="WxH", help="of an orbit (default: 400x400)")
    render.add_argument("--up", choices=AXES, default="z", help="of an orbit: the axis that points up (default: z)")
    render.add_argument("--out", type=Path, metavar="FOLDER", help="default: the file's name without .nrz")
    frames = render.add_mutually_exclusive_group()
    frames.add_argument("--frame", type=_index, metavar="N", help="a frame of a volumetric video, from 0")
    frames.add_argument("--frames", type=_frames, metavar="A:B", help="frames A to B - 1 of a volumetric video")
    render.add_argument("--video", type=Path, metavar="FILE.mp4", help="a video (.mp4, .mkv or .mov), not images")
    render.add_argument(
        "--path",
        choices=("orbit", "still"),
        help="of a video's camera: once round the box (default), or standing still",
    )
    render.add_argument("--fps", type=_frame_rate, help="frames a second of the video (default: 30)")
    repeat_help = "play a volumetric video N times while the camera goes round once (default: 1)"
    render.add_argument("--repeat", type=positive, default=1, metavar="N", help=repeat_help)
    half_help = "with --device cuda: hold the features of voxel fields in bfloat16, for half of their memory"
    render.add_argument("--half", action="store_true", help=half_help)
    tf32_help = "with --device cuda: multiply matrices on tensor cores, of numbers rounded to TF32"
    render.add_argument("--tf32", action="store_true", help=tf32_help)
    render.add_argument("--recover", action="store_true", help="render what is whole of a damaged volumetric video")
    inspect = _add(commands, "inspect", "show a file's header and sections", "example:\n  nerfzip inspect lego.nrz")
    inspect.add_argument("file", type=Path, metavar="FILE.nrz")
    verify = _add(
        commands,
        "verify",
        "check each file's checksums, decode it, check the digest; the exit status is 2 if any is bad",
        "example:\n  nerfzip verify *.nrz",
    )
    verify.add_argument("files", type=Path, nargs="+", metavar="FILE.nrz")
    _add_decoding_device(verify)
    _add_compare_command(commands)


def _add_compare_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    compare = _add(
        commands,
        "compare",
        "decode files, measure them against a capture, show them side by side: tables and pictures",
        "example:\n  nerfzip compare a.nrz b.nrz --scene dataset=fox dataset.root=DIR --views 0 3 --out comparison",
    )
    compare.add_argument(
        "files", type=Path, nargs="*", metavar="FILE.nrz", help="two or more; differences are to the first"
    )
    compare.add_argument(
        "--scene", nargs="+", required=True, metavar="KEY=VALUE", help="the data set whose test views are rendered"
    )
    compare.add_argument(
        "--views",
        type=_view,
        nargs="+",
        metavar="N",
        help="test views to draw, from 0 (default: the one at which the PSNRs differ most)",
    )
    compare.add_argument("--out", type=Path, default=Path("comparison"), metavar="FOLDER", help="default: comparison")
    _add_rendering_device(compare)


def _add_report_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    report = _add(commands, "report", "tables, curves, BD-rates and a web page from stored results", _REPORT_EXAMPLE)
    report.add_argument("folder", type=Path, metavar="OUT", help="the folder of a run's or a sweep's results")
    anchor_help = "what BD-rates are taken against, or LABEL/RATE for differences to one point (default: none)"
    report.add_argument("--anchor", metavar="LABEL", help=anchor_help)
    metric_help = "psnr, ssim, ms_ssim or lpips, or psnr_train and so on of training views (default: psnr)"
    report.add_argument("--metric", default="psnr", help=metric_help)
    report.add_argument("--interpolation", default="pchip", help="of BD-rates: pchip, akima or cubic (default: pchip)")
    report.add_argument("--ablation", metavar="RATE", help="compare the anchor's rate with what differs by one setting")
    report.add_argument("--with-papers", action="store_true", help="BD-rates of curves in papers too, marked as such")
    report.add_argument(
        "--every-scene", action="store_true", help="draw a curve for each scene, however many there are"
    )
    report.add_argument("--parquet", type=Path, metavar="FILE", help="write all rows there too, as a table of Parquet")
    report.add_argument("--out", type=Path, default=Path("report"), metavar="FOLDER", help="default: report")


def _add_new_method_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    new_method = _add(
        commands,
        "new-method",
        "write the files of a method that runs as it stands, to be replaced part by part",
        "example:\n  nerfzip new-method mine --out mine",
    )
    new_method.add_argument("name", metavar="NAME", help="of the method and its Python package")
    new_method.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="default: a folder of the method's name; in the root of a clone of nerfzip the clone itself",
    )


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, help_text: str, epilog: str
) -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(name, help=help_text, description=help_text, epilog=epilog, formatter_class=formatter)
    parser.set_defaults(parser=parser)
    return parser


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.nrz")


def _add_rendering_device(parser: argparse.ArgumentParser) -> None:
    where = "where views are rendered: auto, cpu or cuda (default: auto, the CPU); files are decoded on the CPU"
    parser.add_argument("--device", default="auto", metavar="NAME", help=where)


def _add_decoding_device(parser: argparse.ArgumentParser) -> None:
    where = "auto, cpu or cuda, for methods of your own that decode there; nerfzip's decode on the CPU (default: auto)"
    parser.add_argument("--device", default="auto", metavar="NAME", help=where)


def positive(text: str) -> int:
    """A type of arguments."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a positive number")
    return int(text)


def _index(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}, expected the number of a frame, from 0")
    return int(text)


def _frames(text: str) -> tuple[int, int | None]:
    match = re.fullmatch(r"(\d*):(\d*)", text)
    start, stop = (int(match[1] or 0), int(match[2]) if match[2] else None) if match else (0, 0)
    if stop is not None and stop <= start:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a range such as 0:10, which ends before frame 10")
    return start, stop


def _frame_rate(text: str) -> int:
    rate = positive(text)
    if rate > HIGHEST_FRAME_RATE:
        raise argparse.ArgumentTypeError(f"{text!r}, expected at most {HIGHEST_FRAME_RATE} frames a second")
    return rate


def _view(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}, expected the number of a test view, from 0")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}, expected width x height such as 800x600")
    width, height = int(match[1]), int(match[2])
    if max(width, height) > LONGEST_SIDE:
        raise argparse.ArgumentTypeError(f"{text!r}, expected at most {LONGEST_SIDE} pixels a side")
    return width, height


if __name__ == "__main__":
    sys.exit(main())
