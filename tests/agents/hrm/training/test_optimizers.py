"""The optimizers agree with formulas in NumPy."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hrm_gym.agents.hrm.training import optimizers
from hrm_gym.agents.hrm.training.optimizers import AdamAtan2, SignSGD


def test_adam_atan2_matches_the_scalar_formula() -> None:
    rng = np.random.default_rng(0)
    lr, (b1, b2), decay = 0.05, (0.9, 0.95), 0.3
    tensors = [nn.Parameter(torch.tensor(rng.normal(size=size))) for size in (1, 3, 1)]
    tensors[2].data = tensors[2].data.float()  # parameters of two dtypes are updated separately
    optimizer = AdamAtan2(tensors, lr=lr, betas=(b1, b2), weight_decay=decay)
    values = [tensor.tolist() for tensor in tensors]
    m = [[0.0] * len(value) for value in values]
    v = [[0.0] * len(value) for value in values]
    counts = [0, 0, 0]
    for step in range(6):
        for i, tensor in enumerate(tensors):
            if i == 1 and step == 2:  # a parameter without a gradient in this step
                tensor.grad = None
                continue
            grads = rng.normal(size=len(values[i])) * 10.0 ** rng.integers(-6, 3)
            tensor.grad = torch.tensor(grads, dtype=tensor.dtype)
            counts[i] += 1
            for j, g in enumerate(grads):
                m[i][j] = b1 * m[i][j] + (1 - b1) * g
                v[i][j] = b2 * v[i][j] + (1 - b2) * g * g
                scale = math.sqrt(v[i][j]) / math.sqrt(1 - b2 ** counts[i])
                values[i][j] *= 1 - lr * decay
                values[i][j] -= lr / (1 - b1 ** counts[i]) * math.atan2(m[i][j], scale)
        optimizer.step()
    for tensor, value, tolerance in zip(tensors, values, (1e-12, 1e-12, 1e-5), strict=True):
        np.testing.assert_allclose(tensor.detach().numpy(), value, rtol=tolerance)


def test_adam_atan2_in_blocks_is_the_whole_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "BLOCK", 4)
    torch.manual_seed(0)
    start = torch.randn(5, 3)
    weights = [nn.Parameter(start.clone()) for _ in range(2)]
    blocks, whole = (AdamAtan2([weight], lr=0.1, weight_decay=0.5) for weight in weights)
    whole._update = lambda *given: optimizers.adam_atan2_(*given)
    for _ in range(4):
        gradient = torch.randn(5, 3)
        for weight, optimizer in zip(weights, (blocks, whole), strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
        assert not torch.equal(weights[0], start)
        torch.testing.assert_close(*weights)
        for name, value in blocks.state[weights[0]].items():
            torch.testing.assert_close(value, whole.state[weights[1]][name])


def test_adam_atan2_ignores_the_scale_of_the_loss() -> None:
    ends = []
    for scale in (1.0, 1024.0):
        parameter = nn.Parameter(torch.linspace(-1, 1, 5))
        optimizer = AdamAtan2([parameter], lr=0.1, weight_decay=0.0)
        for _ in range(5):
            optimizer.zero_grad()
            (scale * (parameter - 3).square().sum()).backward()
            optimizer.step()
        ends.append(parameter.detach().clone())
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-6, atol=1e-6)


def test_adam_atan2_resumes_from_its_state() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = AdamAtan2(model.parameters(), lr=0.1)

    def train(net: nn.Module, opt: AdamAtan2) -> None:
        opt.zero_grad()
        net(torch.ones(1, 3)).square().sum().backward()
        opt.step()

    train(model, optimizer)
    other = copy.deepcopy(model)
    resumed = AdamAtan2(other.parameters(), lr=0.5)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # no shared tensors
    for _ in range(3):
        train(model, optimizer)
        train(other, resumed)
    assert torch.equal(model.weight, other.weight)
    state = optimizer.state[model.weight]
    assert int(state["step"]) == 4
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def test_zero_gradient_leaves_weights_alone() -> None:
    parameter = nn.Parameter(torch.ones(3))
    parameter.grad = torch.zeros(3)
    AdamAtan2([parameter], lr=0.1, weight_decay=0.0).step()
    assert torch.equal(parameter, torch.ones(3))


def test_sign_sgd_touches_the_rows_of_the_batch() -> None:
    table = nn.Parameter(torch.arange(15.0).view(5, 3))
    before = table.detach().clone()
    ids = torch.tensor([3, 1, 3, 4, 1])
    weights = torch.tensor([[1.0, -1, 0], [2, 2, 2], [-5, 3, 0], [0, 0, 0], [-2, -3, 0]])
    (F.embedding(ids, table, sparse=True) * weights).sum().backward()
    SignSGD([table], lr=0.5, weight_decay=0.2).step()
    summed = np.zeros((5, 3))
    for i, row in zip(ids.tolist(), weights.numpy(), strict=True):
        summed[i] += row
    expected = before.numpy().copy()
    for i in (1, 3, 4):
        expected[i] = expected[i] * (1 - 0.5 * 0.2) - 0.5 * np.sign(summed[i])
    np.testing.assert_allclose(table.detach().numpy(), expected, rtol=1e-6)
    assert torch.equal(table[[0, 2]], before[[0, 2]])


def test_sign_sgd_takes_accumulated_gradients() -> None:
    table = nn.Parameter(torch.zeros(4, 2))
    for sign in (1.0, -3.0):
        (sign * F.embedding(torch.tensor([2, 2]), table, sparse=True)).sum().backward()
    SignSGD([table], lr=0.1, weight_decay=0.0).step()
    np.testing.assert_allclose(table.detach().numpy()[2], [0.1, 0.1], rtol=1e-6)


def test_wrong_gradients_and_rates_are_refused() -> None:
    table = nn.Parameter(torch.zeros(4, 2))
    F.embedding(torch.tensor([0]), table, sparse=True).sum().backward()
    with pytest.raises(RuntimeError, match="SignSGD"):
        AdamAtan2([table]).step()
    table.grad = torch.zeros(4, 2)
    with pytest.raises(RuntimeError, match="AdamAtan2"):
        SignSGD([table]).step()
    with pytest.raises(ValueError, match="lr"):
        AdamAtan2([table], lr=-1.0)
    with pytest.raises(ValueError, match="betas"):
        AdamAtan2([table], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="weight_decay"):
        SignSGD([table], weight_decay=-0.1)


def test_closures_run_with_gradient() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = AdamAtan2([parameter])

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = parameter.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).tolist() == 1.0
