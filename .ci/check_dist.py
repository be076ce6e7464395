"""Looks at a built wheel and source archive, and runs the first pipeline of the docs with what is installed, away from the clone.

``python .ci/check_dist.py contents dist`` reads the archives, ``python .ci/check_dist.py first docs/first-pipeline.md`` runs the pipeline
with this interpreter.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

LARGEST_BYTES = 5_000_000  # of an archive: what is larger holds data that does not belong there
NEEDED = {
    "wheel": ("gpupipe/__init__.pyi", "gpupipe/py.typed", "gpupipe/report/templates/page.html"),
    "source": ("README.md", "LICENSE", "Makefile", "constraints.txt", "pipelines/mortgage.py", "tests/test_readme.py"),
}


def contents(folder: Path) -> None:
    """Exit with a reason where an archive is missing, too large, or lacks a file."""
    (wheel,), (source,) = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    found = {"wheel": set(zipfile.ZipFile(wheel).namelist()), "source": inside}
    for path, kind in ((wheel, "wheel"), (source, "source")):
        missing = sorted(set(NEEDED[kind]) - found[kind])
        if missing or path.stat().st_size > LARGEST_BYTES:
            sys.exit(f"{path.name}: {path.stat().st_size:,} bytes of at most {LARGEST_BYTES:,}; missing: {', '.join(missing) or 'nothing'}")
        print(f"{path.name}: {len(found[kind])} files, {path.stat().st_size:,} bytes")


def first(page: Path) -> None:
    """Run the first pipeline of a page in a folder of its own."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            name = re.match(r"# (\w+\.py)\n", block)
            if name:
                (Path(folder) / name[1]).write_text(block, encoding="utf-8")
        for words in (["make_trips.py"], ["-m", "gpupipe", "run", "trips.py", "--report", "report"]):
            subprocess.run([sys.executable, *words], cwd=folder, check=True)
        report = Path(folder) / "report" / "report.html"
        if not report.is_file():
            sys.exit("The first pipeline left no report.")


if __name__ == "__main__":
    {"contents": contents, "first": first}[sys.argv[1]](Path(sys.argv[2]))
