"""Appends distances on the Earth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage
from gpupipe.core.verbs import ArrayMap
from gpupipe.stages._ordered import require_new

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

RADIUS = {"km": 6371.0088, "m": 6371008.8, "mi": 3958.7613}  # the mean radius of the Earth, IUGG


@dataclass(frozen=True, init=False)
class Haversine(RowStage):
    """Appends the great-circle distance between two points in degrees, as Float64; missing where a coordinate is.

    Source: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68, 1984; on a sphere of the Earth's mean radius.

    Parameters
    ----------
    start, end
        The columns of latitude and longitude of both points, in degrees.
    unit
        ``"km"``, ``"m"`` or ``"mi"``.
    name
        The new column's name.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"a": [52.52], "b": [13.405], "c": [48.8566], "d": [2.3522]})
    >>> Haversine(("a", "b"), ("c", "d")).apply(frame)["distance"].round(1).to_list()
    [877.5]
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    columns: tuple[str, ...]
    unit: Literal["km", "m", "mi"]
    made: str

    def __init__(
        self, start: tuple[str, str], end: tuple[str, str], *, unit: Literal["km", "m", "mi"] = "km", name: str = "distance"
    ) -> None:
        columns = (*start, *end)
        if isinstance(start, str) or isinstance(end, str) or len(columns) != 4 or unit not in RADIUS:
            msg = f"Haversine expects (latitude, longitude) twice and unit 'km', 'm' or 'mi', got {start!r}, {end!r} and {unit!r}."
            raise UsageError(msg)
        settle(self, columns=columns, unit=unit, made=name)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one that holds no numbers."""
        schemas[0].require_numeric(self.columns, "Haversine")
        require_new(schemas[0], [self.made], "Haversine")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the distances."""
        mapped = ArrayMap(self.columns, ((self.made, nw.Float64()),), partial(_distances, RADIUS[self.unit]), nan_as_null=True)
        return verbs.map_arrays(frames[0], mapped)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the coordinates."""
        return frozenset(self.columns)


def _distances(radius: float, points: Any) -> list[Any]:
    """Return the distances between points [n_rows, 4]."""
    latitude, longitude, other_latitude, other_longitude = np.radians(points.astype(np.float64)).T
    half = np.sin((other_latitude - latitude) / 2) ** 2
    half = half + np.cos(latitude) * np.cos(other_latitude) * np.sin((other_longitude - longitude) / 2) ** 2
    return [2 * radius * np.arcsin(np.sqrt(np.clip(half, 0, 1)))]
