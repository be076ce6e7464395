"""A dimension's factor beside coordinates of its labels, drawn as places on a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import ColumnError, DtypeError, PlanError, StageError
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages.tensors._factors import columns_of, component_columns
from gpupipe.stages.tensors._model import TensorModel, never_missing
from gpupipe.stages.tensors._pictures import MOST_COMPONENTS, on_host

MOST_PLACES = 2_000  # of a drawing
RADIUS = 5.0  # pixels


@dataclass(frozen=True)
class FactorMap(TaskStage):
    """Gives a dimension's factor beside the coordinates of its labels, and shows each component as places on a map.

    Parameters
    ----------
    dim
        The dimension, and the column of its labels in the table of coordinates, which has each label once; others there are left out.
    x, y
        The columns of coordinates, such as longitude and latitude.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table,)

    model: TensorModel
    dim: str
    x: str
    y: str

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the label and the coordinates."""
        return [[self.dim, self.x, self.y]]

    def plan(self, *specs: Any) -> Schema:
        """Return the label, the coordinates and the components, none of them missing."""
        spec, (schema,) = self.model.cell_spec(), specs
        mode = spec.place(self.dim, "factor_map")
        schema.require([self.dim, self.x, self.y])
        schema.require_numeric([self.x, self.y], "factor_map's coordinates")
        if schema[self.dim].dtype != spec.dims[mode][1]:
            got = f"{spec.dims[mode][1]} in {self.dim!r}, got {schema[self.dim].dtype}"
            msg = f"factor_map expects labels of the fit's dtype {got}. Cast them."
            raise DtypeError(msg)
        n_components = self.model.matrix(mode).shape[1]
        if not n_components:
            msg = "How many components a share of the parameters is will be known with the tensor. Give the rank as a number."
            raise PlanError(msg)
        made = component_columns(n_components, spec.value[1])
        if len({self.dim, self.x, self.y, *made}) < 3 + n_components:
            msg = f"factor_map makes {', '.join(made)}, and expects other, different columns as dimension and coordinates. Rename one."
            raise ColumnError(msg)
        return never_missing({self.dim: spec.dims[mode][1], self.x: nw.Float64(), self.y: nw.Float64(), **made})

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the table."""
        xp, model, (frame,) = tools.xp, self.model.adopted(tools), inputs
        mode = model.dims.index(self.dim)
        labels, matrix = model.labels[mode], model.matrix(mode)
        frame = frame.filter(~nw.col(self.dim).is_null())
        codes = tools.coded((labels, [self.dim]), (frame, [self.dim]))
        row_of = xp.full(len(codes.keys), -1, dtype=np.int64)
        row_of[codes.numbers[1]] = xp.arange(len(frame))
        rows = row_of[codes.numbers[0]]
        n_twice = len(frame) - len(xp.unique(codes.numbers[1]))
        n_missing = int((rows < 0).sum())
        places = {name: tools.array(frame, name).astype(np.float64) for name in (self.x, self.y)}
        n_unknown = 0 if n_missing else sum(int((~xp.isfinite(values[rows])).sum()) for values in places.values())
        if n_twice or n_missing or n_unknown:
            got = f"{n_twice} labels a second time" if n_twice else f"none for {n_missing} labels" if n_missing else f"{n_unknown} missing"
            msg = f"factor_map expects coordinates for each label of {self.dim!r}, once, got {got}. Mend the table of coordinates."
            raise StageError(msg)
        at = {name: values[rows] for name, values in places.items()}
        names = [str(label) for label in labels[self.dim].to_list()]
        tools.show(f"Map of {self.dim}", *self._drawn(names, [on_host(values) for values in at.values()], on_host(matrix)))
        return tools.frame({**at, **columns_of(tools, matrix)}, beside=labels)

    def _drawn(self, names: Sequence[str], at: Sequence[Any], matrix: Any) -> list[Mapping[str, Any]]:
        """Return a part for each component: places, the stronger in colour the larger the factor, in another where it is below 0."""
        step = max(1, -(-len(names) // MOST_PLACES))
        parts: list[Mapping[str, Any]] = []
        for component in range(min(matrix.shape[1], MOST_COMPONENTS)):
            largest = float(np.abs(matrix[:, component]).max()) or 1.0
            discs = [
                {
                    "x": float(at[0][place]),
                    "y": float(at[1][place]),
                    "radius": RADIUS,
                    "label": "",
                    "told": f"{names[place]}: {matrix[place, component]:.4g}",
                    "value": round(float(matrix[place, component]) / largest, 4),
                }
                for place in range(0, len(names), step)
            ]
            title = f"{self.dim}: component {component + 1}, up to {largest:.3g}"
            parts.append({"kind": "discs", "title": title, "x": self.x, "y": self.y, "discs": discs})
        return parts
