"""Writing through a real engine, reading back, and real places to write to: a small disk, a database server."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading, Sink, Source
from gpupipe.engines._arrow import arrow_schema
from gpupipe.engines.load import load_engine
from gpupipe.sources.from_arrow import FromArrow


@pytest.fixture
def write(engine: str) -> Callable[..., Any]:
    """Return a function that writes a table on the engine, as a run does: all of it, or nothing."""

    def run(sink: Sink, table: pa.Table | Source) -> Any:
        source = table if isinstance(table, Source) else FromArrow(table, nan_as_null=False)
        running = load_engine(engine)
        try:
            schema = source.schema()
            data = running.read(source, Reading(tuple(schema)), schema)
            writer = sink.open(arrow_schema(schema))
            try:
                running.compute([Demand("write", data, writer=writer)])
                return writer.commit()
            except BaseException:
                writer.abort()
                raise
        finally:
            running.close()

    return run


@pytest.fixture
def read(engine: str) -> Callable[[Source], pa.Table]:
    """Return a function that reads a source on the engine."""

    def run(source: Source) -> pa.Table:
        running = load_engine(engine)
        try:
            schema = source.schema()
            return running.compute([Demand("arrow", running.read(source, Reading(tuple(schema)), schema))])[0]
        finally:
            running.close()

    return run


@pytest.fixture
def every_dtype(held: Callable[[pa.Table], pa.Table]) -> pa.Table:
    """Return a table with a column of every dtype that the engine has, each with a missing value and its extremes."""
    day, us = dt.date(1, 1, 1), 2**53
    nested = [{"a": 1, "b": ["x", None]}, None, {"a": None, "b": []}, {"a": 2, "b": None}]
    columns: dict[str, pa.Array] = {
        f"{sign}{bits}": pa.array([0, None, 2 ** (bits - (sign == "i")) - 1, 1 if sign == "u" else -(2 ** (bits - 1))], kind)
        for sign, bits, kind in [
            (kind[0].replace("u", "u"), n, getattr(pa, f"{kind}{n}")()) for kind in ("int", "uint") for n in (8, 16, 32, 64)
        ]
    }
    columns |= {
        "f32": pa.array([1.5, None, math.nan, -math.inf], pa.float32()),
        "f64": pa.array([0.1, None, math.nan, 1.7976931348623157e308]),
        "bool": pa.array([True, None, False, True]),
        "text": pa.array(['ü "quoted"\nline, |', None, "", "日本 🎈"], pa.large_string()),
        "date": pa.array([dt.date(2020, 2, 29), None, day, dt.date(9999, 12, 31)]),
        "us": pa.array([0, None, us, -us], pa.timestamp("us")),
        "ns": pa.array([1, None, 2**62, -(2**62)], pa.timestamp("ns")),
        "tz": pa.array([0, None, us, 1], pa.timestamp("us", "Europe/Berlin")),
        "time": pa.array([0, None, 86_399_999_999_999, 1], pa.time64("ns")),
        "decimal": pa.array([decimal.Decimal("1.23"), None, decimal.Decimal("-99999.99"), decimal.Decimal("0.00")], pa.decimal128(12, 2)),
        "duration": pa.array([1, None, -1, us], pa.duration("us")),
        "bytes": pa.array([b"\0\xff", None, b"", b"x"], pa.large_binary()),
        "list": pa.array([[1, None], None, [], [2]], pa.large_list(pa.int64())),
        "struct": pa.array(nested, pa.struct([("a", pa.int64()), ("b", pa.large_list(pa.large_string()))])),
    }
    return held(pa.table(columns))


def texts(table: pa.Table) -> dict[str, list[str]]:
    """Return the values as text, in which NaN equals NaN."""
    return {name: [repr(value) for value in table[name].to_pylist()] for name in table.column_names}


@pytest.fixture
def same() -> Callable[[pa.Table, pa.Table], None]:
    """Return a function that asserts equal names, types and values, NaN and missing apart."""

    def check(found: pa.Table, wanted: pa.Table) -> None:
        assert dict(zip(found.column_names, found.schema.types, strict=True)) == dict(
            zip(wanted.column_names, wanted.schema.types, strict=True)
        )
        assert texts(found) == texts(wanted)

    return check


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
