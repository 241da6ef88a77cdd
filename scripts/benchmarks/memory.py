"""Training memory by depth, and the residuals that justify the one-step gradient.

The memory that grows with depth is what autograd saves for the backward pass. It is counted
exactly, on any device: the bytes of all distinct storages that a chain of segments saves, without
the weights.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.model.residuals import Residuals, residuals
from hrm_gym.data import load_puzzles
from hrm_gym.scripts.reporting.plots import save_png

# (H cycles, L cycles, segments); their products are 4 to 256.
DEPTHS = ((2, 2, 1), (2, 2, 2), (2, 2, 4), (2, 2, 8), (2, 4, 8), (4, 4, 8), (4, 4, 16))
SHAPE = {"vocab_size": 7, "seq_len": 36, "hidden_size": 64, "num_heads": 4, "round_to": 8}


def saved_bytes(grad: str, H: int, L: int, segments: int, device: str) -> int:
    """Return the peak number of bytes that autograd saves while it trains a chain of segments.

    Here ``segment`` means back-propagation through time: the carry is not detached, and one
    backward pass covers all segments. With ``one_step`` there is one backward pass per segment, as
    in training.
    """
    torch.manual_seed(0)
    model = HRM(HRMConfig(**SHAPE, H_cycles=H, L_cycles=L, L_layers=1, H_layers=1, grad=grad))  # type: ignore[arg-type]
    model = model.to(device)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    tokens = torch.randint(1, 7, (8, 36), device=device)
    held: dict[int, int] = {}
    kept: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)  # otherwise its address might be used again
        return tensor

    most = 0
    carry, x = model.initial_carry(8), model._embed(tokens, None)
    loss = torch.zeros((), device=device)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        for _ in range(segments):
            if grad == "one_step":
                carry, output = model.segment(carry, tokens)
                output.logits.square().mean().backward()
                most = max(most, sum(held.values()))
                held.clear()
                kept.clear()
                continue
            z_H, z_L = carry
            for _ in range(H):
                z_H, z_L = model._cycle(z_H, z_L, x, L, None)
            carry = type(carry)(z_H, z_L)
            loss = loss + model.head(z_H).square().mean()
        if grad == "segment":
            loss.backward()
            most = sum(held.values())
    return most


def measure(args: Any) -> list[dict[str, Any]]:
    """Return the bytes by depth and gradient, and plot them and the residuals to ``args.out``."""
    torch.set_num_threads(args.threads)
    curves: dict[str, list[float]] = {"one_step": [], "segment": []}
    rows = []
    for H, L, segments in DEPTHS:
        for grad, curve in curves.items():
            curve.append(saved_bytes(grad, H, L, segments, args.device) / 2**20)
            name = f"{'one step' if grad == 'one_step' else 'through time'}, {H}x{L}x{segments}"
            rows.append({"name": name, "value": curve[-1], "unit": "MiB"})
    flat = max(curves["one_step"]) / min(curves["one_step"])
    rows.append(
        {"name": "one step, most to least", "value": flat, "unit": "x", "target": 1.1}
        | {"at_most": True}
    )
    growth = curves["segment"][-1] / curves["segment"][0]
    rows.append({"name": "through time, deepest to shallowest", "value": growth, "unit": "x"})
    agent = HRMAgent.from_pretrained("sudoku", args.device)
    puzzles = load_puzzles(agent.task, split="test", limit=64)
    tokens = torch.tensor(puzzles.inputs, device=args.device)
    found = residuals(agent.model, tokens, 8, torch.zeros(len(tokens)))
    save_png(figure(curves, found), args.out / "memory.png")
    return rows


def figure(curves: dict[str, list[float]], found: Residuals) -> Figure:
    """Draw memory against depth, and residuals against updates."""
    drawn = Figure(figsize=(9, 3.6), dpi=160, layout="constrained")
    FigureCanvasAgg(drawn)
    left, right = drawn.subplots(1, 2)
    depths = [math.prod(depth) for depth in DEPTHS]
    colours = {"one_step": "#0072B2", "segment": "#D55E00"}
    labels = {"one_step": "one-step gradient", "segment": "through time"}
    for grad, curve in curves.items():
        left.plot(depths, curve, "o-", color=colours[grad], label=labels[grad])
    left.set(xscale="log", yscale="log", xlabel="H x L x segments")
    left.set(ylabel="saved for backward, MiB")
    left.set_xticks(depths, [str(depth) for depth in depths])
    left.minorticks_off()
    left.legend(frameon=False)
    for name, colour in (("z_H", "#0072B2"), ("z_L", "#D55E00")):
        values = getattr(found, name)
        known = ~values.isnan()
        updates = torch.arange(1, len(values) + 1)[known]
        right.plot(updates.tolist(), values[known].tolist(), "o-", ms=3, color=colour, label=name)
    right.set(xlabel="update", ylabel="residual of the update", ylim=(0, None))
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return drawn
