"""The agent acts in environments as it answers, and rejects damaged checkpoints."""

import dataclasses
import json

import gymnasium as gym
import numpy as np
import pytest
from untrained import untrained

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.inference.acting import Asked
from hrm_gym.agents.hrm.inference.thinking import Noise
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.run import run
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.data import load_puzzles
from hrm_gym.evaluation import evaluate
from hrm_gym.puzzles import get_task

TINY = dataclasses.replace(
    get_preset("sudoku-4x4"),
    batch_size=16,
    model={**get_preset("sudoku-4x4").model, "hidden_size": 16},
)


@pytest.mark.parametrize("env", ["HRMSudoku-4x4-v0", "HRMSudokuAnswer-4x4-v0"])
def test_the_action_of_an_agent_is_its_answer(env):
    agent, task = HRMAgent.from_pretrained("sudoku"), get_task("sudoku-4x4")
    puzzles = load_puzzles(task, split="test", limit=60)
    answers = agent.solve(puzzles.inputs).answer
    right = [task.is_solved(p, a) for p, a in zip(puzzles, answers, strict=True)]
    tested = evaluate(agent, env, 60)
    assert [episode.success for episode in tested.episodes] == right
    assert tested.solve_rate >= 0.95


def test_a_maze_agent_walks_along_its_answer():
    config = dataclasses.replace(
        get_preset("maze-7x7"),
        batch_size=8,
        model={**get_preset("maze-7x7").model, "hidden_size": 16},
    )
    trainer = Trainer(config)
    run(trainer, 2)
    agent = trainer.agent()
    puzzles = load_puzzles(agent.task, split="test", limit=3)
    # The answer is replaced by the label: the agent must follow exactly this path.
    agent._memory.update(
        (Asked(question.tobytes(), 0, None, agent.max_segments), [label])
        for question, label in zip(puzzles.inputs, puzzles.labels, strict=True)
    )
    tested = evaluate(agent, "HRMMaze-7x7-v0", 3)
    assert tested.solve_rate == tested.optimal_rate == 1


class Marks(HRMAgent):
    """An agent whose answers follow a rule."""

    def __init__(self, rule):
        trainer = Trainer(dataclasses.replace(get_preset("maze-7x7"), batch_size=2))
        super().__init__(trainer.agent().model, "maze-7x7")
        self.rule = rule

    def _answers(self, batch):
        questions = [np.frombuffer(one.question, np.uint8) for one in batch]
        return [[self.rule(self.task, question)] for question in questions]


def every_way(task, question):
    return np.where(question == 2, 5, question).astype(np.uint8)


def test_a_wrong_maze_answer_is_walked_as_it_is():
    right = evaluate(Marks(lambda task, question: task.solve(question)), "HRMMaze-7x7-v0", 30)
    assert (right.solve_rate, right.optimal_rate) == (1.0, 1.0)
    # Marks on every open cell contain a path to G, but do not determine it.
    everywhere = evaluate(Marks(every_way), "HRMMaze-7x7-v0", 30)
    assert everywhere.optimal_rate < 0.5


def test_answers_of_a_batch_stay_cached_during_the_batch(monkeypatch):
    monkeypatch.setattr("hrm_gym.agents.hrm.inference.acting.REMEMBERED", 4)
    agent, envs = Marks(lambda task, question: task.solve(question)), []
    for index in range(6):
        env = gym.make("HRMMaze-7x7-v0")
        envs.append(env.reset(options={"index": index}))
    for index in range(4):
        agent.act(*envs[index])
    agent.act_batch([envs[0][0], envs[4][0]], [envs[0][1], envs[4][1]])
    assert len(agent._memory) == 4
    # All puzzles of a large batch are remembered while it is played, and no others.
    assert len(agent.act_batch(*zip(*envs, strict=True))) == 6
    assert len(agent._memory) == 6


def test_an_agent_with_another_last_segment_thinks_again():
    agent, env_id = untrained("sudoku-4x4", segments=3), "HRMSudokuAnswer-4x4-v0"
    for segments in (3, 2):
        agent.max_segments = segments
        # An untrained agent never halts before.
        assert evaluate(agent, env_id, 2).mean_steps == segments


@pytest.mark.parametrize("q_continue", [True, False])
def test_a_large_batch_is_computed_in_passes(monkeypatch, q_continue):
    agent = untrained("sudoku-4x4", segments=3, q_continue=q_continue)
    agent.model.q_head.weight.data.normal_()
    puzzles = load_puzzles(agent.task, split="test", limit=5)
    noise = Noise(0.5, 0.5, seed=1)
    whole = agent.solve(puzzles.inputs, halt=False, noise=noise)
    size = agent.model.initial_carry(1).z_H.numel()
    segment, asked = agent.model.segment, []

    def counted(carry, tokens, ids):
        asked.append(len(tokens))
        return segment(carry, tokens, ids)

    monkeypatch.setattr(agent.model, "segment", counted)
    monkeypatch.setattr("hrm_gym.agents.hrm.agent.PASS", 2 * size + 1)
    parts = agent.solve(puzzles.inputs, halt=False, noise=noise)
    assert asked == [2, 2, 1] * 3
    np.testing.assert_array_equal(parts.answer, whole.answer)
    np.testing.assert_allclose(parts.q_halt, whole.q_halt, atol=1e-4)
    np.testing.assert_allclose(parts.certainty, whole.certainty, atol=1e-4)


def test_damaged_and_foreign_checkpoints_are_rejected(tmp_path):
    trainer = Trainer(TINY)
    trainer.agent().save(tmp_path)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged or half-written"):
        HRMAgent.from_pretrained(tmp_path)
    weights.write_bytes(whole)
    about = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**about, "task": "sudoku-6x6"}))
    with pytest.raises(ValueError, match="sudoku-6x6 needs 36"):
        HRMAgent.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("no json")
    with pytest.raises(ValueError, match="not JSON"):
        HRMAgent.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="expected a checkpoint folder or one of"):
        HRMAgent.from_pretrained("nobody")
