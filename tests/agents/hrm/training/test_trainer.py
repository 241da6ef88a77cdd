"""Training runs and their checkpoints, on the smallest task."""

import dataclasses

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.model.network import Output
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.train_config import Source
from hrm_gym.agents.hrm.training.losses import segment_loss
from hrm_gym.agents.hrm.training.run import Callbacks, run, train_hrm
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.data import load_puzzles

TINY = dataclasses.replace(
    get_preset("sudoku-4x4"),
    batch_size=16,
    model={**get_preset("sudoku-4x4").model, "hidden_size": 16},
)


def test_learning_lowers_the_loss():
    torch.manual_seed(0)
    trainer = Trainer(TINY)
    losses = []
    run(
        trainer,
        60,
        callbacks=Callbacks(on_log=lambda t, m: losses.append(m["lm_loss"]), log_every=0.0),
    )
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


VARIANTS = {
    "adamw": {"optimizer": "adamw"},
    "adam-atan2": {"optimizer": "adam-atan2"},
    "muon": {"optimizer": "muon", "matrix_lr": 0.01, "ns_steps": 3, "momentum": 0.6},
    "q": {"model": {"q_continue": True}},
    "td": {"model": {"q_continue": True}, "halting": "td", "target_every": 3},
    "fixed": {"halting": "fixed"},
    "puzzle_emb": {"model": {"num_puzzles": 1}},
    "curriculum": {"curriculum": ((0.3, 1, 1), (0.7, 2, 1)), "model": {"H_cycles": 2}},
    "late average": {"ema_start": 0.75},
    "any path": {
        "env": "HRMAnswer-v0",
        "task": "maze-6x6",
        "source": "generator:40",
        "targets": "any",
    },
}


def variant(name):
    changes = dict(VARIANTS[name])
    changes["model"] = {**TINY.model, **changes.get("model", {})}
    return dataclasses.replace(TINY, **changes)


@pytest.mark.parametrize("name", VARIANTS)
def test_resume_is_bit_exact(tmp_path, name):
    config = variant(name)
    whole = Trainer(config, seed=3)
    run(whole, 8)
    first = Trainer(config, seed=3)
    for _ in range(4):
        first.train_step((first.step + 1) / 8)
    first.save(tmp_path)
    second = Trainer.resume(tmp_path, config)
    run(second, 8)
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[key]), key
    assert whole.average.weights.keys() == second.average.weights.keys()
    for key, value in whole.average.weights.items():
        assert torch.equal(value, second.average.weights[key]), key
    for key, value in whole.target.state_dict().items():
        assert torch.equal(value, second.target.state_dict()[key]), key


def test_all_targets_train_equally_if_one_path_is_shortest():
    weights = []
    for targets in ("turned", "solved", "any"):
        config = dataclasses.replace(get_preset("maze-7x7"), batch_size=8, targets=targets)
        trainer = Trainer(config, seed=2)
        run(trainer, 6)
        weights.append(trainer.model.state_dict())
    for other in weights[1:]:
        assert all(torch.equal(value, other[name]) for name, value in weights[0].items())


@pytest.mark.parametrize("loss", ["softmax", "stablemax"])
def test_any_targets_teach_the_shortest_path_of_least_loss(loss):
    config = dataclasses.replace(variant("any path"), loss=loss)
    trainer = Trainer(config, seed=1)
    stream = trainer.streams[0]
    envs = stream.envs
    logits = torch.randn(16, 36, 6, generator=torch.Generator().manual_seed(0)) * 2
    output = Output(logits, torch.zeros(16), None)
    chosen = trainer._labels(stream, logits)
    losses = [
        segment_loss(output, labels, loss=loss, halt_weight=0.0)[0]
        for labels in (chosen, envs.labels.long())
    ]
    assert losses[0] < losses[1]
    # Every shortest path counts as a right answer, also for the target of q_halt.
    other = np.stack([envs.task.solve(question) for question in envs.tokens.numpy()])
    assert (other != envs.labels.numpy()).any()
    sure = torch.nn.functional.one_hot(torch.tensor(other).long(), 6) * 3.0
    exact = segment_loss(
        Output(sure, torch.zeros(16), None), trainer._labels(stream, sure), loss=loss
    )[2]
    assert exact.all()


def test_resume_lists_what_differs(tmp_path):
    trainer = Trainer(TINY)
    trainer.save(tmp_path)
    with pytest.raises(ValueError, match=rf"lr \({TINY.lr} saved, 0.5 now\)"):
        Trainer.resume(tmp_path, dataclasses.replace(TINY, lr=0.5))


