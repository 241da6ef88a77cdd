"""The optimisers of the HRM: Adam-atan2 for the weights, sign-SGD for the puzzle embedding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from .model import ParamGroups
from .presets import TrainConfig


def make_optimizers(groups: ParamGroups, config: TrainConfig) -> list[Optimizer]:
    """Return the optimisers, each group with its peak learning rate as ``peak``.

    Args:
        groups: The parameters of a model.
        config: Which optimisers, and their rates.

    Raises:
        ValueError: Muon is asked for and this torch has none.
    """
    dense = [*groups.matrices, *groups.other]
    options: dict[str, Any] = {
        "lr": config.lr,
        "betas": config.betas,
        "weight_decay": config.weight_decay,
    }
    optimizers: list[Optimizer] = []
    if config.optimizer == "muon":
        if not hasattr(torch.optim, "Muon"):
            raise ValueError(
                f"optimizer: muon needs torch 2.9 or newer, this is {torch.__version__}"
            )
        lr, decay = config.matrix_lr, config.matrix_weight_decay
        muon = torch.optim.Muon(
            groups.matrices,
            lr=config.lr if lr is None else lr,
            weight_decay=config.weight_decay if decay is None else decay,
            momentum=config.momentum,
            ns_steps=config.ns_steps,
            # Without a rate of its own: scaled so that one serves both kinds of parameters
            # (arXiv 2502.16982).
            adjust_lr_fn="match_rms_adamw" if lr is None else "original",
        )
        optimizers.append(muon)
        dense = groups.other
    if config.optimizer == "adam-atan2":
        optimizers.append(AdamAtan2(dense, **options))
    else:
        fused = dense[0].device.type == "cuda"
        optimizers.append(torch.optim.AdamW(dense, **options, fused=fused, foreach=not fused))
    if groups.puzzle:
        options = {"lr": config.puzzle_lr, "weight_decay": config.puzzle_weight_decay}
        optimizers.append(SignSGD(groups.puzzle, **options))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


class AdamAtan2(Optimizer):
    """Adam without epsilon: atan2 bounds the update where the second moment vanishes.

    p *= 1 - lr * weight_decay, then
    p -= lr / (1 - b1^t) * atan2(m, sqrt(v) / sqrt(1 - b2^t)).

    Source: arXiv 2407.05872, as the published HRM uses it. A step does not wait for the device.

    Args:
        params: parameters or groups, with dense gradients.
        lr: learning rate.
        betas: decay of the first and second moment.
        weight_decay: decoupled, scaled by lr.

    Raises:
        ValueError: for a negative rate or decay, or betas outside [0, 1).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.1,
    ) -> None:
        check_rates(lr, weight_decay)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1), got {betas}.")
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        loss = run_closure(closure)
        for group in self.param_groups:
            # One list of tensors for each kind, so that each operation is one kernel for many.
            kinds: dict[tuple[torch.device, torch.dtype, int], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if parameter.grad.layout != torch.strided:
                    raise RuntimeError("AdamAtan2 takes dense gradients; use SignSGD for sparse.")
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.zeros((), dtype=torch.int64)  # stays on the CPU
                    state["m"] = torch.zeros_like(parameter)
                    state["v"] = torch.zeros_like(parameter)
                state["step"] += 1
                key = (parameter.device, parameter.dtype, int(state["step"]))
                kinds[key].append(parameter)
            for (_, _, step), parameters in kinds.items():
                self._update(group, step, parameters)
        return loss

    def _update(self, group: dict[str, Any], step: int, parameters: list[Tensor]) -> None:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        grads = [p.grad for p in parameters if p.grad is not None]  # all have one
        m = [self.state[parameter]["m"] for parameter in parameters]
        v = [self.state[parameter]["v"] for parameter in parameters]
        torch._foreach_lerp_(m, grads, 1 - beta1)
        torch._foreach_mul_(v, beta2)
        torch._foreach_addcmul_(v, grads, grads, 1 - beta2)
        angles = torch._foreach_sqrt(v)
        torch._foreach_mul_(angles, (1 - beta2**step) ** -0.5)
        for first, angle in zip(m, angles, strict=True):  # there is no _foreach_atan2
            torch.atan2(first, angle, out=angle)
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, 1 - lr * group["weight_decay"])
        torch._foreach_add_(parameters, angles, alpha=-lr / (1 - beta1**step))


class SignSGD(Optimizer):
    """Sign descent on the rows of a table that the batch touched.

    The gradients of equal rows are summed, then p *= 1 - lr * weight_decay and p -= lr * sign(g)
    on these rows alone: the published HRM's rule for puzzle embeddings, whose rows are met too
    rarely for moments to mean anything. Where ``found_inf``, a 0-d tensor as
    ``torch.amp.GradScaler`` sets it, is not 0, a step changes nothing.

    Args:
        params: tables (rows, width) with sparse gradients, as ``F.embedding(..., sparse=True)``
            leaves them.
        lr: learning rate.
        weight_decay: decoupled, scaled by lr, on touched rows.
    """

    def __init__(self, params: ParamsT, lr: float = 1e-4, weight_decay: float = 0.1) -> None:
        check_rates(lr, weight_decay)
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Update the touched rows of every table that has a gradient."""
        loss = run_closure(closure)
        for group in self.param_groups:
            lr, decay = group["lr"], 1 - group["lr"] * group["weight_decay"]
            for table in group["params"]:
                if table.grad is None:
                    continue
                if table.grad.layout != torch.sparse_coo:
                    raise RuntimeError("SignSGD takes sparse gradients; use AdamAtan2 for dense.")
                ids, summed = sum_rows(table.grad._indices()[0], table.grad._values())
                rows = table[ids]
                stepped = decay * rows - lr * summed.sign()
                # Equal ids write equal values, so their order does not matter.
                found_inf = getattr(self, "found_inf", None)
                table[ids] = (
                    stepped if found_inf is None else torch.where(found_inf == 0, stepped, rows)
                )
        return loss


def sum_rows(ids: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Sum the values (n, width) of equal ids (n,); both come back with n rows, sorted by id.

    Rows of an equal id all hold its sum. Coalescing or ``unique`` would shorten the result and,
    to learn its length, wait for the device.
    """
    ids, order = ids.sort(stable=True)
    new = torch.ones_like(ids)
    new[1:] = ids[1:] != ids[:-1]
    place = new.cumsum(0) - 1
    sums = torch.zeros_like(values).index_add_(0, place, values[order])
    return ids, sums[place]


def check_rates(lr: float, weight_decay: float) -> None:
    """Raise ValueError for a negative learning rate or weight decay."""
    if lr < 0:
        raise ValueError(f"lr must not be negative, got {lr}.")
    if weight_decay < 0:
        raise ValueError(f"weight_decay must not be negative, got {weight_decay}.")


def run_closure(closure: Callable[[], Any] | None) -> Any:
    """Evaluate the loss again, as ``Optimizer.step`` allows."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
