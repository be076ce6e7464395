"""The form of what this package draws: plain values, as they stand in ``report.json``.

A report::

    gpupipe pipeline engine status started seconds file      status: ok, failed, interrupted; started: ISO 8601; file: path or null
    parameters versions                                      {name: value}
    machine        {platform, cpus, memory_bytes}
    cluster        {dashboard, workers, lost_workers, tasks_done_again, retries}, null for engines without one
                   workers: [{address, threads, memory_limit, blocks, rows, bytes, seconds, spilled_bytes, steps}]
    memory         {peak_bytes, samples: [[seconds, bytes], ...]}
    stages         [{id, name, label, kind, inputs, where, rows_in, rows_out, columns_out, seconds, bytes, stretch, pushed, schema,
                   note, checkpoint, facts, spans}]; kind: see ``KINDS``; pushed: {columns, of, filter} or null
                   spans: [[seconds since the run's start, seconds], ...] in which it was at work; may be missing
                   facts: {name: a scalar}, what is to be said of a graph, a tensor, or how a task went; may be missing
                   schema: [[column, dtype, nullable], ...] or null
    stretches      [{id, stages, seconds, peak_bytes, spans}]       stages that ran as one query: their seconds are known only together, and
                   those of each are 0. So a run's seconds are those of its stretches, of its other stages, and of what is around them
    crossings      {host_to_device_bytes, device_to_host_bytes, host_copies_bytes, between_ends_bytes, policy, budget_bytes, events,
                   confirmed}
                   events: [{stage, direction, bytes, seconds, reason, at_end}]; direction: host_to_device, device_to_host, host_copy;
                   at_end: a source's rows coming in, or a sink's going out, which between_ends_bytes leaves out
                   confirmed: null, or what the driver copied: [{stage, host_to_device, device_to_host, copies, largest}], in bytes
    fallbacks      [{stage, reason}]
    outputs        {name: a scalar, or {rows, columns, path}, or {fitted, path}, or {held, told, path} for a graph and its like,
                   or {metric: number}}
    curves         [{stage, label, kind, x, y, auc}]
    models         [{stage, estimator, parameters, features, importance: [[feature, number], ...], importance_kind, history}]
    cards          [{stage, section, title, parts}], may be missing: what stages have to say of their results, see ``cards.py``
    previews       [{stage, section, title, parts}], may be missing: the first rows of tables that came out, or were written, as cards
    error          {type, message, notes} or null
    checkpoints    {folder, resumed, taken, kept, skipped, remarks}; missing for a run without. taken, kept, skipped: stage ids, as is
                   checkpoint of a stage: taken, kept, skipped, null or missing; remarks: [{stages, text}]
    output_stages  {name: stage id}, may be missing: marks in the drawing where the outputs come from

A *plan* holds ``pipeline``, ``stages`` and ``outputs`` (name to stage id); its stages have no rows, seconds or bytes. They are
mappings and not classes, because a report is read back from JSON that another gpupipe may have written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from gpupipe.core.errors import ArtefactError, GpupipeError

Stage = Mapping[str, Any]
Stages = Sequence[Stage]
Report = Mapping[str, Any]
Plan = Mapping[str, Any]

DEVICE_ENGINES = ("gpu", "dask-cuda")
LEAST_SECONDS = 0.0005  # what is less is not told

# Kind to how it is spoken of; the order is that of the legend.
KINDS: Mapping[str, str] = {
    "source": "source",
    "row": "row stage",
    "key": "key stage",
    "table": "table verb",
    "fit": "fit",
    "learner": "learner",
    "task": "task",
    "apply": "fitted",
    "value": "value",
    "sink": "sink",
}


def title_of(stage: Stage) -> str:
    """Return what a stage is called: its label, or the name of its class.

    Examples
    --------
    >>> title_of({"name": "ReadCsv", "label": "performance"}), title_of({"name": "Join", "label": None})
    ('performance', 'Join')
    """
    return str(stage.get("label") or stage["name"])


def kind_of(stage: Stage) -> str:
    """Return the kind of a stage; one that this version does not know is drawn as a row stage."""
    kind = str(stage.get("kind"))
    return kind if kind in KINDS else "row"


def has_run(stage: Stage) -> bool:
    """Return whether a run got through this stage: rows came out, or it took time, alone or in a stretch.

    Examples
    --------
    >>> has_run({"rows_in": 3, "rows_out": 3, "seconds": 0.0}), has_run({"rows_in": 3, "rows_out": None, "seconds": 0.0})
    (True, False)
    """
    return (
        stage.get("rows_out") is not None
        or stage.get("checkpoint") == "taken"
        or bool(stage.get("seconds"))
        or stage.get("stretch") is not None
    )


def has_device(report: Report) -> bool:
    """Return whether a run had a device beside the host, or moved bytes to one or from one.

    Examples
    --------
    >>> has_device({"engine": "cpu", "crossings": {}}), has_device({"engine": "dask-cuda", "crossings": {}})
    (False, True)
    """
    crossed = report["crossings"]
    moved = (crossed.get("host_to_device_bytes") or 0) + (crossed.get("device_to_host_bytes") or 0)
    return report["engine"] in DEVICE_ENGINES or moved > 0 or crossed.get("confirmed") is not None


def seconds_around(report: Report) -> float:
    """Return the time of a run that no stage took: engines and clusters opened and closed, outputs handed over.

    Examples
    --------
    >>> seconds_around({"seconds": 3.5, "stages": [{"seconds": 1.0}, {"seconds": None}], "stretches": [{"seconds": 2.0}]})
    0.5
    """
    return float(report["seconds"] or 0.0) - seconds_within(report)


def seconds_within(report: Report) -> float:
    """Return the time that a run's stages took, alone or in stretches."""
    return float(sum(entry.get("seconds") or 0.0 for entry in (*report["stages"], *report["stretches"])))


def pushed_of(stage: Stage) -> tuple[str, str]:
    """Return what a source was told to read: its columns as "4 of 31 columns", and its filter; empty where not known.

    Examples
    --------
    >>> pushed_of({"pushed": {"columns": ["a", "b"], "of": 31, "filter": "status >= 1"}})
    ('2 of 31 columns', 'status >= 1')
    >>> pushed_of({"pushed": None})
    ('', '')
    """
    pushed = stage.get("pushed")
    if not pushed:
        return "", ""
    columns, total = pushed.get("columns"), pushed.get("of")
    if columns is None:
        read = "all columns"
    elif total is None:
        read = f"{len(columns)} columns"
    elif len(columns) == total:
        read = f"all {total} columns"
    else:
        read = f"{len(columns)} of {total} columns"
    return read, str(pushed.get("filter") or "")


def inputs_of(stages: Stages) -> dict[int, tuple[int, ...]]:
    """Return each stage's inputs by id: each once, those that are not in the list left out.

    Examples
    --------
    >>> inputs_of([{"id": 0, "inputs": []}, {"id": 1, "inputs": [0, 0, 9]}])
    {0: (), 1: (0,)}
    """
    known = {int(stage["id"]) for stage in stages}
    return {int(s["id"]): tuple(dict.fromkeys(int(i) for i in s.get("inputs") or () if int(i) in known)) for s in stages}


@contextmanager
def drawn_from(what: str) -> Iterator[None]:
    """Turn what goes wrong in the block with values of another form into ArtefactError."""
    try:
        yield
    except GpupipeError:
        raise
    except Exception as error:  # whatever the first place says that meets another form
        msg = f"Expected {what} of the form that gpupipe writes, got something else: {type(error).__name__}: {error}."
        raise ArtefactError(msg) from error
