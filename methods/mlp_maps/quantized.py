"""The model as a file will hold it, in training: parameters as whole numbers of steps, and what these cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.mlp_maps.model import LARGEST_START, MapsModel
from methods.mlp_maps.parts import LATENTS, Part, assemble, parameter_shapes, parts_of
from nerfzip.entropy.counted import CountedModel
from nerfzip.errors import require_setting
from nerfzip.quantization.rounding import Rounding
from nerfzip.quantization.steps import nearest_codes_of_steps, steps_of_codes


@dataclass(frozen=True)
class Fineness:
    """Steps for each standard deviation of what is quantized.

    Attributes:
        tables: of a level of a hash table, what was not trained left out.
        networks: of the weights of an output, and of biases.
        latents: of all latent codes together.
    """

    tables: float
    networks: float
    latents: float

    def __post_init__(self) -> None:
        for name in ("tables", "networks", "latents"):
            value = getattr(self, name)
            require_setting(0.01 <= value <= 200, f"method.fineness.{name}", value, "from 0.01 to 200")

    def of(self, part: Part) -> float:
        if part.is_table:
            return self.tables
        return self.latents if part.parameter == LATENTS else self.networks


@dataclass(frozen=True)
class CodedParts:
    """Whole numbers, and the codes of their steps, by the names of the parts."""

    symbols: dict[str, Int[Tensor, "x y z channels"]]
    steps: dict[str, Int[Tensor, "slices"]]

    def values(self, parts: list[Part], shapes: Mapping[str, torch.Size]) -> dict[str, Float[Tensor, "..."]]:
        """The parameters, the same bits on every machine."""
        scaled = {}
        for part in parts:
            steps = steps_of_codes(self.steps[part.name])
            scaled[part.name] = self.symbols[part.name].float() * steps.view(-1, 1, 1, 1)
        return assemble(parts, scaled, shapes)


class QuantizedModel:
    """A model whose parameters are trained as they are, and used as multiples of their steps.

    Args:
        model: from which steps are taken, once.
    """

    def __init__(self, model: MapsModel, fineness: Fineness) -> None:
        self.model = model
        self.parts = parts_of(model)
        self.shapes = parameter_shapes(model)
        parameters = dict(model.named_parameters())
        self.step_codes: dict[str, Int[Tensor, slices]] = {}
        spread: dict[str, list[Tensor]] = {}
        for part in self.parts:
            values = part.read(parameters[part.parameter].detach()).reshape(part.slices, -1)
            deviations = _deviations(values, LARGEST_START if part.is_table else 0.0)
            codes = nearest_codes_of_steps(deviations / fineness.of(part))
            self.step_codes[part.name] = codes
            spread.setdefault(part.parameter, []).append(
                part.spread(steps_of_codes(codes), len(self.shapes[part.parameter]))
            )
        self.steps = {name: torch.cat(pieces) for name, pieces in spread.items()}
        self._costs: dict[str, CountedModel] = {}

    def symbols(self, rounding: Rounding) -> dict[str, Float[Tensor, "..."]]:
        """All parameters in steps, as real numbers."""
        parameters = self.model.named_parameters()
        return {name: rounding.apply(values / self.steps[name]) for name, values in parameters}

    def values(self, symbols: Mapping[str, Float[Tensor, "..."]]) -> dict[str, Float[Tensor, "..."]]:
        """The parameters that are used."""
        return {name: values * self.steps[name] for name, values in symbols.items()}

    def count(self) -> None:
        """Count again how often symbols occur, which says what they cost."""
        parameters = self.symbols(Rounding.NONE)
        self._costs = {part.name: CountedModel(self._of(part, parameters)) for part in self.parts}

    def bits(self, symbols: Mapping[str, Float[Tensor, "..."]]) -> Float[Tensor, ""]:
        """Of all parts together, differentiable."""
        return torch.stack([self._costs[part.name].bits(self._of(part, symbols)) for part in self.parts]).sum()

    @torch.no_grad()
    def coded(self) -> CodedParts:
        """What a file holds."""
        rounded = self.symbols(Rounding.ROUND)
        symbols = {part.name: part.read(rounded[part.parameter]).to(torch.int32) for part in self.parts}
        return CodedParts(symbols, self.step_codes)

    @staticmethod
    def _of(part: Part, parameters: Mapping[str, Float[Tensor, "..."]]) -> Float[Tensor, "values"]:
        return parameters[part.parameter][part.begin : part.end].flatten()


def _deviations(rows: Float[Tensor, "slices values"], untrained: float) -> Float[Tensor, "slices"]:
    """Root mean squares of what is larger; 1 where nothing is."""
    trained = (rows.abs() > untrained).double()
    squares = (rows.double().square() * trained).sum(dim=1) / trained.sum(dim=1).clamp(min=1)
    return torch.where(squares > 0, squares.sqrt(), 1.0)
