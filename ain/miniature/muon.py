"""Muon in float32: momentum is orthogonalised before it is applied.

`torch.optim.Muon` multiplies in bfloat16, which is twenty times slower on a CPU without bfloat16 instructions.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch


class Muon(torch.optim.Optimizer):
    """Muon for matrices. Steps are scaled so that learning rates for AdamW also suit it."""

    def __init__(
        self, params: Iterable[torch.Tensor], lr: float = 2e-3, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[torch.Tensor, torch.Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                average = self.state[parameter].setdefault("average", torch.zeros_like(parameter))
                average.lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(average, group["momentum"])
                shapes[parameter.shape].append((parameter, update))
            for shape, pairs in shapes.items():
                updates = orthogonal(torch.stack([update for _, update in pairs]))
                for (parameter, _), update in zip(pairs, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-group["lr"] * 0.2 * max(shape) ** 0.5)


def orthogonal(matrices: torch.Tensor, steps: int = 4) -> torch.Tensor:
    """Return approximately the nearest orthogonal matrix to each of [n, rows, columns], by Newton-Schulz iteration."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return x.mT if tall else x
