import pytest
import torch
from tiny_models import tiny_triplanes

from nerfzip.bitstream import tensor_digest, unpack
from nerfzip.config import build, job_configs
from nerfzip.data.scene import Scene
from nerfzip.errors import ConfigError
from nerfzip.rendering.images import render_image


def error(field: object, scene: Scene) -> float:
    image = render_image(field, scene.train.cameras, 0)  # type: ignore[arg-type]
    return float((image - scene.train.image(0, scene.background).float() / 255).square().mean())


def test_training_learns_the_object_and_8_bits_keep_it(tiny_scene: Scene) -> None:
    torch.manual_seed(0)
    first = tiny_triplanes("float32", iterations=1).fit(tiny_scene)
    torch.manual_seed(0)
    model = tiny_triplanes("float32", iterations=250).fit(tiny_scene)
    fitted = error(model.field(), tiny_scene)
    assert fitted < 0.35 * error(first.field(), tiny_scene)
    for storage in ("float32", "float16", "int8"):
        method = tiny_triplanes(storage)
        data = method.compress(model, tiny_scene)
        field = method.decompress(data)
        assert tensor_digest(field.coded_tensors()) == unpack(data).digest
        assert error(field, tiny_scene) == pytest.approx(
            fitted, rel={"float32": 1e-6, "float16": 1e-2}.get(storage, 0.1)
        )
    assert len(data) < method.uncompressed_bytes(model) / 2.5


def test_the_published_size_follows_from_the_shapes() -> None:
    """Sheet codecnerf.md, §7: 7.864 MB of planes; the networks without the padding of the authors' library."""
    (config,) = job_configs(["method=triplanes/published", "dataset=procedural"])
    method = build(config.method_settings)
    planes = sum(3 * side**2 * method.channels for side in method.sides)
    assert 4 * planes == 7_864_320
    width, layers = method.networks.width, method.networks.hidden_layers
    weights = (2 * method.channels + 12) * width + (layers - 1) * width**2 + 4 * width
    assert weights == 76 * 64 + 5 * 64 * 64 + 64 * 4


def test_impossible_settings_are_refused(tiny_scene: Scene) -> None:
    with pytest.raises(ConfigError, match="storage: 'int4'"):
        tiny_triplanes("int4")
    method = tiny_triplanes("int8")
    method.sides = (1 << 20,)
    with pytest.raises(ConfigError, match="sides"):
        method.fit(tiny_scene)
