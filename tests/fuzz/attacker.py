"""Mutated artefacts, entries of stores, and reports, loaded one after the other under the eyes of an audit hook.

Run as a program, with a folder, the kind, the first seed and how many: it prints a line of JSON for each finding, and one at the end. It is
a process of its own, since an audit hook stays until its process ends, and since a fault in a compiled library would end it.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import faulthandler
import hashlib
import importlib
import io
import json
import os
import random
import shutil
import signal
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SECONDS = 60  # for one mutation; a loop that does not end is a finding
# What loading may do: nothing of these. Opening a file is looked at below.
FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen", "pty.spawn", "os.startfile"),
    *(
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.mkdir",
        "os.link",
        "os.symlink",
        "os.chmod",
        "os.chown",
        "os.truncate",
        "os.putenv",
        "os.kill",
    ),
    *("shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.copytree", "shutil.unpack_archive", "shutil.chown"),
    *(
        "exec",
        "compile",
        "import",
        "code.__new__",
        "marshal.loads",
        "pickle.find_class",
        "ctypes.dlopen",
        "ctypes.dlsym",
        "function.__new__",
    ),
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request", "webbrowser.open", "sqlite3.connect", "builtins.input"),
)
_PYTHON = (sys.prefix, sys.base_prefix, sysconfig.get_paths()["purelib"], Path(__file__).parents[2], "/usr/share/zoneinfo", "/sys")
_SYSTEM = (f"/proc/{os.getpid()}/", "/proc/sys/kernel/random/boot_id")  # whose scratch is whose
READABLE = (*{os.path.realpath(path) for path in _PYTHON}, *_SYSTEM)


class Watch:
    """What the audit hook saw while it was armed."""

    def __init__(self, inside: Path) -> None:
        self.inside = str(inside.resolve())
        self.armed = False
        self.seen: list[str] = []
        sys.addaudithook(self._look)

    def _look(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event == "open":
            self._opened(*args[:3])
        elif event in FORBIDDEN and not self._is_ours(event, args):
            self.seen.append(f"{event} {args!r}"[:300])

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        whole = os.path.realpath(os.fsdecode(path))
        writes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)) or any(sign in str(mode or "") for sign in "wax+")
        if not whole.startswith(self.inside) and (writes or not whole.startswith(READABLE)) and whole != "/dev/null":
            self.seen.append(f"open {whole!r} {mode!r} {flags!r}")

    def _is_ours(self, event: str, args: tuple[Any, ...]) -> bool:
        """Whether an event is about a file inside the attack's own folder, or reads without running anything."""
        if event.startswith(("os.", "shutil.")) and args and isinstance(args[0], str | bytes | os.PathLike):
            above = args[-1] if len(args) > 1 and type(args[-1]) is int and args[-1] >= 0 else None
            folder = Path() if above is None else Path(f"/proc/self/fd/{above}").readlink()
            return os.path.realpath(folder / os.fsdecode(args[0])).startswith(self.inside)
        if event == "compile":
            return args[1] == "<unknown>"  # ast.literal_eval, as NumPy reads an array's header: a tree, and no code
        return event == "import" and args[0] in sys.modules

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self.armed = True
        try:
            yield
        finally:
            self.armed = False


