"""Classes that are saved by name: found again where they are gpupipe's own or handed over, and nothing else is imported."""

from __future__ import annotations

import sys

import pytest

from gpupipe.core.errors import ArtefactError
from gpupipe.saved_class import class_of, class_words


class Mine:
    """A class of the user's."""


def test_there_and_back() -> None:
    words = class_words(Mine, "it")
    assert len(words["text"]) == 64
    assert class_of(words["class"], words["text"], [Mine]) is Mine
    assert class_of(words["class"], words["text"], [words["class"].replace(":", ".")]) is Mine


def test_a_file_imports_nothing() -> None:
    for words in ("antigravity:Network", "os:system", "gpupipe.cli:main", "gpupipe.deep.nothing:Net", 3, None):
        with pytest.raises(ArtefactError, match="none of gpupipe's own networks"):
            class_of(words, "", ["other"])
    assert "antigravity" not in sys.modules


def test_of_gpupipes_own_only_networks() -> None:
    pytest.importorskip("torch", reason="the extra deep is not installed")
    for words in ("gpupipe.deep.training:train", "gpupipe.deep.network:nn", "gpupipe.deep.training:Loop"):
        with pytest.raises(ArtefactError, match="There is no network"):
            class_of(words, "", [])


def test_another_text_is_refused() -> None:
    words = class_words(Mine, "it")
    with pytest.raises(ArtefactError, match="not written as it was"):
        class_of(words["class"], words["text"][::-1], [Mine])


def test_what_has_no_name_is_refused() -> None:
    class Inner:
        """A class of a function."""

    with pytest.raises(ArtefactError, match="Define it at the top of a module"):
        class_words(Inner, "it")
