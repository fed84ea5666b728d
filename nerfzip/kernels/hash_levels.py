"""The levels of a hash encoding: how finely each divides space, and how many rows of the table it has."""

import math
from dataclasses import dataclass

from nerfzip.errors import require_setting


@dataclass(frozen=True)
class HashLevels:
    """Cubic grids whose resolutions grow by one factor (Müller et al., Instant Neural Graphics Primitives, 2022).

    The default values are those of Peng et al., Dynamic MLP Maps, 2023.

    Attributes:
        count: of the levels.
        base: nodes along each axis of the coarsest level.
        finest: nodes along each axis of the finest level.
        max_entries: the most table rows of a level, a power of two. If a level has more nodes, they share rows.
    """

    count: int = 16
    base: int = 16
    finest: int = 1024
    max_entries: int = 2**19

    def __post_init__(self) -> None:
        require_setting(self.count >= 1, "count", self.count, "at least 1")
        require_setting(self.base >= 2, "base", self.base, "at least 2")
        require_setting(self.finest >= self.base, "finest", self.finest, f"at least base, {self.base}")
        power_of_two = self.max_entries > 0 and self.max_entries.bit_count() == 1
        require_setting(power_of_two, "max_entries", self.max_entries, "a power of two")

    @property
    def scales(self) -> list[float]:
        """Cells of each level along the box; the last cell of a level may reach beyond the box."""
        factors = [(self.finest / self.base) ** (level / max(self.count - 1, 1)) for level in range(self.count)]
        # Rounded, or a power a little above a whole number would give a level one node too many.
        return [round(self.base * factor, 6) - 1 for factor in factors]

    @property
    def resolutions(self) -> list[int]:
        """Nodes of each level along each axis."""
        return [math.ceil(scale) + 1 for scale in self.scales]

    @property
    def entries(self) -> list[int]:
        """Table rows of each level."""
        return [min(self.max_entries, resolution**3) for resolution in self.resolutions]

    @property
    def rows(self) -> int:
        """Table rows of all levels."""
        return sum(self.entries)
