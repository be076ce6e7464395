# The names of the face, one a line, for type checkers and editors, and for __init__.py, which loads each when it is first used.
from typing import Any

from gpupipe.artefact import load as load
from gpupipe.artefact import save as save
from gpupipe.core.ends import SourceWarning as SourceWarning
from gpupipe.core.engine import EngineOptions as EngineOptions
from gpupipe.core.errors import GpupipeError as GpupipeError
from gpupipe.core.node import Fitted as Fitted
from gpupipe.core.node import Table as Table
from gpupipe.core.node import Value as Value
from gpupipe.core.schema import Field as Field
from gpupipe.core.secret import Secret as Secret
from gpupipe.kinds.graph import Graph as Graph
from gpupipe.kinds.tensor import Tensor as Tensor
from gpupipe.models.evaluate import Evaluate as Evaluate
from gpupipe.models.fit_predict import FitPredict as FitPredict
from gpupipe.models.fit_transform import FitTransform as FitTransform
from gpupipe.models.learn import Learn as Learn
from gpupipe.pipeline import Pipeline as Pipeline
from gpupipe.sinks.to_memory import ToMemory as ToMemory
from gpupipe.sinks.write_arrow import WriteArrow as WriteArrow
from gpupipe.sinks.write_csv import WriteCsv as WriteCsv
from gpupipe.sinks.write_parquet import WriteParquet as WriteParquet
from gpupipe.sinks.write_sql import WriteSql as WriteSql
from gpupipe.sources.from_arrow import FromArrow as FromArrow
from gpupipe.sources.from_frame import FromFrame as FromFrame
from gpupipe.sources.read_arrow import ReadArrow as ReadArrow
from gpupipe.sources.read_csv import ReadCsv as ReadCsv
from gpupipe.sources.read_json import ReadJson as ReadJson
from gpupipe.sources.read_parquet import ReadParquet as ReadParquet
from gpupipe.sources.read_sql import ReadSql as ReadSql
from gpupipe.stages.cast import Cast as Cast
from gpupipe.stages.chain import Chain as Chain
from gpupipe.stages.concat import Concat as Concat
from gpupipe.stages.deduplicate import Deduplicate as Deduplicate
from gpupipe.stages.encode_category import EncodeCategory as EncodeCategory
from gpupipe.stages.fill_null import FillNull as FillNull
from gpupipe.stages.filter import Filter as Filter
from gpupipe.stages.function import by_key as by_key
from gpupipe.stages.function import rows as rows
from gpupipe.stages.function import whole_table as whole_table
from gpupipe.stages.graphs.degrees import Degrees as Degrees
from gpupipe.stages.graphs.pagerank import PageRank as PageRank
from gpupipe.stages.graphs.to_graph import ToGraph as ToGraph
from gpupipe.stages.group_by import GroupBy as GroupBy
from gpupipe.stages.hash_category import HashCategory as HashCategory
from gpupipe.stages.join import Join as Join
from gpupipe.stages.limit import Limit as Limit
from gpupipe.stages.rename import Rename as Rename
from gpupipe.stages.rolling import Rolling as Rolling
from gpupipe.stages.sample import Sample as Sample
from gpupipe.stages.scalar import Scalar as Scalar
from gpupipe.stages.select import Drop as Drop
from gpupipe.stages.select import Select as Select
from gpupipe.stages.sort_rows import SortRows as SortRows
from gpupipe.stages.split import Split as Split
from gpupipe.stages.standardize import Standardize as Standardize
from gpupipe.stages.tensors.cp import CP as CP
from gpupipe.stages.tensors.cp_regression import CPRegression as CPRegression
from gpupipe.stages.tensors.from_tensor import FromTensor as FromTensor
from gpupipe.stages.tensors.moments import Moments as Moments
from gpupipe.stages.tensors.non_negative_cp import NonNegativeCP as NonNegativeCP
from gpupipe.stages.tensors.non_negative_tucker import NonNegativeTucker as NonNegativeTucker
from gpupipe.stages.tensors.rank_curve import RankCurve as RankCurve
from gpupipe.stages.tensors.tensor_train import TensorTrain as TensorTrain
from gpupipe.stages.tensors.to_tensor import ToTensor as ToTensor
from gpupipe.stages.tensors.tucker import Tucker as Tucker
from gpupipe.stages.tensors.tucker_regression import TuckerRegression as TuckerRegression
from gpupipe.stages.tokenize import Tokenize as Tokenize
from gpupipe.stages.with_columns import WithColumns as WithColumns

__all__: list[str]
__version__: str

def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
