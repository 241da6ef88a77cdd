"""Checkpoints of the public code are read, or rejected if damaged or if they would run code."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hrm_gym.agents.hrm import HRM, HRMAgent
from hrm_gym.agents.hrm.exchange.published import guess_task, load_published
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.trainer import Trainer

yaml = pytest.importorskip("yaml")

HRM_ARCH = {
    "H_cycles": 2,
    "H_layers": 1,
    "L_cycles": 1,
    "L_layers": 1,
    "expansion": 2,
    "forward_dtype": "bfloat16",
    "halt_exploration_prob": 0.1,
    "halt_max_steps": 5,
    "hidden_size": 16,
    "loss": {"loss_type": "stablemax_cross_entropy", "name": "losses@ACTLossHead"},
    "name": "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1",
    "num_heads": 2,
    "pos_encodings": "rope",
    "puzzle_emb_ndim": 16,
}
TRM_ARCH = {**HRM_ARCH, "H_layers": 0, "mlp_t": True, "no_ACT_continue": True, "puzzle_emb_len": 4}


def model_of(arch, vocab_size=11, seq_len=81, puzzles=3) -> HRM:
    from hrm_gym.agents.hrm.model.reference import config_from_reference

    sizes = {"vocab_size": vocab_size, "seq_len": seq_len, "num_puzzle_identifiers": puzzles}
    return HRM(config_from_reference({**arch, **sizes}))


def write(folder: Path, arch=HRM_ARCH, name="checkpoint", prefix="_orig_mod.model.", **sizes):
    """Write a folder in the format of the public code, and return its model."""
    folder.mkdir(exist_ok=True)
    model = model_of(arch, **sizes)
    state = {prefix + key: value.bfloat16() for key, value in model.to_reference().items()}
    if name.endswith(".safetensors"):
        save_file(state, folder / name)
    else:
        torch.save(state, folder / name)
    config = {"arch": arch, "data_path": "data/sudoku-extreme-1k-aug-1000", "lr": 7e-5}
    (folder / "all_config.yaml").write_text(yaml.safe_dump(config))
    return model


@pytest.mark.parametrize("arch", [HRM_ARCH, TRM_ARCH], ids=["hrm", "trm"])
@pytest.mark.parametrize("name", ["checkpoint", "step_7", "weights.pt", "model.safetensors"])
def test_a_published_folder_is_loaded(tmp_path, arch, name):
    model = write(tmp_path, arch, name)
    for path in (tmp_path, tmp_path / name):
        agent = HRMAgent.from_pretrained(path)
        assert (agent.task.id, agent.max_segments) == ("sudoku-9x9", 5)
        assert agent.about["env"] == "HRMSudokuAnswer-v0"
        assert agent.model.config.num_puzzles == 3
        for key, value in model.state_dict().items():
            assert torch.equal(agent.model.state_dict()[key], value.bfloat16().float()), key
    question = np.ones((1, 81), np.uint8)
    before = agent.solve(question)
    # Saved as a checkpoint of this package, it is the same agent.
    agent.save(tmp_path / "own")
    after = HRMAgent.from_pretrained(tmp_path / "own").solve(question)
    assert before.answer.tolist() == after.answer.tolist()


@pytest.mark.parametrize(
    ("arch", "preset"),
    [(HRM_ARCH, "sudoku-extreme-1k"), ({**TRM_ARCH, "pos_encodings": "none"}, "trm-sudoku")],
    ids=["hrm", "trm"],
)
def test_a_run_starts_with_published_weights(tmp_path, arch, preset):
    write(tmp_path, arch)
    same = ("H_cycles", "L_cycles", "L_layers", "expansion", "hidden_size", "num_heads")
    sizes = {name: arch[name] for name in same} | {"H_layers": 1}
    sizes["puzzle_emb_len"] = arch.get("puzzle_emb_len", 1)
    config = get_preset(preset)
    config = dataclasses.replace(config, model={**config.model, **sizes}, batch_size=2)
    agent = HRMAgent.from_pretrained(tmp_path)
    agent.model.puzzle_emb.data.normal_()
    trainer = Trainer(config, compile=False, bf16=False, init=agent)
    for name, value in agent.model.state_dict().items():
        # The checkpoint has the rows of three puzzles, the run has one.
        wanted = value.mean(0, keepdim=True) if name == "puzzle_emb" else value
        assert torch.allclose(trainer.model.state_dict()[name], wanted), name


def test_the_last_step_is_loaded(tmp_path):
    write(tmp_path, name="step_9")
    newest = write(tmp_path, name="step_10")
    agent = HRMAgent.from_pretrained(tmp_path)
    weight = newest.head.weight.bfloat16().float()
    assert torch.equal(agent.model.head.weight, weight)
    # Later versions of the code also save the optimizers.
    state = torch.load(tmp_path / "step_10", weights_only=True)
    torch.save({"model": state, "optimizers": [], "step": 10}, tmp_path / "step_11")
    assert torch.equal(HRMAgent.from_pretrained(tmp_path).model.head.weight, weight)


def test_the_task_is_derived_from_data_and_vocabulary():
    assert guess_task({"data_paths": ["data/maze-30x30-hard-1k"]}, 6) == "maze-30x30"
    assert guess_task({"data_path": "data/arc-2-aug-1000"}, 12) == "arc"
    assert guess_task({}, 11) == "sudoku-9x9"
    for config, tokens in (({}, 7), ({"data_path": "data/sudoku4x4"}, 6)):
        with pytest.raises(ValueError, match="task: the checkpoint does not say which"):
            guess_task(config, tokens)


def test_another_task_is_rejected(tmp_path):
    write(tmp_path, vocab_size=6, seq_len=16, puzzles=1)
    with pytest.raises(ValueError, match="task: the checkpoint does not say"):
        HRMAgent.from_pretrained(tmp_path)
    assert HRMAgent.from_pretrained(tmp_path, task="sudoku-4x4").task.id == "sudoku-4x4"
    with pytest.raises(ValueError, match="the model has 6 tokens, sudoku-9x9 needs 11"):
        HRMAgent.from_pretrained(tmp_path, task="sudoku-9x9")
    write(tmp_path, {**HRM_ARCH, "pos_encodings": "learned"}, vocab_size=6, seq_len=16)
    with pytest.raises(ValueError, match=r"embed_pos\.embedding_weight has shape"):
        HRMAgent.from_pretrained(tmp_path, task="maze-7x7")


class Trap:
    """Unpickling an object of this class creates a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_file_that_would_run_code_is_rejected(tmp_path):
    write(tmp_path)
    torch.save({"weight": Trap(tmp_path / "sprung")}, tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="refused, since loading it would run code"):
        HRMAgent.from_pretrained(tmp_path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["checkpoint", "model.safetensors"])
