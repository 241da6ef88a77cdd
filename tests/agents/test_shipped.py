"""The pretrained agents of the package and their records."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.torch import load_file

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.exchange.checkpoint import note
from hrm_gym.agents.shipped import FOLDER
from hrm_gym.evaluation import evaluate
from hrm_gym.puzzles import get_task


def test_every_pretrained_agent_is_listed_and_loads():
    shipped = HRMAgent.pretrained()
    assert list(shipped) == sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
    for name, said in shipped.items():
        agent = HRMAgent.from_pretrained(name)
        assert said.name == name
        assert get_task(said.task) is agent.task
        assert said.parameters == agent.parameters
        assert said.max_segments == agent.max_segments
        # The trained numbers, the two vectors of the carry, and a header.
        tensors = load_file(FOLDER / name / "model.safetensors")
        numbers = sum(tensor.numel() for tensor in tensors.values())
        assert numbers == agent.parameters + 2 * agent.model.config.hidden_size
        stored = sum(tensor.nbytes for tensor in tensors.values())
        assert stored < said.size < stored + 10_000
        assert said.exact_accuracy is not None
        assert said.solve_rate is not None
        assert 0 <= said.exact_accuracy <= said.solve_rate <= 1
        assert said.puzzles >= 100


@pytest.mark.parametrize(
    ("name", "env_id", "least"),
    [
        ("sudoku", "HRMSudoku-v0", 0.7),
        ("sudoku", "HRMSudoku-6x6-v0", 0.7),
        ("maze", "HRMMaze-9x9-v0", 0.9),
        ("maze", "HRMMaze-15x15-v0", 0.9),
    ],
)
def test_one_agent_solves_several_sizes(name, env_id, least):
    agent = HRMAgent.from_pretrained(name)
    assert agent.any_size
    assert evaluate(agent, env_id, episodes=20).solve_rate >= least


def test_the_sudoku_agent_answers_large_boards():
    agent, task = HRMAgent.from_pretrained("sudoku"), get_task("sudoku-16x16")
    questions = np.stack([task.generate(key, clues=230).inputs for key in range(2)])
    solution = agent.solve(questions, segments=2)
    assert solution.answer.shape == (2, 256)
    assert np.isin(solution.answer, task.answer_tokens).all()
    assert (solution.segments <= 2).all()


def test_listing_loads_no_torch():
    code = (
        "import sys; from hrm_gym.agents.shipped import pretrained\n"
        "assert pretrained(); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_notes_are_added_to_a_checkpoint(tmp_path):
    HRMAgent.from_pretrained("sudoku").save(tmp_path)
    before = json.loads((tmp_path / "config.json").read_text())
    note(tmp_path, {"command": "train", "solve_rate": 0.5})
    after = json.loads((tmp_path / "config.json").read_text())
    assert after == {**before, "command": "train", "solve_rate": 0.5}
    assert HRMAgent.from_pretrained(tmp_path).about["command"] == "train"
    with pytest.raises(ValueError, match="expected a checkpoint folder"):
        note(tmp_path / "none", {})
