"""The layout of the package, held by its own rules: who may import whom, sizes, docstrings, tests beside code.

Every rule is a function from a source tree to the list of what breaks it, tried below on a small made-up tree that breaks them all.
What is excepted stands in one of the lists, with its reason; an exception that nothing needs any more breaks the rule as well.
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "gpupipe"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
SAID_IN_PLAN = ("check", "not_null", "planned", "same_rows", "sketch", "still_missing")  # methods that stages once had

LEAVES = ("sources", "sinks", "stages", "models", "datasets", "report")
EVERYTHING = ("",)
# A part may import what starts with one of these; `cli` stands for every module at the top whose name begins so.
MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "core": ("core",),
    "kernels": ("kernels", "core.errors"),
    "forecasts": ("forecasts", "kernels", "core.errors"),
    "tensors": ("tensors", "core.errors", "kernels"),
    "graphs": ("graphs", "core.errors", "kernels"),
    "topics": ("topics", "tensors", "core.errors", "kernels"),
    "deep": ("deep", "tensors", "core.errors", "core.options", "core.progress"),
    "active": ("active", "core", "kernels"),
    "kinds": ("kinds", "core", "graphs", "tensors"),
    **{leaf: (leaf, "core", "kernels") for leaf in LEAVES},
    "sources": ("sources", "core", "kernels", "active"),
    "sinks": ("sinks", "core", "kernels", "active"),
    "models": ("models", "core", "kernels", "topics.counts"),  # sparse matrices of words
    "stages": ("stages", "core", "kernels", "kinds", "graphs", "tensors", "forecasts", "topics", "deep", "active"),
    "checks": ("checks", "stages", "core", "kernels"),
    "engines": ("engines", "core", "kernels"),
    "artefact": ("saved", "engines", "report", "core"),
    "onnx_export": ("engines", "models", "stages.chain", "core"),
    "saved": ("saved_class", "engines", "core"),
    "saved_class": ("core",),
    "parameters": ("core",),
    "definition": ("pipeline", "parameters", "core"),
    "known": ("core",),
    "plan": ("known", "narrowing", "engines", "report", "core"),
    "narrowing": ("engines", "core"),
    "checkpoints": ("checkpoints", "artefact", "plan", "engines", "sources", "sinks", "models", "report", "core"),
    "portability": ("plan", "engines", "core"),
    "blame": ("plan", "engines", "core"),
    "run": ("blame", "checkpoints", "known", "plan", "engines", "report", "core"),
    "notebook": ("plan", "report", "core"),
    "pipeline": ("notebook", "checkpoints", "run", "portability", "plan", "engines", "report", "core"),
    "rounds": (
        "rounds",
        "active",
        "artefact",
        "definition",
        "pipeline",
        "plan",
        "sinks.ask_questions",
        "sources.read_labels",
        "stages.select",
        "core",
    ),
    "jobs": ("jobs", "definition", "engines.load", "engines.dask.clusters", "core"),
    "testing": ("testing", "sources", "kinds", "artefact", "pipeline", "run", "plan", "engines", "core", "kernels"),
    "cli": EVERYTHING,
    "__init__": EVERYTHING,
    "__main__": EVERYTHING,
    "_face": EVERYTHING,
}
# An engine imports no other engine, but for one that is made of others.
MADE_OF: Mapping[str, tuple[str, ...]] = {"engines.dask_cuda": ("engines.dask", "engines.cudf")}
# A part that is about a library knows that one.
KNOWS: Mapping[str, frozenset[str]] = {"deep": frozenset({"torch"})}
# Libraries that hold frames, models or graphs: only engines know them.
LIBRARIES = frozenset(
    """cudf cudf_polars cugraph cuml cupy dask dask_cudf dask_cuda dask_ml distributed joblib modin networkit networkx pandas polars
    rmm scipy sklearn skops torch xgboost""".split()  # noqa: SIM905  (a line each is a screen of them)
)

# importer, what it imports: why the direction does not hold there, or why the circle does no harm.
EXCEPTED_IMPORTS: Mapping[tuple[str, str], str] = {
    ("engines._blocks", "engines.load"): "a worker finds the engine of its blocks by the name that came with the task",
    ("engines.dask.engine", "engines.load"): "what its block engine cannot do, it cannot, whichever that is",
    ("engines._symbolic", "engines.polars.verbs"): "the plan is a query on empty Polars frames, whatever engine runs it afterwards",
    ("engines.dask.clusters_versions", "__init__"): "what it asks of workers is which gpupipe is imported there",
    ("graphs._libraries", "scipy"): "arrays in, arrays out, with no engine around: SciPy's sparse products and paths are how it is done",
    ("graphs._libraries", "networkit"): "as above, for communities, cores and triangles",
    ("stages.fit", "stages.chain"): "what is fitted in order is the chain that users make of row stages",
    ("jobs.plugin", "distributed"): "a job is kept by Dask's scheduler, whatever engine it runs its pipeline on",
    ("jobs.watch", "distributed"): "a job is watched by a task of Dask's, for the same reason",
    ("jobs.desk", "distributed"): "a job is handed to Dask, for the same reason",
    ("forecasts.deep_forecaster", "deep"): "the one forecaster that is a network; PyTorch is loaded where it is fitted",
    ("forecasts.deep_forecaster", "deep.series"): "as above",
    ("forecasts.deep_forecaster", "deep.weights"): "as above",
    (
        "topics.counts",
        "scipy",
    ): "columns become a sparse matrix of the library whose products are used; given a matrix, nothing is imported",
}
# Files that are longer, functions that are longer: why cutting them would make them worse.
EXCEPTED_FILES: Mapping[str, str] = {}
EXCEPTED_FUNCTIONS: Mapping[str, str] = {
    "gpupipe/forecasts/_compiled.py:smooth": "a compiled loop, whose steps share small arrays",
    "gpupipe/forecasts/_compiled.py:innovate": "as above",
}
# Modules (or patterns of such) without a test file of their own: what tests them, or that they hold no behaviour.
EXCEPTED_TESTS: Mapping[str, str] = {
    "rounds.told": "plain values, looked at by tests/cli/test_rounds.py",
    "active.scorers.*": "one function each, held to other libraries together in tests/active/test_scorers.py",
    "active.selectors.*": "as above, in tests/active/test_selectors.py",
    "active.partial.*": "as above, in tests/active/test_partial.py",
    "checks.rules": "tested with Expect in tests/checks/test_expect.py",
    "models.searched": "tested with Search in tests/models/test_search.py",
    "active.parts": "tested by what stands on it, in tests/active/test_store.py",
    "active.rows": "as above",
    "active.round": "as above",
    "active.forms.*": "forms of files, tested in tests/active/test_exchange.py",
    "active.sql_parts": "as above, and on PostgreSQL in tests/active/test_store_in_sql.py",
    "core.casts": "tested with Cast in tests/stages/test_cast.py, and with declared dtypes in tests/engines/test_declared.py",
    "core.ends": "contracts without behaviour; what implements them is tested",
    "core.engine": "as above",
    "core.by_blocks": "as above",
    "core.barrier": "contracts; what implements them is tested",
    "core.limits": "data; what is found by it is tested by tests/test_portability.py",
    "engines.*.limits": "data",
    "engines.*.engine": "run by every test that takes the engine fixture",
    "engines.dask.account": "what it tells is looked at by tests/engines/dask/test_reading.py and the tests of faults",
    "engines.dask.blocks": "under everything in tests/engines/dask",
    "engines.dask.boosting": "tested with the other learners in tests/engines/dask/test_learners.py",
    "engines.dask.by_blocks": "tested by what is done so: tests/stages/forecasts/test_by_series.py, and of topics test_by_documents.py",
    "engines.dask.keys": "tested with what reads in tests/engines/dask/test_reading.py",
    "engines.dask.passes": "tested with the other learners in tests/engines/dask/test_learners.py",
    "engines.dask.sorting": "tested with the other stages in tests/engines/dask/test_tables.py",
    "stages.lag": "tested with the others that look at rows in order in tests/stages/test_ordered.py, as those below",
    "stages.lead": "as above",
    "stages.diff": "as above",
    "stages.cum_sum": "as above",
    "stages.rank": "as above",
    "stages.fill_by_key": "as above",
    "sources.sqlite_types": "tested with what reads by it in tests/sources/test_read_sql.py",
    "engines.*.verbs": "run by every test that takes the engine fixture",
    "engines.cudf.frames": "needs a device: tests/gpu; bound against RAPIDS without one by tests/contract, as those below",
    "engines.cudf.device_boosters": "as above",
    "engines.cudf.copies": "as above",
    "engines.cudf.grouping": "as above",
    "engines.cudf.hashing": "as above",
    "engines.cudf.joining": "as above",
    "engines.cudf.narwhals_patches": "as above",
    "engines.cudf.missing": "as above",
    "engines.cudf.reductions": "as above",
    "engines.cudf.memory": "as above",
    "engines.cudf.models": "as above",
    "engines.cudf.naive_bayes": "as above",
    "engines.cudf.reading": "as above",
    "engines.cudf.scores": "as above",
    "engines.cudf.writing": "as above",
    "engines.dask_cuda.learners": "as above",
    "core.demand": "values that the executor hands to engines, tested by every run",
    "core.file_marks": "tested with the sources that have fingerprints",
    "checkpoints.entry": "tested with the store of entries, in tests/checkpoints/test_store.py",
    "core.plain": "one line, run by every `.apply` in a docstring",
    "core.progress": "a type",
    "core.task": "what tasks are told, tested by those who do them",
    "core.task_stage": "tested by its stages, and by tests/core/test_answers.py and tests/testing/test_tasks.py",
    "core.tools": "the contract of engines' tools; tests/engines hold HostTools to it",
    "core.verbs": "the contract of engines' verbs, which every stage's test holds",
    "core.want": "values that barriers hand to engines, tested by every fit",
    "engines._tasks.*": "one call each, tested in tests/models on every engine",
    "engines.dask.tasks.*": "one call each, tested in tests/models on every engine",
    "engines.cudf.tools": "as the other parts of engine gpu, in tests/gpu",
    "engines.cudf.tasks.*": "as the other parts of engine gpu, in tests/gpu",
    "engines.dask_cuda.tasks.*": "as the other parts of engine dask-cuda, on a device",
    "blame": "tested with runs that fail, in tests/test_run.py",
    "known": "tested with what stands on it, in tests/test_plan.py and tests/stages/test_filter.py",
    "kinds.*": "tested by the stages that make them: tests/stages/graphs, tests/stages/tensors, tests/test_saved.py",
    "deep.layers.*_conv": "three forms of one layer, tested together in tests/deep/layers/test_convolutions.py",
    "deep.layers.*_linear": "as above, in tests/deep/layers/test_linears.py",
    "datasets.mortgage_*": "parts of mortgage.py, tested through it in tests/datasets",
    "report.*_section": "parts of the page, tested in tests/report/test_html.py",
    "report.*_sections": "as above",
    "report.boxes": "a part of the drawing, tested in tests/report/test_drawing.py",
    "report.form": "the types and names of what comes in",
    "engines._onnx": "what tests/test_onnx_export.py has done",
    "cli.mlflow_export": "what tests/cli/test_runs.py runs as a command",
    "cli.options": "declarations that the commands share",
    "cli.predicting": "what tests/cli/test_predict.py runs as a command",
    "cli.submit": "run as a command by tests/cli/test_jobs.py, with what follows a submission",
    "jobs.desk": "run through the commands by tests/cli/test_jobs.py",
    "jobs.watch": "run by every job of tests/cli/test_jobs.py",
    "jobs.plugin": "run by every job of tests/cli/test_jobs.py",
}


@dataclass(frozen=True)
class Import:
    """One import: which module imports what, where, and whether inside a function."""

    importer: str
    target: str
    where: str
    explained: bool
    local: bool
    inside: bool  # of our own package


@dataclass(frozen=True)
class Module:
    """One source file of the package."""

    name: str
    path: Path
    text: str
    tree: ast.Module


@cache
def modules_of(root: Path) -> dict[str, Module]:
    """Return the package's modules by their names without the package's own: ``core.stage``."""
    found = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root / PACKAGE).with_suffix("").parts
        name = ".".join(parts if parts == ("__init__",) or parts[-1] != "__init__" else parts[:-1])
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, text, ast.parse(text))
    return found


def imports_of(module: Module, known: Mapping[str, Module], root: Path) -> Iterator[Import]:
    """Yield every import of a module, also those inside functions and under TYPE_CHECKING."""
    lines = module.text.splitlines()
    local = {
        id(node) for outer in ast.walk(module.tree) if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(outer)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = [f"{node.module or ''}.{alias.name}" for alias in node.names]
        else:
            continue
        where = f"{module.path.relative_to(root)}:{node.lineno}"
        for target in dict.fromkeys(targets):
            inside = target.split(".")[0] == PACKAGE
            name = _module_name(target.removeprefix(PACKAGE).removeprefix("."), known) if inside else target.split(".")[0]
            yield Import(module.name, name, where, _explained(lines, node.lineno - 1), id(node) in local, inside)


def _explained(lines: list[str], number: int) -> bool:
    """Whether an import has a comment on its line; the first of several in a row speaks for all."""
    while "# " not in lines[number] and (not (before := lines[number - 1].strip()) or before.startswith(("import ", "from "))):
        number -= 1
    return "# " in lines[number]


def _module_name(target: str, known: Mapping[str, Module]) -> str:
    """Return the module that a dotted name lies in; ``__init__`` is the package itself."""
    while target and target not in known:
        target = target.rpartition(".")[0]
    return target or "__init__"


@cache
def all_imports(root: Path) -> list[Import]:
    """Return every import of the package's modules."""
    known = modules_of(root)
    return [found for module in known.values() for found in imports_of(module, known, root)]


