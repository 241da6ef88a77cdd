"""The optimizers of the HRM: Adam-atan2 for the weights, sign-SGD for the puzzle embedding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from ..model.network import ParamGroups
from ..train_config import TrainConfig

BLOCK = 1 << 16
"""Number of elements that a CPU updates at a time; five such blocks fit into a core's cache."""


def make_optimizers(
    groups: ParamGroups, config: TrainConfig, compile: bool = False
) -> list[Optimizer]:
    """Return the optimizers; each group of parameters has its peak learning rate as ``peak``.

    Args:
        groups: The parameters of a model.
        config: Names the optimizer and its hyperparameters.
        compile: Compile the step of Adam-atan2.
    """
    dense = [*groups.matrices, *groups.other]
    options: dict[str, Any] = {
        "lr": config.lr,
        "betas": config.betas,
        "weight_decay": config.weight_decay,
    }
    optimizers: list[Optimizer] = []
    if config.optimizer == "muon":
        lr, decay = config.matrix_lr, config.matrix_weight_decay
        muon = torch.optim.Muon(
            groups.matrices,
            lr=config.lr if lr is None else lr,
            weight_decay=config.weight_decay if decay is None else decay,
            momentum=config.momentum,
            ns_steps=config.ns_steps,
            # Without a separate learning rate, updates are scaled so that one rate suits both
            # kinds of parameters (arXiv 2502.16982).
            adjust_lr_fn="match_rms_adamw" if lr is None else "original",
        )
        optimizers.append(muon)
        dense = groups.other
    if config.optimizer == "adam-atan2":
        optimizers.append(AdamAtan2(dense, **options, compile=compile))
    else:
        # The fused kernel counts steps on the device, without those that Guard skips.
        optimizers.append(torch.optim.AdamW(dense, **options, fused=True))
    if groups.puzzle:
        options = {"lr": config.puzzle_lr, "weight_decay": config.puzzle_weight_decay}
        optimizers.append(SignSGD(groups.puzzle, **options))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


class AdamAtan2(Optimizer):
    """Adam without epsilon: atan2 bounds the update if the second moment is zero.

    p *= 1 - lr * weight_decay, then
    p -= lr / (1 - b1^t) * atan2(m, sqrt(v) / sqrt(1 - b2^t)).

    Source: arXiv 2407.05872, as used by the published HRM. A step does not wait for the device. If
    ``found_inf`` is set to a 0-d tensor that is not 0, as ``torch.amp.GradScaler`` does, the step
    changes nothing, including the step count t.

    Args:
        params: Parameters or groups of parameters with dense gradients.
        lr: Learning rate.
        betas: Decay of the first and second moment.
        weight_decay: Decoupled weight decay, scaled by lr.
        compile: Compile the update into one kernel for each parameter, which reads and writes
            every element once.

    Raises:
        ValueError: if a rate or decay is negative, or a beta is outside [0, 1).
    """

    found_inf: Tensor | None = None

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.1,
        compile: bool = False,
    ) -> None:
        check_rates(lr, weight_decay)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1), got {betas}.")
        # ``capturable`` makes PyTorch keep the step count on the device when a state is loaded.
        super().__init__(
            params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "capturable": True}
        )
        self._update = torch.compile(adam_atan2_, dynamic=True) if compile else adam_atan2_

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Update every parameter that has a gradient.

        Raises:
            RuntimeError: if a gradient is sparse.
        """
        loss = run_closure(closure)
        for group in self.param_groups:
            kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if parameter.grad.layout != torch.strided:
                    raise RuntimeError("AdamAtan2 takes dense gradients; use SignSGD for sparse.")
                if not self.state[parameter]:
                    self.state[parameter] = {
                        "step": torch.zeros((), device=parameter.device),
                        "m": torch.zeros_like(parameter),
                        "v": torch.zeros_like(parameter),
                    }
                kinds[parameter.device, parameter.dtype].append(parameter)
            for (device, dtype), parameters in kinds.items():
                self._step_kind(group, parameters, device, dtype)
        return loss

    def _step_kind(
        self,
        group: dict[str, Any],
        parameters: list[Tensor],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Update parameters of one device and dtype."""
        lr, (beta1, beta2) = group["lr"], group["betas"]
        states = [self.state[parameter] for parameter in parameters]
        good = torch.ones((), dtype=torch.bool, device=device)
        if self.found_inf is not None:
            good = self.found_inf.to(device) == 0
        # The factors that depend on the step counts, for all parameters at once.
        steps = torch.stack([state["step"] for state in states]) + good
        rates = (lr / (1 - beta1 ** steps.double())).to(dtype)
        scales = (1 - beta2 ** steps.double()).rsqrt().to(dtype)
        shrink = torch.full((), 1 - lr * group["weight_decay"], dtype=dtype, device=device)
        # On a CPU, reading ``good`` does not wait.
        in_blocks = device.type == "cpu" and self._update is adam_atan2_
        if in_blocks and not good:
            return
        rows = zip(parameters, states, steps, rates, scales, strict=True)
        for parameter, state, step, rate, scale in rows:
            assert parameter.grad is not None
            state["step"] = step
            tensors = (parameter, parameter.grad, state["m"], state["v"])
            # Flat, so that one compiled kernel works for parameters of every shape.
            p, g, m, v = (tensor.detach().view(-1) for tensor in tensors)
            if in_blocks:
                factors = float(shrink), float(rate), float(scale)
                adam_atan2_in_blocks_(p, g, m, v, factors, (beta1, beta2))
            else:
                self._update(p, g, m, v, shrink, rate, scale, good, beta1, beta2)


