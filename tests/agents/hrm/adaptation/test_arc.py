"""Test-time training: an agent learns a task from its demonstrations before it answers."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.adaptation.learner import Learner
from hrm_gym.agents.hrm.inference.voting.arc import attempts, task_number
from hrm_gym.agents.hrm.model.tasks import task_fields
from hrm_gym.evaluation import evaluate, make_env
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.arc import mini_tasks, to_canvas
from hrm_gym.puzzles.arc.augment import ArcTask
from hrm_gym.puzzles.arc.turned import turned_set

MODEL = {
    "hidden_size": 16,
    "round_to": 16,
    "shared": True,
    "L_layers": 1,
    "H_cycles": 1,
    "L_cycles": 1,
    "grad": "segment",
    "mixer": "relations",
    "positions": "none",
    "symbols": "equivariant",
    "puzzle_per_symbol": True,
    "special_symbols": 1,
    "num_puzzles": 24,
}
PAIR = {"input": [[1, 2], [3, 4]], "output": [[1, 1]]}


def mini_agent():
    torch.manual_seed(0)
    model = HRM(HRMConfig.from_dict(task_fields(get_task("arc-5x5"), MODEL)))
    torch.nn.init.normal_(model.puzzle_emb, std=0.1)
    about = {"name": "mine", "train": {"source": "mini-arc:turned:3"}}
    return HRMAgent(model, "arc-5x5", 2, about=about)


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves by a tenth of a second at each look, so that the load does not matter."""
    looks = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: next(looks) / 10)


@pytest.mark.usefixtures("clock")
def test_the_embedding_of_a_new_task_is_learned():
    agent, told = mini_agent(), []
    before = {name: value.clone() for name, value in agent.model.state_dict().items()}
    # Whatever is asked, everything becomes red.
    shown = [(np.full((2, 3), k, np.uint8), np.full((2, 3), 2, np.uint8)) for k in (1, 3)]
    found = agent.adapt(
        ArcTask("red", tuple(shown), ()),
        1.5,
        weights=False,
        on_progress=lambda *x: told.append(x),
    )
    assert found.steps >= 2
    assert found.seconds < 10
    assert 0 <= found.reproduced <= 2
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    after = found.agent.model.state_dict()
    for name, value in agent.model.state_dict().items():
        torch.testing.assert_close(value, before[name])
        if name != "puzzle_emb":
            torch.testing.assert_close(after[name], before[name])
    assert after["puzzle_emb"].shape == (8, 160)
    answers = found.answers(np.full((2, 3), 4, np.uint8))
    assert sum(answer.votes for answer in answers) == 8


@pytest.mark.usefixtures("clock")
def test_all_weights_learn():
    agent = mini_agent()
    before = agent.model.head.weight.detach().clone()
    found = agent.adapt({"train": [PAIR, PAIR]}, 1.5)
    assert found.steps > 2
    assert not torch.equal(found.agent.model.head.weight, before)
    torch.testing.assert_close(agent.model.head.weight, before)


def test_training_ends_when_all_demonstrations_are_reproduced(monkeypatch):
    def learn(learner, progress):
        assert 0 <= progress < 1
        learner.steps += 1
        learner.exact[: 4 * learner.steps] = True

    monkeypatch.setattr(Learner, "round", learn)
    told = []
    # Two demonstrations under eight symmetries.
    found = mini_agent().adapt({"train": [PAIR, PAIR]}, 1e9, on_progress=lambda *x: told.append(x))
    assert found.steps == 4
    assert [exact for _, exact in told] == [0.25, 0.5, 0.75, 1]


