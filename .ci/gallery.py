"""Makes the gallery: runs the pipelines, and writes docs/gallery.md with their pictures.

``python .ci/gallery.py`` runs all of them, ``python .ci/gallery.py taxi churn`` some, ``python .ci/gallery.py page`` none; the page is made
of all pictures that are there.
"""

from __future__ import annotations

import ast
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from gpupipe.report.drawing import draw_svg
from gpupipe.report.result_sections import flat_outputs, is_score
from gpupipe.report.units import number_text, rows_text

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures" / "gallery"
SHOWN = {  # with what each is run; sizes are such that a run takes less than a minute
    "taxi": (),
    "churn": (),
    "flights": (),
    "mortgage": ("acquisition=data/acquisition", "performance=data/performance", "names=data/names.csv"),
    "criteo": (),
    "clickstream": (),
    "communities": ("edges=ca-GrQc.txt",),
    "demand": ("n_meters=8",),
    "traffic_forecast": ("epochs=2", "n_seeds=1"),
    "traffic_tensor": (),
    "topics": (),
    "digits": ("epochs=1",),
    "moving_digits": ("sequences=60", "epochs=1"),
    "label_digits": ("store=labels",),
    "intents": ("store=labels", "data=clinc150", "n_texts=600"),
    "entities": ("store=labels", "data=wikigold.conll.gz"),
}
BEFORE = {"mortgage": "gpupipe data mortgage --rows 50000 --out data && "}
SHARED = ROOT.parent / "shared" / "data"  # where it is: data that is in no repository
MOST_SCORES = 3
MOST_METRICS = 4
MOST_SECONDS = 300


class NoDataError(Exception):
    """What a pipeline reads is not here."""


def prepare(name: str, folder: Path) -> None:
    """Put what a pipeline is given beside it."""
    if name == "mortgage":
        command = [sys.executable, "-m", "gpupipe", "data", "mortgage", "--rows", "50000", "--out", str(folder / "data")]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for needed, path in {"communities": "graphs/ca-GrQc.txt.gz", "intents": "text/clinc150", "entities": "ner/wikigold.conll.gz"}.items():
        if name == needed:
            if not (SHARED / path).exists():
                raise NoDataError(f"{SHARED / path} is not here")
            (folder / Path(path).name).symlink_to(SHARED / path)
    if name == "communities":
        with gzip.open(folder / "ca-GrQc.txt.gz", "rt", encoding="utf-8") as lines:
            kept = [line for line in lines if line[0] == "#" or line[0].isdigit()]
        (folder / "ca-GrQc.txt").write_text("".join(kept), encoding="utf-8")


def made(name: str) -> dict[str, Any]:
    """Return the report of a run of a pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(name, Path(folder))
        given = [word for value in SHOWN[name] for word in ("-p", value)]
        command = [sys.executable, "-m", "gpupipe", "run", str(ROOT / "pipelines" / f"{name}.py"), "--quiet", "--report", "report", *given]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=folder, env=environment, check=True, timeout=MOST_SECONDS)
        told = (Path(folder) / "report" / "report.json").read_text(encoding="utf-8")
        report: dict[str, Any] = json.loads(told.replace(f"{ROOT}/", ""))
    return report


def scores_of(report: dict[str, Any]) -> str:
    """Return a few of the scores of a run."""
    scores = {name: value for name, value in flat_outputs(report).items() if is_score(value)}
    told = []
    for name, values in scores.items():
        few = [f"{metric} {number_text(value)}" for metric, value in values.items()][:MOST_METRICS]
        told.append(f"{name}: {', '.join(few)}{', …' if len(values) > MOST_METRICS else ''}")
    return "; ".join(told[:MOST_SCORES]) + (f"; and {len(told) - MOST_SCORES} more" if len(told) > MOST_SCORES else "")


def entry(name: str, facts: dict[str, Any]) -> str:
    """Return a pipeline's part of the page."""
    told = ast.get_docstring(ast.parse((ROOT / "pipelines" / f"{name}.py").read_text(encoding="utf-8"))) or ""
    rows = f"{rows_text(facts['rows'])} rows read, " if facts["rows"] else ""
    read = f"{rows}{facts['stages']} stages" + (f". {facts['scores']}" if facts["scores"] else "")
    picture = f"![Drawing of the pipeline {name}: {facts['stages']} stages with their rows](pictures/gallery/{name}.svg)"
    return f"## {name}\n\n{told.partition(chr(10))[0]}\n\n{picture}\n\n{read}. [Its text](../pipelines/{name}.py): `{facts['command']}`\n"


def main(names: list[str]) -> None:
    """Run pipelines, and write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    kept = PICTURES / "facts.json"
    facts = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for name in () if names == ["page"] else names or SHOWN:
        try:
            report = made(name)
        except NoDataError as lacking:
            print(f"{name} is left as it was: {lacking}")
            continue
        rows = sum(stage["rows_out"] or 0 for stage in report["stages"] if stage["kind"] == "source")
        (PICTURES / f"{name}.svg").write_text(draw_svg(report["stages"], report["output_stages"]), encoding="utf-8")
        given = "".join(f" -p {value}" for value in SHOWN[name])
        command = f"{BEFORE.get(name, '')}gpupipe run pipelines/{name}.py{given} --report report"
        facts[name] = {"rows": rows, "stages": len(report["stages"]), "scores": scores_of(report), "command": command}
    kept.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    head = "# Gallery\n\n"
    head += (
        "Each pipeline of [pipelines/](../pipelines/) as one run of it left it, on rows that it makes up unless it is given some, "
        "at a size that takes less than a minute: made by `make gallery`. Scores at such sizes say that it runs, and no more.\n"
    )
    text = "\n".join([head, *(entry(name, facts[name]) for name in SHOWN if name in facts)])
    (ROOT / "docs" / "gallery.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
