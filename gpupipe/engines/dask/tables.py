"""Stages on tables in blocks: mapped, shuffled by key once, joined, sorted, stacked, or gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import dask.dataframe as dd

from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.core.verbs import ByBlock, Joining, Sorting, Spread, Stacking
from gpupipe.engines._block_engine import PACKED
from gpupipe.engines._blocks import GuardBlock, MeasureBytes, MergeBlocks, TaskContext, added
from gpupipe.engines._shipping import ship
from gpupipe.engines._stretch import KeepBlock, RunStage, StackRows, Stretch
from gpupipe.engines._symbolic import VERBS, empty_frame, frame_schema, keeps_keys
from gpupipe.engines._tried import try_stage
from gpupipe.engines.dask.aggregates import Aggregation, PartlyAggregated, in_parts
from gpupipe.engines.dask.blocks import SPLIT_EVERY, Blocks, Moved, Placed, Site, Worked, mapped, meta_of, placed_by_key, reduced, same
from gpupipe.engines.dask.sorting import sorted_blocks

_FEW = 4  # parts of so many times what is broadcast go by a tree: their result may well be one block, and be sent as one
_MUCH_LARGER = 32  # to deal a side so many times larger by key would move more than to send the small one to every worker


def run_stage(stage: TableStage, inputs: Sequence[Blocks], schema: Schema, site: Site) -> Blocks:
    """Return the stage's result on the inputs."""
    if stage.kind == "row":
        return by_block(stage, inputs, schema, site, inputs[0].n_rows)
    if isinstance(stage, KeyStage):
        return _by_key(stage, inputs, schema, site)
    return _spread(stage, stage.spread(), inputs, schema, site)


def by_block(stage: TableStage, inputs: Sequence[Blocks], schema: Schema, site: Site, n_rows: int) -> Blocks:
    """Return the stage's result block by block; an input of one block goes with every block of the others."""
    first = max(inputs, key=lambda given: given.n_blocks)
    placed = first.placed
    kept = placed is not None and keeps_keys(stage, [given.schema for given in inputs], placed.keys)
    return Blocks(_run(stage, inputs, schema, site.at), schema, n_rows, placed if kept else None)


def _run(stage: TableStage, inputs: Sequence[Blocks], schema: Schema, at: TaskContext) -> Worked:
    """Return a stage run on each block of some tables."""
    return Worked(at, RunStage(stage, schema), tuple(given.origin for given in inputs), schema)


def _by_key(stage: KeyStage, inputs: Sequence[Blocks], schema: Schema, site: Site) -> Blocks:
    """Return a key stage's result: the rows of a key are brought into one block, unless they are there."""
    keys = stage.keys or tuple(inputs[0].schema)
    n_rows = sum(given.n_rows for given in inputs)
    if _together(inputs, keys):
        return by_block(stage, inputs, schema, site, n_rows)
    if len(inputs) == 1:
        grouping = stage.grouping()
        found = None if grouping is None else in_parts(grouping, inputs[0].schema)
        if found is not None:
            return aggregated(found, stage.name, inputs[0], schema, site)
    by, n_blocks = _meeting_place(inputs, keys)
    return by_block(stage, [placed_by_key(given, by, n_blocks, site.at) for given in inputs], schema, site, n_rows)


