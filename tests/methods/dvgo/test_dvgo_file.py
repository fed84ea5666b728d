"""DVGO's files: they decode to the model, exactly or rounded to half precision."""

import copy

import pytest
import torch
from tiny_models import tiny_base, torch_threads

from methods.dvgo.method import DVGO
from nerfzip.bitstream import pack, tensor_digest, unpack
from nerfzip.data.scene import Scene
from nerfzip.errors import BitstreamError, ConfigError
from nerfzip.fields import VoxelField
from nerfzip.rendering.images import render_image


@pytest.mark.parametrize("storage", ["float32", "float16"])
@pytest.mark.parametrize("name", ["sample_field", "ray_field"])
def test_it_decodes_to_the_model(tiny_scene: Scene, storage: str, name: str, request: pytest.FixtureRequest) -> None:
    model: VoxelField = request.getfixturevalue(name)
    method = DVGO(tiny_base(), storage)
    data = method.compress(model, tiny_scene)
    decoded = method.decompress(data)
    for key, tensor in model.state_dict().items():
        expected = tensor if storage == "float32" else tensor.half().float()
        assert torch.equal(decoded.field.state_dict()[key], expected), key
    assert torch.equal(decoded.field.occupancy.mask, model.occupancy.mask)
    assert torch.equal(decoded.field.occupancy.blocks, model.occupancy.blocks)
    assert unpack(data).digest == tensor_digest(decoded.coded_tensors())
    numbers = sum(parameter.numel() for parameter in model.parameters())
    assert method.uncompressed_bytes(model) == 4 * numbers
    assert numbers * {"float32": 1, "float16": 0.5}[storage] < len(data) < 4 * numbers
    truth = render_image(model, tiny_scene.test.cameras, 0)
    shown = render_image(decoded, tiny_scene.test.cameras, 0)
    assert torch.allclose(shown, truth, atol=0 if storage == "float32" else 0.02)


def test_the_same_model_gives_the_same_file_and_stays_as_it_is(tiny_scene: Scene, ray_field: VoxelField) -> None:
    before = {name: tensor.clone() for name, tensor in ray_field.state_dict().items()}
    method = DVGO(tiny_base(), "float16")
    files = {method.compress(ray_field, tiny_scene) for _ in range(2)}
    assert len(files) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in ray_field.state_dict().items())
    assert len(DVGO(tiny_base(), "float32").compress(ray_field, tiny_scene)) > len(files.pop())


def test_decoding_with_other_threads(tiny_scene: Scene, sample_field: VoxelField) -> None:
    method = DVGO(tiny_base(), "float32")
    data = method.compress(sample_field, tiny_scene)
    images = []
    for threads in (1, 2):
        with torch_threads(threads):
            decoded = method.decompress(data)
            assert tensor_digest(decoded.coded_tensors()) == unpack(data).digest
            images.append(render_image(decoded, tiny_scene.test.cameras, 0))
    assert torch.allclose(*images, atol=1e-5)


def test_unknown_storage() -> None:
    with pytest.raises(ConfigError, match=r"method\.storage: 'float8', expected float32 or float16"):
        DVGO(tiny_base(), "float8")


def test_a_file_that_lies(tiny_scene: Scene, ray_field: VoxelField) -> None:
    """Containers with right checksums around wrong contents."""
    method = DVGO(tiny_base(), "float16")
    stream = unpack(method.compress(ray_field, tiny_scene))

    def packed(
        header: object = stream.header, sections: object = stream.sections, digest: bytes = stream.digest
    ) -> bytes:
        return pack("dvgo", header, sections, digest)  # type: ignore[arg-type]

    assert method.decompress(packed()).coded_tensors()
    wrong = {
        "digest": packed(digest=bytes(16)),
        "header.storage": packed({**stream.header, "storage": ["float16"]}),
        "section density": packed({**stream.header, "storage": "float32"}),
        "field": packed({"storage": "float16"}),
        "section occupancy": packed(
            sections={name: data for name, data in stream.sections.items() if name != "occupancy"}
        ),
        "section features": packed(sections={**stream.sections, "features": stream.sections["density"]}),
        "section decoder.layers.0.bias": packed(sections={**stream.sections, "decoder.layers.0.bias": b"no deflate"}),
    }
    for message, data in wrong.items():
        with pytest.raises(BitstreamError, match=message):
            method.decompress(data)


def test_numbers_survive_whatever_they_are(tiny_scene: Scene, ray_field: VoxelField) -> None:
    """Denormal, negative zero, the largest: the digest is of bits, so none of them may change."""
    method = DVGO(tiny_base(), "float32")
    model = copy.deepcopy(ray_field)
    special = torch.tensor([1e-45, -0.0, 3.4e38, -1e-38])
    model.density.data.view(-1)[:4] = special
    decoded = method.decompress(method.compress(model, tiny_scene))
    found = decoded.field.density.data.view(-1)[:4].numpy()
    assert found.tobytes() == special.numpy().tobytes()
