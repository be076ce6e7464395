"""Looks at a built wheel and source archive, and at what is installed of them, away from the clone.

``python .ci/check_dist.py contents dist`` reads the archives. With this interpreter, ``first docs/first-pipeline.md`` runs that pipeline,
and ``lacks graph sql`` tries a feature of each extra named, which must end with an error that says how to install it.
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

# What a user writes first of each extra; `t` is a table, `run` runs a pipeline of one output.
USES = {
    "cpu": "run(gp.Evaluate('roc_auc', target='y', probability='x')(t))",
    "graph": "run(gp.PageRank()(gp.ToGraph('a', 'b', directed=True)(t)))",
    "deep": "gp.LearnDeep",
    "sql": "run(gp.WriteSql('t', 'sqlite:///t.db')(t))",
    "dask": "run(t, 'dask')",
    "xarray": "run(gp.ToTensor(['a', 'b'], 'x')(t)).to_xarray()",
    "tune": "run(gp.Search(LinearRegression(), {'positive': [True, False]}, features=['x'], target='y', method='optuna', n_trials=2, "
    "metric='r2', folds=gp.Folds(2)).fit(t))",
}
BEFORE = """
import gpupipe as gp, pyarrow as pa
t = gp.FromArrow(pa.table({"a": ["u", "v", "w"], "b": ["v", "w", "u"], "x": [0.1, 0.2, 0.3], "y": [0, 1, 0]})).node()
run = lambda node, engine="auto": gp.Pipeline("tried", out=node).run(engine)["out"]
"""


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


def lacks(extras: list[str]) -> None:
    """Exit with a reason where a use of an extra that is not installed does not end with an error that names the extra."""
    for extra in extras:
        before = BEFORE + ("from sklearn.linear_model import LinearRegression\n" if extra == "tune" else "")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, "-c", before + USES[extra]], cwd=folder, check=False, capture_output=True, text=True)
        told = next((line for line in done.stderr.splitlines() if "MissingExtraError: " in line), "")
        if done.returncode == 0 or f"'{extra}'" not in told or "Run: pip install '" not in told or "install 'gpupipe" in told:
            sys.exit(f"Without the extra {extra}, {USES[extra]} ends with {done.stderr.strip()[-500:] or 'no error'}")
        print(f"{extra}: {told.partition(': ')[2]}")


if __name__ == "__main__":
    if sys.argv[1] == "lacks":
        lacks(sys.argv[2:])
    else:
        {"contents": contents, "first": first}[sys.argv[1]](Path(sys.argv[2]))