def adam_atan2_(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    shrink: Tensor,
    rate: Tensor,
    scale: Tensor,
    good: Tensor,
    beta1: float,
    beta2: float,
) -> None:
    """Update a parameter and its moments in place if ``good`` (0-d bool) holds."""
    m_new = torch.lerp(m, g, 1 - beta1)
    v_new = beta2 * v + (1 - beta2) * g * g
    p_new = shrink * p - rate * torch.atan2(m_new, v_new.sqrt() * scale)
    p.copy_(torch.where(good, p_new, p))
    m.copy_(torch.where(good, m_new, m))
    v.copy_(torch.where(good, v_new, v))


def adam_atan2_in_blocks_(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    factors: tuple[float, float, float],
    betas: tuple[float, float],
) -> None:
    """Update like ``adam_atan2_``, in blocks that stay in the cache.

    On a CPU, the time is spent on memory access rather than on arithmetic.

    Args:
        p: The flat parameter.
        g: Its gradient.
        m: Its first moment.
        v: Its second moment.
        factors: Shrink, rate and scale.
        betas: Decay of the first and second moment.
    """
    (shrink, rate, scale), (beta1, beta2) = factors, betas
    for weights, gradients, first, second in zip(
        *(tensor.split(BLOCK) for tensor in (p, g, m, v)), strict=True
    ):
        first.lerp_(gradients, 1 - beta1)
        second.mul_(beta2).addcmul_(gradients, gradients, value=1 - beta2)
        step = second.sqrt().mul_(scale)
        torch.atan2(first, step, out=step)
        weights.mul_(shrink).sub_(step, alpha=rate)


class SignSGD(Optimizer):
    """Sign descent on the rows of a table that occur in the batch.

    The gradients of equal rows are summed, then p *= 1 - lr * weight_decay and p -= lr * sign(g)
    are applied to these rows only. This is the published HRM's rule for puzzle embeddings, whose
    rows occur too rarely for moments to be useful. If ``found_inf`` is set to a 0-d tensor that is
    not 0, as ``torch.amp.GradScaler`` does, a step changes nothing.

    Args:
        params: Tables ``(rows, width)`` with the sparse gradients of
            ``F.embedding(..., sparse=True)``.
        lr: Learning rate.
        weight_decay: Decoupled weight decay of the rows in the batch, scaled by lr.

    Raises:
        ValueError: if the rate or decay is negative.
    """

    found_inf: Tensor | None = None

    def __init__(self, params: ParamsT, lr: float = 1e-4, weight_decay: float = 0.1) -> None:
        check_rates(lr, weight_decay)
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Update the rows in the batch of every table that has a gradient.

        Raises:
            RuntimeError: if a gradient is dense.
        """
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
                if self.found_inf is not None:
                    stepped = torch.where(self.found_inf == 0, stepped, rows)
                table[ids] = stepped
        return loss


def sum_rows(ids: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Sum the values ``(n, width)`` of equal ids ``(n,)``; both results have n rows, sorted by id.

    All rows of an id hold its sum. Coalescing or ``unique`` would shorten the result, and would
    have to wait for the device to learn its length.
    """
    ids, order = ids.sort(stable=True)
    new = torch.ones_like(ids)
    new[1:] = ids[1:] != ids[:-1]
    place = new.cumsum(0) - 1
    sums = torch.zeros_like(values).index_add_(0, place, values[order])
    return ids, sums[place]


def check_rates(lr: float, weight_decay: float) -> None:
    """Check that the learning rate and the weight decay are not negative.

    Raises:
        ValueError: if one of them is negative.
    """
    if lr < 0:
        raise ValueError(f"lr must not be negative, got {lr}.")
    if weight_decay < 0:
        raise ValueError(f"weight_decay must not be negative, got {weight_decay}.")


def run_closure(closure: Callable[[], Any] | None) -> Any:
    """Evaluate the closure of ``Optimizer.step``, if there is one, with gradients."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
