"""How what an extra needs is installed: by the names of its packages, as the installed gpupipe says them.

The name gpupipe on the Python package index is another project's, so no command here asks an index for it: ``pip install --upgrade
'gpupipe[graph]'`` would put a stranger's package in place of this one.
"""

from __future__ import annotations


def pip_install(*extras: str, anew: bool = False) -> str:
    """Return the command that installs the packages of some extras.

    Parameters
    ----------
    anew
        Whether packages that are there are installed again.

    Examples
    --------
    >>> pip_install("tune")
    "pip install 'optuna>=4.4'"
    """
    from importlib import metadata  # local: only who lacks something asks

    try:
        asked = metadata.requires("gpupipe") or []
    except metadata.PackageNotFoundError:
        asked = []
    wanted = [text for extra in extras for text in asked if f"extra == '{extra}'" in text.replace('"', "'")]
    if not wanted:
        return f"pip install '.[{','.join(extras)}]'  # in the folder of gpupipe's pyproject.toml"
    packages = dict.fromkeys(text.partition(";")[0].strip() for text in wanted)
    return " ".join(["pip install", *(["--force-reinstall"] if anew else []), *(f"'{package}'" for package in packages)])
