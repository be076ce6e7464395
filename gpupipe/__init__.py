"""gpupipe: pipelines from tables to models, declared once, run on one CPU, many, or GPUs.

Names are loaded when they are first used, so that importing the package loads no dataframe library.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ADDRESSES = {
    "Cast": "stages.cast",
    "Chain": "stages.chain",
    "Concat": "stages.concat",
    "Deduplicate": "stages.deduplicate",
    "Drop": "stages.select",
    "EncodeCategory": "stages.encode_category",
    "EngineOptions": "core.engine",
    "Evaluate": "models.evaluate",
    "Field": "core.schema",
    "FillNull": "stages.fill_null",
    "Filter": "stages.filter",
    "FitPredict": "models.fit_predict",
    "FitTransform": "models.fit_transform",
    "FromArrow": "sources.from_arrow",
    "FromFrame": "sources.from_frame",
    "GpupipeError": "core.errors",
    "GroupBy": "stages.group_by",
    "HashCategory": "stages.hash_category",
    "Join": "stages.join",
    "Learn": "models.learn",
    "Limit": "stages.limit",
    "Pipeline": "pipeline",
    "ReadArrow": "sources.read_arrow",
    "ReadCsv": "sources.read_csv",
    "ReadJson": "sources.read_json",
    "ReadParquet": "sources.read_parquet",
    "ReadSql": "sources.read_sql",
    "Rename": "stages.rename",
    "Rolling": "stages.rolling",
    "Sample": "stages.sample",
    "Scalar": "stages.scalar",
    "Secret": "core.secret",
    "Select": "stages.select",
    "SortRows": "stages.sort_rows",
    "SourceWarning": "core.ends",
    "Split": "stages.split",
    "Standardize": "stages.standardize",
    "ToMemory": "sinks.to_memory",
    "WithColumns": "stages.with_columns",
    "WriteArrow": "sinks.write_arrow",
    "WriteCsv": "sinks.write_csv",
    "WriteParquet": "sinks.write_parquet",
    "WriteSql": "sinks.write_sql",
    "by_key": "stages.function",
    "load": "artefact",
    "rows": "stages.function",
    "save": "artefact",
    "whole_table": "stages.function",
}

__all__ = sorted(_ADDRESSES)  # noqa: PLE0605
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _ADDRESSES:
        from gpupipe.core.errors import nearest  # local: a face that is used as it should be needs no suggestions

        msg = f"module 'gpupipe' has no attribute {name!r}.{nearest(name, __all__)}"
        raise AttributeError(msg, name=name, obj=None)
    value = getattr(import_module(f"gpupipe.{_ADDRESSES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