def test_the_error_names_damaged_weights(tmp_path, name):
    write(tmp_path, name=name)
    path = tmp_path / name
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], b"", b"<html>not found</html>"):
        path.write_bytes(part)
        with pytest.raises(ValueError, match="damaged or half-written") as caught:
            HRMAgent.from_pretrained(tmp_path)
        assert str(caught.value).startswith(str(path))


def test_other_errors_are_reported(tmp_path):
    write(tmp_path)
    torch.save([1, 2], tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="expected a state dict of tensors"):
        HRMAgent.from_pretrained(tmp_path)
    torch.save({"x": torch.zeros(1)}, tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="expected weights of a published HRM or TRM"):
        HRMAgent.from_pretrained(tmp_path)
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(ValueError, match="expected one file of weights, found none"):
        load_published(tmp_path)
    for text in ("[1", "3", ""):
        (tmp_path / "all_config.yaml").write_text(text)
        with pytest.raises(ValueError, match="damaged, expected a configuration"):
            HRMAgent.from_pretrained(tmp_path)


def test_a_checkpoint_is_loaded_from_the_hub(tmp_path, monkeypatch):
    write(tmp_path)
    asked = []

    def snapshot_download(name, **options):
        asked.append((name, options["repo_type"], options["revision"]))
        if name == "who/gone":
            raise OSError("404")
        return str(tmp_path)

    client = types.ModuleType("huggingface_hub")
    client.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    assert HRMAgent.from_pretrained("hub:sapientinc/some@main").task.id == "sudoku-9x9"
    assert asked == [("sapientinc/some", "model", "main")]
    with pytest.raises(ValueError, match="hub:who/gone: cannot fetch it: OSError: 404"):
        HRMAgent.from_pretrained("hub:who/gone")
    with pytest.raises(ValueError, match="expected hub:owner/name"):
        HRMAgent.from_pretrained("hub:nobody")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r'extra hub: pip install "hrm-gym\[hub\]"'):
        HRMAgent.from_pretrained("hub:sapientinc/some")


def test_a_checkpoint_never_imports_code(tmp_path):
    HRMAgent.from_pretrained("sudoku").save(tmp_path)
    about = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "own_task_of_a_file.py").write_text("raise SystemExit('imported')")
    about["task"] = "own_task_of_a_file:Task"
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="its task own_task_of_a_file:Task is code"):
        HRMAgent.from_pretrained(tmp_path)


def test_published_presets_equal_the_published_settings():
    steps = {"sudoku-extreme-1k": 20_000 * 1000 // 384, "maze-hard-1k": 20_000 * 1000 // 768}
    steps |= {"trm-sudoku": 50_000 * 1000 // 768, "trm-maze": 50_000 * 1000 // 768}
    steps |= {"arc-agi-1": 100_000 * 3988 // 768, "arc-agi-2": 100_000 * 4667 // 768}
    for name, wanted in steps.items():
        config = get_preset(name)
        assert config.steps == wanted, name
        assert config.warmup * config.steps == pytest.approx(2000)
        arc = name.startswith("arc")
        assert config.weight_decay == config.puzzle_weight_decay == (0.1 if arc else 1.0)
        assert config.puzzle_lr == (1e-2 if arc else config.lr)
        assert config.ema == (0.999 if name.startswith("trm") else None)