def part_of(module: str) -> str:
    """Return the part of the package that a module belongs to: its folder, or itself at the top."""
    first = module.split(".", maxsplit=1)[0]
    return "cli" if first.startswith("cli") else first


def starts_with(module: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a module is one of these, or inside one."""
    return any(not prefix or module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def allowed(found: Import) -> bool:
    """Whether the direction of an import inside the package is right."""
    importer, target = found.importer, found.target
    if not starts_with(target, MAY_IMPORT[part_of(importer)]):
        return False
    if part_of(importer) == part_of(target) == "engines" and importer != "engines.load":
        ours = ".".join(importer.split(".")[:2])
        return target.split(".")[1].startswith("_") or starts_with(target, (ours, *MADE_OF.get(ours, ())))
    if part_of(importer) == part_of(target) == "stages":  # a stage a file, and none leans on another one
        return target.split(".")[-1].startswith("_")
    return True


def wrong_directions(root: Path, excepted: Mapping[tuple[str, str], str]) -> list[str]:
    """Return the imports that go against the order of the parts, or of a library that only engines may know."""
    wrong = []
    for found in all_imports(root):
        if part_of(found.importer) not in MAY_IMPORT:
            unknown = f"{part_of(found.importer)!r} is no part of the layout: enter in MAY_IMPORT what it may import"
            wrong += [] if unknown in wrong else [unknown]
        elif (found.importer, found.target) in excepted:
            continue
        elif found.inside and not allowed(found):
            wrong.append(f"{found.where}: {found.importer} must not import {found.target}")
        elif (
            not found.inside
            and found.target in LIBRARIES - KNOWS.get(part_of(found.importer), frozenset())
            and part_of(found.importer) != "engines"
        ):
            wrong.append(f"{found.where}: only engines import {found.target}")
    return wrong


def idle_exceptions(root: Path, excepted: Mapping[tuple[str, str], str]) -> list[str]:
    """Return the excepted imports that no module has."""
    present = {(found.importer, found.target) for found in all_imports(root)}
    return [
        f"{importer} does not import {target}: strike the exception" for importer, target in excepted if (importer, target) not in present
    ]


def circles(root: Path, excepted: Mapping[tuple[str, str], str]) -> list[str]:
    """Return each import circle as text; imports inside functions and under TYPE_CHECKING count."""
    edges: dict[str, set[str]] = {}
    for found in all_imports(root):
        face = "__init__" in (found.importer, found.target)
        if found.inside and not face and (found.importer, found.target) not in excepted and found.importer != found.target:
            edges.setdefault(found.importer, set()).add(found.target)
    done: set[str] = set()
    closed: list[str] = []
    for start in sorted(edges):
        _walk(start, edges, [], done, closed)
    return closed


def _walk(module: str, edges: Mapping[str, set[str]], trail: list[str], done: set[str], circles_: list[str]) -> None:
    """Follow the imports of a module; a module met again on the way there closes a circle."""
    if module in trail:
        circles_.append(" -> ".join([*trail[trail.index(module) :], module]))
        return
    if module in done:
        return
    for target in sorted(edges.get(module, ())):
        _walk(target, edges, [*trail, module], done, circles_)
    done.add(module)


def silent_local_imports(root: Path) -> list[str]:
    """Return the imports inside functions that give no reason on their line."""
    silent = dict.fromkeys(found.where for found in all_imports(root) if found.local and not found.explained)
    return [f"{where}: say why this import is inside a function" for where in silent]


def too_long(root: Path, files: Mapping[str, str], functions: Mapping[str, str]) -> list[str]:
    """Return the files and functions over their limits. A docstring is not counted: an example must not cost a line of code."""
    wrong = []
    for module in modules_of(root).values():
        shown = str(module.path.relative_to(root))
        n_lines = len(module.text.splitlines())
        if n_lines > MAX_FILE_LINES and shown not in files:
            wrong.append(f"{shown}: {n_lines} lines, more than {MAX_FILE_LINES}")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n_lines = _function_lines(node)
                if n_lines > MAX_FUNCTION_LINES and f"{shown}:{node.name}" not in functions:
                    wrong.append(f"{shown}:{node.lineno}: {node.name} has {n_lines} lines, more than {MAX_FUNCTION_LINES}")
    return wrong


def _function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function, from its name on, without its docstring."""
    n_lines = (node.end_lineno or 0) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        n_lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return n_lines


def without_docstring(root: Path) -> list[str]:
    """Return the modules that do not say what they are."""
    return [f"{module.path.relative_to(root)}: no docstring" for module in modules_of(root).values() if not ast.get_docstring(module.tree)]


def without_test(root: Path, excepted: Mapping[str, str]) -> list[str]:
    """Return the modules with no test file at the mirrored place; private modules are tested by those that use them."""
    wrong = []
    for module in modules_of(root).values():
        path = module.path.relative_to(root / PACKAGE)
        mirrored = root / "tests" / path.parent / f"test_{path.name}"
        if (
            not path.name.startswith("_")
            and not mirrored.exists()
            and not any(fnmatch.fnmatch(module.name, pattern) for pattern in excepted)
        ):
            wrong.append(f"{PACKAGE}/{path}: no {mirrored.relative_to(root)}")
        if mirrored.exists() and module.name in excepted:
            wrong.append(f"{PACKAGE}/{path}: has a test, strike the exception")
    return wrong


def said_elsewhere(root: Path) -> list[str]:
    """Return the methods of stages that say what comes out, or what may go in, elsewhere than in `plan`, where nobody asks them."""
    return [
        f"{module.path.relative_to(root)}:{node.lineno}: {node.name} is said in plan(*specs)"
        for module in modules_of(root).values()
        if module.name.partition(".")[0] in ("stages", "models", "checks")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef) and node.args.vararg is not None and node.name in SAID_IN_PLAN
    ]