def aggregated(found: Aggregation, name: str, blocks: Blocks, schema: Schema, site: Site) -> Blocks:
    """Return the aggregates: each block's by itself, then those of all, by a tree where they are few, else dealt by key."""
    partly, again, last = PartlyAggregated(found, again=False), PartlyAggregated(found, again=True), PartlyAggregated(found, True, schema)
    kept = frame_schema(partly.run(VERBS, empty_frame(blocks.schema)), ())
    parts = Blocks(_run(partly, [blocks], kept, site.at), kept, blocks.n_rows)
    if found.keys and parts.n_bytes > _FEW * site.options.broadcast_bytes:
        dealt = placed_by_key(parts, found.keys, blocks.n_blocks, site.at)
        return Blocks(_run(last, [dealt], schema, site.at), schema, parts.n_rows, dealt.placed)
    combine, finish = (
        ship(_alone(site.at, RunStage(stage, made), kept), site.at.label(name)) for stage, made in ((again, kept), (last, schema))
    )

    def whole(frame: Any) -> Any:
        meta = meta_of(schema, site.at.engine)
        return frame.reduction(ship(same, "same"), aggregate=finish, combine=combine, meta=meta, split_every=SPLIT_EVERY)

    return Blocks(Moved(whole, (parts.origin,), schema, 1), schema, parts.n_rows)


def _alone(at: TaskContext, work: RunStage, given: Schema) -> Stretch:
    """Return the stretch of one work on a block that is kept."""
    return Stretch(at, (given,), ((at, work, (0,)),), ((at, KeepBlock(), (1,)),))


def _together(inputs: Sequence[Blocks], keys: Sequence[str]) -> bool:
    """Whether the rows of each key are in one block, of the same number in every input."""
    if len(inputs) == 1 or all(given.n_blocks == 1 for given in inputs):
        return all(given.is_placed(keys) for given in inputs)
    return all(given.is_placed(keys) and given.placed == inputs[0].placed for given in inputs) and inputs[0].placed is not None