def test_agent_round_trip_and_compaction(tmp_path):
    trainer = Trainer(TINY)
    run(trainer, 30)
    agent = trainer.agent()
    agent.save(tmp_path)
    loaded = HRMAgent.from_pretrained(tmp_path)
    inputs = load_puzzles(agent.task, split="test", limit=40).inputs
    together, alone = agent.solve(inputs), [loaded.solve(row) for row in inputs]
    assert together.answer.tolist() == [one.answer.tolist() for one in alone]
    assert together.segments.tolist() == [int(one.segments) for one in alone]
    full = agent.solve(inputs, halt=False)
    assert set(full.segments) == {agent.max_segments}
    thoughts = list(agent.think(inputs, halt=False))
    assert len(thoughts) == agent.max_segments
    assert thoughts[-1].answer.tolist() == full.answer.tolist()


@pytest.mark.filterwarnings("ignore:bf16")  # Some CPUs emulate it.
def test_the_agent_of_a_bfloat16_run_is_half_as_large_and_the_same(tmp_path):
    trainer = Trainer(TINY, bf16=True)
    run(trainer, 5)
    trainer.save(tmp_path / "half")
    agent, loaded = trainer.agent(), HRMAgent.from_pretrained(tmp_path / "half", bf16=True)
    inputs = load_puzzles(agent.task, split="test", limit=40).inputs
    before, after = agent.solve(inputs), loaded.solve(inputs)
    assert before.answer.tolist() == after.answer.tolist()
    assert before.q_halt.tolist() == after.q_halt.tolist()
    agent.save(tmp_path / "whole")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.6 * sizes[1]


@pytest.mark.parametrize("budget", [{"steps": 0}, {"seconds": 0.0}, {"steps": -1}])
def test_an_empty_budget_is_rejected(budget):
    with pytest.raises(ValueError, match=f"{next(iter(budget))}: expected a positive number"):
        run(Trainer(TINY), **budget)


def test_train_hrm_reports_progress():
    seen = []
    result = train_hrm(
        "HRMSudoku-4x4-v0",
        preset="sudoku-4x4",
        steps=3,
        on_progress=lambda so_far: seen.append((so_far.env_steps, so_far.puzzles)),
        progress_evaluations=1,
    )
    batch = get_preset("sudoku-4x4").batch_size
    assert result.env_steps == 3 * batch
    assert batch <= result.puzzles <= 4 * batch
    assert seen[0] == (0, batch)
    assert seen
    assert seen[-1][0] == result.env_steps


@pytest.mark.slow
# Inductor loads deprecated modules of torch. PyTorch suppresses its own warning about reading .grad
# of a tensor that is not a leaf, but pytest raises it.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_compiled_run_learns_the_same():
    config = dataclasses.replace(TINY, model={**TINY.model, "H_cycles": 2, "q_continue": True})
    losses = []
    for compiled in (False, True):
        trainer = Trainer(config, seed=1, compile=compiled)
        found = []
        callbacks = Callbacks(
            on_log=lambda t, m, found=found: found.append(m["loss"]), log_every=0.0
        )
        run(trainer, 6, callbacks=callbacks)
        losses.append(found)
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


WITHOUT_WAIT = {
    "published HRM": dataclasses.replace(
        get_preset("sudoku-extreme-1k"), batch_size=16, ema=0.9, clip=1.0, halting="td"
    ),
    "relational, symbols": get_preset("sudoku"),
    "relational, path": dataclasses.replace(
        get_preset("maze"),
        sources=(Source("maze-9x9", 4, "perfect"), Source("maze-15x15", 4, "perfect")),
    ),
}


@pytest.mark.gpu
@pytest.mark.parametrize("name", WITHOUT_WAIT)
def test_a_step_never_waits_for_the_device(name):
    trainer = Trainer(WITHOUT_WAIT[name], device="cuda", compile=False)
    for _ in range(2 * len(trainer.turns)):  # the first steps of each source allocate
        trainer.train_step(0.1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.train_step(0.2)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_compiled_relational_step_on_a_gpu_equals_the_uncompiled_one():
    config = dataclasses.replace(
        get_preset("sudoku"), sources=(Source("sudoku-9x9", 16, limit=100),), easier=0.0
    )
    losses = []
    for compiled in (False, True):
        trainer = Trainer(config, seed=1, device="cuda", bf16=False, compile=compiled)
        for _ in range(3):
            trainer.train_step(0.5)
        losses.append(trainer.read_metrics()["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