def mutated_bytes(chance: random.Random, content: bytes) -> bytes:
    """Return bytes with a few of them changed, removed, doubled or moved."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if not made:
            break
        at, n_bytes = chance.randrange(len(made)), chance.choice((1, 1, 2, 4, 8, 64))
        how = chance.random()
        if how < 0.4:
            made[at] = chance.randrange(256)
        elif how < 0.55:
            made[at] = (made[at] + chance.choice((-1, 1, 128))) % 256
        elif how < 0.7:
            del made[at : at + n_bytes]
        elif how < 0.85:
            other = chance.randrange(len(made))
            made[at : at + n_bytes] = made[other : other + n_bytes]
        elif how < 0.95:
            made[at:at] = bytes(chance.randrange(256) for _ in range(n_bytes))
        else:
            del made[at:]
    return bytes(made)


def values(chance: random.Random, outside: Path) -> Any:
    """Return a value as somebody who means harm, or a broken program, would put it anywhere."""
    deep: Any = 1
    for _ in range(chance.choice((5, 500, 3000))):
        deep = [deep] if chance.random() < 0.5 else {"list": [deep]}
    names = [
        "os:system",
        "subprocess:Popen",
        "builtins:exec",
        "pip.__main__:x",
        "fuzz_evil:Stage",
        "gpupipe.cli:main",
        "gpupipe.stages.function:RowFunction",
    ]
    names += [
        "sklearn.utils._testing.check_output",
        "xgboost.dask:DaskXGBClassifier",
        "gpupipe.stages.filter:Filter",
        "gpupipe.models.learn:Learned",
    ]
    return chance.choice(
        [
            None,
            True,
            False,
            0,
            -1,
            1,
            2**31,
            2**63,
            -(2**70),
            1.5,
            float("nan"),
            float("inf"),
            "",
            "x",
            "../../x",
            "/etc/passwd",
            str(outside / "canary"),
            f"../{outside.name}/canary",
            "\x00",
            "\ud800",
            "a" * 5000,
            [],
            {},
            [[]],
            {"float": "nan"},
            {"float": "x"},
            {"dtype": "Int8"},
            {"dtype": "__class__"},
            {"table": "../x.parquet"},
            {"model": "..", "facts": {}},
            {"stage": chance.choice(names), "fields": {}},
            {"tuple": 3},
            {"numpy": ["|O", "AAAA"]},
            {"array": ["<f8", [2**40], "AAAA"]},
            {"datetime": ["2020-01-01", 0, "../../etc/passwd"]},
            {"decimal": "1e999999"},
            {"timedelta": [10**12, 0, 0]},
            chance.choice(names),
            deep,
        ]
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each place in a value of JSON."""
    yield path
    if len(path) > 30:
        return
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(parts)[:40]:
        yield from places(part, (*path, key))


def mutated_json(chance: random.Random, value: Any, outside: Path) -> Any:
    """Return a value of JSON with one or several places of it replaced, removed, renamed or doubled."""
    made = copy.deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        at = chance.choice(list(places(made)))
        if not at:
            if chance.random() < 0.05:
                return values(chance, outside)
            continue
        inner = made
        for key in at[:-1]:
            inner = inner[key]
        how = chance.random()
        if how < 0.6:
            inner[at[-1]] = values(chance, outside)
        elif how < 0.8:
            del inner[at[-1]]
        elif isinstance(inner, dict):
            inner[chance.choice(("", "x", "float", "stage", "__class__", "../x", f"{at[-1]}x"))] = inner.pop(at[-1])
        else:
            inner.append(chance.choice(inner))
    return made


def dumped(chance: random.Random, value: Any) -> bytes:
    """Return JSON, as good as it can be written; now and then broken as text."""
    try:
        content = json.dumps(value).encode()
    except RecursionError:
        content = b"[" * 100_000
    return mutated_bytes(chance, content) if chance.random() < 0.1 else content


def mutated_skops(chance: random.Random, content: bytes, outside: Path) -> bytes:
    """Return a file of skops' with its account of itself, or an array in it, changed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as original, zipfile.ZipFile(packed, "w") as archive:
        chosen = chance.choice([*original.namelist(), *["schema.json"] * 3])
        for name in original.namelist():
            held = original.read(name)
            if name == chosen and name == "schema.json" and chance.random() < 0.9:
                held = dumped(chance, mutated_schema(chance, json.loads(held), outside))
            elif name == chosen:
                held = mutated_bytes(chance, held)
            archive.writestr(name, held)
    return packed.getvalue()


def mutated_schema(chance: random.Random, schema: Any, outside: Path) -> Any:
    """Return what skops' file says of itself, a node of it of another type, or anything else of it changed."""
    if chance.random() < 0.5:
        return mutated_json(chance, schema, outside)
    nodes = [at for at in places(schema) if at and at[-1] == "__loader__"]
    inner = schema
    for key in chance.choice(nodes)[:-1]:
        inner = inner[key]
    loaders = (
        "ListNode",
        "SetNode",
        "TupleNode",
        "ConstructorFromReduceNode",
        "ObjectNode",
        "FunctionNode",
        "TypeNode",
        "PartialNode",
        "MethodNode",
        "DictNode",
    )
    kinds = (
        ("sklearn.utils._testing", "check_output"),
        ("builtins", "eval"),
        ("os", "system"),
        ("fuzz_evil", "Stage"),
        ("numpy", "load"),
        ("numpy", "mean"),
        ("sklearn.tree._tree", "Tree"),
        ("sklearn.utils._bunch", "Bunch"),
        ("functools", "partial"),
        ("sklearn.pipeline", "Pipeline"),
        ("builtins", "map"),
    )
    if chance.random() < 0.7:
        inner["__loader__"] = chance.choice(loaders)
    if chance.random() < 0.7:
        inner["__module__"], inner["__class__"] = chance.choice(kinds)
    if chance.random() < 0.3:
        schema["protocol"] = chance.choice((0, 1, 2, 3, True, None, "2"))
    return schema


