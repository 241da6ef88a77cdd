"""The losses agree with plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm.model.network import Output
from hrm_gym.agents.hrm.training.losses import (
    segment_loss,
    softmax_cross_entropy,
    stablemax_cross_entropy,
)


def numpy_stablemax(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute the formula token by token."""
    losses = np.zeros(labels.shape)
    for index in np.ndindex(labels.shape):
        if labels[index] == -100:
            continue
        s = [x + 1 if x >= 0 else 1 / (1 - x) for x in logits[index].astype(float)]
        losses[index] = -np.log(s[labels[index]] / sum(s))
    return losses


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_stablemax_matches_numpy(dtype: type) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=8, size=(3, 5, 7)).astype(np.float32)
    logits[0, 0, :2] = 0.0, 1.0
    labels: np.ndarray = rng.integers(0, 7, size=(3, 5)).astype(dtype)
    if dtype is not np.uint8:
        labels[1, 2:] = -100
    found = stablemax_cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), numpy_stablemax(logits, labels), rtol=1e-12)


def test_stablemax_gradient() -> None:
    labels = torch.tensor([2, 0, -100])
    logits = torch.tensor([[0.0, 1.0, -3.0], [5.0, -1e4, 1e4], [1.0, 2.0, 3.0]]).double()
    logits[0, 0] = 0.25  # away from the kink, for the finite differences
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: stablemax_cross_entropy(x, labels), logits)
    pole = torch.ones(1, 3, requires_grad=True)  # the branch for negative numbers has a pole at 1
    stablemax_cross_entropy(pole, labels[:1]).sum().backward()
    assert pole.grad is not None
    assert pole.grad.isfinite().all()
    half = torch.zeros(1, 4, 3, dtype=torch.bfloat16, requires_grad=True)
    stablemax_cross_entropy(half, torch.zeros(1, 4, dtype=torch.int64)).sum().backward()
    assert half.grad is not None
    # d/dx of log(sum s) - log(s_t) at 0, where s = s' = 1: 1/3, and 1/3 - 1 at the target.
    expected = torch.tensor([-2 / 3, 1 / 3, 1 / 3])
    torch.testing.assert_close(half.grad[0, 0].float(), expected, rtol=1e-2, atol=0)


def test_softmax_with_smoothing_matches_numpy() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(2, 4, 5)).astype(np.float32)
    labels = rng.integers(0, 5, size=(2, 4))
    labels[0, 0] = -100
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    picked = np.take_along_axis(log_p, np.maximum(labels, 0)[..., None], -1)[..., 0]
    expected = np.where(labels == -100, 0, -0.9 * picked - 0.1 * log_p.mean(-1))
    found = softmax_cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels), 0.1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


def one_hot_output(answers: torch.Tensor, q_halt: list[float], q_continue: list[float]) -> Output:
    logits = torch.nn.functional.one_hot(answers, 4).float() * 5
    return Output(logits, torch.tensor(q_halt), torch.tensor(q_continue))


def test_act_loss_parts_and_metrics() -> None:
    answers = torch.tensor([[1, 2, 3], [1, 1, 1], [0, 0, 0], [3, 3, 3]])
    labels = torch.tensor([[1, 2, -100], [1, 2, 3], [-100, -100, -100], [3, 3, 2]])
    output = one_hot_output(answers, [2.0, -1.0, 0.5, 3.0], [0.0, 1.0, 0.0, -1.0])
    target = torch.tensor([0.5, 0.25, 1.0, 0.0])
    halted = torch.tensor([True, True, True, False])
    steps = torch.tensor([3, 5, 7, 9])
    loss, metrics, exact = segment_loss(output, labels, target, halted=halted, steps=steps)
    assert exact.tolist() == [True, False, True, False]
    wanted = {"count": 2, "exact_accuracy": 1, "q_halt_accuracy": 2, "steps": 8}
    assert {name: int(metrics[name]) for name in wanted} == wanted
    assert float(metrics["accuracy"]) == pytest.approx(1 + 1 / 3)
    token = numpy_stablemax(output.logits.numpy(), labels.numpy())
    lm_loss = token[0].sum() / 2 + token[1].mean() + token[3].mean()

    def bce(q: torch.Tensor, y: torch.Tensor) -> float:
        p = 1 / (1 + np.exp(-q.double().numpy()))
        t = y.double().numpy()
        return float(-(t * np.log(p) + (1 - t) * np.log(1 - p)).sum())

    assert output.q_continue is not None
    halt, go_on = bce(output.q_halt, exact), bce(output.q_continue, target)
    assert float(metrics["lm_loss"]) == pytest.approx(lm_loss)
    assert float(metrics["q_halt_loss"]) == pytest.approx(halt, rel=1e-6)
    assert float(metrics["q_continue_loss"]) == pytest.approx(go_on, rel=1e-6)
    assert float(loss) == pytest.approx(lm_loss + 0.5 * (halt + go_on), rel=1e-6)
    half, _, _ = segment_loss(output, labels, target, halt_weight=0.25)
    assert float(half) == pytest.approx(lm_loss + 0.25 * (halt + go_on), rel=1e-6)
    alone, without, _ = segment_loss(output, labels)
    assert "q_continue_loss" not in without
    assert float(alone) == pytest.approx(lm_loss + 0.5 * halt, rel=1e-6)


def test_act_loss_errors() -> None:
    output = one_hot_output(torch.zeros(1, 2, dtype=torch.int64), [0.0], [0.0])
    labels = torch.zeros(1, 2, dtype=torch.int64)
    with pytest.raises(ValueError, match="loss must be"):
        segment_loss(output, labels, loss="hinge")
    with pytest.raises(ValueError, match="label_smoothing"):
        segment_loss(output, labels, label_smoothing=0.1)
    with pytest.raises(ValueError, match="q_target"):
        segment_loss(output._replace(q_continue=None), labels, torch.zeros(1))
