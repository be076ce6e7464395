"""Text read as a device reads it, on NumPy's arrays, and held against the host's reader."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.ends import Reading, Source
from gpupipe.core.errors import GpupipeError
from gpupipe.engines._scan import read_lazy
from gpupipe.engines.cudf.text_plan import NotPlainError, text_not_on_device
from gpupipe.engines.cudf.text_reading import ColumnMaker, DelimitedReader
from gpupipe.engines.cudf.text_values import Texts


class HostColumns(ColumnMaker):
    """Columns as lists of Python's values."""

    xp = np

    def numbers(self, values: Any, missing: Any, dtype: Any) -> Any:
        if isinstance(dtype, nw.Date):
            found = values.astype("datetime64[s]").astype("datetime64[D]").tolist()
        elif isinstance(dtype, nw.Datetime):
            found = values.astype(f"datetime64[{dtype.time_unit}]").astype("datetime64[us]").tolist()
        else:
            assert values.dtype == np.dtype(str(dtype).lower().replace("boolean", "bool"))
            found = values.tolist()
        return [None if gone else value for value, gone in zip(found, missing.tolist(), strict=True)]

    def texts(self, texts: Texts, *, doubled: int | None) -> Any:
        made = []
        for start, length, gone in zip(texts.starts.tolist(), texts.lengths.tolist(), texts.missing.tolist(), strict=True):
            value = texts.text[start : start + length].tobytes().decode()
            if doubled is not None:
                value = value.replace(chr(doubled) * 2, chr(doubled))
            made.append(None if gone else value)
        return made


def read_so(source: Source, scratch: Path, n_block_bytes: int = 1 << 20) -> dict[str, list[Any]]:
    """Return the rows that the device would read."""
    scan = source.scan(str(scratch))
    assert scan is not None
    reason = text_not_on_device(scan, scan.schema)
    if reason is not None:
        raise NotPlainError(reason)
    parts = DelimitedReader(scan, scan.schema, HostColumns(), n_block_bytes).read()
    return {name: [value for part in several for value in part] for name, several in parts.items()}


def read_on_host(source: Source, scratch: Path) -> dict[str, list[Any]]:
    """Return the rows that the host's reader reads, with NaN as it is."""
    schema = source.schema()
    frame = read_lazy(source, Reading(tuple(schema)), schema, str(scratch)).collect(engine="streaming")
    return frame.to_dict(as_series=False)


def bits(rows: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return rows with floats as their bytes, so that -0.0 is not 0.0, and NaN is itself."""
    return {
        name: [struct.pack("d", value) if isinstance(value, float) and value == value else str(value) for value in values]
        for name, values in rows.items()
    }


def agree(source: Source, scratch: Path, n_block_bytes: int = 1 << 20) -> bool:
    """Hold both ways together, and say whether the text was plain enough for the device."""
    try:
        found = read_so(source, scratch, n_block_bytes)
    except (NotPlainError, GpupipeError):
        return False
    assert bits(found) == bits(read_on_host(source, scratch))
    return True