class Artefacts:
    """Saved stages of each kind; mutated, their checksums mostly made right again."""

    def __init__(self, seeds: Path) -> None:
        import narwhals.stable.v2 as nw
        import numpy as np
        import polars as pl
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.linear_model import LogisticRegression
        from sklearn.neighbors import KNeighborsRegressor
        from xgboost import XGBClassifier

        import gpupipe as gp

        rows = np.random.default_rng(0).normal(size=(40, 2))
        self.frame = pl.DataFrame(rows, schema=["a", "b"]).with_columns(y=(pl.col("a") > 0).cast(pl.Int32), c=pl.lit("u"))
        estimators = [
            XGBClassifier(n_estimators=2, max_depth=2, n_jobs=1, verbosity=0),
            RandomForestRegressor(2, max_depth=2),
            KNeighborsRegressor(2, algorithm="kd_tree"),
            LogisticRegression(),
        ]
        stages = [gp.Learn(one, features=["a", "b"], target="y").fit_plain(self.frame) for one in estimators]
        stages += [gp.Standardize(["a", "b"]).fit_plain(self.frame), gp.EncodeCategory("c").fit_plain(self.frame)]
        condition = (nw.col("a") > 0) & nw.col("c").str.contains("u")
        columns = gp.WithColumns(b=nw.when(condition).then(nw.col("b") * 2).otherwise(nw.col("a").clip(0, 1)))
        stages.append(gp.Chain(stages[-1], stages[-2], gp.Filter(nw.col("b").is_between(-9, 9)), columns, stages[0]))
        edges = pl.DataFrame({"from": ["a", "b", "c"], "to": ["b", "c", "a"], "w": [1.0, 2.0, 3.0]})
        stages += [gp.ToGraph("from", "to", directed=False, weight="w").apply(edges), gp.ToTensor(["from", "to"], "w").apply(edges)]
        stages.append(gp.ToTensor(["from", "to"], "w", sparse=True).apply(edges))
        stages += [*self._forecasts(), self._topics(), *self._words(), self._network()]
        self.folders = [gp.save(stage, seeds / str(number)) for number, stage in enumerate(stages)]
        for folder in self.folders:  # so that what libraries load with the first of a kind is there
            gp.load(folder)

    def _forecasts(self) -> list[Any]:
        """Return fitted forecasters, and the accuracies of some."""
        import polars as pl

        import gpupipe as gp
        from gpupipe.forecasts import ARIMA, DeepForecaster, HoltWinters

        sales = [float(day % 4 + day) for day in range(12)]
        rows = pl.DataFrame({"store": ["a"] * 12 + ["b"] * 12, "day": [*range(12)] * 2, "sales": [*sales, *reversed(sales)]})
        models = (
            HoltWinters(4),
            HoltWinters(4, seasonal="mul", n_paths=100),
            ARIMA((1, 0, 0)),
            DeepForecaster(3, 2, hidden_size=2, epochs=1, device="cpu"),
        )
        columns: Any = {"by": "store", "time": "day", "target": "sales"}
        evaluation = gp.EvaluateForecast().apply(gp.Backtest(models[0], 2, **columns).apply(rows))
        return [*(gp.Forecast(one, **columns).apply(rows) for one in models), evaluation]

    def _network(self) -> Any:
        """Return a trained network of gpupipe's own."""
        import numpy as np
        import polars as pl

        import gpupipe as gp
        from gpupipe.deep import Training
        from gpupipe.deep.layers import TRL

        places = np.indices((12, 3, 2)).reshape(3, -1)
        tensor = gp.ToTensor(["s", "a", "b"], "x").apply(pl.DataFrame({**dict(zip("sab", places, strict=True)), "x": places[0] % 2 + 0.5}))
        known = pl.DataFrame({"s": range(12), "kind": ["u", "v"] * 6})
        options = {"input_shape": (3, 2), "output_size": 2, "rank": 0.5}
        return gp.LearnDeep(TRL, options, samples="s", target="kind", training=Training(1, device="cpu")).apply(tensor, known)

    def _topics(self) -> Any:
        """Return fitted topics of words that are told by a vocabulary."""
        import polars as pl

        import gpupipe as gp

        cells = [(document, 3 * (document % 2) + place, 1 + place) for document in range(40) for place in range(3)]
        rows = pl.DataFrame(cells, schema=["document", "word", "count"], orient="row")
        return gp.Topics(2).apply(rows, pl.DataFrame({"number": range(6), "word": list("abcdef")}))

    def _words(self) -> list[Any]:
        """Return estimators of words."""
        import polars as pl
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        import gpupipe as gp

        cells = [(document, "abcdef"[3 * (document % 2) + place], 1 + place) for document in range(10) for place in range(3)]
        rows = pl.DataFrame(cells, schema=["document", "word", "count"], orient="row")
        labels = pl.DataFrame({"document": range(10), "y": ["u", "v"] * 5})
        model = make_pipeline(TfidfTransformer(), LogisticRegression())
        return [gp.LearnWords(model, target="y").apply(rows, labels), gp.LearnWords(TruncatedSVD(2)).apply(rows)]

    def attack(self, chance: random.Random, here: Path, outside: Path) -> Callable[[], Any]:
        """Return what loads a mutated folder."""
        import gpupipe as gp

        folder = here / "stage"
        shutil.copytree(chance.choice(self.folders), folder)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "stage.json"]
        if files and chance.random() < 0.6:
            file = chance.choice(files)
            held = file.read_bytes()
            file.write_bytes(
                mutated_skops(chance, held, outside) if file.suffix == ".skops" and chance.random() < 0.8 else mutated_bytes(chance, held)
            )
        if chance.random() < 0.1:
            path = folder / chance.choice(("more.txt", "0/more", "stage.json.bak"))
            path.parent.mkdir(exist_ok=True)
            if chance.random() < 0.5:
                path.symlink_to(outside / "canary")
            else:
                path.write_text("more")
        facts = json.loads((folder / "stage.json").read_text())
        if chance.random() < 0.8:  # an attacker signs what he wrote
            found = [path for path in folder.rglob("*") if path.is_file() and path.name != "stage.json"]
            facts["sha256"] = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
        if chance.random() < 0.5:
            facts = mutated_json(chance, facts, outside)
        (folder / "stage.json").write_bytes(dumped(chance, facts))

        def load() -> None:
            loaded = gp.load(folder)
            if hasattr(loaded, "describe"):  # a graph, a tensor, a forecaster, whose numbers are followed as indices
                loaded.describe()

        return load


