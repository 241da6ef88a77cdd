"""Tests of ARC files as people have them: Kaggle's, hidden outputs, lists of pairs, a Mac's."""

from __future__ import annotations

import dataclasses
import json

import gymnasium as gym
import numpy as np
import pytest

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.exchange.checkpoint import fingerprint
from hrm_gym.agents.hrm.inference.voting.arc import evaluate_arc
from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.arc import to_grid
from hrm_gym.puzzles.arc.writer import read_tasks, write_arc

DEMOS = [{"input": [[c, 0]], "output": [[0, c]]} for c in (1, 2)]
TASK = {"train": DEMOS, "test": [{"input": [[3, 0]], "output": [[0, 3]]}]}
HIDDEN = {"train": DEMOS, "test": [{"input": [[3, 0]]}, {"input": [[4, 0]]}]}
ARC = get_task("arc")


@pytest.fixture
def kaggle(tmp_path):
    """Write Kaggle's files: training with solutions, evaluation of the same names, hidden tests."""
    folder = tmp_path / "kaggle"
    folder.mkdir()
    for name in ("training", "evaluation"):
        tasks = {f"a{k}": HIDDEN for k in range(2)}
        solutions = {f"a{k}": [[[0, 3]], [[0, 4]]] for k in range(2)}
        (folder / f"arc-agi_{name}_challenges.json").write_text(json.dumps(tasks))
        (folder / f"arc-agi_{name}_solutions.json").write_text(json.dumps(solutions))
    (folder / "arc-agi_test_challenges.json").write_text(json.dumps({"b0": HIDDEN}))
    (folder / "sample_submission.json").write_text(json.dumps({"b0": [{"attempt_1": [[0]]}]}))
    return folder


def agent_of(folder, side=6):
    puzzles = load_puzzles(get_task(f"arc-{side}x{side}"), str(folder), "test")
    shape = {"vocab_size": 12, "seq_len": side * side, "hidden_size": 8, "num_heads": 2}
    config = {"H_layers": 1, "L_layers": 1, "q_continue": False}
    model = HRM(HRMConfig.from_dict({**shape, **config, "num_puzzles": puzzles.num_puzzle_ids}))
    return HRMAgent(model, f"arc-{side}x{side}", max_segments=1)


def test_challenges_are_joined_with_their_solutions(kaggle):
    file = str(kaggle / "arc-agi_training_challenges.json")
    puzzles = load_puzzles(ARC, file)
    assert [p.task_id for p in puzzles.puzzles] == ["a0", "a0", "a1", "a1"]
    assert [to_grid(labels).tolist() for labels in puzzles.labels] == [[[0, 3]], [[0, 4]]] * 2
    questions = read_questions("arc", file).questions
    assert [to_grid(question.labels).tolist() for question in questions] == [
        [[0, 3]],
        [[0, 4]],
    ] * 2
    whole = load_puzzles(ARC, str(kaggle)).puzzles
    assert len(whole) == 10
    assert len({puzzle.task_id for puzzle in whole}) == 5
    assert "arc-agi_training_challenges/a0" in {puzzle.task_id for puzzle in whole}
    (kaggle / "arc-agi_training_solutions.json").write_text(json.dumps({"a0": [[[0, 3]]]}))
    with pytest.raises(ValueError, match=r"solutions\.json: task a0 has 1 outputs of 2 test"):
        load_puzzles(ARC, file)


def test_hidden_copies_of_known_tasks_are_left_out(kaggle, tmp_path):
    """Until the competition ends, Kaggle's test challenges are copies of other tasks."""
    other = {"train": DEMOS[::-1], "test": HIDDEN["test"]}
    hidden = {"a0": HIDDEN, "a1": other, "b0": HIDDEN}
    (kaggle / "arc-agi_test_challenges.json").write_text(json.dumps(hidden))
    (kaggle / "arc-agi_training_challenges.json").write_text(json.dumps({"c0": HIDDEN}))
    (kaggle / "arc-agi_training_solutions.json").write_text(json.dumps({"c0": [[[1]], [[2]]]}))
    names = [task.name for task in read_tasks(str(kaggle))]
    both = [f"arc-agi_{part}_challenges/a1" for part in ("evaluation", "test")]
    assert sorted(names) == ["a0", *both, "b0", "c0"]
    write_arc(tmp_path / "d", read_tasks(str(kaggle)), num_aug=1, side=6)
    attempts = evaluate_arc(agent_of(tmp_path / "d"), tmp_path / "d").submission()
    assert set(attempts) == {"a0", *both, "b0"}


@pytest.mark.parametrize(
    "name", ["arc-agi_training_solutions.json", "submission.json", "sample_submission.json"]
)
def test_outputs_without_tasks_are_refused(kaggle, name):
    attempts = {"b0": [{"attempt_1": [[0]], "attempt_2": [[0]]}]}
    (kaggle / "submission.json").write_text(json.dumps(attempts))
    with pytest.raises(ValueError, match=f"{name}: it contains outputs without tasks"):
        load_puzzles(ARC, str(kaggle / name))


