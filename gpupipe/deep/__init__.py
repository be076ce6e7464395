"""Networks of PyTorch: their training, layers and recurrent cells, for themselves and under the stages that use them.

Everything here needs the extra `deep`, and nothing outside loads it before a network is used.
"""

from gpupipe.core.errors import MissingExtraError

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError.of("gpupipe.deep needs PyTorch", "deep") from error

from gpupipe.deep.history import History
from gpupipe.deep.training import Training, train
from gpupipe.deep.training_objective import Moment, Supervised

__all__ = ["History", "Moment", "Supervised", "Training", "train"]
