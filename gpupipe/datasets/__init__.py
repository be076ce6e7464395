"""Generated data sets: as large as asked for, the same for the same seed, written to disk in a stream."""

from __future__ import annotations

from gpupipe.datasets.mortgage import MortgageFiles, generate_mortgage

__all__ = ["MortgageFiles", "generate_mortgage"]
