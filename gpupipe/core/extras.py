"""How what an extra needs is installed: by the names of its packages, as the installed gpupipe says them.

The name gpupipe on the Python package index is another project's, so no command here asks an index for it: ``pip install --upgrade
'gpupipe[graph]'`` would put a stranger's package in place of this one.
"""

from __future__ import annotations

_EXTRA_OF = {
    **dict.fromkeys(("pandas", "skops", "sklearn", "xgboost"), "cpu"),
    **dict.fromkeys(("cloudpickle", "dask", "distributed"), "dask"),
    **dict.fromkeys(("networkit", "scipy"), "graph"),
    **dict.fromkeys(("onnxmltools", "onnxruntime", "skl2onnx"), "onnx"),
    "numba": "forecast",
    "optuna": "tune",
    "torch": "deep",
    "xarray": "xarray",
}


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


def how_to_have(module: str) -> str:
    """Return what to do about a module that a user's own file imports and that is not installed.

    Examples
    --------
    >>> how_to_have("optuna.samplers")
    "It comes with the extra 'tune'. Run: pip install 'optuna>=4.4'"
    """
    extra = _EXTRA_OF.get(module.partition(".")[0])
    if extra is None:
        return "Install it into this environment, or put it beside the file."
    return f"It comes with the extra {extra!r}. Run: {pip_install(extra)}"