class Entries:
    """A store of checkpoints; an entry of it, or a file, mutated. It is listed, searched, read and cleared."""

    def __init__(self, seeds: Path) -> None:
        import narwhals.stable.v2 as nw
        import polars as pl

        import gpupipe as gp

        table = gp.FromArrow(pl.DataFrame({"a": [1.0, 2.0, 4.0], "y": [0, 1, 1]}).to_arrow()).node()
        fitted = gp.Standardize("a").fit(table)
        self.pipeline = gp.Pipeline("p", rows=fitted(table), n=gp.Scalar(nw.col("a").sum())(table), fitted=fitted)
        self.store = seeds / "kept"
        first = self.pipeline.run("cpu", checkpoints=str(self.store))
        self.total = first["n"]
        assert len(self.pipeline.run("cpu", checkpoints=str(self.store), resume=True).report["checkpoints"]["taken"]) == 3
        (seeds / "canary").write_text("never in a store")

    def attack(self, chance: random.Random, here: Path, outside: Path) -> Callable[[], Any]:
        """Return what uses a mutated store in all ways there are."""
        from gpupipe.checkpoints.keeper import Keeper
        from gpupipe.checkpoints.store import DamagedError, Store

        folder = here / "kept"
        shutil.copytree(self.store, folder)
        described = sorted(folder.rglob("entry.json"))
        entry = chance.choice(described)
        held = json.loads(entry.read_text())
        if chance.random() < 0.3:
            file = chance.choice([path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "entry.json"])
            file.write_bytes(mutated_bytes(chance, file.read_bytes()))
            if file.is_relative_to(entry.parent) and chance.random() < 0.7:
                name = file.relative_to(entry.parent / held["folder"]).as_posix()
                held["files"][name] = [file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()]
        if chance.random() < 0.8:
            entry.write_bytes(dumped(chance, mutated_json(chance, held, outside)))
        if chance.random() < 0.1:
            shutil.rmtree(entry.parent / held["folder"], ignore_errors=True)  # a value has none
            (entry.parent / held["folder"]).symlink_to(outside)
        plan = self.pipeline.plan()

        def use() -> str:
            damaged = 0
            keeper = Keeper(str(folder), plan, "cpu", resume=True)
            keeper.begin()
            store = Store(str(folder))
            entries = list(store.entries())
            assert len(entries) == len(described), "an entry ends the listing of the others"
            for one in entries:
                assert one.n_bytes >= 0
                try:
                    store.find(one.address)
                except DamagedError:
                    damaged += 1
                store.remove(one)
            store.clear_remains(older_than_seconds=0)
            return "refused" if damaged or keeper.remarks else "loaded"

        return use


