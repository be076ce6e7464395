"""Layers of few parameters, plain modules of torch: their weights are held as tensor trains, in Tucker or in CP form.

``from gpupipe.deep.layers import TRL`` is all that is needed; there is no pipeline in it. Each is drawn from scratch or made of a trained
dense layer by decomposition (``from_linear``, ``from_conv``), says its ``space_saving``, gives the dense weight that it stands for, and
chooses for each batch between its factors and that weight by how many multiplications they take.
"""

from gpupipe.deep.layers.cp_conv import CPConv2d
from gpupipe.deep.layers.cp_linear import CPLinear
from gpupipe.deep.layers.tcl import TCL
from gpupipe.deep.layers.trl import TRL
from gpupipe.deep.layers.tt_conv import TTConv2d
from gpupipe.deep.layers.tt_linear import TTLinear
from gpupipe.deep.layers.tucker_conv import TuckerConv2d
from gpupipe.deep.layers.tucker_linear import TuckerLinear

__all__ = ["TCL", "TRL", "CPConv2d", "CPLinear", "TTConv2d", "TTLinear", "TuckerConv2d", "TuckerLinear"]
