"""The paper's ablations (Tables 2, 4 and 5) on a scene of yours: PSNR and size of every point, as Markdown.

    python -m benchmarks.vqrf_ablations [steps] [beta] [codebook] --overrides method/base=deferred dataset=procedural

Every row of `beta` and `codebook` is a complete file, decoded again. The rows of `steps` before the last are fields in
memory, as in the paper; their sizes are their arrays, deflated. The model is fitted once and kept in the fit cache.
"""

import argparse

import numpy as np
import torch

from benchmarks._quality import test_view_psnr
from methods.dvgo.method import DVGO
from methods.vqrf.finetune import finetune
from methods.vqrf.method import VQRF
from methods.vqrf.packing import quantized_tensors
from nerfzip.benchmark.environment import device_description
from nerfzip.benchmark.job import encode
from nerfzip.config import JobConfig, build, build_for_decoding, job_configs
from nerfzip.data.scene import Scene
from nerfzip.entropy.deflate import deflate_array

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


def row(cells: list[str], ours: tuple[float, float], paper: tuple[float, float]) -> None:
    print(
        "|", " | ".join([*cells, f"{ours[0]:.2f}", f"{ours[1] / 1e6:.3f}", f"{paper[0]:.2f}", f"{paper[1]:.2f}"]), "|"
    )


def heading(cells: list[str]) -> None:
    cells = [*cells, "ours, dB", "ours, MB", "paper, dB", "paper, MB"]
    print("\n|", " | ".join(cells), "|\n|", " | ".join(["---"] * len(cells)), "|")


def deflated(arrays: dict[str, np.ndarray]) -> int:
    return sum(len(deflate_array(array)) for array in arrays.values())


def steps(config: JobConfig, scene: Scene) -> None:
    """Table 5, one step after the other on one field."""
    method: VQRF = build(config.method_settings)
    model = encode(config, scene).fit.model
    store = DVGO(method.base, "float32")
    heading(["step"])
    row(["uncompressed"], (test_view_psnr(model, scene), len(store.compress(model, scene))), PAPER_STEPS[0])
    torch.manual_seed(config.seed)
    field, keep, codes = method.shrink(model, scene)
    row(["+ voxel pruning"], (test_view_psnr(field, scene), len(store.compress(field, scene))), PAPER_STEPS[1])

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

    codes.synchronise(field, None)
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
    # The paper's coder and precision: what its tables measured. The last step of Table 5 is given with both coders.
    published = [
        *words,
        "method.coder=paper",
        "method.rate_weight=0",
        "method.precision.codebook=float16",
        "method.precision.decoder=float16",
    ]
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
    main()