class Reports:
    """The report of a run, mutated and drawn as a page."""

    def __init__(self, seeds: Path) -> None:
        import narwhals.stable.v2 as nw
        import polars as pl
        from sklearn.linear_model import LogisticRegression

        import gpupipe as gp
        from gpupipe.core.plain_json import json_text

        table = gp.FromArrow(pl.DataFrame({"a": [1.0, 2.0, 4.0, 3.0], "y": [0, 1, 1, 0]}).to_arrow()).node()
        model = gp.Learn(LogisticRegression(), features=["a"], target="y").fit(table)
        scores = gp.Evaluate("roc_auc", target="y")(model.predict_proba(table))
        pipeline = gp.Pipeline("p", model=model, scores=scores, n=gp.Scalar(nw.len())(table), rows=model.predict(table))
        self.report = json.loads(json_text(pipeline.run("cpu", parameters={"a": 1}).report))
        told = {"kind": "table", "title": "t", "columns": ["a", "n"], "rows": [["x", 1], [{"stage": 0}, None]]}
        lines = {"kind": "lines", "title": "l", "x": "x", "y": "y", "curves": [{"label": "c", "x": [1, 2], "y": [3, None]}]}
        bars, facts = {"kind": "bars", "title": "b", "bars": [["a", 1.0]]}, {"kind": "facts", "title": "f", "values": {"a": 1}}
        self.report["cards"] = [
            {"stage": 1, "section": "S", "title": "T", "parts": [{"kind": "text", "text": "x"}, facts, told, bars, lines]}
        ]

    def attack(self, chance: random.Random, here: Path, outside: Path) -> Callable[[], Any]:
        """Return what draws a mutated report."""
        from gpupipe.report import html_page

        report = mutated_json(chance, self.report, outside)

        def draw() -> None:
            made = html_page(report)
            assert "<script src" not in made

        return draw


KINDS = {"artefacts": Artefacts, "entries": Entries, "reports": Reports}


def main(folder: Path, kind: str, first: int, count: int) -> None:
    """Attack with each seed, and tell what was found."""
    import warnings

    from gpupipe.core.errors import GpupipeError
    from gpupipe.saved import _hints, _own_modules

    for name in _own_modules():  # gpupipe's own, which a file may name: loading one, and evaluating its annotations, runs no other code
        for held in vars(importlib.import_module(name)).values():
            if isinstance(held, type) and dataclasses.is_dataclass(held):
                _hints(held)
    warnings.simplefilter("ignore")
    faulthandler.enable()
    outside = folder / "outside"
    outside.mkdir(parents=True)
    (outside / "canary").write_text("keep me")
    (folder / "modules").mkdir()
    (folder / "modules" / "fuzz_evil.py").write_text(f"open({str(outside / 'ran')!r}, 'w')\n")
    sys.path.insert(0, str(folder / "modules"))
    kept = KINDS[kind](folder / "seeds")
    inside = folder / "here"
    os.environ["TMPDIR"] = str(inside)
    import tempfile

    tempfile.tempdir = str(inside)
    watch = Watch(inside)
    inside.mkdir()
    for warm in range(-40, 0):  # what is imported lazily is imported by now
        _one(kept, warm, inside, outside, watch, GpupipeError)
    outcomes: dict[str, int] = {}
    for seed in range(first, first + count):
        print(json.dumps({"seed": seed}), flush=True)
        watch.seen.clear()
        outcome = _one(kept, seed, inside, outside, watch, GpupipeError)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if [path.name for path in outside.iterdir()] != ["canary"] or (outside / "canary").read_text() != "keep me":
            watch.seen.append(f"outside: {sorted(path.name for path in outside.iterdir())}")
        if watch.seen or outcome not in ("loaded", "refused"):
            print(json.dumps({"finding": seed, "outcome": outcome, "seen": watch.seen}), flush=True)
    print(json.dumps({"done": count, "outcomes": outcomes}), flush=True)


def _one(kept: Any, seed: int, inside: Path, outside: Path, watch: Watch, refused: type[Exception]) -> str:
    """Return what became of one attack."""
    shutil.rmtree(inside)
    inside.mkdir()
    use = kept.attack(random.Random(seed), inside, outside)
    signal.alarm(SECONDS)
    try:
        with watch.watching():
            told = use()
        return "refused" if told == "refused" else "loaded"
    except refused:
        return "refused"
    except Exception as error:  # noqa: BLE001  (a finding)
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
