"""A delimited file as readers take it: as it stands where that is plain text, else a copy without what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gpupipe.core.files import Folder
from gpupipe.sources.csv_clean import all_fit, cleaned
from gpupipe.sources.csv_inspect import CsvFacts, inspect_csv
from gpupipe.sources.csv_refused import ValueChecks
from gpupipe.sources.csv_rejected import rejected, rejected_path
from gpupipe.sources.csv_text import Dialect
from gpupipe.sources.packed_text import is_packed


@dataclass(frozen=True)
class CsvFile:
    """One file to be read.

    Parameters
    ----------
    name
        What messages call it.
    path
        Where it is on this machine.
    n_columns
        Fields of each row.
    null_values
        Texts that mean missing.
    values
        Which values columns do not take, where rows with one are put aside.
    quarantine
        The folder for rows that are put aside.
    """

    name: str
    path: str
    dialect: Dialect
    n_columns: int
    null_values: tuple[str, ...]
    values: ValueChecks | None
    quarantine: str | None

    def as_it_is(self, known: CsvFacts | None) -> CsvFacts | None:
        """Return what the file holds, where it is plain and all rows fit; None where readers need a copy.

        Parameters
        ----------
        known
            What was found when it was looked at before.
        """
        usual = replace(self.dialect, aside=False)
        if not usual.is_plain or usual.skip_rows or is_packed(self.path):
            return None
        facts = known or inspect_csv(self.path, usual, self.n_columns)
        if not is_plain(facts) or (known is None and self.values and not all_fit(self.path, usual, self.values, self.n_columns)):
            return None
        with rejected(self.quarantine, self.name) as reject:
            reject.n_kept = facts.n_rows
        return facts

    def copy_to(self, target: Path, scratch: Folder) -> tuple[CsvFacts, list[str]]:
        """Write a plain copy; return what it holds, and what is to be told of rows that are not in it."""
        with rejected(self.quarantine, self.name) as reject:
            made = cleaned(
                self.path,
                self.dialect,
                scratch,
                self.n_columns,
                name=self.name,
                null_values=self.null_values,
                reject=reject,
                values=self.values,
            )
            reject.n_kept = made.n_rows
        made.path.replace(target)
        told = []
        if made.n_rejected and self.quarantine is not None:
            put = f"{made.n_rejected:,} of its {made.n_rows + made.n_rejected:,} rows do not fit and were put into"
            told.append(f"{self.name}: {put} {rejected_path(self.quarantine, self.name)}.")
        if made.n_blank and self.n_columns == 1:
            blank = f"{made.n_blank:,} blank lines of its one column are no rows"
            told.append(f'{self.name}: {blank}. Where they mean missing values, write "" there.')
        return CsvFacts(made.n_rows, None, self.n_columns, made.n_blank, short=False, odd=True), told


def is_plain(facts: CsvFacts) -> bool:
    """Whether the reader may have a text as it stands."""
    return not (facts.odd or facts.short or facts.blank_lines)
