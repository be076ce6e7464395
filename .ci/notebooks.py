"""Executes the notebooks of the docs in place, each in a folder of its own, and takes out what differs from run to run.

``python .ci/notebooks.py`` needs nbclient and ipykernel beside gpupipe: `make notebooks` has an environment for it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbclient
import nbformat

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "notebooks"
PATIENCE_SECONDS = 300


def executed(path: Path) -> None:
    """Execute a notebook and write it back with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(notebook, timeout=PATIENCE_SECONDS, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.clear()
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, path)
    print(f"executed {path.name}: {len(notebook.cells)} cells")


if __name__ == "__main__":
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    for found in sorted(FOLDER.glob("*.ipynb")):
        executed(found)
