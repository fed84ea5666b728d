"""Objects through fit, compress, file and decompress."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_codec import tiny_base_model, tiny_codec, tiny_method, tiny_object

from methods.codecnerf.base_model import MODELS_VARIABLE, SHIPPED, read_base_model, write_base_model
from methods.codecnerf.deltas import NetworkDeltas, PlaneDeltas
from methods.codecnerf.finetuning import finetune
from methods.codecnerf.method import CodecNeRF
from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.data.scene import Scene
from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.rendering.images import render_image

CODERS = ("context", "paper", "float32")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def base_model(tmp_path: Path) -> Path:
    return tiny_base_model(tmp_path)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return tiny_object(1, tmp_path_factory.mktemp("views"))


def compressed(method: CodecNeRF, scene: Scene) -> bytes:
    torch.manual_seed(0)
    return method.compress(method.fit(scene), scene)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("iterations", [0, 8])
def test_what_is_decoded_is_what_was_coded(coder: str, iterations: int, base_model: Path, scene: Scene) -> None:
    method = tiny_method(base_model, coder, iterations=iterations)
    data = compressed(method, scene)
    field = method.decompress(data)
    assert tensor_digest(field.coded_tensors()) == unpack(data).digest
    assert compressed(method, scene) == data
    assert ("matrices0" in field.coded_tensors()) == (iterations > 0)


def error(method: CodecNeRF, scene: Scene) -> float:
    field = method.decompress(compressed(method, scene))
    images = [render_image(field, scene.train.cameras, index) for index in range(4)]
    truth = [scene.train.image(index, scene.background) / 255 for index in range(4)]
    return float((torch.stack(images) - torch.stack(truth)).square().mean())


@pytest.mark.parametrize("coder", CODERS)
def test_fine_tuning_helps(coder: str, base_model: Path, scene: Scene) -> None:
    bare = error(tiny_method(base_model, coder, iterations=0), scene)
    assert error(tiny_method(base_model, coder, iterations=150), scene) < 0.7 * bare


def test_our_coder_is_smaller(base_model: Path, scene: Scene) -> None:
    sizes = [len(compressed(tiny_method(base_model, coder), scene)) for coder in CODERS]
    assert sizes == sorted(sizes)
    packed = unpack(compressed(tiny_method(base_model, "paper", iterations=0), scene))
    # At most five bits for each of 32 codes, and a byte that says how.
    assert len(packed.sections["codes"]) <= 1 + 3 * 8 * 8 * 5 // 8


def test_threads_change_nothing_that_is_coded(scene: Scene) -> None:
    """With the base model that ships, on planes that are large enough for PyTorch to share them out."""
    indices = torch.randint(read_base_model(None).codec.sizes.codes, (3, 32, 32))
    planes = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            planes.append(read_base_model(None).codec.decode(indices))
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*planes, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=0)


def test_sender_and_receiver_see_the_same(base_model: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fine-tuning ends with renders as what is decoded from the file."""
    method = tiny_method(base_model, iterations=40)
    tuned = []
    monkeypatch.setattr(
        "methods.codecnerf.method.finetune", lambda *arguments: (finetune(*arguments), tuned.append(arguments))
    )
    data = compressed(method, scene)
    ((field, planes, *_),) = tuned
    with torch.no_grad():
        field.scales = planes.added(field.scales, [matrix.round() for matrix in planes.matrices])
    sender = render_image(field, scene.test.cameras, 0)
    receiver = render_image(method.decompress(data), scene.test.cameras, 0)
    assert float((sender - receiver).abs().max()) < 2e-3


def test_only_sizes_that_ship_need_no_file(scene: Scene) -> None:
    (config,) = job_configs(["method=codecnerf/published", "dataset=procedural_objects"])
    with pytest.raises(ConfigError, match="the base model that ships has other sizes"):
        build(config.method_settings).fit(scene)


def test_deltas_are_sums_of_products() -> None:
    deltas = PlaneDeltas([3, 5], channels=4, rank=2, start="matrices", deviation=1.0)
    planes = [torch.randn(3, side, side, 4) for side in (3, 5)]
    for before, after in zip(planes, deltas.added(planes, list(deltas.matrices)), strict=True):
        assert torch.equal(before, after)
    torch.nn.init.normal_(deltas.vectors[1].weight)
    added = deltas.added(planes, list(deltas.matrices))[1]
    matrix, vectors = deltas.matrices[1], deltas.vectors[1].weight
    expected = planes[1][2, 1, 4] + matrix[2, 1, 4, 0] * vectors[:, 0] + matrix[2, 1, 4, 1] * vectors[:, 1]
    torch.testing.assert_close(added[2, 1, 4], expected)


def test_network_deltas_are_products_of_low_rank() -> None:
    network = tiny_codec().fine
    deltas = NetworkDeltas(network, rank=2)
    weights = deltas.weights(network)
    assert all(torch.equal(values, network.get_parameter(name)) for name, values in weights.items())
    torch.nn.init.normal_(deltas.outputs["0"].weight)
    change = deltas.weights(network)["layers.0.weight"] - network.get_parameter("layers.0.weight")
    assert int(torch.linalg.matrix_rank(change)) == 2


def test_a_file_of_another_base_model_is_refused(base_model: Path, scene: Scene, models: Path, tmp_path: Path) -> None:
    data = compressed(tiny_method(base_model, iterations=0), scene)
    other = tmp_path / "other.safetensors"
    write_base_model(other, tiny_codec(), np.full(32, 7))
    digest = read_base_model(base_model).digest
    # Whoever compresses keeps the model where decoding finds it.
    tiny_method(other).decompress(data)
    (models / f"{digest}.safetensors").unlink()
    with pytest.raises(BitstreamError, match=rf"needs the base model '{digest}'; looked for it at .*other.safetensors"):
        tiny_method(other).decompress(data)
    stream = unpack(data)
    with pytest.raises(BitstreamError, match=r"base model '\.\./\.\./secret'"):
        tiny_method(other).decompress(
            pack(stream.method, stream.header | {"base": "../../secret"}, stream.sections, stream.digest)
        )


def test_files_that_are_no_base_models(tmp_path: Path, scene: Scene) -> None:
    with pytest.raises(
        ConfigError, match=r"gone.safetensors: the base model can't be read: No such file.*nerfzip train"
    ):
        tiny_method(tmp_path / "gone.safetensors").fit(scene)
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(b"damaged")
    with pytest.raises(ConfigError, match=r"damaged.safetensors: not a base model of CodecNeRF"):
        tiny_method(path).fit(scene)
    whole = tiny_base_model(tmp_path).read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ConfigError, match=r"damaged.safetensors: not a base model"):
        tiny_method(path).fit(scene)


def test_results_are_named_after_the_base_model(base_model: Path) -> None:
    """So that fits and points of an older one are not taken for those of a newer one at the same place."""
    method = tiny_method(base_model)
    before = method.input_digests()
    codec = tiny_codec()
    torch.nn.init.normal_(codec.quantizer.codebook)
    write_base_model(base_model, codec, np.arange(1, 33))
    assert before != method.input_digests() == {"base_model": read_base_model(base_model).digest}


def test_the_model_that_ships_is_small_enough() -> None:
    assert SHIPPED.stat().st_size <= 10e6
    read_base_model(None)
