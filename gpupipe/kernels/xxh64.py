"""XXH64 of whole columns: the hash behind splits and samples that come out alike on every engine.

A row's place in a hashed split may depend on its values only: not on the row's position, the column's width, the chunks of the
column, nor the library that holds it. So a column is first brought to one form for its kind (integers to int64, floats to
float64, text to UTF-8; see `kernels/xxh64_table.py`) and each element's bytes are then hashed by XXH64, which cuDF computes on the device
as ``hash_values(method="xxhash64")``. Hashes of several columns are mixed by `combine`, and a null has a hash of its own
(`null_hash`), because cuDF's hash of a whole row forgets every column before a null.

The functions from `xxh64_fixed` to `combine` use operators alone, so they take NumPy and CuPy arrays alike.

Source: Yann Collet, "xxHash fast digest algorithm", section "XXH64 algorithm description" (doc/xxhash_spec.md of xxHash).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gpupipe.core.errors import DtypeError

Hashes: TypeAlias = npt.NDArray[np.uint64]

_PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
_P1, _P2, _P3, _P4, _P5 = (np.uint64(prime) for prime in _PRIMES)
_WRAP = 2**64  # seeds are added as Python integers, because NumPy warns when a scalar wraps around
_NAN = np.uint64(0x7FF8000000000000)
BLOCK = 1 << 15  # elements hashed at a time: the block and what is made on the way stay in the cache of one core
_STRIPE = 32  # bytes that the four accumulators take in one step


def xxh64_fixed(values: Any, seed: int = 0) -> Any:
    """Return the XXH64 of each item's 8 little-endian bytes, as uint64 in the array's own library.

    Of floats, -0.0 hashes as 0.0 and every NaN as one NaN.

    Parameters
    ----------
    values
        One-dimensional array of int64, uint64 or float64.
    seed
        Any integer; taken modulo 2**64.

    Raises
    ------
    DtypeError
        The items are of another dtype.

    Examples
    --------
    >>> [hex(value) for value in xxh64_fixed(np.array([0, 1]))]
    ['0x34c96acdcadb1bbb', '0x9f29cb17a2a49995']
    """
    _require_8_bytes(values)
    hashes = values.copy().view(np.uint64)
    start = started(seed)
    size, room = _block_size(hashes), _room(hashes)
    for at in range(0, len(hashes), size):
        lanes = hashes[at : at + size]
        spare = None if room is None else room[: len(lanes)]
        if values.dtype == np.float64:
            canonicalise_floats(lanes)
        absorb(start, lanes, spare)
        avalanche(lanes, spare)
    return hashes


def combine(left: Any, right: Any) -> Any:
    """Return one uint64 hash for each pair of uint64 hashes; the order of the two matters.

    It is XXH64's own step for 8 further bytes, with `left` as the state and `right` as the bytes, then its avalanche::

        h = rotl(left ^ (rotl(right * P2, 31) * P1), 27) * P1 + P4
        h ^= h >> 33;  h *= P2;  h ^= h >> 29;  h *= P3;  h ^= h >> 32

    For a fixed `left` it is one-to-one in `right`, and the other way round.

    Examples
    --------
    >>> one, two = xxh64_fixed(np.array([1])), xxh64_fixed(np.array([2]))
    >>> bool(combine(one, two) == combine(two, one))
    False
    """
    mixed = right.copy()
    size, room = _block_size(mixed), _room(mixed)
    for at in range(0, len(mixed), size):
        lanes = mixed[at : at + size]
        spare = None if room is None else room[: len(lanes)]
        absorb(left[at : at + size], lanes, spare)
        avalanche(lanes, spare)
    return mixed


def null_hash(seed: int = 0) -> int:
    """Return the hash of a null: XXH64 of no bytes, with the seed's bits inverted so that it is not the hash of ``""``.

    Examples
    --------
    >>> null_hash(0) == null_hash(1)
    False
    """
    offsets = np.zeros(2, np.int64)
    return int(xxh64_bytes(np.zeros(0, np.uint8), offsets, ~seed)[0])


def xxh64_bytes(data: npt.NDArray[np.uint8], offsets: npt.NDArray[Any], seed: int = 0) -> Hashes:
    """Return the XXH64 of each row of an Arrow-style string column.

    Python's loops run over the stripes of the longest row and the 32 possible lengths of a tail, never over rows.

    Parameters
    ----------
    data
        The bytes of all rows.
    offsets
        n + 1 int32 or int64 positions in `data`; row i is ``data[offsets[i]:offsets[i + 1]]``.
    seed
        Any integer; taken modulo 2**64.

    Examples
    --------
    >>> text = np.frombuffer(b"abc", np.uint8)
    >>> [hex(value) for value in xxh64_bytes(text, np.array([0, 0, 3]))]
    ['0xef46db3751d8e999', '0x44bc2cf5ad770999']
    """
    data = np.ascontiguousarray(data)
    windows = (_windows(data, "<u8"), _windows(data, "<u4"), data)
    hashes = np.empty(len(offsets) - 1, np.uint64)
    for at in range(0, len(hashes), BLOCK):
        part = np.asarray(offsets[at : at + BLOCK + 1], np.int64)
        hashes[at : at + BLOCK] = _hash_rows(windows, part[:-1], np.diff(part), seed)
    return hashes


def _block_size(hashes: Any) -> int:
    """How many elements to hash at a time: on a device all at once, since each step there is a launch."""
    return BLOCK if isinstance(hashes, np.ndarray) else max(1, len(hashes))


def _room(hashes: Any) -> Any:
    """Return room for what is made on the way, used for each block again; None on a device, whose library keeps such room itself."""
    return np.empty(min(len(hashes), BLOCK), np.uint64) if isinstance(hashes, np.ndarray) else None


def _require_8_bytes(values: Any) -> None:
    if values.dtype not in (np.dtype(np.int64), np.dtype(np.uint64), np.dtype(np.float64)):
        raise DtypeError(f"xxh64_fixed expected int64, uint64 or float64 items, got {values.dtype}. Cast the array first.")


def started(seed: int) -> np.uint64:
    """Return the state before the 8 bytes of an item."""
    return np.uint64((seed + _PRIMES[4] + 8) % _WRAP)


def canonicalise_floats(bits: Any) -> None:
    """Bring floats to one form, in place: -0.0 to 0.0, every NaN to one NaN."""
    floats = bits.view(np.float64)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        missing = floats != floats  # noqa: PLR0124  (true of NaN alone, in every array library)
        floats += 0.0  # -0.0 + 0.0 is 0.0
    if not isinstance(bits, np.ndarray) or missing.any():  # to ask a device would wait for it
        bits[missing] = _NAN


def _shifted(lanes: Any, n_bits: int, spare: Any) -> Any:
    """The lanes shifted to the right; in the spare array where there is one."""
    return lanes >> np.uint64(n_bits) if spare is None else np.right_shift(lanes, np.uint64(n_bits), out=spare)


def _rotate(lanes: Any, n_bits: int, spare: Any = None) -> None:
    high = _shifted(lanes, 64 - n_bits, spare)
    lanes <<= np.uint64(n_bits)
    lanes |= high


def _round(lanes: Any, spare: Any = None) -> None:
    """The specification's round(0, lane), in place."""
    lanes *= _P2
    _rotate(lanes, 31, spare)
    lanes *= _P1