def test_imports_run_one_way() -> None:
    wrong = wrong_directions(ROOT, EXCEPTED_IMPORTS)
    assert not wrong, "\n".join(["", *wrong])


def test_exceptions_are_needed() -> None:
    wrong = idle_exceptions(ROOT, EXCEPTED_IMPORTS)
    wrong += [f"{name} is gone: strike the exception" for name in EXCEPTED_TESTS if not fnmatch.filter(modules_of(ROOT), name)]
    assert not wrong, "\n".join(["", *wrong])


def test_no_import_circle() -> None:
    wrong = circles(ROOT, EXCEPTED_IMPORTS)
    assert not wrong, "\n".join(["", *wrong])


def test_imports_inside_functions_say_why() -> None:
    wrong = silent_local_imports(ROOT)
    assert not wrong, "\n".join(["", *wrong])


def test_sizes() -> None:
    wrong = too_long(ROOT, EXCEPTED_FILES, EXCEPTED_FUNCTIONS)
    assert not wrong, "\n".join(["", *wrong])


def test_every_module_says_what_it_is() -> None:
    wrong = without_docstring(ROOT)
    assert not wrong, "\n".join(["", *wrong])


def test_tests_mirror_the_package() -> None:
    wrong = without_test(ROOT, EXCEPTED_TESTS)
    assert not wrong, "\n".join(["", *wrong])


