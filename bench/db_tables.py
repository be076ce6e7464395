"""The tables of the db-benchmark (H2O.ai, now DuckDB Labs), made here: the same columns, sizes and shares of keys.

The seed is the benchmark's, but not its generator, which is R's; so the numbers are not those of its files. The join tables are without
``id6``, the text of ``id3``, which no question looks at.

Source: ``_data/groupby-datagen.R`` and ``_data/join-datagen.R`` of duckdblabs/db-benchmark.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.parts import write_parts

SEED = 108
K = 100
# The keys of the join tables that are on both sides, of those that one side has.
SHARED = 0.9

Ints = npt.NDArray[np.int64]


def make_group_by_table(data: Path, rows: int) -> Path:
    """Return the folder of table G1: `rows` rows, keys of 100 values and of ``rows / 100`` values."""
    folder = data / f"group-by-{rows}"
    write_parts(folder, group_by_rows, rows, rows)
    return folder


def group_by_rows(first: int, end: int, rows: int) -> pa.Table:
    """Return rows of table G1 of `rows` rows in all."""
    random, n = np.random.default_rng([SEED, first]), end - first
    many = max(rows // K, 1)

    def whole(most: int) -> npt.NDArray[np.int32]:
        return random.integers(1, most + 1, n, dtype=np.int32)

    columns: dict[str, pa.Array | npt.NDArray[np.generic]] = {
        "id1": _texts(whole(K), K, "id%03d"),
        "id2": _texts(whole(K), K, "id%03d"),
        "id3": _texts(whole(many), many, "id%010d"),
        "id4": whole(K),
        "id5": whole(K),
        "id6": whole(many),
        "v1": whole(5),
        "v2": whole(15),
        "v3": np.round(random.random(n) * 100, 6),
    }
    return pa.table(columns)


def join_sizes(rows: int) -> dict[str, int]:
    """Return the rows of the tables on the right; of fewer than ten million on the left, the small one has ten."""
    return {"small": max(rows // 1_000_000, 10), "medium": max(rows // 1000, 100), "big": rows}


def make_join_tables(data: Path, rows: int) -> dict[str, Path]:
    """Return the folders of the table on the left, ``left``, and of the three on the right."""
    sizes = join_sizes(rows)
    folders = {name: data / f"join-{name}-{rows}" for name in ("left", *sizes)}
    write_parts(folders["left"], left_rows, rows, rows)
    for name, size in sizes.items():
        write_parts(folders[name], right_rows, size, name, rows)
    return folders


def left_rows(first: int, end: int, rows: int) -> pa.Table:
    """Return rows of the table on the left: of ``id3``, each key once."""
    random, n = np.random.default_rng([SEED, 1, first]), end - first
    small, medium, big = join_sizes(rows).values()
    one, two = (key_of(random.integers(0, size, n), size) for size in (small, medium))
    three = key_of(scrambled(np.arange(first, end), big), big)
    columns = {"id1": one, "id2": two, "id3": three}
    texts = {"id4": _texts(one, all_keys(small), "id%d"), "id5": _texts(two, all_keys(medium), "id%d")}
    numbers = {name: values.astype(np.int32) for name, values in columns.items()}
    return pa.table(numbers | texts | {"v1": np.round(random.random(n) * 100, 6)})


def right_rows(first: int, end: int, name: str, rows: int) -> pa.Table:
    """Return rows of a table on the right, whose own key, the last one, is in each row another."""
    random, n = np.random.default_rng([SEED, 2, list(join_sizes(rows)).index(name), first]), end - first
    sizes = list(join_sizes(rows).values())[: list(join_sizes(rows)).index(name) + 1]
    keys = [right_key_of(random.integers(0, size, n), size) for size in sizes[:-1]]
    keys.append(right_key_of(scrambled(np.arange(first, end), sizes[-1]), sizes[-1]))
    columns: dict[str, pa.Array | npt.NDArray[np.generic]] = {f"id{i + 1}": key.astype(np.int32) for i, key in enumerate(keys)}
    columns |= {f"id{i + 4}": _texts(key, all_keys(size), "id%d") for i, (key, size) in enumerate(zip(keys[:2], sizes[:2], strict=True))}
    return pa.table(columns | {"v2": np.round(random.random(n) * 100, 6)})


def all_keys(size: int) -> int:
    """Return how many keys both sides have together, where each has `size` of them."""
    return size + size - round(SHARED * size)


def key_of(place: Ints, size: int) -> Ints:
    """Return the keys of places 0 to `size` - 1 on the left."""
    return scrambled(place, all_keys(size)) + 1


def right_key_of(place: Ints, size: int) -> Ints:
    """Return the keys of places on the right: the first nine tenths are those of the left, the others only here."""
    return key_of(np.where(place < round(SHARED * size), place, place + all_keys(size) - size), size)


def scrambled(numbers: Ints, size: int) -> Ints:
    """Return each number below `size` as another one, and no two as the same: multiplied, modulo `size`.

    Examples
    --------
    >>> sorted(scrambled(np.arange(10), 10).tolist()) == list(range(10))
    True
    """
    factor = max(int(size * 0.6180339887), 1)  # the golden section scatters neighbours
    while math.gcd(factor, size) != 1:
        factor += 1
    return (numbers.astype(np.int64) * factor + size // 3) % size


def _texts(codes: npt.NDArray[np.integer], most: int, form: str) -> pa.Array:
    """Return the texts of whole numbers from 1 to `most`, as a dictionary of those that come."""
    found = np.zeros(most + 1, dtype=bool)
    found[codes] = True
    there = np.flatnonzero(found)
    places = np.cumsum(found, dtype=np.int32) - 1
    return pa.DictionaryArray.from_arrays(pa.array(places[codes].astype(np.int32)), pa.array([form % number for number in there]))
