"""Tensors: contraction, moments, decompositions and regression of arrays with many modes; arrays in, arrays out.

``import gpupipe.tensors as gt`` is all that is needed; there is no pipeline in it. Names and conventions are TensorLy's where it has them
(see ``docs/tensors.md``), and results unpack as its own do. NumPy arrays are computed with NumPy and CuPy arrays with CuPy: there is no
backend to set. float32 in gives float32 out; sums over many elements are of double precision all the same.
"""

from gpupipe.tensors.contract import contract
from gpupipe.tensors.cp import CP, parafac
from gpupipe.tensors.cp_nonnegative import NonNegativeCP, non_negative_parafac_hals
from gpupipe.tensors.cp_regressor import CPRegressor
from gpupipe.tensors.cp_tensor import CPTensor, cp_canonical, cp_norm, cp_to_tensor
from gpupipe.tensors.diagnostics import RankPoint, core_consistency, rank_curve
from gpupipe.tensors.khatri_rao import khatri_rao
from gpupipe.tensors.kronecker import kronecker
from gpupipe.tensors.mode_dot import mode_dot, multi_mode_dot
from gpupipe.tensors.moments import Moments, cumulant, moment
from gpupipe.tensors.moments_along import cumulant_along, moment_along
from gpupipe.tensors.mttkrp import unfolding_dot_khatri_rao
from gpupipe.tensors.project import project
from gpupipe.tensors.rank import validate_cp_rank, validate_tr_rank, validate_tt_rank, validate_tucker_rank
from gpupipe.tensors.sparse import SparseTensor, sparse_mttkrp
from gpupipe.tensors.tensor_ring import TensorRing, tensor_ring
from gpupipe.tensors.tensor_train import TensorTrain, tensor_train
from gpupipe.tensors.tt_tensor import TTTensor, tr_to_tensor, tt_to_tensor
from gpupipe.tensors.tucker import Tucker, partial_tucker, tucker
from gpupipe.tensors.tucker_nonnegative import NonNegativeTucker, non_negative_tucker_hals
from gpupipe.tensors.tucker_project import tucker_project
from gpupipe.tensors.tucker_regressor import TuckerRegressor
from gpupipe.tensors.tucker_tensor import TuckerTensor, tucker_canonical, tucker_to_tensor
from gpupipe.tensors.unfold import fold, unfold

__all__ = [
    "CP",
    "CPRegressor",
    "CPTensor",
    "Moments",
    "NonNegativeCP",
    "NonNegativeTucker",
    "RankPoint",
    "SparseTensor",
    "TTTensor",
    "TensorRing",
    "TensorTrain",
    "Tucker",
    "TuckerRegressor",
    "TuckerTensor",
    "contract",
    "core_consistency",
    "cp_canonical",
    "cp_norm",
    "cp_to_tensor",
    "cumulant",
    "cumulant_along",
    "fold",
    "khatri_rao",
    "kronecker",
    "mode_dot",
    "moment",
    "moment_along",
    "multi_mode_dot",
    "non_negative_parafac_hals",
    "non_negative_tucker_hals",
    "parafac",
    "partial_tucker",
    "project",
    "rank_curve",
    "sparse_mttkrp",
    "tensor_ring",
    "tensor_train",
    "tr_to_tensor",
    "tt_to_tensor",
    "tucker",
    "tucker_canonical",
    "tucker_project",
    "tucker_to_tensor",
    "unfold",
    "unfolding_dot_khatri_rao",
    "validate_cp_rank",
    "validate_tr_rank",
    "validate_tt_rank",
    "validate_tucker_rank",
]
