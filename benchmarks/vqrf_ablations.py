"""The paper's ablations (Tables 2, 4 and 5) on a scene of yours: PSNR and size of every point, as Markdown.

    python -m benchmarks.vqrf_ablations [steps] [beta] [codebook] --overrides method/base=deferred dataset=procedural

Every row of `beta` and `codebook` is a complete file, decoded again. The rows of `steps` before the quantized ones are
fields in memory, as in the paper; their sizes are their arrays, deflated. Its second row is a control: the uncompressed
model, trained on as long as the fine-tuning trains the compressed one. The model is fitted once and kept in the cache.
"""

import argparse

import numpy as np
import torch

from benchmarks._command import as_command
from benchmarks._quality import test_view_psnr
from methods.dvgo.method import DVGO
from methods.vqrf.finetune import finetune
from methods.vqrf.method import VQRF
from methods.vqrf.packing import quantized_tensors
from nerfzip.benchmark.environment import device_description
from nerfzip.benchmark.job import encode, fit
from nerfzip.config import JobConfig, build, build_for_decoding, job_configs
from nerfzip.data.scene import Scene
from nerfzip.entropy.deflate import deflate_array
from nerfzip.fields import VoxelField

MEBIBYTE = 1 << 20
"""What the paper calls MB."""
PAPER_BETA = {  # Table 2: (β_p, β_k) -> dB, MB
    (0, 0): (30.38, 2.54),
    (0, 0.3): (31.13, 2.73),
    (0, 0.6): (31.60, 3.06),
    (0, 0.9): (31.94, 3.86),
    (0.001, 0): (31.04, 0.93),
    (0.001, 0.3): (31.49, 1.11),
    (0.001, 0.6): (31.77, 1.43),
    (0.001, 0.9): (31.96, 2.21),
    (0.01, 0): (30.90, 0.74),
    (0.01, 0.3): (31.31, 0.92),
    (0.01, 0.6): (31.59, 1.24),
    (0.01, 0.9): (31.80, 2.02),
    (0.1, 0): (27.02, 0.49),
    (0.1, 0.3): (27.35, 0.67),
    (0.1, 0.6): (27.64, 0.99),
    (0.1, 0.9): (28.27, 1.67),
}
PAPER_CODEBOOK = {  # Table 4: K -> dB, MB
    16: (30.63, 1.040),
    64: (31.19, 1.134),
    256: (31.44, 1.164),
    1024: (31.62, 1.308),
    4096: (31.77, 1.431),
    16384: (31.81, 1.630),
}
PAPER_STEPS = [(31.90, 105.9), (31.88, 19.0), (31.32, 4.8), (31.79, 4.8), (31.77, 1.4)]  # Table 5: dB, MB


def point(words: list[str], scene: Scene) -> tuple[float, int]:
    """PSNR and bytes of a file that was decoded again."""
    (config,) = job_configs(words)
    data = encode(config, scene).data
    return test_view_psnr(build_for_decoding(config.method, config.device).decompress(data), scene), len(data)


def row(cells: list[str], ours: tuple[float, int], paper: tuple[float, float] | None) -> None:
    theirs = ["–", "–"] if paper is None else [f"{paper[0]:.2f}", f"{paper[1]:.2f}"]
    print("|", " | ".join([*cells, f"{ours[0]:.2f}", f"{ours[1] / MEBIBYTE:.3f}", *theirs]), "|", flush=True)


def heading(cells: list[str]) -> None:
    cells = [*cells, "ours, dB", "ours, MiB", "paper, dB", "paper, MiB"]
    print("\n|", " | ".join(cells), "|\n|", " | ".join(["---"] * len(cells)), "|")


def deflated(arrays: dict[str, np.ndarray]) -> int:
    return sum(len(deflate_array(array)) for array in arrays.values())


def trained_on(config: JobConfig, model: VoxelField, scene: Scene) -> VoxelField:
    """The uncompressed model after the iterations of fine-tuning: all that is seen is kept, nothing is quantized."""
    settings = {**config.method_settings, "prune": 0.0, "keep": 1.0}
    method: VQRF = build(settings)
    torch.manual_seed(config.seed)
    field, keep, codes = method.shrink(model, scene)
    kept = keep.view(-1).nonzero()[:, 0]
    finetune(field, scene, kept, codes, method.finetuning, method.precision.feature_steps, False, False)
    return field


def steps(config: JobConfig, scene: Scene) -> None:
    """Table 5, one step after the other on one field."""
    method: VQRF = build(config.method_settings)
    model: VoxelField = fit(config, scene).model
    as_floats = DVGO(build(config.method_settings["base"]), "float32")

    def stored(field: VoxelField) -> tuple[float, int]:
        return test_view_psnr(field, scene), len(as_floats.compress(field, scene))

    heading(["step"])
    row(["uncompressed"], stored(model), PAPER_STEPS[0])
    row(["uncompressed, trained on as long as the fine-tuning"], stored(trained_on(config, model, scene)), None)
    torch.manual_seed(config.seed)
    field, keep, codes = method.shrink(model, scene)
    row(["+ voxel pruning"], stored(field), PAPER_STEPS[1])

    def floats() -> int:
        tensors, _ = quantized_tensors(field, keep, codes, method.precision)
        non_pruned = field.occupancy.mask > 0
        return deflated(
            {
                "masks": np.packbits(np.stack([tensors.non_pruned, tensors.keep])),
                "density": field.density.data[non_pruned].numpy(),
                "kept": field.features.data[keep].numpy(),
                "indices": tensors.indices.astype(np.uint16),
                "codebook": codes.codebook.numpy(),
                "decoder": np.concatenate([p.detach().numpy().reshape(-1) for p in field.decoder.parameters()]),
            }
        )

    field.features.data.view(-1, codes.codebook.shape[1])[codes.voxels] = codes.codebook[codes.indices]
    row(["+ vector quantization"], (test_view_psnr(field, scene), floats()), PAPER_STEPS[2])
    kept = keep.view(-1).nonzero()[:, 0]
    finetune(field, scene, kept, codes, method.finetuning, method.precision.feature_steps, False, False)
    row(["+ joint fine-tuning"], (test_view_psnr(field, scene), floats()), PAPER_STEPS[3])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help="steps, beta, codebook; all of them if none is named")
    parser.add_argument("--overrides", nargs="+", required=True, help="the base and the data set")
    arguments = parser.parse_args()
    tables = arguments.tables or ["steps", "beta", "codebook"]
    words = ["method=vqrf", *arguments.overrides]
    # What its tables measured. The last step of Table 5 is given as our coder's and precision's file too.
    published = ["method=vqrf/paper", *arguments.overrides]
    (config,) = job_configs(published)
    scene: Scene = build(config.dataset_settings)
    print(f"{device_description('cpu')}; {scene.name}, {scene.test.cameras.width}×{scene.test.cameras.height}")
    if "steps" in tables:
        steps(config, scene)
        row(["+ weight quantization (coder=paper)"], point(published, scene), PAPER_STEPS[4])
        row(["the same with int8 codebook and network, coder=context"], point(words, scene), PAPER_STEPS[4])
    if "beta" in tables:
        heading(["β_p", "β_k"])
        for (prune, keep), paper in PAPER_BETA.items():
            ours = point([*published, f"method.prune={prune}", f"method.keep={keep}"], scene)
            row([f"{prune:g}", f"{keep:g}"], ours, paper)
    if "codebook" in tables:
        heading(["K"])
        for size, paper in PAPER_CODEBOOK.items():
            row([str(size)], point([*published, f"method.codebook_size={size}"], scene), paper)


if __name__ == "__main__":
    as_command(main)
