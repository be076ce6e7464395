"""Windows over series: what came before a step, and what came after it; parts in time with a gap between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpupipe.core.errors import UsageError


@dataclass(frozen=True)
class Windows:
    """Examples of a `gpupipe.deep.sequence_network.SequenceObjective`: ``windows[numbers]`` gives past, future, and what of it is known.

    Parameters
    ----------
    values
        [n_series, n_times, n_columns], NaN where nothing is known.
    series, starts
        [n_windows] the series of each window, and the step that it begins at.
    past, horizon
        Steps that are seen, and steps after them.

    Examples
    --------
    >>> windows = Windows.over(torch.arange(8.0)[None, :, None], 3, 2)
    >>> past, future, known = windows[torch.tensor([1])]
    >>> len(windows), past.flatten().tolist(), future.flatten().tolist()
    (4, [1.0, 2.0, 3.0], [4.0, 5.0])
    """

    values: Tensor
    series: Tensor
    starts: Tensor
    past: int
    horizon: int

    @classmethod
    def over(cls, values: Tensor, past: int, horizon: int, *, begin: int = 0, end: int | None = None, every: int = 1) -> Windows:
        """Return the windows that lie in steps from `begin` to before `end`, and between the first and the last value of their series.

        One without any value in its past, or in its future, is left out. A value that is missing in the past is the last one before it in
        the window, or the first after it.
        """
        last = values.shape[1] if end is None else min(end, values.shape[1])
        starts = torch.arange(begin, max(last - past - horizon + 1, begin), every)
        pairs = torch.cartesian_prod(torch.arange(len(values)), starts) if len(starts) else torch.zeros((0, 2), dtype=torch.int64)
        row, at = pairs[:, 0], pairs[:, 1]
        if len(pairs):
            counts = torch.nn.functional.pad((~torch.isnan(values).all(2)).long().cumsum(1), (1, 0)).cpu()
            before, seen, after = counts[row, at], counts[row, at + past], counts[row, at + past + horizon]
            begun, going_on = counts[row, at + 1] > 0, counts[row, at + past + horizon - 1] < counts[row, -1]
            keep = (seen > before) & (after > seen) & begun & (going_on | (after > counts[row, at + past + horizon - 1]))
            row, at = row[keep], at[keep]
        return cls(values, row, at, past, horizon)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return past [n, past, n_columns], future [n, horizon, n_columns], and whether a value of it is known."""
        steps = self.starts[numbers][:, None] + torch.arange(self.past + self.horizon)[None, :]
        whole = self.values[self.series[numbers][:, None], steps]
        past, future = whole[:, : self.past], whole[:, self.past :]
        known = ~torch.isnan(future)
        return filled(past), torch.where(known, future, 0.0), known


def filled(past: Tensor) -> Tensor:
    """Return windows [n, n_steps, n_columns], a missing value as the last one before it, or the first after it; zero where there is none.

    Examples
    --------
    >>> nan = float("nan")
    >>> filled(torch.tensor([[[nan], [1.0], [nan], [3.0]]])).flatten().tolist()
    [1.0, 1.0, 1.0, 3.0]
    """
    missing = torch.isnan(past)
    if not missing.any():
        return past
    at = torch.arange(past.shape[1])[None, :, None].expand(past.shape)
    before = torch.where(missing, -1, at).cummax(1).values
    after = torch.where(missing, past.shape[1], at).flip(1).cummin(1).values.flip(1)
    chosen = torch.where(before >= 0, before, after.clamp(max=past.shape[1] - 1))
    return torch.nan_to_num(past.gather(1, chosen))


def parts_in_time(n_times: int, gap: int, shares: Sequence[float] = (0.8, 0.1, 0.1)) -> list[tuple[int, int]]:
    """Return the first step and the one past the last of each part, with `gap` steps between parts that belong to none.

    With a gap of past and horizon together, no step of a window of one part is in a window of another, nor next to one.

    Examples
    --------
    >>> parts_in_time(100, 10)
    [(0, 64), (74, 82), (92, 100)]
    """
    left = n_times - gap * (len(shares) - 1)
    if left < len(shares) or not all(share > 0 for share in shares):
        raise UsageError(f"Of {n_times} steps, {len(shares)} parts with gaps of {gap} between them cannot be made. Take fewer or shorter.")
    made, at, total = [], 0, 0.0
    for number, share in enumerate(shares):
        total += share
        end = round(left * total / sum(shares)) + gap * number
        made.append((at, end))
        at = end + gap
    return made
