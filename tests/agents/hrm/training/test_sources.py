"""Runs on several sources, the relational presets, and how they are computed."""

import dataclasses

import pytest
import torch

from hrm_gym.agents.hrm.presets import get_preset, preset_for
from hrm_gym.agents.hrm.train_config import Source, TrainConfig
from hrm_gym.agents.hrm.training import execution
from hrm_gym.agents.hrm.training.environments import turns
from hrm_gym.agents.hrm.training.held_out import held_out_kwargs
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.scripts.training.prepare import with_changes

CONFIG = dataclasses.replace(
    get_preset("sudoku"),
    env="HRMSudokuAnswer-4x4-v0",
    model={**get_preset("sudoku").model, "hidden_size": 16},
    limit=None,
    sources=(Source("sudoku-4x4", 6, weight=2), Source("sudoku-6x6", 3, limit=100)),
    max_segments=3,
    start_noise=0.2,
    carry_noise=0.1,
)


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def test_sources_take_turns_by_weight():
    assert turns(CONFIG) == [0, 1, 0]
    trainer = Trainer(CONFIG, compile=False, bf16=False)
    for _ in range(3):
        trainer.train_step(0.5)
    assert trainer.env_steps == 2 * 6 + 3
    assert [int(stream.envs._episodes.max()) for stream in trainer.streams] == [0, 0]
    assert [len(stream.envs.puzzles) for stream in trainer.streams][1] == 100
    metrics = trainer.read_metrics()
    assert metrics["loss"] > 0
    assert metrics["q_continue_loss"] > 0


def test_a_resumed_run_repeats_the_run(tmp_path):
    whole, half = (Trainer(CONFIG, seed=3, compile=False, bf16=False) for _ in range(2))
    for step in range(8):
        whole.train_step(step / 8)
    for step in range(4):
        half.train_step(step / 8)
    half.save(tmp_path)
    resumed = Trainer.resume(tmp_path, CONFIG, compile=False)
    for step in range(4, 8):
        resumed.train_step(step / 8)
    assert torch.equal(weights(whole), weights(resumed))
    assert resumed.env_steps == whole.env_steps
    assert TrainConfig.from_dict(CONFIG.to_dict()) == CONFIG


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"source": "bank"}, "source: this configuration lists its sources"),
        ({"sources": (Source("maze-7x7", 2),)}, "sources: expected tasks of one family"),
        ({"model": {"mixer": "mlp", "q_continue": True}}, "several sizes need mixer='relations'"),
        ({"easier": 1.5}, "easier: expected 0 to 1"),
    ],
)
def test_sources_that_do_not_fit(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Trainer(dataclasses.replace(CONFIG, **changes), compile=False)


def test_symbols_of_a_task_without_any():
    config = dataclasses.replace(
        CONFIG, env="HRMMazeAnswer-7x7-v0", sources=(), easier=0.0, batch_size=2
    )
    with pytest.raises(ValueError, match="maze-7x7 has no interchangeable symbols"):
        Trainer(config)


def test_without_a_compiler_a_sentence_and_no_failure(monkeypatch):
    monkeypatch.setattr(execution, "compiler_problem", lambda: "no C++ compiler was found")
    with pytest.warns(UserWarning, match="compile: no C.. compiler was found"):
        trainer = Trainer(CONFIG, compile=True, bf16=False)
    trainer.train_step(0.5)


def test_bf16_is_chosen_by_a_measurement(monkeypatch):
    for faster in (torch.bfloat16, torch.float32):
        monkeypatch.setattr(
            execution, "product_seconds", lambda *args, best=faster: 1.0 + (args[-1] is not best)
        )
        assert Trainer(CONFIG, compile=False).bf16 == (faster is torch.bfloat16)
    # The last one emulates bfloat16.
    with pytest.warns(UserWarning, match=r"bf16: .* 2\.0 times as long in bfloat16"):
        assert Trainer(CONFIG, compile=False, bf16=True).bf16


def test_the_headline_environments_have_relational_presets():
    assert preset_for("HRMSudoku-v0") == "sudoku"
    assert preset_for("HRMMaze-v0") == "maze"


def test_a_run_starts_with_the_weights_of_an_agent():
    agent = Trainer(CONFIG, seed=1, compile=False, bf16=False).agent()
    other = dataclasses.replace(CONFIG, env="HRMSudokuAnswer-6x6-v0", lr=1e-3)
    trainer = Trainer(other, seed=2, compile=False, bf16=False, init=agent)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, agent.model.state_dict()[name])
    trainer.train_step(0.5)
    assert not torch.equal(weights(trainer), weights(Trainer(CONFIG, compile=False, init=agent)))
    larger = dataclasses.replace(CONFIG, model={**CONFIG.model, "hidden_size": 32})
    with pytest.raises(ValueError, match=r"init: .* hidden_size \(16 there, 32 here\)"):
        Trainer(larger, compile=False, init=agent)


def test_own_puzzles_replace_those_of_the_environment():
    changed = with_changes(CONFIG, {"source": "generator:9", "limit": 5, "batch_size": 4})
    assert changed.sources[0] == Source("sudoku-4x4", 4, None, "generator:9", 5, weight=2)
    assert changed.sources[1] == CONFIG.sources[1]
    assert changed.main_source == changed.sources[0]
    assert held_out_kwargs(changed) == {"source": "generator:9"}
    assert dataclasses.replace(CONFIG, sources=()).main_source.batch_size == CONFIG.batch_size
    with pytest.raises(ValueError, match="task: this preset trains on several sources"):
        with_changes(CONFIG, {"task": "sudoku-9x9"})
