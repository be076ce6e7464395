"""Demands: what an engine is asked to compute. It gets all that are made at one time together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from gpupipe.core.ends import Writer
    from gpupipe.core.schema import Schema
    from gpupipe.core.want import Want


@dataclass(frozen=True)
class Demand:
    """One thing to compute.

    Parameters
    ----------
    form
        ``"arrow"``: an Arrow table; ``"held"``: the engine's data, computed and kept; ``"rows"``: the number of rows;
        ``"write"``: nothing, but the writer has all rows; ``"drain"``: nothing, but every value was made.
    schema
        The columns that are needed of the data, in their order and dtypes; an engine holds the data to it.
    """

    form: Literal["arrow", "held", "rows", "write", "drain"]
    data: Any
    want: Want | None = None
    writer: Writer | None = None
    schema: Schema | None = None
