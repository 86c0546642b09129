"""Cross-entropy of a language model's head, without the full matrix of logits.

With a vocabulary of 16,384 the logits of a small model weigh more than the model itself, and writing them out costs
most of a step. Here they are made in chunks that stay in the cache; the gradients are taken in the same pass (after
arXiv 2410.10989). Places without a label cost nothing: they are left out before the multiplication.
"""

from typing import Any

import torch
from torch.nn import functional

from forge_trainer.data import IGNORED

CHUNK_BYTES = 4 << 20
"""Size of a chunk of logits, in fp32; about what a core's cache holds."""

GPU_CHUNK_BYTES = 256 << 20
"""The same on a GPU, where large multiplications pay."""


class LinearCrossEntropy(torch.autograd.Function):
    """Sum of ``-log softmax(hidden @ weight.T)[label]`` over rows, with gradients to both factors."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Loss, with gradients in the same pass; shapes (n, width), (vocabulary, width) and (n,)."""
        needed = any(ctx.needs_input_grad[:2])
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.empty_like(hidden) if needed else None
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32) if needed else None
        limit = GPU_CHUNK_BYTES if hidden.is_cuda else CHUNK_BYTES
        size = max(16, min(hidden.shape[0], limit // (4 * weight.shape[0])))
        # Memory asked for afresh in each turn would cost more, in page faults, than what is computed in it.
        room = torch.empty((size, weight.shape[0]), dtype=hidden.dtype, device=hidden.device)
        spare = torch.empty((size, weight.shape[0]), dtype=torch.float32, device=hidden.device)
        for begin in range(0, hidden.shape[0], size):
            part, target = hidden[begin : begin + size], labels[begin : begin + size, None]
            logits = torch.mm(part, weight.T, out=room[: len(part)])
            picked, largest = logits.gather(-1, target).float(), logits.amax(-1, keepdim=True).float()
            chances = torch.softmax(logits, -1, dtype=torch.float32, out=spare[: len(part)])
            # The largest chance is at least 1 / vocabulary: its logarithm is safe where that of the label's may not be.
            total += (largest - chances.amax(-1, keepdim=True).log() - picked).sum()
            if hidden_gradient is not None and weight_gradient is not None:
                chances.scatter_add_(-1, target, torch.full_like(picked, -1.0))
                gradient = chances.to(weight.dtype)
                torch.mm(gradient, weight, out=hidden_gradient[begin : begin + size])
                if weight_gradient.dtype == gradient.dtype:
                    weight_gradient.addmm_(gradient.T, part)
                else:
                    weight_gradient += gradient.T @ part
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Scale the gradients that the forward pass left."""
        hidden_gradient, weight_gradient = ctx.saved_tensors
        scale = gradients[0]
        return hidden_gradient * scale, (weight_gradient * scale).to(hidden_gradient.dtype), None


def summed_loss(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropy, in nats, over the places that have a label.

    Args:
        hidden: the model's last hidden states, shape (rows, tokens, width).
        weight: the output layer, shape (vocabulary, width).
        labels: shape (rows, tokens), `IGNORED` where no loss is taken.
    """
    flat = labels.reshape(-1)
    chosen = (flat != IGNORED).nonzero().squeeze(1)
    states = hidden.reshape(-1, hidden.shape[-1]).index_select(0, chosen)
    total: torch.Tensor = LinearCrossEntropy.apply(states, weight, flat.index_select(0, chosen))  # type: ignore[no-untyped-call]
    return total


def reference_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The same by the plain road, from full logits; the oracle of the test and the baseline of the benchmark."""
    return functional.cross_entropy(
        logits.float().flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )
