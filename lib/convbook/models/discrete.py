"""The networks of chapter 12, whose code is whole numbers: one for a digit, or 7×7 of them."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convbook.arguments import one_of, tensor, whole_number

COMMITMENT = 0.25  # the weight of the loss that draws the vectors to their entries
MEMORY = 0.99  # of the moving averages: the share of the old that is kept at every step
RESTART_EVERY = 50  # steps


def straight_through(soft: Tensor, hard: Tensor) -> Tensor:
    """``hard`` on the way forward, ``soft`` on the way back (Bengio et al. 2013, arXiv 1308.3432).

    Both have one shape; ``hard`` gets no gradient.
    """
    return soft + (hard - soft).detach()


class _AlsoLower(torch.autograd.Function):
    """Its first argument, unchanged, whose loss then carries the second one with it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, extra: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return gradient, gradient.new_ones(())


def also_lower(x: Tensor, extra: Tensor) -> Tensor:
    """``x``, so that whatever is trained through it lowers ``extra``, a single number, as well.

    Raises:
        ValueError: ``extra`` is no single number.
    """
    if tensor("extra", extra).dim():
        raise ValueError(f"extra: expected a single number, not {tuple(extra.shape)}")
    return _AlsoLower.apply(x, extra)


class Quantiser(nn.Module):
    """Puts the nearest entry of a codebook in the place of each vector (van den Oord et al. 2017,
    arXiv 1711.00937), and learns the codebook while it trains.

    Args:
        entries: of the codebook, drawn from a standard normal distribution at first.
        size: numbers in an entry.
        learns: ``gradient`` draws each entry to its vectors by a loss; ``averages`` makes it their
            moving average (the paper's appendix A.1).
        restarts: whether entries that nothing chose for 50 steps are put onto vectors of the batch.

    Raises:
        ValueError: ``entries`` or ``size`` below 1, or another word for ``learns``.
    """

    codebook: Tensor  # (entries, size)
    counts: Tensor  # (entries,): the averages of how often each is chosen …
    sums: Tensor  # (entries, size): … and of what chose it, added up
    steps: Tensor
    chosen: Tensor  # (entries,): how often, since the last restart

    def __init__(
        self,
        entries: int,
        size: int,
        learns: Literal["gradient", "averages"] = "gradient",
        restarts: bool = False,
    ):
        super().__init__()
        shape = whole_number("entries", entries, 1), whole_number("size", size, 1)
        self.learns = one_of("learns", learns, ("gradient", "averages"))
        self.restarts = restarts
        start = torch.randn(shape)
        if learns == "gradient":
            self.codebook = nn.Parameter(start)
        else:
            self.register_buffer("codebook", start)
            self.register_buffer("counts", torch.ones(shape[0]))
            self.register_buffer("sums", start.clone())
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("chosen", torch.zeros(shape[0]))

    def numbers(self, vectors: Tensor) -> Tensor:
        """(N, size, H, W) to the numbers of the nearest entries, (N, H, W)."""
        flat = vectors.movedim(1, -1)
        return torch.cdist(flat.flatten(0, 2), self.codebook).argmin(1).view(flat.shape[:-1])

    def look_up(self, numbers: Tensor) -> Tensor:
        """(N, H, W) to the entries of these numbers, (N, size, H, W)."""
        return self.codebook[numbers].movedim(-1, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, size, H, W) to the nearest entries, of the same shape."""
        numbers = self.numbers(vectors)
        if self.training:
            flat = vectors.detach().movedim(1, -1).flatten(0, 2)  # (M, size)
            self._learn(flat, numbers.flatten())
        nearest = self.look_up(numbers)
        out = straight_through(vectors, nearest)
        if not self.training:
            return out
        extra = COMMITMENT * F.mse_loss(vectors, nearest.detach())
        if self.learns == "gradient":
            extra = extra + F.mse_loss(nearest, vectors.detach())
        return also_lower(out, extra)

    @torch.no_grad()
    def _learn(self, flat: Tensor, numbers: Tensor) -> None:
        """The moving averages of the vectors, (M, size), that chose each entry; the restarts."""
        count = torch.bincount(numbers, minlength=len(self.codebook)).to(flat)
        if self.learns == "averages":
            total = torch.zeros_like(self.codebook).index_add(0, numbers, flat)
            self.counts.lerp_(count, 1 - MEMORY)
            self.sums.lerp_(total, 1 - MEMORY)
            self.codebook.copy_(self.sums / self.counts.clamp_min(1e-5)[:, None])
        self.chosen += count
        self.steps += 1
        if self.restarts and self.steps % RESTART_EVERY == 0:
            self._restart(flat)

    @torch.no_grad()
    def _restart(self, flat: Tensor) -> None:
        """Put what was not chosen onto vectors drawn from ``flat``, (M, size)."""
        draw = torch.Generator().manual_seed(int(self.steps))
        unused = (self.chosen == 0).nonzero().flatten()[: len(flat)]
        drawn = flat[torch.randperm(len(flat), generator=draw)[: len(unused)].to(flat.device)]
        self.codebook[unused] = drawn
        if self.learns == "averages":
            self.counts[unused], self.sums[unused] = 1.0, drawn
        self.chosen.zero_()


class QuantisedAutoencoder(nn.Module):
    """Chapter 12's autoencoder: 7×7 vectors of ``size`` numbers, each put down to one of
    ``entries``. Without a codebook (``entries=None``) the vectors pass as they are.

    The other arguments, and the errors raised, are those of ``Quantiser``.
    """

    def __init__(
        self,
        size: int,
        entries: int | None = 64,
        learns: Literal["gradient", "averages"] = "gradient",
        restarts: bool = False,
    ):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=4, stride=2, padding=1),  # (N, 8, 14, 14)
            nn.ReLU(),
            nn.Conv2d(8, 16, kernel_size=4, stride=2, padding=1),  # (N, 16, 7, 7)
            nn.ReLU(),
            nn.Conv2d(16, size, kernel_size=1),  # (N, size, 7, 7)
        )
        self.quantiser: nn.Module = nn.Identity()
        if entries is not None:
            self.quantiser = Quantiser(entries, size, learns, restarts)
        self.decoder = nn.Sequential(
            nn.Conv2d(size, 16, kernel_size=3, padding=1),  # (N, 16, 7, 7)
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, kernel_size=4, stride=2, padding=1),  # (N, 8, 14, 14)
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1),  # (N, 1, 28, 28)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.quantiser(self.encoder(x)))


class OneHotAutoencoder(nn.Module):
    """Chapter 12's smallest code: one of ``choices``, by a Gumbel-softmax (Jang et al. 2016, arXiv
    1611.01144). The decoder is a table of pictures, one for each choice.

    Args:
        choices: how many there are.

    Raises:
        ValueError: ``choices`` below 1.
    """

    seed: Tensor  # of the noise
    steps: Tensor

    def __init__(self, choices: int = 10):
        super().__init__()
        whole_number("choices", choices, 1)
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, choices)
        )
        self.decoder = nn.Sequential(nn.Linear(choices, 784), nn.Unflatten(1, (1, 28, 28)))
        self.register_buffer("seed", torch.randint(2**31, ()))
        self.register_buffer("steps", torch.tensor(0))

    def encode(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) to one-hot rows, (N, choices); in training with noise on the scores."""
        scores = self.encoder(x)
        if self.training:
            self.steps += 1
            draw = torch.Generator().manual_seed(int(self.seed + self.steps))
            uniform = torch.rand(scores.shape, generator=draw).clamp_min(1e-20).to(scores)
            scores = scores - (-uniform.log()).log()  # plus noise of Gumbel's distribution
        soft = scores.softmax(1)
        return straight_through(soft, F.one_hot(scores.argmax(1), scores.shape[1]).to(soft))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encode(x))
