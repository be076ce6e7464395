"""Reports of runs as runs of MLflow: parameters, scores, tags, and the report's files as artefacts."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from gpupipe.core.errors import MissingExtraError, SinkError

TAG = "gpupipe.report"  # the digest of the report, by which a run is known again
_LONGEST = 6000  # characters of a parameter's value, MLflow's own limit
_STATUS = {"ok": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_FILES = ("report.json", "report.html")
_MANY = 1000  # metrics that MLflow takes at once
_FEW = 100  # parameters that it takes at once


def to_mlflow(folder: Path, runs: Sequence[Mapping[str, Any]], uri: str, experiment: str | None = None) -> list[dict[str, Any]]:
    """Return what was done of each run: its name, MLflow's id for it, and whether it was there already.

    Parameters
    ----------
    folder
        The folder with the reports' folders.
    runs
        What `found_runs` gives of them.
    uri
        MLflow's tracking store, ``sqlite:///runs.db`` or a server's address.
    experiment
        The experiment; each run's pipeline unless given.

    Raises
    ------
    MissingExtraError
        MLflow is not installed.
    SinkError
        The store cannot be reached, or refuses.
    """
    with _mlflow() as mlflow:
        try:
            client = mlflow.MlflowClient(tracking_uri=uri)
            return [_exported(mlflow, client, folder, run, experiment or str(run["pipeline"])) for run in runs]
        except (mlflow.exceptions.MlflowException, OSError, ImportError) as error:
            msg = f"MLflow's tracking store {uri!r} could not be written: {error}"
            raise SinkError(msg) from error


@contextmanager
def _mlflow() -> Iterator[Any]:
    """Give MLflow, quiet: it says nothing of versions and of tables that it makes, and tells nobody that it was used."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import mlflow  # local: seconds
            import mlflow.entities  # local: as above
        except ImportError as error:
            raise MissingExtraError.of(f"An export to MLflow needs {error.name}", "mlflow") from error
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        yield mlflow


def _exported(mlflow: Any, client: Any, folder: Path, run: Mapping[str, Any], experiment: str) -> dict[str, Any]:
    """Return what was done of one run; one that a broken export left half done is made anew."""
    place = folder / str(run["name"]) if (folder / str(run["name"]) / "report.json").is_file() else folder
    content = (place / "report.json").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = client.get_experiment_by_name(experiment)
    number = client.create_experiment(experiment) if known is None else known.experiment_id
    for found in client.search_runs([number], filter_string=f"tags.`{TAG}` = '{digest}'"):
        if found.info.status != "RUNNING":
            return {"run": run["name"], "id": found.info.run_id, "experiment": experiment, "new": False}
        client.delete_run(found.info.run_id)
    started = int(datetime.fromisoformat(str(run["started"])).timestamp() * 1000)
    report = json.loads(content)
    tags = {TAG: digest, "gpupipe.engine": str(run["engine"]), "gpupipe.pipeline": str(run["pipeline"])}
    tags |= {"gpupipe.status": str(run["status"]), "gpupipe.version": str(report.get("gpupipe", "")), "mlflow.source.type": "LOCAL"}
    tags |= {"mlflow.source.name": str(report["file"])} if report.get("file") else {}
    made = client.create_run(number, start_time=started, tags=tags, run_name=str(run["name"]))
    _log(mlflow, client, made.info.run_id, run, started)
    for name in _FILES:
        if (place / name).is_file():
            client.log_artifact(made.info.run_id, str(place / name))
    ended = started + int(float(run["seconds"]) * 1000)
    client.set_terminated(made.info.run_id, _STATUS.get(str(run["status"]), "FINISHED"), end_time=ended)
    return {"run": run["name"], "id": made.info.run_id, "experiment": experiment, "new": True}


def _log(mlflow: Any, client: Any, number: str, run: Mapping[str, Any], started: int) -> None:
    """Write parameters and scores, in as many pieces as MLflow takes."""
    parameters = [mlflow.entities.Param(name, str(value)[:_LONGEST]) for name, value in allowed(run["parameters"]).items()]
    scores = {**run["scores"], "run.seconds": run["seconds"], "run.peak_bytes": run["peak_bytes"]}
    metrics = [mlflow.entities.Metric(name, float(value), started, 0) for name, value in allowed(scores).items()]
    for first in range(0, len(parameters), _FEW):
        client.log_batch(number, params=parameters[first : first + _FEW])
    for first in range(0, len(metrics), _MANY):
        client.log_batch(number, metrics=metrics[first : first + _MANY])


def allowed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under names that MLflow takes; where two become one, a number tells them apart.

    Examples
    --------
    >>> allowed({"rmse": 1, "a(b)": 2, "a[b]": 3})
    {'rmse': 1, 'a_b_': 2, 'a_b__2': 3}
    """
    made: dict[str, Any] = {}
    for name, value in values.items():
        plain = re.sub(r"[^\w\-./: ]", "_", name, flags=re.ASCII) or "_"
        count = 2
        chosen = plain
        while chosen in made:
            chosen, count = f"{plain}_{count}", count + 1
        made[chosen] = value
    return made