def absorb(state: Any, lanes: Any, spare: Any = None) -> None:
    """The specification's step for 8 remaining bytes: `lanes` goes in as the bytes and comes out as the new state."""
    _round(lanes, spare)
    lanes ^= state
    _rotate(lanes, 27, spare)
    lanes *= _P1
    lanes += _P4


def avalanche(hashes: Any, spare: Any = None) -> None:
    """The specification's last step, in place."""
    hashes ^= _shifted(hashes, 33, spare)
    hashes *= _P2
    hashes ^= _shifted(hashes, 29, spare)
    hashes *= _P3
    hashes ^= _shifted(hashes, 32, spare)


_Windows: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.uint8]]


def _windows(data: npt.NDArray[np.uint8], dtype: str) -> npt.NDArray[Any]:
    """A view whose item i is the little-endian number at byte i, aligned or not."""
    n_items = max(0, len(data) - np.dtype(dtype).itemsize + 1)
    return np.ndarray((n_items,), dtype, buffer=data, strides=(1,))


def _hash_rows(windows: _Windows, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], seed: int) -> Hashes:
    hashes = np.full(len(starts), (seed + _PRIMES[4]) % _WRAP, np.uint64)
    long = np.flatnonzero(lengths >= _STRIPE)
    if len(long):
        long = long[np.argsort(-lengths[long], kind="stable")]
        hashes[long] = _hash_stripes(windows[0], starts[long], lengths[long] // _STRIPE, seed)
    hashes += lengths.view(np.uint64)
    tails = (lengths % _STRIPE).astype(np.uint8)
    order = np.argsort(tails, kind="stable")  # a radix sort, on one byte
    ends = np.cumsum(np.bincount(tails, minlength=_STRIPE))
    for n_bytes in range(1, _STRIPE):
        rows = order[ends[n_bytes - 1] : ends[n_bytes]]
        if len(rows):
            hashes[rows] = _absorb_tail(windows, starts[rows] + (lengths[rows] - n_bytes), n_bytes, hashes[rows])
    avalanche(hashes)
    return hashes


def _hash_stripes(eights: npt.NDArray[Any], starts: npt.NDArray[np.int64], n_stripes: npt.NDArray[np.int64], seed: int) -> Hashes:
    """The state after all whole stripes; rows come with the longest first, so that each step takes a leading part of them."""
    first = [(seed + add) % _WRAP for add in (_PRIMES[0] + _PRIMES[1], _PRIMES[1], 0, -_PRIMES[0])]
    sums = np.empty((len(starts), 4), np.uint64)
    sums[:] = np.array(first, np.uint64)
    positions = starts[:, None] + np.arange(0, _STRIPE, 8)
    n_rows = len(starts) - np.cumsum(np.bincount(n_stripes))
    for stripe in range(int(n_stripes[0])):
        part = sums[: n_rows[stripe]]
        part += eights[positions[: n_rows[stripe]]] * _P2
        _rotate(part, 31)
        part *= _P1
        positions += _STRIPE
    state = np.zeros(len(starts), np.uint64)
    for lane, n_bits in enumerate((1, 7, 12, 18)):
        turned = sums[:, lane].copy()
        _rotate(turned, n_bits)
        state += turned
    _round(sums)
    for lane in range(4):
        state ^= sums[:, lane]
        state *= _P1
        state += _P4
    return state


def _absorb_tail(windows: _Windows, at: npt.NDArray[np.int64], n_bytes: int, state: Hashes) -> Hashes:
    """The state after the last `n_bytes` (fewer than a stripe) of rows that all have as many."""
    eights, fours, ones = windows
    for _ in range(n_bytes // 8):
        lanes = eights[at]
        absorb(state, lanes)
        state = lanes
        at = at + 8
    if n_bytes & 4:
        state ^= fours[at].astype(np.uint64) * _P1
        _rotate(state, 23)
        state *= _P2
        state += _P3
        at = at + 4
    for extra in range(n_bytes & 3):
        state ^= ones[at + extra].astype(np.uint64) * _P5
        _rotate(state, 11)
        state *= _P1
    return state