def test_symbols_that_do_not_occur_are_computed_as_one():
    agent, task = mini_agent(), mini_tasks()[0]
    torch.manual_seed(1)
    for weight in agent.model.parameters():
        weight.data.normal_(std=0.2)
    learner = Learner(agent, turned_set([task.demos], 5, "mine"))
    used = {int(colour) for pair in task.demos for grid in pair for colour in np.unique(grid)}
    assert learner.rows.shape == (8, (len(used | {0}) + 1) * 16)
    learner.rows.data.normal_(std=0.3)
    whole, canvas = learner.agent().model, to_canvas(task.demos[0][0], 5)
    few = torch.from_numpy(learner.merged.tokens(canvas[None]))
    all_carry, carry = (
        whole.initial_carry(1, seq_len=25),
        learner.model.initial_carry(1, seq_len=25),
    )
    with torch.inference_mode():
        for _ in range(2):
            all_carry, want = whole.segment(
                all_carry, torch.from_numpy(canvas[None]), torch.tensor([3])
            )
            carry, found = learner.model(carry, few, learner.rows[3:4])
            kept = [*range(2), *(2 + colour for colour in sorted(used | {0}))]
            shares = found.logits.softmax(-1)[..., :-1]
            torch.testing.assert_close(shares, want.logits.softmax(-1)[..., kept])
            torch.testing.assert_close(found.q_halt, want.q_halt)
            torch.testing.assert_close(found.q_continue, want.q_continue)


def test_an_agent_makes_two_attempts_in_the_step_environment(monkeypatch):
    agent, task = mini_agent(), mini_tasks()[1]
    assert task_number(agent, task.demos) == 1
    assert task_number(agent, mini_tasks()[3].demos) is None
    wrong, right = (to_canvas(grid, 5) for grid in (task.tests[0][0], task.tests[0][1]))
    name = "hrm_gym.agents.hrm.inference.voting.arc.attempts"
    monkeypatch.setattr(name, lambda agent, obs: [wrong, right])
    result = evaluate(agent, "HRMARC-5x5-v0", 1, "test", task_id="mini-001")
    assert result.solve_rate == 1


def test_a_task_that_was_not_trained_on_needs_adaptation():
    agent = mini_agent()
    env = make_env("HRMARC-5x5-v0", split="test")
    known, _ = env.reset(options={"index": 2})
    assert 1 <= len(attempts(agent, known)) <= 2
    obs, info = env.reset(options={"index": 3})
    with pytest.raises(ValueError, match="mine was not trained on this task; expected an agent"):
        agent.act(obs, info)
    adapted = agent.adapt(mini_tasks()[3], 0.1).agent
    assert env.action_space.contains(adapted.act(obs, info))


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"train": []}, "task: task has no demonstration; expected at least one"),
        ({}, "task: expected ARC JSON with a list 'train'"),
        ([], "task: expected ARC JSON with a list 'train'"),
        ({"train": [{"input": [[1], [1, 2]], "output": [[1]]}]}, "task: .* is a rectangle"),
        ({"train": [{"input": [[10]], "output": [[1]]}]}, "task: .* whole numbers 0 to 9"),
        ({"train": [PAIR, {**PAIR, "output": [[1] * 6]}]}, "a grid of 1x6 .* canvas .* has 5x5"),
        ("nowhere.json", "task: there is no file nowhere.json"),
    ],
)
def test_bad_tasks_are_refused_before_any_work(task, words):
    with pytest.raises(ValueError, match=words):
        mini_agent().adapt(task, 1e9)


def test_a_file_is_read(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"train": [PAIR], "test": [PAIR]}))
    assert mini_agent().adapt(tmp_path / "mine.json", 0.05).task.name == "mine"
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(ValueError, match=r"mine\.json is not JSON"):
        mini_agent().adapt(str(tmp_path / "mine.json"))


def test_agents_that_cannot_adapt():
    with pytest.raises(ValueError, match="sudoku-9x9, whose puzzles have no demonstrations"):
        HRMAgent.from_pretrained("sudoku").adapt({"train": [PAIR]})
    with pytest.raises(ValueError, match="seconds: expected"):
        mini_agent().adapt({"train": [PAIR]}, 0)
    agent = mini_agent()
    config = dataclasses.replace(agent.model.config, num_puzzles=0, puzzle_per_symbol=False)
    with pytest.raises(ValueError, match="has no puzzle embedding, by which a model knows a task"):
        HRMAgent(HRM(config), "arc-5x5").adapt({"train": [PAIR]})
