"""Pipeline files: a Python file with a function that returns a pipeline, and whose keyword parameters are its options.

The file's folder goes to the front of ``sys.path``, as it does for a script, so that its neighbours import; and the file is loaded
as the module that its name would import there, so that its functions pickle and other processes find them again.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import inspect
import sys
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from gpupipe.core.errors import GpupipeError, UsageError, listing, nearest
from gpupipe.core.extras import how_to_have
from gpupipe.parameters import Parameter, bind, read_parameters
from gpupipe.pipeline import Pipeline

DEFAULT_FUNCTION = "pipeline"


@dataclass(frozen=True)
class Definition:
    """A pipeline function in a file, and its options.

    Parameters
    ----------
    shown
        The file and function as the caller would name them again.
    """

    path: Path
    shown: str
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]

    @property
    def summary(self) -> str:
        """The first paragraph of the function's docstring, or of the file's, on one line."""
        module = inspect.getmodule(self.function)
        text = inspect.getdoc(self.function) or (inspect.getdoc(module) if module else "") or ""
        return " ".join(text.partition("\n\n")[0].split())

    def values(self, given: Sequence[str]) -> dict[str, Any]:
        """Return the value of every parameter: those given as ``name=value``, and the defaults.

        Raises
        ------
        UsageError
            See `gpupipe.parameters.bind`.
        """
        for parameter in self.parameters:
            parameter.hide(parameter.default)
        bound = bind(self.parameters, given)
        return {parameter.name: bound.get(parameter.name, parameter.default) for parameter in self.parameters}

    def build(self, values: Mapping[str, Any]) -> Pipeline:
        """Return the pipeline that the function makes of the values.

        Raises
        ------
        UsageError
            Where the function raises, or returns something else.
        """
        with _blaming(self.path, f"{self.function.__name__}() in {self.path}"):
            made = self.function(**values)
        if not isinstance(made, Pipeline):
            hint = "It has no return statement that was reached." if made is None else ""
            msg = f"Expected {self.shown} to return a gpupipe.Pipeline, got {type(made).__name__}. {hint}".strip()
            raise UsageError(f"{msg} End it with: return gp.Pipeline('name', output=node)")
        return made


def load_definition(target: str) -> Definition:
    """Return the definition that ``FILE[:FUNCTION]`` names; the function is ``pipeline`` where none is named.

    Raises
    ------
    UsageError
        Where there is no such file or function, or the file raises when it is loaded; the lines of it that did are in the notes.
    """
    path, name = _split(target)
    module = load_module(path)
    found = getattr(module, name, None)
    own = _functions(module)
    if found is None:
        known = f"Its functions are {listing(own)}." if own else "It defines no functions."
        msg = f"There is no function {name!r} in {path}.{nearest(name, own)} {known} Name one: {path}:FUNCTION"
        raise UsageError(msg)
    if isinstance(found, Pipeline) or not inspect.isfunction(found):
        msg = f"Expected {name!r} in {path} to be a function that returns a gpupipe.Pipeline, got {type(found).__name__}."
        raise UsageError(f"{msg} Write: def {name}() -> gp.Pipeline: ...")
    shown = f"{path}" if name == DEFAULT_FUNCTION else f"{path}:{name}"
    return Definition(path, shown, found, read_parameters(found))


def _split(target: str) -> tuple[Path, str]:
    """Return the file and the function's name."""
    whole = Path(target).expanduser()
    head, colon, tail = target.rpartition(":")
    if whole.is_file() or not colon or len(head) < 2:  # one letter before the colon is a drive
        path, name = whole, DEFAULT_FUNCTION
    else:
        path, name = Path(head).expanduser(), tail
    if not path.exists():
        names = [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else []
        close = nearest(path.name, names)
        msg = f"There is no file {str(path)!r}.{close} Expected FILE.py or FILE.py:FUNCTION, a Python file that defines a pipeline."
        raise UsageError(msg)
    if path.suffix != ".py" or not path.is_file():
        msg = f"Expected a Python file (.py) that defines a pipeline, got {str(path)!r}."
        raise UsageError(msg)
    if not name.isidentifier():
        msg = f"Expected FILE:FUNCTION, got {target!r}: {name!r} is no function's name."
        raise UsageError(msg)
    return path, name


def _functions(module: ModuleType) -> list[str]:
    """Return the names of the public functions that a module defines itself."""
    functions = {name: one for name, one in vars(module).items() if inspect.isfunction(one) and not name.startswith("_")}
    return [name for name, one in functions.items() if one.__module__ == module.__name__]


def load_module(path: Path) -> ModuleType:
    """Return the file's module, loaded anew and registered under its name."""
    whole = path.resolve()
    folder = str(whole.parent)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    name = module_name(whole)
    loader = importlib.machinery.SourceFileLoader(name, str(whole))
    spec = importlib.util.spec_from_file_location(name, whole, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _blaming(path, f"Loading {path}"):
            loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def module_name(path: Path) -> str:
    """Return the name that a file is loaded under: its own where importing that would find it, else one made of its path.

    Examples
    --------
    >>> module_name(Path("/flows/json.py"))  # the standard library has that name
    'json_a11a35fa'
    """
    stem = path.stem
    loaded = getattr(sys.modules.get(stem), "__file__", None)
    taken = stem in sys.stdlib_module_names or (stem in sys.modules and loaded != str(path))
    if stem.isidentifier() and not taken:
        return stem
    return f"{stem}_{zlib.crc32(str(path).encode()):08x}"


@contextmanager
def _blaming(path: Path, what: str) -> Iterator[None]:
    """Make an error of the user's code one of ours, with the lines of that code in its notes."""
    try:
        yield
    except GpupipeError as error:
        for line in _lines(error.__traceback__, path)[-1:]:
            error.add_note(line)
        raise
    except (Exception, SystemExit) as error:
        *before, said = traceback.format_exception_only(error)
        lacks = f". {how_to_have(error.name)}" if isinstance(error, ModuleNotFoundError) and error.name else ""
        failure = UsageError(f"{what} raised {said.strip()}{lacks}")
        for line in [*_lines(error.__traceback__, path), *(["".join(before).rstrip()] if before else [])]:
            failure.add_note(line)
        raise failure from error


def _lines(trace: TracebackType | None, path: Path) -> list[str]:
    """Return the lines of a traceback that belong to the file, or to a neighbour of it, outermost first."""
    folder = path.resolve().parent
    told = []
    for frame in traceback.extract_tb(trace):
        file = Path(frame.filename)
        below = file.relative_to(folder).parts[:-1] if file.is_relative_to(folder) else ("site-packages",)
        if not {"site-packages", "gpupipe"} & set(below):
            shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
            told.append(f"At {shown}:{frame.lineno}, in {frame.name}:\n    {frame.line or ''}".rstrip())
    return told