def test_what_comes_out_is_said_in_one_place() -> None:
    wrong = said_elsewhere(ROOT)
    assert not wrong, "\n".join(["", *wrong])


# The rules themselves, on a tree that breaks each of them.

BROKEN = {
    "__init__.py": "import gpupipe.core.a",
    "core/a.py": "from gpupipe.core.b import B\nimport polars as pl",
    "core/b.py": "if TYPE_CHECKING:\n    from gpupipe.core import c",
    "core/c.py": "def c():\n    from gpupipe.core.a import A\n    x = 1\n    import json  # local: seldom needed\n    import csv",
    "core/errors.py": "",
    "stages/clip.py": "import gpupipe.sinks.out\nfrom gpupipe.stages import _help, round\nimport gpupipe.kernels",
    "stages/_help.py": "class Old:\n    def check(self, *schemas):\n        pass\n    def plan(self, *schemas):\n        pass",
    "stages/round.py": "\n" * 399,
    "sinks/out.py": 'def long():\n    """One.\n\n    Two.\n    """\n' + "    x = 1\n" * 40,
    "kernels/__init__.py": "from gpupipe.core.errors import E\nfrom gpupipe.core.a import A",
    "engines/polars/engine.py": "import polars\nimport gpupipe.engines.pandas.engine\nimport gpupipe.engines._arrow",
    "engines/pandas/engine.py": 'def fits():\n    """One."""\n' + "    x = 1\n" * 39,
    "engines/_arrow.py": "import gpupipe.plan",
    "plan.py": "from gpupipe.stages.clip import Clip",
    "magic/wand.py": "import os\nimport sys",
}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a made-up tree that breaks every rule."""
    for name, text in BROKEN.items():
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Says what it is."""\n{text}\n')
    (tmp_path / PACKAGE / "core" / "__init__.py").write_text("")
    (tmp_path / "tests" / "stages").mkdir(parents=True)
    (tmp_path / "tests" / "stages" / "test_clip.py").write_text("")
    return tmp_path


