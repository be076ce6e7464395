"""The keyword parameters of a pipeline function as typed options: what they are called, what they take, what they mean.

A value comes as text (``-p n_estimators=200``) and leaves as what the annotation says: str, int, float, bool, Path, Literal,
`Secret`, ``list[T]`` and ``tuple[T, ...]`` (given several times, or separated by commas), ``X | None`` (``none``, or nothing behind the
equals sign) and other unions, of which the first that takes the text wins, str last.
"""

from __future__ import annotations

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.core.secret import Secret, hide, is_secret_name, learn

_TRUE, _FALSE, _NONE = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "")
_LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_WORDS: Mapping[Any, str] = {str: "text", Secret: "secret text", int: "whole number", float: "number", bool: "true or false", Path: "path"}

_COUNTED = ("text", "secret text", "whole number", "number", "path", "list")


@dataclass(frozen=True)
class Parameter:
    """One option of a pipeline.

    Parameters
    ----------
    annotation
        The type, its names resolved.
    default
        `inspect.Parameter.empty` where the parameter must be given.
    text
        What the function's docstring says of it, on one line.
    """

    name: str
    annotation: Any
    default: Any
    text: str

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is inspect.Parameter.empty

    @property
    def secret(self) -> bool:
        """Whether nobody is to see its value: its annotation says so, or its name."""
        return _is_secret(self.annotation) or is_secret_name(self.name)

    def hide(self, value: Any) -> None:
        """Mask a value of this parameter, or what is secret in it, in all that the run leaves."""
        (hide if self.secret else learn)(value)

    @property
    def type_text(self) -> str:
        """The type, in words."""
        return _type_text(self.annotation)

    def value(self, texts: Sequence[str]) -> Any:
        """Return the value of the texts given for this parameter.

        Raises
        ------
        UsageError
            Where the annotation takes no such text.
        """
        try:
            return _convert(self.annotation, texts)
        except ValueError:
            got = listing(texts) if len(texts) != 1 else repr(texts[0])
            twice = " It takes one value: give it once." if len(texts) > 1 else ""
            article = "a " if self.type_text.startswith(_COUNTED) else ""
            msg = f"Parameter {self.name!r} expects {article}{self.type_text}, got {got}.{twice}"
            raise UsageError(msg) from None


def read_parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return the function's parameters that can be given by name.

    Raises
    ------
    UsageError
        Where one of them has no name to be given by, or an annotation that cannot be resolved.

    Examples
    --------
    >>> def pipeline(data: str, n_estimators: int = 100): ...
    >>> [(given.name, given.type_text, given.required) for given in read_parameters(pipeline)]
    [('data', 'text', True), ('n_estimators', 'whole number', False)]
    """
    texts = documented(inspect.getdoc(function) or "")
    found = []
    for name, given in inspect.signature(function).parameters.items():
        if given.kind is inspect.Parameter.POSITIONAL_ONLY:
            msg = f"Parameter {name!r} of {function.__name__}() cannot be given by name. Take the '/' out of its parameters."
            raise UsageError(msg)
        if given.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        found.append(Parameter(name, _annotation(function, given), given.default, texts.get(name, "")))
    return tuple(found)


def _annotation(function: Callable[..., Any], given: inspect.Parameter) -> Any:
    """Return the resolved annotation; without one the default's type, and without a default text."""
    if given.annotation is inspect.Parameter.empty:
        kind = type(given.default)
        return kind if kind in (bool, int, float) or (isinstance(kind, type) and issubclass(kind, Path)) else str
    holder = types.SimpleNamespace(__annotations__={given.name: given.annotation})
    try:
        return typing.get_type_hints(holder, getattr(function, "__globals__", {}))[given.name]
    except (NameError, SyntaxError, TypeError, AttributeError) as error:
        msg = f"The annotation {given.annotation!r} of parameter {given.name!r} of {function.__name__}() cannot be resolved: {error}."
        raise UsageError(f"{msg} Import its names where the file runs, not only under TYPE_CHECKING.") from error


