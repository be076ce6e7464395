"""A network from the last steps of a sequence to the next ones: an encoder, and a decoder that goes on from its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.deep.training_objective import Batch, Moment
from gpupipe.deep.tt_recurrent import TTLSTM, TTRNN

CELLS: Mapping[str, Any] = {"tt-lstm": TTLSTM, "tt-rnn": TTRNN, "lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class SequenceNetwork(nn.Module):
    """Goes on with sequences: what the last layer of a decoder says after each step is the next step, and its next input.

    Encoder and decoder have weights of their own. The decoder begins with the encoder's state, all lags of it, and with the last step that
    was seen (the authors' code begins with zeros); the output is linear: one in (0, 1) could not leave the range that was learnt from.

    Source: Yu and others, arXiv 1711.00073, section 3.3; of ``residual``: Martinez and others, arXiv 1705.02445, section 3.3.

    Parameters
    ----------
    cell
        ``"tt-lstm"``, ``"tt-rnn"``, or ``"lstm"``, ``"gru"``, ``"rnn"`` of torch.
    input_size
        Numbers a step.
    lags, order, rank
        Of tensor-train cells, see `gpupipe.deep.tt_cell.TTLSTMCell`.
    residual
        Whether what the last layer says is added to the decoder's input: the network says by how much each step differs from the one
        before, and about the last value before it has learnt anything.

    Examples
    --------
    >>> network = SequenceNetwork("tt-lstm", 15, 16, num_layers=2, rank=2)
    >>> network(torch.zeros(4, 12, 15), 36).shape
    torch.Size([4, 36, 15])
    """

    def __init__(
        self,
        cell: str = "tt-lstm",
        input_size: int = 1,
        hidden_size: int = 16,
        num_layers: int = 1,
        lags: int = 2,
        order: int = 2,
        rank: int | Sequence[int] = 2,
        dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            hint = nearest(cell, CELLS) if isinstance(cell, str) else ""
            raise UsageError(f"cell must be one of {listing(CELLS)}, got {cell!r}.{hint}")
        options: dict[str, Any] = {"num_layers": num_layers, "dropout": dropout}
        options |= {"lags": lags, "order": order, "rank": rank} if cell.startswith("tt-") else {}
        self.encoder = CELLS[cell](input_size, hidden_size, **options)
        self.decoder = CELLS[cell](input_size, hidden_size, **options)
        self.output = nn.Linear(hidden_size, input_size)
        self.residual = residual

    def forward(self, past: Tensor, horizon: int, truth: Tensor | None = None, share: float = 0.0) -> Tensor:
        """Return the next steps [batch, horizon, input_size].

        Parameters
        ----------
        past
            [batch, time, input_size].
        truth
            What came [batch, horizon, input_size], for scheduled sampling.
        share
            How probable it is, of each sample and step, that the decoder's next input is what came, and not what it said.
        """
        x = past.transpose(0, 1)
        _, state = self.encoder(x)
        given, made = x[-1:], []
        for step in range(horizon):
            hidden, state = self.decoder(given, state)
            said = given + self.output(hidden) if self.residual else self.output(hidden)
            made.append(said[0])
            given = said
            if truth is not None and share > 0:
                drawn = torch.rand(1, len(past), 1, device=past.device) < share
                given = torch.where(drawn, truth[None, :, step], said)
        return torch.stack(made, 1)


@dataclass(frozen=True)
class SequenceObjective:
    """What a `SequenceNetwork` makes smaller: the mean squared error of batches ``(past, future, known)``.

    Long horizons are hard to begin with, and a network that must go on with what it said itself soon says the mean. Two things help: the
    horizon begins short and doubles (``curriculum``), and at first the decoder is given what came, less and less (``sampling``;
    S. Bengio and others, arXiv 1506.03099).

    Parameters
    ----------
    horizon
        Steps of the future.
    curriculum
        After how many epochs the horizon doubles, from one step on; 0 for the whole horizon at once.
    sampling
        The share of inputs that are what came, in the first epoch; it falls in a line to nothing in the middle of the training.
    """

    horizon: int
    curriculum: int = 0
    sampling: float = 0.0

    def horizon_at(self, epoch: int) -> int:
        """Return the horizon of an epoch, counted from 0.

        Examples
        --------
        >>> [SequenceObjective(12, curriculum=2).horizon_at(epoch) for epoch in range(0, 10, 2)]
        [1, 2, 4, 8, 12]
        """
        return min(self.horizon, 2 ** (epoch // self.curriculum)) if self.curriculum else self.horizon

    def share_at(self, at: Moment) -> float:
        """Return the share of inputs that are what came."""
        return self.sampling * max(0.0, 1 - 2 * at.epoch / max(at.epochs, 1)) if at.training else 0.0

    def __call__(self, network: nn.Module, batch: Batch, at: Moment) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return the mean squared error over what is known, and of a validation its root at the last step."""
        past, future, known = batch
        horizon = self.horizon_at(at.epoch) if at.training else self.horizon
        share = self.share_at(at)
        said = network(past, horizon, future if share else None, share)
        errors = torch.where(known[:, :horizon], said - future[:, :horizon], 0.0).square()
        n_known = known[:, :horizon].sum().clamp(min=1)
        return errors.sum() / n_known, {}
