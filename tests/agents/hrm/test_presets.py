"""Presets: each is in the module of its family, and can be written and read."""

from __future__ import annotations

import dataclasses
import json
from importlib import import_module

import pytest

from hrm_gym.agents.hrm.presets import PRESETS, default_presets, get_preset, preset_for
from hrm_gym.agents.hrm.train_config import TrainConfig
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.puzzles import get_task
from hrm_gym.registration import TABLE


@pytest.mark.parametrize(
    ("family", "names"),
    [
        (
            "sudoku",
            "sudoku-extreme-fast sudoku-extreme-1k trm-sudoku sudoku-extreme-cpu "
            "sudoku-extreme-gpu sudoku sudoku-4x4 sudoku-6x6 sudoku-16x16 sudoku-small",
        ),
        (
            "maze",
            "maze-hard-fast maze-hard-1k trm-maze maze-hard-1k-cpu maze-gpu maze-large maze "
            "maze-15x15 maze-7x7 maze-9x9 maze-small",
        ),
        ("arc", "arc-agi-1 arc-agi-2 arc-small arc-mini"),
        ("custom", "custom-task"),
    ],
)
def test_the_presets_of_a_family_are_in_its_module(family, names):
    presets = import_module(f"hrm_gym.agents.hrm.presets.{family}").PRESETS
    assert list(presets) == names.split()
    for name, config in presets.items():
        assert PRESETS[name] is config
        assert family == "custom" or get_task(config.task_id).id.split("-")[0] == family


def test_a_family_without_presets_has_small_ones():
    found = default_presets({"sudoku"})
    assert list(found) == ["sudoku-9x9", "sudoku-4x4", "sudoku-6x6", "sudoku-16x16"]
    assert found["sudoku-4x4"] == PRESETS["sudoku-4x4"]
    assert [config.task_id for config in found.values()] == list(found)
    assert list(default_presets({"arc"})) == ["arc", "arc-5x5"]
    assert default_presets(set()) == {}


def test_published_presets_have_the_published_size():
    for name, tokens in (("sudoku-extreme-1k", (11, 81)), ("maze-hard-1k", (6, 900))):
        config = dataclasses.replace(get_preset(name), batch_size=1)
        trainer = Trainer(config)
        parameters = sum(p.numel() for p in trainer.model.parameters())
        assert (trainer.model_config.vocab_size, trainer.model_config.seq_len) == tokens
        assert 27.2e6 < parameters < 27.4e6


def test_every_step_environment_of_a_size_has_a_preset():
    for row in TABLE:
        if row.answer_id is not None:
            assert get_preset(preset_for(row.id)).env == row.answer_id


def test_the_headline_environments_have_presets_that_learn_on_a_cpu():
    presets = {
        "HRMSudoku-v0": "sudoku",
        "HRMSudoku-4x4-v0": "sudoku-small",
        "HRMMaze-v0": "maze",
        "HRMMaze-15x15-v0": "maze-15x15",
        "HRMMaze-7x7-v0": "maze-small",
        "HRMARC-5x5-v0": "arc-mini",
    }
    for env_id, preset in presets.items():
        assert preset_for(env_id) == preset
        assert get_preset(preset).model["mixer"] == "relations"


def test_bad_names():
    with pytest.raises(ValueError, match="preset: expected one of"):
        get_preset("nothing")
    with pytest.raises(ValueError, match="HRMMaze-Dynamic-v0 has no Answer environment"):
        preset_for("HRMMaze-Dynamic-v0")
    with pytest.raises(ValueError, match="optimizer"):
        TrainConfig("HRMSudokuAnswer-4x4-v0", optimizer="sgd")
    for name, config in PRESETS.items():
        assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config, name


def test_a_configuration_with_an_older_field_is_read():
    config = get_preset("maze-hard-fast")
    older = config.to_dict()
    older["model"]["checkpoint"] = older["model"].pop("recompute_activations")
    assert TrainConfig.from_dict(older) == config