def bind(parameters: Sequence[Parameter], given: Sequence[str]) -> dict[str, Any]:
    """Return the values that ``name=value`` texts give, by name.

    Raises
    ------
    UsageError
        Where a text is no ``name=value`` or names no parameter, a value is of the wrong type, or a required one is missing.

    Examples
    --------
    >>> bind([Parameter("n", int, 1, "")], ["n=3"])
    {'n': 3}
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    texts: dict[str, list[str]] = {}
    for entry in given:
        name, equals, text = entry.partition("=")
        name = name.strip()
        if not equals:
            close = f" Write: -p {name}=..." if name in by_name else nearest(name, by_name)
            msg = f"Expected -p name=value, got -p {entry!r}.{close}"
            raise UsageError(msg)
        if name not in by_name and name.replace("-", "_") in by_name:
            name = name.replace("-", "_")
        if name not in by_name:
            known = f"The parameters are {listing(by_name)}." if by_name else "The pipeline has no parameters."
            msg = f"There is no parameter {name!r}.{nearest(name, by_name)} {known}"
            raise UsageError(msg)
        by_name[name].hide(text)
        texts.setdefault(name, []).append(text)
    missing = [parameter for parameter in parameters if parameter.required and parameter.name not in texts]
    if missing:
        asked = " ".join(f"-p {parameter.name}=..." for parameter in missing)
        words = ", ".join(f"{parameter.name!r} ({parameter.type_text})" for parameter in missing)
        msg = f"The pipeline needs a value for {words}. Add: {asked}"
        raise UsageError(msg)
    return {name: by_name[name].value(several) for name, several in texts.items()}


def documented(docstring: str) -> dict[str, str]:
    r"""Return what a NumPy docstring's section "Parameters" says of each name, the first sentence on one line.

    Source: the numpydoc style guide, section 3, "Parameters"; names may share an entry, and their types are optional.

    Examples
    --------
    >>> documented("Do.\n\nParameters\n----------\na, b : int\n    How many.\nc\n    Which.\n\nReturns\n-------\nNone")
    {'a': 'How many.', 'b': 'How many.', 'c': 'Which.'}
    """
    lines = docstring.splitlines()
    starts = [at for at in range(1, len(lines)) if re.fullmatch(r"-{3,}\s*", lines[at]) and lines[at - 1].strip() == "Parameters"]
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for at in range(starts[0] + 1 if starts else len(lines), len(lines)):
        line = lines[at]
        if at + 1 < len(lines) and re.fullmatch(r"-{3,}\s*", lines[at + 1]):
            break
        if line.startswith((" ", "\t")):
            for name in names:
                found[name].append(line.strip())
        elif line.strip():
            names = [name.strip().lstrip("*") for name in line.partition(":")[0].split(",")]
            found |= {name: [] for name in names}
    return {name: _first_sentence(" ".join(parts)) for name, parts in found.items()}


def _first_sentence(text: str) -> str:
    """Return the text up to the end of its first sentence."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`*\"'])", text.strip().replace("``", ""), maxsplit=1)[0]


def _members(annotation: Any) -> tuple[Any, ...]:
    """Return what a union is made of; any other annotation is its own only member."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _item(annotation: Any) -> Any:
    """Return the type of a list's items, or None where the annotation is no list."""
    origin = typing.get_origin(annotation) or annotation
    if origin not in _LISTS:
        return None
    inner = typing.get_args(annotation)
    return inner[0] if inner else str


def _is_secret(annotation: Any) -> bool:
    """Whether a type is, or is made of, `Secret`."""
    return annotation is Secret or any(map(_is_secret, typing.get_args(annotation)))


def _type_text(annotation: Any) -> str:
    """Return a type in words."""
    members = [member for member in _members(annotation) if member is not type(None)]
    words = []
    for member in members:
        item = _item(member)
        if item is not None:
            words.append(f"list of {_type_text(item)}")
        elif typing.get_origin(member) is Literal:
            words.append(" or ".join(repr(choice) for choice in typing.get_args(member)))
        else:
            words.append(_WORDS.get(member, getattr(member, "__name__", str(member))))
    return " or ".join(words) + (" or none" if len(members) < len(_members(annotation)) else "")


def _convert(annotation: Any, texts: Sequence[str]) -> Any:
    """Return the value of the texts, or raise ValueError."""
    members = _members(annotation)
    if type(None) in members and len(texts) == 1 and texts[0].lower() in _NONE:
        return None
    for member in sorted(members, key=_order):
        if len(members) > 1 and len(texts) == 1 and str in members and _item(member) is not None:
            continue  # one text for `str | list[str]` is a text: a path may have commas
        try:
            return _convert_one(member, texts)
        except ValueError:
            continue
    raise ValueError


def _order(member: Any) -> int:
    """Return the place of a union's member among those tried: what takes any text comes last."""
    return 2 if member in (str, Secret) else 1 if member is Path else 0


def _convert_one(annotation: Any, texts: Sequence[str]) -> Any:
    """Return the value of the texts for one member of a union, or raise ValueError."""
    item = _item(annotation)
    if item is not None:
        parts = [part.strip() for text in texts for part in text.split(",")] if texts != [""] else []
        values = [_convert(item, [part]) for part in parts]
        return tuple(values) if (typing.get_origin(annotation) or annotation) is tuple else values
    if len(texts) != 1:
        raise ValueError
    (text,) = texts
    if typing.get_origin(annotation) is Literal:
        return _choice(typing.get_args(annotation), text)
    if annotation is bool:
        return _truth(text)
    if annotation is int or annotation is float:
        return annotation(text)
    if annotation is str or annotation is Any:
        return text
    if annotation is Secret:
        return Secret(text)
    if annotation is Path:
        return Path(text).expanduser()
    msg = f"{_type_text(annotation)} cannot be given on the command line"
    raise ValueError(msg)


def _choice(choices: Sequence[Any], text: str) -> Any:
    """Return the choice that the text names."""
    for choice in choices:
        if str(choice) == text or (isinstance(choice, bool) and str(choice).lower() == text.lower()):
            return choice
    raise ValueError


def _truth(text: str) -> bool:
    """Return whether a text says yes."""
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError
    return text.lower() in _TRUE
