"""Rows of each step as they become known: from metadata, from what is held or written, and from steps that have as many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpupipe.report.record import Record


class RowCounts:
    """The rows of each step of a run, entered in its record. Nothing is run in order to count: what nobody knows stays open.

    Parameters
    ----------
    alike
        Pairs of steps, inputs before what is made of them: a step, and one of its inputs that has as many rows.
    """

    def __init__(self, record: Record, alike: Iterable[tuple[int, int]]) -> None:
        self.record = record
        self._first: dict[int, int] = {}
        for step, given in alike:
            self._first[step] = self._first.get(given, given)

    def enter(self, step: int, rows: int | None) -> None:
        """Enter the rows of a step, and of all that have as many."""
        if rows is None:
            return
        first = self._first.get(step, step)
        for number, entry in enumerate(self.record.stages):
            if self._first.get(number, number) == first and entry["rows_out"] is None:
                entry["rows_out"] = rows

    def unknown(self, steps: Sequence[int]) -> list[int]:
        """Return one of each group of steps with as many rows of which nobody knows how many that is."""
        open_ = {self._first.get(number, number): number for number in reversed(steps) if self.record.stages[number]["rows_out"] is None}
        return sorted(open_.values())
