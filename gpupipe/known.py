"""What is known of a node before what follows it is run: the stage that makes a table once numbers and fitted stages are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.stage import Apply, Stage, TableStage, WithResults


def table_stage_of(stage: Stage, given: Sequence[Any]) -> TableStage:
    """Return the stage that makes the table: itself, for an applied one what was fitted, else with the numbers in its expressions.

    Parameters
    ----------
    given
        What is known of the stage's inputs: fitted stages and numbers (as `Literal`) count.
    """
    if isinstance(stage, Apply):
        return stage.stage(given[0])
    if isinstance(stage, WithResults):
        return stage.stage.with_literals([literal.expression() for literal in given[stage.n_tables :]])
    assert isinstance(stage, TableStage)
    return stage
