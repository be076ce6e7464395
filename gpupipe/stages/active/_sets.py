"""What a label store says that rows may be, as truth values beside a table's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ColumnError, DtypeError, StageError, listing, nearest
from gpupipe.core.schema import Schema

EXAMPLE, POSSIBLE = "example_id", "possible"  # as `ReadLabels` calls them


def require_labels(labels: Schema, rows: Schema, id_column: str, stage: str) -> None:
    """Raise ColumnError for a table that is none of a label store's, DtypeError for ids of another dtype than the rows'."""
    for name in (EXAMPLE, POSSIBLE):
        if name not in labels:
            msg = f"{stage} expects what gp.ReadLabels(store).node() gives, with {EXAMPLE!r} and {POSSIBLE!r}, got {listing(labels)}."
            raise ColumnError(msg)
    if labels[EXAMPLE].dtype != rows[id_column].dtype:
        one, other = rows[id_column].dtype, labels[EXAMPLE].dtype
        raise DtypeError(f"{stage} expects ids of one dtype, got {one} in {id_column!r} and {other} of the label store. Cast the ids.")


def possible_of(rows: nw.DataFrame[Any], id_column: str, labels: nw.DataFrame[Any] | None, classes: Sequence[str], stage: str) -> Any:
    """Return which classes each row may be, truth values [n_rows, n_classes]; all of them where nothing is known.

    Raises
    ------
    StageError
        A class of the store is none of these.
    """
    made = np.ones((len(rows), len(classes)), bool)
    if labels is None or not len(labels):
        return made
    told = plain_table(labels.select(EXAMPLE, POSSIBLE).to_arrow())
    own = plain_table(rows.select(id_column).to_arrow())[id_column].combine_chunks()
    places = pc.index_in(own, value_set=told[EXAMPLE].combine_chunks().cast(own.type))
    known = np.flatnonzero(np.asarray(places.is_valid()))
    sets = _sets(told[POSSIBLE].combine_chunks(), classes, stage)
    made[known] = sets[places.drop_null().to_numpy(zero_copy_only=False)]
    return made


def _sets(column: pa.Array, classes: Sequence[str], stage: str) -> Any:
    """Return lists of classes as truth values [n_lists, n_classes]."""
    flat = column.flatten().cast(pa.string())
    found = pc.index_in(flat, value_set=pa.array(classes, pa.string()))
    if found.null_count:
        strange = pc.unique(flat.filter(found.is_null())).to_pylist()
        msg = f"{stage} expects answers among its {len(classes)} classes, got {listing(strange, limit=5)}.{nearest(strange[0], classes)}"
        raise StageError(f"{msg} Make the store and the hierarchy of the same classes.")
    made = np.zeros((len(column), len(classes)), bool)
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    made[np.repeat(np.arange(len(column)), lengths.astype(np.int64)), found.to_numpy(zero_copy_only=False)] = True
    return made