def _meeting_place(inputs: Sequence[Blocks], keys: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return by which columns, and into how many blocks, all inputs are dealt; one that is dealt already stays."""
    for given in inputs:
        if given.placed is not None and given.placed.by.startswith("hash:") and set(given.placed.keys) <= set(keys):
            return given.placed.keys, given.n_blocks
    return tuple(keys), max(given.n_blocks for given in inputs)


def _spread(stage: TableStage, how: Spread | None, inputs: Sequence[Blocks], schema: Schema, site: Site) -> Blocks:
    """Return a table stage's result, in the way it is done on many blocks."""
    if all(given.n_blocks == 1 for given in inputs) and not isinstance(how, Stacking):
        return by_block(stage, inputs, schema, site, _joined_rows(how, inputs))
    if isinstance(how, Joining):
        return _joined(stage, how, inputs, schema, site)
    if isinstance(how, Sorting):
        return sorted_blocks(stage, how, inputs[0], site)
    if isinstance(how, Stacking):
        return _stacked(stage, inputs, schema, site)
    if isinstance(how, ByBlock):
        part = by_block(stage, inputs, schema, site, inputs[0].n_rows)
        return by_block(stage, [gathered(part, site, stage.name)], schema, site, part.n_rows) if how.again else part
    single = [gathered(given, site, stage.name) for given in inputs]
    return by_block(stage, single, schema, site, sum(given.n_rows for given in inputs))


def _joined_rows(how: Spread | None, inputs: Sequence[Blocks]) -> int:
    """Return about how many rows come of some tables."""
    if isinstance(how, Joining) and how.how in ("inner", "left", "semi", "anti"):
        return inputs[0].n_rows
    return sum(given.n_rows for given in inputs)


def _joined(stage: TableStage, how: Joining, inputs: Sequence[Blocks], schema: Schema, site: Site) -> Blocks:
    """Return the tables joined, from left to right."""
    left = inputs[0]
    for number, right in enumerate(inputs[1:], start=1):
        made = schema if number == len(inputs) - 1 else _joined_schema(stage, left.schema, right.schema)
        left = _pair(stage, how, left, right, made, site)
    return left


def _joined_schema(stage: TableStage, left: Schema, right: Schema) -> Schema:
    """Return the columns of two tables joined."""
    return try_stage(stage, (left, right)).schema


def _pair(stage: TableStage, how: Joining, left: Blocks, right: Blocks, schema: Schema, site: Site) -> Blocks:
    """Return two tables joined: the smaller sent to every block of the other where it is small, else both dealt by key."""
    n_rows = _joined_rows(how, (left, right))
    if left.n_blocks == right.n_blocks == 1:
        return by_block(stage, (left, right), schema, site, n_rows)
    if how.how == "cross":
        small, large = sorted((left, right), key=lambda given: given.n_bytes)
        small = gathered(small, site, stage.name)
        pair = (left, small) if large is left else (small, right)
        return by_block(stage, pair, schema, site, left.n_rows * right.n_rows)
    if how.how in ("inner", "left", "semi", "anti") and _is_small(right, left, site) and _seen(how, "left", left):
        made = by_block(stage, (left, gathered(right, site, stage.name)), schema, site, n_rows)
        stays = left.placed is not None and (not how.left_suffix or set(left.placed.keys) <= set(how.left_on))
        return replace(made, placed=left.placed if stays else None)  # the left's rows stay where they are
    if how.how in ("inner", "right") and _is_small(left, right, site) and _seen(how, "right", right):
        return replace(by_block(stage, (gathered(left, site, stage.name), right), schema, site, n_rows), placed=None)
    n_blocks = max(left.n_blocks, right.n_blocks)
    if left.placed == Placed(how.left_on, f"hash:{left.n_blocks}"):
        n_blocks = left.n_blocks
    elif right.placed == Placed(how.right_on, f"hash:{right.n_blocks}"):
        n_blocks = right.n_blocks
    pair = (placed_by_key(left, how.left_on, n_blocks, site.at), placed_by_key(right, how.right_on, n_blocks, site.at))
    made = by_block(stage, pair, schema, site, n_rows)
    return replace(made, placed=Placed(how.left_on, f"hash:{n_blocks}"))


def _seen(how: Joining, side: Literal["left", "right"], blocks: Blocks) -> bool:
    """Whether a block of a side shows what is asked of its keys: that each stands in one row, if that is asked."""
    return side not in how.once or blocks.is_placed(how.left_on if side == "left" else how.right_on)


def _is_small(blocks: Blocks, other: Blocks, site: Site) -> bool:
    """Whether a side of a join is sent to every block of the other; one block is there already, and may be larger."""
    may_be = min(site.gather_bytes, other.n_bytes // _MUCH_LARGER) if site.options.broadcast_bytes else 0
    if blocks.n_bytes <= may_be:
        return True
    return blocks.n_bytes <= site.options.broadcast_bytes * (_FEW if blocks.n_blocks == 1 else 1)


def _stacked(stage: TableStage, inputs: Sequence[Blocks], schema: Schema, site: Site) -> Blocks:
    """Return the rows of all tables, in the columns of the result; each block is brought to them by itself."""
    schemas = tuple(one.schema for one in inputs)
    parts = [Worked(site.at, StackRows(stage, schema, number, schemas), (given.origin,), schema) for number, given in enumerate(inputs)]
    n_rows = sum(given.n_rows for given in inputs)
    if len(parts) == 1:
        return Blocks(parts[0], schema, n_rows)
    n_blocks = sum(given.n_blocks for given in inputs)
    return Blocks(Moved(lambda *frames: dd.concat(list(frames)), tuple(parts), schema, n_blocks), schema, n_rows)


def gathered(blocks: Blocks, site: Site, name: str) -> Blocks:
    """Return the table in one block, on one worker; over that worker's budget the run ends with what was needed."""
    if blocks.n_blocks == 1:
        return blocks
    guard = GuardBlock(site.at, name, site.gather_bytes)
    sizes, add = MeasureBytes(site.at), MergeBlocks(site.at, added)

    def together(frame: Any) -> Any:
        total = reduced(mapped(sizes, "measure-bytes", PACKED, frame), add, "add-bytes")
        return mapped(guard, "gather", meta_of(blocks.schema, site.at.engine), frame, total).repartition(npartitions=1)

    return replace(blocks, origin=Moved(together, (blocks.origin,), blocks.schema, 1), placed=None, dealt={})
