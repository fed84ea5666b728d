import torch

from nerfzip.fields import ColourMLP, DirectColour


def dvgo_mlp() -> ColourMLP:
    torch.manual_seed(0)
    return ColourMLP(channels=12, width=128, layers=2, frequencies=4)


def test_the_number_of_parameters_is_that_of_dvgo() -> None:
    """39·128 + 128 + 128·128 + 128 + 128·3 + 3, as the sheet's §1 has it."""
    assert sum(parameter.numel() for parameter in dvgo_mlp().parameters()) == 22_019


def test_the_mlp_is_a_sequence_of_layers_on_features_and_encoded_direction() -> None:
    mlp = dvgo_mlp()
    with torch.no_grad():
        mlp.layers[-1].bias.copy_(torch.tensor([0.1, 0.2, 0.3]))
    features, directions = torch.randn(5, 12), torch.nn.functional.normalize(torch.randn(5, 3))
    angles = torch.stack([directions[:, axis] * 2.0**power for axis in range(3) for power in range(4)], dim=1)
    hidden = torch.cat([features, directions, angles.sin(), angles.cos()], dim=1)
    (w1, b1), (w2, b2), (w3, b3) = ((layer.weight, layer.bias) for layer in mlp.layers)
    hidden = (hidden @ w1.T + b1).clamp(min=0)
    hidden = (hidden @ w2.T + b2).clamp(min=0)
    torch.testing.assert_close(mlp(features, directions), 1 / (1 + (-(hidden @ w3.T + b3)).exp()))


def test_the_last_bias_starts_at_zero() -> None:
    assert not dvgo_mlp().layers[-1].bias.any()


def test_a_diffuse_mlp_starts_as_the_features_colour() -> None:
    torch.manual_seed(0)
    mlp = ColourMLP(channels=12, width=16, layers=1, frequencies=2, diffuse=True)
    features, directions = torch.randn(5, 12), torch.randn(5, 3)
    torch.testing.assert_close(mlp(features, directions), features[:, :3].sigmoid())


def test_direct_colour_ignores_the_direction() -> None:
    features = torch.tensor([[0.0, 100.0, -100.0]])
    for direction in ([[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]):
        torch.testing.assert_close(DirectColour()(features, torch.tensor(direction)), torch.tensor([[0.5, 1.0, 0.0]]))
