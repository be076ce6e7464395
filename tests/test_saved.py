"""Graphs and tensors that are saved: what comes back, and what of a file is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.numpy

import gpupipe as gp
from gpupipe.core.errors import ArtefactError

EDGES = pl.DataFrame({"a": ["x", "y"], "b": ["y", "z"], "w": [1.0, 2.0]})


def graph() -> Any:
    return gp.ToGraph("a", "b", "w", directed=False).apply(EDGES)


def test_a_graph_comes_back_and_goes_on(tmp_path: Path) -> None:
    loaded = gp.load(gp.save(graph(), tmp_path / "graph"))
    assert gp.PageRank().apply(loaded).rows() == gp.PageRank().apply(graph()).rows()
    assert sorted(path.suffix for path in (tmp_path / "graph").iterdir()) == [".json", ".parquet"] + [".safetensors"] * 3


def changed(folder: Path, array: Any, number: int) -> Path:
    """Return the folder with another array in one of its files, its checksum right."""
    name = f"{number}.safetensors"
    safetensors.numpy.save_file({"array": array}, folder / name)
    facts = json.loads((folder / "stage.json").read_text())
    facts["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "stage.json").write_text(json.dumps(facts))
    return folder


@pytest.mark.parametrize(
    "array",
    [np.array([0, 1, 7, 2], np.int32), np.array([0, 1, -1, 2], np.int32), np.zeros(9, np.int32), np.zeros((2, 2), np.int32), np.zeros(4)],
    ids=["large", "negative", "long", "wide", "floats"],
)
def test_edges_that_are_none_are_refused(array: Any, tmp_path: Path) -> None:
    """Compiled code would read outside of the vertices' arrays."""
    folder = gp.save(graph(), tmp_path / "graph")
    with pytest.raises(ArtefactError, match="a graph's edges as sorted pairs"):
        gp.load(changed(folder, array, 0))


def test_a_tensor_of_another_shape_is_refused(tmp_path: Path) -> None:
    tensor = gp.ToTensor(["a", "b"], "w").apply(EDGES)
    folder = gp.save(tensor, tmp_path / "tensor")
    assert np.array_equal(gp.load(folder).mask, tensor.mask)
    with pytest.raises(ArtefactError, match=r"a tensor of floats of the shape \(2, 2\)"):
        gp.load(changed(folder, np.zeros((2, 3)), 0))


def test_arrays_of_objects_are_not_saved(tmp_path: Path) -> None:
    tensor = gp.ToTensor(["a", "b"], "w").apply(EDGES)
    object.__setattr__(tensor, "values", np.array([[None]]))
    with pytest.raises(ArtefactError, match="cannot be saved without pickle"):
        gp.save(tensor, tmp_path / "tensor")


def test_keys_that_are_no_text_are_refused(tmp_path: Path) -> None:
    folder = gp.save(graph(), tmp_path / "graph")
    (path,) = folder.glob("*.parquet")
    held = path.read_bytes()
    assert b"\x01\x00\x00\x00x" in held  # the key x, and its length before it
    path.write_bytes(held.replace(b"\x01\x00\x00\x00x", b"\x01\x00\x00\x00\xff"))
    facts = json.loads((folder / "stage.json").read_text())
    facts["sha256"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "stage.json").write_text(json.dumps(facts))
    with pytest.raises(ArtefactError, match="is damaged"):
        gp.load(folder)
