"""Comparing the filters of several networks, which know neither order nor sign."""

import numpy as np
import torch
from scipy.linalg import subspace_angles
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from convbook.arguments import tensor


def align(filters: Tensor, reference: Tensor) -> Tensor:
    """``filters`` in the order and with the signs that fit ``reference`` best, (K, n) each.

    The order is the assignment with the largest sum of absolute cosines (Kuhn 1955,
    doi 10.1002/nav.3800020109).

    >>> align(torch.tensor([[1.0, -9.0], [2.0, 1.0]]), torch.eye(2))
    tensor([[ 2.,  1.],
            [-1.,  9.]])

    Raises:
        ValueError: the shapes of the two tensors are not one (K, n), or a filter is zero.
    """
    cosines = _cosines(filters, reference)  # (K of reference, K)
    _, order = linear_sum_assignment(cosines.detach().abs().cpu().numpy(), maximize=True)
    order = torch.from_numpy(order)
    opposed = cosines[torch.arange(len(order)), order] < 0
    return torch.where(opposed[:, None], -filters[order], filters[order])


def agreement(filters: Tensor, aligned: bool = True) -> float:
    """How alike the filters of several networks are, (M, K, n) with at least two networks.

    The mean absolute cosine between two networks' filters, over all pairs: 1 where every network
    has found the same filters up to scale and sign.

    Args:
        aligned: whether the filters may change places first; otherwise the first is held against
            the first, and so on.

    Raises:
        ValueError: ``filters`` is no tensor or has another shape, or a filter is zero.
    """
    if tensor("filters", filters).dim() != 3 or len(filters) < 2:
        raise ValueError(f"filters: expected (at least 2, K, n), not {tuple(filters.shape)}")
    pairs = [
        _cosines(align(b, a) if aligned else b, a).diagonal().abs().mean()
        for i, a in enumerate(filters)
        for b in filters[:i]
    ]
    return torch.stack(pairs).mean().item()


def principal_angles(filters: Tensor, others: Tensor) -> Tensor:
    """The angles between two spans in degrees, the largest first: (K, n), (L, n) to (angles,).

    There are as many as the smaller span has dimensions, at most min(K, L).

    >>> principal_angles(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])).round()
    tensor([45.], dtype=torch.float64)

    Björck and Golub 1973, doi 10.1090/S0025-5718-1973-0348991-3; SciPy does the work.

    Raises:
        ValueError: the filters are not two matrices of one width, as tensors.
    """
    axes = tensor("filters", filters).dim(), tensor("others", others).dim()
    if axes != (2, 2) or filters.shape[1] != others.shape[1]:
        shapes = f"{tuple(filters.shape)} and {tuple(others.shape)}"
        raise ValueError(f"filters: expected two matrices of one width, not {shapes}")
    spans = [part.detach().cpu().double().T.numpy() for part in (filters, others)]
    radians = subspace_angles(*spans)
    return torch.from_numpy(np.rad2deg(radians))


def roughness(filters: Tensor) -> Tensor:
    """Second differences against size, (…, n) to (…,): 0 for a straight line, at most 16.

    Σ(f[i-1] - 2f[i] + f[i+1])² / Σ f[i]²; a filter of independent random weights has about
    6(n - 2)/n.

    Raises:
        ValueError: the filters are no tensor, have fewer than three weights, or one is zero.
    """
    weights = filters.shape[-1] if tensor("filters", filters).dim() else 0
    if weights < 3:
        raise ValueError(f"filters: expected at least 3 weights, not {weights}")
    if (filters == 0).all(-1).any():
        raise ValueError("filters: expected none to be zero")
    return filters.diff(n=2).pow(2).sum(-1) / filters.pow(2).sum(-1)


def _cosines(filters: Tensor, reference: Tensor) -> Tensor:
    """Of each filter of the reference with each filter: (K, K)."""
    shape = tensor("reference", reference).shape
    if tensor("filters", filters).shape != shape or len(shape) != 2:
        shapes = f"{tuple(filters.shape)} and {tuple(reference.shape)}"
        raise ValueError(f"filters: expected one shape (K, n) twice, not {shapes}")
    lengths = [f.double().norm(dim=1, keepdim=True) for f in (reference, filters)]
    if any((length == 0).any() for length in lengths):
        raise ValueError("filters: expected none to be zero")
    return (reference / lengths[0]) @ (filters / lengths[1]).T
