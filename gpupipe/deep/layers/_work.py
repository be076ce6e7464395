"""What a way of computing costs: its multiplications, and what small products cost besides."""

from __future__ import annotations

from dataclasses import dataclass

NARROW = 16  # columns below which a product takes as long as one of so many
COPY, STEP = 10, 200_000  # multiplications in the time of copying a number, and of starting an operation, on a core of a CPU


@dataclass(frozen=True)
class Work:
    """Multiplications, numbers copied, operations started, and multiplications that could be done in the time that narrow products lose.

    Examples
    --------
    >>> (Work(5, 2) + Work(1, 0, 3)), Work(100, 2).cost
    (Work(products=6, copied=2, steps=3, lost=0), 120)
    """

    products: int = 0
    copied: int = 0
    steps: int = 0
    lost: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.products + other.products, self.copied + other.copied, self.steps + other.steps, self.lost + other.lost)

    @property
    def cost(self) -> int:
        """What two ways are compared by, in multiplications."""
        return self.products + self.lost + COPY * self.copied + STEP * self.steps