def test_rule_of_directions(broken: Path) -> None:
    assert wrong_directions(broken, {("plan", "stages.clip"): "tried"}) == [
        "gpupipe/core/a.py:3: only engines import polars",
        "gpupipe/engines/_arrow.py:2: engines._arrow must not import plan",
        "gpupipe/engines/polars/engine.py:3: engines.polars.engine must not import engines.pandas.engine",
        "gpupipe/kernels/__init__.py:3: kernels must not import core.a",
        "'magic' is no part of the layout: enter in MAY_IMPORT what it may import",
        "gpupipe/stages/clip.py:2: stages.clip must not import sinks.out",
        "gpupipe/stages/clip.py:3: stages.clip must not import stages.round",
    ]
    assert "gpupipe/plan.py:2: plan must not import stages.clip" in wrong_directions(broken, {})


def test_rule_of_needed_exceptions(broken: Path) -> None:
    assert idle_exceptions(broken, {("core.a", "core.b"): "", ("core.a", "plan"): ""}) == [
        "core.a does not import plan: strike the exception"
    ]


def test_rule_of_circles(broken: Path) -> None:
    assert circles(broken, {}) == ["core.a -> core.b -> core.c -> core.a"]
    assert circles(broken, {("core.c", "core.a"): "tried"}) == []


