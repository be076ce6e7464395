"""Hashes of texts that repeat: each distinct text is hashed once, and its rows are found by comparing the strings' views.

Polars holds a string as 16 bytes, its length and, up to 12 bytes, the text itself (Arrow's "variable-size binary view" layout). So the rows
that hold one short text are those with the same two integers, which NumPy finds at the speed of memory. Text after text is taken out of
the rows that are left; longer texts, and what is left after many, go through Arrow's dictionary.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gpupipe.engines._verbs import hashed_column

Views: TypeAlias = npt.NDArray[np.uint64]
Rows: TypeAlias = npt.NDArray[np.intp]

_INLINE = 12
_MOST_PEELED = 24  # texts taken out one by one in a batch; with more of them, a dictionary is as fast
_MOST_KNOWN = 1 << 16


class TextHashes:
    """The upper bits of texts' hashes, as UInt32; what is known of one batch is kept for the next."""

    def __init__(self, seed: int, n_bits: int) -> None:
        self.seed = seed
        self.n_bits = n_bits
        self._of_views: dict[tuple[int, int], int] = {}
        self._of_texts: dict[str, int] = {}

    def __call__(self, rows: pl.Series) -> pl.Series:
        """Return the hash of each value; missing stays missing."""
        if rows.null_count() == len(rows):
            return pl.Series(rows.name, [None], dtype=pl.UInt32).new_from_index(0, len(rows))
        if rows.dtype != pl.String:
            made = pl.from_arrow(hashed_column(rows.to_arrow(), self.seed, self.n_bits))
            assert isinstance(made, pl.Series)
            return made
        array: Any = rows.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
        bits, data = array.buffers()[:2]
        before = array.offset % 8  # so far back does the first byte of the validity begin
        start, stop = array.offset - before, array.offset + len(array)
        bits = None if bits is None else bits.slice(start // 8)
        views = np.frombuffer(data, np.uint64).reshape(-1, 2)[start:stop]
        hashes = np.zeros(len(views), np.uint32)
        left = self._peel(views, _present(bits, before, len(views)), hashes)
        if len(left):
            hashes[left] = self._looked_up(rows.to_arrow().take(pa.array(left - before)))  # Polars' own gather wakes its threads
        made = pl.from_arrow(pa.Array.from_buffers(pa.uint32(), len(array), [bits, pa.py_buffer(hashes)], array.null_count, before))
        assert isinstance(made, pl.Series)
        return made

    def _peel(self, views: Views, rows: Rows, hashes: npt.NDArray[np.uint32]) -> Rows:
        """Enter the hashes of short texts, and return the rows that are left."""
        heads, tails = (views[:, half] if len(rows) == len(views) else views[rows, half] for half in (0, 1))
        long = heads.astype(np.uint32) > _INLINE  # the length is the lower half
        late = rows[long]
        if len(late):
            short = np.flatnonzero(~long)
            rows, heads, tails = rows[short], heads[short], tails[short]
        for _ in range(_MOST_PEELED):
            if not len(rows):
                return late
            # All of them get the first one's hash; the next ones overwrite it, so that a common text is written but once.
            hashes[rows if len(rows) < len(hashes) else slice(None)] = self._of_view(int(heads[0]), int(tails[0]))
            others = np.flatnonzero((heads != heads[0]) | (tails != tails[0]))
            rows, heads, tails = rows[others], heads[others], tails[others]
        return np.concatenate([late, rows])

    def _of_view(self, head: int, tail: int) -> int:
        """Return the hash of a short text, by its view."""
        known = self._of_views.get((head, tail))
        if known is None:
            n_bytes = head & 0xFFFFFFFF
            text = np.array([head, tail], "<u8").tobytes()[4 : 4 + n_bytes]
            known = int(hashed_column(pa.array([text], pa.large_binary()), self.seed, self.n_bits)[0].as_py())
            if len(self._of_views) >= _MOST_KNOWN:
                self._of_views.clear()
            self._of_views[head, tail] = known
        return known

    def _looked_up(self, texts: pa.Array) -> npt.NDArray[np.uint32]:
        """Return the hashes of any texts; what is said of a missing one is to be overwritten."""
        encoded = texts.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        unknown = [text for text in distinct if text not in self._of_texts]
        if len(self._of_texts) + len(unknown) > _MOST_KNOWN:
            whole = hashed_column(encoded.dictionary, self.seed, self.n_bits)
        else:
            if unknown:
                found = hashed_column(pa.array(unknown, pa.large_string()), self.seed, self.n_bits)
                self._of_texts.update(zip(unknown, found.to_pylist(), strict=True))
            whole = pa.array([self._of_texts[text] for text in distinct], pa.uint32())
        numbers = np.append(np.asarray(whole), np.uint32(0))  # the last one stands for missing
        indices: npt.NDArray[np.int32] = np.asarray(encoded.indices.fill_null(len(distinct)))
        made: npt.NDArray[np.uint32] = numbers[indices]
        return made


def _present(bits: pa.Buffer | None, before: int, n_rows: int) -> Rows:
    """Return which rows are not missing, and not among those before the first one."""
    if bits is None:
        return np.arange(before, n_rows)
    there = np.unpackbits(np.frombuffer(bits, np.uint8), count=n_rows, bitorder="little")
    there[:before] = 0
    return np.flatnonzero(there.view(np.bool_))
