"""Whether two Parquet outputs hold the same rows, in whatever order: a verdict to be recorded beside a benchmark.

    python -m bench.equal ONE OTHER [--near SCORE,SCORE] [--within 1e-6] [--skip COLUMN,COLUMN] [--out FILE]

A side is a file or a folder of them. Rows are read a row group at a time and kept as two 64-bit hashes of all columns but those of
`--near`; sorted, both sides' hashes must be equal one by one. That is equality of the rows as multisets, except that unequal rows would
go unseen with a chance of about n²/2^128. A float's hash takes 0.0 and -0.0 for one number, and so does NaN for every NaN. Columns of
`--near`, which may differ by `--within`, are compared row by row in the order of the hashes; of equal rows, in the order of their values.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 1 << 18
SEEDS = (1, 2)


@dataclass(frozen=True)
class Verdict:
    """What came of comparing two outputs; `differing_rows` counts rows of one side that the other has not."""

    equal: bool
    reason: str
    rows: tuple[int, int]
    columns: int
    differing_rows: int = 0
    largest_differences: dict[str, float] = field(default_factory=dict)


def compare(one: Path, other: Path, near: Sequence[str] = (), within: float = 1e-6, skip: Sequence[str] = ()) -> Verdict:
    """The verdict on two files or folders.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> pl.DataFrame({"a": [1, 2], "p": [0.5, 0.25]}).write_parquet(folder / "one.parquet")
    >>> pl.DataFrame({"a": [2, 1], "p": [0.25, 0.5]}).write_parquet(folder / "other.parquet")
    >>> compare(folder / "one.parquet", folder / "other.parquet", near=["p"]).reason
    'equal'
    """
    schemas = [_schema(side, skip) for side in (one, other)]
    rows = (_n_rows(one), _n_rows(other))
    n_columns = len(schemas[0])
    if schemas[0] != schemas[1]:
        return Verdict(False, f"columns differ: {_first_difference(*schemas)}", rows, n_columns)
    if rows[0] != rows[1]:
        return Verdict(False, f"{rows[0]:,} rows against {rows[1]:,}", rows, n_columns)
    found, wanted = (_sorted_rows(side, near, skip) for side in (one, other))
    n_other = _n_differing(found.select("first", "second"), wanted.select("first", "second"))
    if n_other:
        return Verdict(False, f"{n_other:,} rows of one side are not in the other", rows, n_columns, n_other)
    apart = {name: _largest_difference(found[name], wanted[name]) for name in near}
    far = [name for name, difference in apart.items() if not difference <= within]
    return Verdict(not far, f"apart by more than {within:g}: {', '.join(far)}" if far else "equal", rows, n_columns, 0, apart)


def _files(side: Path) -> list[Path]:
    return sorted(side.rglob("*.parquet")) if side.is_dir() else [side]


def _schema(side: Path, skip: Sequence[str]) -> list[tuple[str, pa.DataType]]:
    schema = pq.read_schema(_files(side)[0])
    return [(one.name, one.type) for one in schema if one.name not in skip]


def _n_rows(side: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in _files(side))


def _first_difference(one: list[tuple[str, pa.DataType]], other: list[tuple[str, pa.DataType]]) -> str:
    pairs = [(mine, theirs) for mine, theirs in zip(one, other, strict=False) if mine != theirs]
    return f"{pairs[0][0]} against {pairs[0][1]}" if pairs else f"{len(one)} against {len(other)}"


def _batches(side: Path, skip: Sequence[str]) -> Iterator[pl.DataFrame]:
    for file in _files(side):
        with pq.ParquetFile(file) as opened:
            names = [name for name in opened.schema_arrow.names if name not in skip]
            for batch in opened.iter_batches(BATCH_ROWS, columns=names):
                made = pl.from_arrow(batch)
                assert isinstance(made, pl.DataFrame)
                yield made


def _sorted_rows(side: Path, near: Sequence[str], skip: Sequence[str]) -> pl.DataFrame:
    """Each row's two hashes, and its columns of `near`, sorted."""
    parts = []
    for batch in _batches(side, skip):
        hashed = batch.drop(near)
        hashes = [hashed.hash_rows(seed).alias(name) for name, seed in zip(("first", "second"), SEEDS, strict=True)]
        parts.append(pl.DataFrame([*hashes, *batch.select(near).get_columns()]))
    return pl.concat(parts).sort("first", "second", *near)


def _n_differing(found: pl.DataFrame, wanted: pl.DataFrame) -> int:
    if found.equals(wanted):
        return 0
    counts = [side.group_by("first", "second").len() for side in (found, wanted)]
    joined = counts[0].join(counts[1], on=["first", "second"], how="left").with_columns(pl.col("len_right").fill_null(0))
    return int(joined.select((pl.col("len") - pl.col("len_right").cast(pl.Int64)).clip(0).sum()).item())


def _largest_difference(found: pl.Series, wanted: pl.Series) -> float:
    apart = np.abs(found.to_numpy().astype(np.float64) - wanted.to_numpy().astype(np.float64))
    return float(apart.max()) if len(apart) else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where the sides are equal, else 1."""
    parser = ArgumentParser(prog="python -m bench.equal", description="Compare two Parquet outputs, whatever the order of their rows.")
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--near", type=_names, default=[], metavar="COLUMN,COLUMN", help="compared to a tolerance")
    parser.add_argument("--within", type=float, default=1e-6, metavar="DIFFERENCE", help="the tolerance (default 1e-6)")
    parser.add_argument("--skip", type=_names, default=[], metavar="COLUMN,COLUMN", help="not compared")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the verdict as JSON")
    options = parser.parse_args(arguments)
    verdict = compare(options.one, options.other, options.near, options.within, options.skip)
    print(f"{'equal' if verdict.equal else 'not equal'}: {json.dumps(asdict(verdict))}")
    if options.out:
        options.out.write_text(json.dumps(asdict(verdict), indent=1) + "\n")
    return 0 if verdict.equal else 1


def _names(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main())
