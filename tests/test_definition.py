from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.definition import load_definition, module_name

BODY = """
import gpupipe as gp
import polars as pl

@gp.rows
def doubled(frame):
    return frame

def pipeline(n: int = 3):
    "Make rows."
    return gp.Pipeline("p", out=doubled(gp.FromFrame(pl.DataFrame({"a": range(n)})).node()))
"""


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def refused(target: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_definition(target).build({})
    return caught.value


def test_the_function_is_called_with_what_was_given_and_its_defaults(tmp_path: Path) -> None:
    definition = load_definition(written(tmp_path / "rows.py", BODY))
    assert definition.summary == "Make rows."
    assert definition.values([]) == {"n": 3}
    assert definition.build(definition.values(["n=5"])).run()["out"].shape == (5, 1)


def test_functions_of_the_file_pickle_and_load_in_another_process(tmp_path: Path) -> None:
    load_definition(written(tmp_path / "some_rows.py", BODY))
    kept = pickle.dumps(sys.modules["some_rows"].doubled)
    program = f"import pickle, sys; sys.path.insert(0, {str(tmp_path)!r}); print(pickle.loads({kept!r}).name)"
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "doubled", done.stderr


def test_neighbours_import_and_a_taken_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_rows.py").write_text("N = 4")
    written(
        tmp_path / "json.py",
        BODY.replace("int = 3", "int = N").replace("import gpupipe", "from neighbour_of_rows import N\nimport gpupipe"),
    )
    json = sys.modules["json"]
    assert load_definition("json.py").values([]) == {"n": 4}
    assert sys.modules["json"] is json
    assert module_name(tmp_path / "json.py").startswith("json_")
    assert module_name(tmp_path / "my-flow.py").startswith("my-flow_")


def test_an_error_on_import_tells_the_lines_of_the_file_alone(tmp_path: Path) -> None:
    (tmp_path / "neighbour_that_fails.py").write_text("import json\njson.loads('{')")
    written(tmp_path / "importing.py", "\nimport neighbour_that_fails")
    error = refused("importing.py")
    assert str(error).startswith("Loading importing.py raised json.decoder.JSONDecodeError: Expecting property name")
    assert error.__notes__ == [
        "At importing.py:2, in <module>:\n    import neighbour_that_fails",
        "At neighbour_that_fails.py:2, in <module>:\n    json.loads('{')",
    ]
    assert "importing" not in sys.modules


def test_syntax_errors_show_the_place(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "unfinished.py", "def pipeline(:\n    pass"))
    assert "raised SyntaxError" in str(error)
    assert "def pipeline(:" in error.__notes__[0]


def test_a_file_that_exits_is_refused(tmp_path: Path) -> None:
    assert "raised SystemExit: 3" in str(refused(written(tmp_path / "exits.py", "raise SystemExit(3)")))


def test_our_own_errors_keep_their_type_and_get_the_line(tmp_path: Path) -> None:
    text = "from gpupipe.core.errors import ColumnError\ndef pipeline():\n    raise ColumnError('no')"
    definition = load_definition(written(tmp_path / "own_error.py", text))
    with pytest.raises(ColumnError) as caught:
        definition.build({})
    assert caught.value.__notes__ == ["At own_error.py:3, in pipeline:\n    raise ColumnError('no')"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("flw.py", "There is no file 'flw.py'. Did you mean 'flow.py'?"),
        ("flow.txt", "Expected a Python file (.py)"),
        (
            "flow.py:pipelin",
            "There is no function 'pipelin' in flow.py. Did you mean 'pipeline'? Its functions are 'pipeline', 'none'.",
        ),
        ("flow.py:", "'' is no function's name"),
        ("flow.py:made", "Expected 'made' in flow.py to be a function"),
        ("flow.py:none", "Expected flow.py:none to return a gpupipe.Pipeline, got NoneType. It has no return"),
        (".", "Expected a Python file"),
    ],
)
def test_wrong_targets_are_refused(tmp_path: Path, target: str, told: str) -> None:
    (tmp_path / "flow.txt").write_text("")
    (tmp_path / "flow.py").write_text("def pipeline(): ...\ndef _hidden(): ...\ndef none(): ...\nmade = 3\n")
    assert told in str(refused(target))