def test_rule_of_local_imports(broken: Path) -> None:
    assert silent_local_imports(broken) == ["gpupipe/core/c.py:3: say why this import is inside a function"]


def test_rule_of_sizes(broken: Path) -> None:
    assert too_long(broken, {}, {}) == [
        "gpupipe/sinks/out.py:2: long has 41 lines, more than 40",
        "gpupipe/stages/round.py: 401 lines, more than 400",
    ]
    assert too_long(broken, {"gpupipe/stages/round.py": "tried"}, {"gpupipe/sinks/out.py:long": "tried"}) == []


def test_rule_of_docstrings(broken: Path) -> None:
    assert without_docstring(broken) == ["gpupipe/core/__init__.py: no docstring"]


def test_rule_of_mirrored_tests(broken: Path) -> None:
    wrong = without_test(broken, {"stages.clip": "tried", "plan": "tried"})
    assert "gpupipe/stages/clip.py: has a test, strike the exception" in wrong
    assert "gpupipe/stages/round.py: no tests/stages/test_round.py" in wrong
    assert not any("_help" in line or "__init__" in line or "plan.py" in line for line in wrong)


def test_rule_of_the_plan(broken: Path) -> None:
    assert said_elsewhere(broken) == ["gpupipe/stages/_help.py:3: check is said in plan(*specs)"]
