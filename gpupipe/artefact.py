"""Fitted stages as folders that another machine can load: JSON, Parquet, safetensors, UBJ and skops, never pickle.

::

    model/
      stage.json     what the stage is: its class, its fields, the versions that wrote it, a checksum of each other file
      0/model.ubj    the first estimator, where there is one (0/model.skops for scikit-learn's)
      0.parquet      tables, where there are some
      0.safetensors  arrays, where there are some
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from gpupipe.core.errors import ArtefactError, GpupipeError, UsageError, listing
from gpupipe.core.holding import Holding
from gpupipe.core.stage import RowStage
from gpupipe.core.work import WorkFolder
from gpupipe.report.record import versions
from gpupipe.saved import Reader, Saved, ValueWriter, need_keys, shown

FORMAT = 1
_OTHERS = 20  # names of files that are not a stage's: so many are enough to tell


def save(stage: Saved, path: str | Path) -> Path:
    """Return the folder into which something fitted is written, a graph or a tensor, whole or not at all; an older one is replaced.

    Parameters
    ----------
    stage
        A fitted stage, a graph or a tensor of a run's result, or a `Chain` of several fitted stages.
    path
        The folder to write. Its parents are made.

    Raises
    ------
    ArtefactError
        Where the stage, or its estimator, cannot be written without pickle.

    Examples
    --------
    >>> import polars as pl, tempfile
    >>> from gpupipe import Standardize
    >>> frame = pl.DataFrame({"x": [1.0, 3.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     loaded = load(save(Standardize("x").fit_plain(frame), f"{folder}/scaler"))
    >>> loaded.apply(frame)["x"].to_list()
    [-1.0, 1.0]
    """
    if not isinstance(stage, RowStage | Holding):
        msg = f"save expects a fitted stage, such as result['model'], got {type(stage).__name__}."
        raise UsageError(msg)
    target = Path(path)
    _refuse_other(target, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with WorkFolder.beside(target) as work:
        work.new.mkdir()
        written = ValueWriter(work.new)
        facts = {"format": FORMAT, "stage": written.stage(stage), "versions": versions(), "sha256": written.checksums()}
        (work.new / "stage.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        work.put(lambda old: _refuse_other(old, target))
    return target


def _refuse_other(there: Path, target: Path) -> None:
    """Raise ArtefactError where what is to be replaced, now at `there`, is neither an empty folder nor what `save` wrote and no more."""
    if not os.path.lexists(there):
        return
    if there.is_symlink() or not there.is_dir():
        msg = f"Expected a folder that gpupipe.save wrote, or nothing, at {target}, got something else. Choose another path."
        raise ArtefactError(msg)
    try:
        listed = {"stage.json", *json.loads((there / "stage.json").read_text())["sha256"]} if (there / "stage.json").is_file() else set()
    except (OSError, ValueError, TypeError, KeyError):
        listed = set()
    others: list[str] = []
    for folder, folders, names in os.walk(there):  # which passes over what may not be read; it is somebody else's, too
        here = Path(folder).relative_to(there)
        links = [name for name in folders if (there / here / name).is_symlink()]
        empty = [""] if not folders and not names and folder != str(there) else []
        others += sorted(path for name in (*names, *links, *empty) if (path := (here / name).as_posix()) not in listed)
        if len(others) > _OTHERS:  # a whole disk is soon said to be none of ours
            break
    if others:
        msg = (
            f"{target} exists and is no saved stage, or not that alone: all of it would be replaced, also other files there: "
            f"{listing(others, limit=5)}. Move them away, choose another path, or remove the folder first."
        )
        raise ArtefactError(msg)


def load(path: str | Path, *, trusted: Sequence[Any] = ()) -> Any:
    """Return the fitted stage, the graph or the tensor that `save` wrote. Nothing in the folder is run, and nothing outside it is read.

    Parameters
    ----------
    trusted
        Classes beyond gpupipe's own stages, and beyond what estimators of scikit-learn and XGBoost are made of, that may be made: the
        classes themselves, or their exact names, ``"package.module.Class"``. Functions of yours that a saved chain runs (``@gp.rows``), by
        themselves or by name: they are not saved with it, and their text must be what it was. So are classes and functions that make a
        network.

    Raises
    ------
    ArtefactError
        Where there is no saved stage, a file of it is missing, damaged or not listed, or it holds types that are not trusted.
    """
    folder = Path(path)
    if not (folder / "stage.json").is_file():
        msg = f"Expected a folder that gpupipe.save wrote, with a stage.json, got {folder}. Check the path."
        raise ArtefactError(msg)
    try:
        contents = {name: _read(file) for name, file in sorted(_files(folder, "").items())}
        facts = _facts(folder, contents.pop("stage.json"))
        _check_files(folder, contents, facts["sha256"])
        return Reader(contents, trusted).stage(facts["stage"])
    except GpupipeError:
        raise
    except Exception as error:  # whatever of it is of another form than save writes
        msg = f"{folder} is damaged: {type(error).__name__}: {error}. Copy the whole folder again, or save the stage again."
        raise ArtefactError(msg) from error


def _files(folder: Path, above: str, depth: int = 0) -> dict[str, Path]:
    """Return the files of a folder and of those in it, by their paths in it.

    Raises
    ------
    ArtefactError
        Something is neither a file nor a folder, such as a link or a pipe.
    """
    found: dict[str, Path] = {}
    for entry in [*os.scandir(folder)]:
        name = f"{above}{entry.name}"
        if entry.is_dir(follow_symlinks=False) and depth < 2:
            found |= _files(Path(entry.path), f"{name}/", depth + 1)
        elif entry.is_file(follow_symlinks=False):
            found[name] = Path(entry.path)
        else:
            msg = f"{entry.path} is no file: a saved stage has no links, pipes or devices, and no folder in a folder. Copy the whole anew."
            raise ArtefactError(msg)
    return found


def _read(file: Path) -> bytes:
    """Return what is in a file, which is no link and no pipe also by now."""
    opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(opened, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            msg = f"{file} is no file any more."
            raise ArtefactError(msg)
        return stream.read()


def _facts(folder: Path, content: bytes) -> Mapping[str, Any]:
    """Return what a folder says of itself, its format and its fields as they have to be."""
    facts = json.loads(content, parse_constant=_no_constant)
    version = facts.get("format") if isinstance(facts, dict) else None
    if version != FORMAT or type(version) is not int:
        msg = f"{folder} has format {shown(version)}; this gpupipe reads format {FORMAT}. Load it with the version that wrote it."
        raise ArtefactError(msg)
    need_keys(facts, ("format", "sha256", "stage", "versions"))
    return cast(Mapping[str, Any], facts)


def _no_constant(name: str) -> None:
    """Raise for NaN and infinities, which JSON has no words for."""
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _check_files(folder: Path, contents: Mapping[str, bytes], listed: Any) -> None:
    """Raise unless the files are those that are listed, each as it was written."""
    if not isinstance(listed, dict) or not all(isinstance(told, str) and re.fullmatch("[0-9a-f]{64}", told) for told in listed.values()):
        msg = f"{folder} does not list the checksums of its files. Copy the whole folder again, or save the stage again."
        raise ArtefactError(msg)
    for name, told in listed.items():
        if name not in contents or hashlib.sha256(contents[name]).hexdigest() != told:
            msg = f"{folder / name} is {'damaged' if name in contents else 'missing'}. Copy the whole folder again."
            raise ArtefactError(msg)
    others = [name for name in contents if name not in listed]
    if others:
        msg = f"{folder} holds files that gpupipe.save did not write there: {listing(others)}. Remove them, or copy the whole folder again."
        raise ArtefactError(msg)