def test_a_task_with_hidden_outputs_is_played_without_a_verdict(kaggle):
    with pytest.warns(UserWarning, match="outputs of 2 of 2 test inputs are hidden"):
        env = gym.make("HRMARC-v0", source=str(kaggle), task_id="b0", max_steps=20)
    env.reset(seed=0)
    assert tuple(env.unwrapped.optimal_action()) == (11, 0, 0)
    for ended in (False, True):
        _, reward, terminated, _, info = env.step(np.array([11, 0, 0]))
        assert (reward, terminated, bool(info["is_success"])) == (0, ended, False)


@pytest.mark.parametrize("make", [gym.make, lambda *a, **k: gym.make_vec(*a, num_envs=2, **k)])
def test_hidden_outputs_are_never_right_answers(kaggle, make):
    with pytest.warns(UserWarning, match="2 of 10 puzzles have hidden answers and are left out"):
        env = make("HRMARCAnswer-v0", source=str(kaggle))
    assert len(env.unwrapped.puzzles) == 8
    with pytest.raises(ValueError, match=r"the answers of all 2 puzzles .* are hidden"):
        make("HRMARCAnswer-v0", source=str(kaggle / "arc-agi_test_challenges.json"))


def test_hidden_tasks_are_built_evaluated_and_submitted(kaggle, tmp_path):
    tasks = read_tasks(str(kaggle))
    assert [task.evaluation for task in tasks] == [False, False, True, True, True]
    write_arc(tmp_path / "d", tasks, num_aug=2, side=6)
    agent = agent_of(tmp_path / "d")
    result = evaluate_arc(agent, tmp_path / "d")
    assert len(result.tests) == 6
    assert set(result.scores[-1].pass_at) >= {1, 2}
    attempts = result.submission()
    assert {name: len(tests) for name, tests in attempts.items()} == {"a0": 2, "a1": 2, "b0": 2}
    assert set(attempts["b0"][0]) == {"attempt_1", "attempt_2"}
    write_arc(tmp_path / "hidden", tasks[-1:], num_aug=2, side=6)
    result = evaluate_arc(agent_of(tmp_path / "hidden"), tmp_path / "hidden")
    assert result.scores[-1].pass_at == {}, "no verdict without an output"
    train = load_puzzles(get_task("arc-6x6"), str(tmp_path / "hidden"), "train")
    assert train.labels.any(axis=1).all(), "nothing is learned from a hidden output"


def test_hidden_files_are_skipped(tmp_path):
    for name in ("a.json", "._a.json", ".ipynb_checkpoints/a.json", "__MACOSX/a.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(TASK) if name == "a.json" else "\0Mac OS X")
    assert [p.task_id for p in load_puzzles(ARC, str(tmp_path)).puzzles] == ["a"]


def test_a_list_of_pairs_is_one_task(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([*DEMOS, *TASK["test"]]))
    (puzzle,) = load_puzzles(ARC, str(tmp_path / "a.json")).puzzles
    assert (puzzle.task_id, len(puzzle.demos)) == ("a", 2)
    (question,) = read_questions("arc", str(tmp_path / "a.json")).questions
    assert to_grid(question.labels).tolist() == [[0, 3]]
    assert len(read_tasks(str(tmp_path / "a.json"))) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark(tmp_path, encoding):
    (tmp_path / "a.json").write_text(json.dumps(TASK), encoding=encoding)
    assert len(load_puzzles(ARC, str(tmp_path / "a.json"))) == 1
    assert len(read_questions("arc", str(tmp_path / "a.json")).questions) == 1


def read_tasks_named(names, folder):
    for place, name in enumerate(names):
        pairs = [{"input": [[c, place]], "output": [[place, c]]} for c in (1, 2, 3)]
        (folder / f"{name}.json").write_text(json.dumps(pairs))
    tasks = [task for name in names for task in read_tasks(str(folder / f"{name}.json"))]
    return [dataclasses.replace(task, evaluation=True) for task in tasks]


def test_a_rebuilt_folder_with_other_identifiers_is_refused(tmp_path):
    tasks = read_tasks_named("xy", tmp_path)
    write_arc(tmp_path / "one", tasks, num_aug=2, side=6)
    write_arc(tmp_path / "two", tasks[::-1], num_aug=2, side=6)
    agent = agent_of(tmp_path / "one")
    agent.about["puzzles"] = fingerprint(load_puzzles(agent.task, str(tmp_path / "one"), "train"))
    evaluate_arc(agent, tmp_path / "one")
    with pytest.raises(ValueError, match="identifiers of the agent belong to other tasks"):
        evaluate_arc(agent, tmp_path / "two")
