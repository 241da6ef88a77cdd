"""Sizes an agent was not trained on, noise in the carry, and restarts."""

from __future__ import annotations

import dataclasses
import math

import gymnasium
import numpy as np
import pytest
from untrained import untrained

from hrm_gym.agents.catalog import check_task
from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.exchange.export import export
from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent
from hrm_gym.agents.hrm.inference import restarts
from hrm_gym.agents.hrm.inference.restarts import Restarts, solve_with_restarts
from hrm_gym.agents.hrm.inference.thinking import Noise, Solution
from hrm_gym.data import load_puzzles
from hrm_gym.evaluation import evaluate
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze import START
from hrm_gym.registration import task_id


def relational(task_id, **changes):
    """Return an untrained relational agent of a task."""
    task = get_task(task_id)
    shape = {"vocab_size": task.vocab_size, "seq_len": task.seq_len, "hidden_size": 8}
    names = tuple(relation.name for relation in task.relations())
    fields = {**shape, "mixer": "relations", "positions": "none", "relations": names, **changes}
    return HRMAgent(HRM(HRMConfig(**fields, L_layers=1, shared=True)), task_id, max_segments=2)


def sudoku():
    return relational("sudoku-9x9", symbols="equivariant", fixed_tokens=2)


@pytest.mark.parametrize(
    ("agent", "sizes"), [(sudoku(), (4, 6, 9)), (relational("maze-7x7"), (5, 7, 12))]
)
def test_one_set_of_weights_answers_every_size(agent, sizes):
    for size in sizes:
        task = agent.task.resized(size)
        puzzle = task.generate(1)
        found = agent.solve(puzzle.inputs)
        assert found.answer.shape == (task.seq_len,)
        check_task("own", agent, task.id, "the puzzle")


@pytest.mark.parametrize("env_id", ["HRMSudoku-4x4-v0", "HRMSudokuAnswer-6x6-v0"])
def test_it_acts_in_every_environment_of_its_family(env_id):
    agent, task = sudoku(), get_task(task_id(env_id))
    puzzles = load_puzzles(task, split="test", limit=3)
    answers = agent.solve(puzzles.inputs).answer
    tested = evaluate(agent, env_id, episodes=3)
    solved = [task.is_solved(own, answer) for own, answer in zip(puzzles, answers, strict=True)]
    assert [episode.success for episode in tested.episodes] == solved


def test_it_acts_on_puzzles_of_several_sizes_at_once():
    agent, observations, infos = relational("maze-7x7"), [], []
    for size in (5, 7, 5):
        inputs = get_task(f"maze-{size}x{size}").generate(size).inputs
        position = np.int64(np.flatnonzero(inputs == 3)[0])
        observations.append({"tokens": inputs, "position": position})
        infos.append({"task": f"maze-{size}x{size}", "action_mask": np.ones(4, np.int8)})
    assert len(agent.act_batch(observations, infos)) == 3


def test_restarts_check_tokens_before_they_are_cast():
    with pytest.raises(ValueError, match=r"tokens: .*got 1\.\.260"):
        next(solve_with_restarts(relational("maze-7x7"), np.array([[260] + [1] * 48]), Restarts(1)))


def test_sizes_that_do_not_exist_are_rejected():
    with pytest.raises(ValueError, match=r"tokens: .*got 80 positions"):
        sudoku().solve(np.ones(80, np.uint8))
    with pytest.raises(ValueError, match="size: expected one of"):
        sudoku().solve(np.ones(49, np.uint8))
    with pytest.raises(ValueError, match=r"tokens: .*got 81 positions"):
        untrained("sudoku-4x4").solve(np.ones(81, np.uint8))
    with pytest.raises(ValueError, match="solves sudoku-9x9"):
        check_task("own", sudoku(), "maze-9x9", "the puzzle")


def test_noise_changes_thoughts_and_its_seed_repeats_them():
    agent, question = relational("maze-7x7"), get_task("maze-7x7").generate(0).inputs
    agent.model.q_head.weight.data.normal_()
    plain, one, same, other = (
        float(agent.solve(question, halt=False, noise=noise).q_halt)
        for noise in (None, Noise(1, 1, 0), Noise(1, 1, 0), Noise(1, 1, 1))
    )
    assert one == same
    assert len({plain, one, other}) == 3


class Scripted(HRMAgent):
    """Gives prepared answers, one list of rows for each attempt."""

    def __init__(self, task_id, attempts):
        agent = relational(task_id)
        super().__init__(agent.model, task_id)
        self.attempts, self.asked = iter(attempts), []

    def solve(self, tokens, puzzle_ids=None, halt=True, segments=None, noise=None):
        self.asked.append((len(tokens), noise))
        answers, q_halt = next(self.attempts)
        rows = np.ones(len(tokens))
        certainty = np.ones(np.shape(answers), np.float32)
        return Solution(np.stack(answers), rows.astype(np.int64), np.array(q_halt), rows, certainty)


def test_restarts_keep_the_best_answer(monkeypatch):
    monkeypatch.setattr(restarts, "symmetries_of", lambda task, limit: [None])
    task = get_task("maze-5x5")
    ring = task.parse("S  G " + " ### " * 3 + "     ")
    shortest, detour = task.solve(ring), ring.copy()
    detour[[5, 10, 15, 20, 21, 22, 23, 24, 19, 14, 9, 4]] = 5
    assert task.cost(ring, shortest) == 3
    assert task.cost(ring, detour) == 13
    assert task.cost(ring, ring) == math.inf
    agent = Scripted(
        "maze-5x5",
        [([ring, detour], [3.0, 1.0]), ([detour, ring], [0.0, 9.0]), ([shortest, detour], [0, 0])],
    )
    often = Restarts(2, start_noise=0.5)
    found, attempts, _ = [*solve_with_restarts(agent, np.stack([ring, ring]), often)][-1]
    assert np.array_equal(found.answer[0], shortest)
    assert np.array_equal(found.answer[1], detour)
    assert found.segments.tolist() == attempts.tolist() == [3, 3]
    noises = [noise and noise.seed for _, noise in agent.asked]
    assert noises == [None, 1, 2]


def test_the_noise_of_restarts_is_that_of_the_training():
    agent = relational("maze-5x5")
    assert Restarts(1).noise(agent) == (0, 0, 0)
    trained = {"train": {"start_noise": 0.4, "carry_noise": 0.2}}
    agent = HRMAgent(agent.model, "maze-5x5", about=trained)
    assert Restarts(1).noise(agent) == (0.4, 0.2, 0)
    assert Restarts(1, start_noise=0.0, seed=3).noise(agent) == (0, 0.2, 3)


def test_restarts_that_would_repeat_the_first_attempt_are_refused(monkeypatch):
    monkeypatch.setattr(restarts, "symmetries_of", lambda task, limit: [None])
    agent = relational("maze-5x5")
    question = agent.task.generate(0).inputs
    with pytest.raises(ValueError, match="restarts: the attempts of hrm at maze-5x5 would all be"):
        next(solve_with_restarts(agent, question, Restarts(1)))
    assert next(solve_with_restarts(agent, question, Restarts(0))).attempts.tolist() == [1]


def test_an_exported_agent_takes_restarts_without_noise(tmp_path):
    agent = sudoku()
    export(agent, tmp_path / "a.onnx")
    exported = OnnxAgent(tmp_path / "a.onnx")
    question = agent.task.generate(0).inputs
    mine, its = (
        [*solve_with_restarts(one, question, Restarts(1))][-1] for one in (agent, exported)
    )
    assert its.attempts.tolist() == mine.attempts.tolist() == [2]
    np.testing.assert_array_equal(its.solution.answer, mine.solution.answer)
    with pytest.raises(ValueError, match="noise: an exported agent thinks without noise"):
        exported.solve(question, noise=Noise(0.5, 0, 0))


class Turned(HRMAgent):
    """Solves mazes with S in the last row, and remembers what it was asked."""

    def __init__(self):
        super().__init__(relational("maze-5x5").model, "maze-5x5", max_segments=1)
        self.asked = []

    def solve(self, tokens, puzzle_ids=None, halt=True, segments=None, noise=None):
        self.asked += list(tokens)
        known = [self.task.solve(row) if START in row[20:] else row for row in tokens]
        ones = np.ones(len(tokens))
        certainty = np.where(np.stack(known) == 5, 0.9, 0.5)
        return Solution(np.stack(known), ones.astype(np.int64), ones, ones, certainty)


def test_a_maze_is_shown_under_other_symmetries():
    task, agent = get_task("maze-5x5"), Turned()
    puzzle = next(p for p in map(task.generate, range(20)) if START not in p.inputs[20:])
    # Eight symmetries of the square, with S and G swapped or not; more restarts would repeat one.
    found, attempts, costs = [*solve_with_restarts(agent, puzzle.inputs, Restarts(20))][-1]
    assert attempts.tolist() == [16]
    assert len({row.tobytes() for row in agent.asked}) == 16
    assert costs.tolist() == [task.cost(puzzle.inputs, puzzle.labels)]
    assert task.is_solved(puzzle, found.answer[0])
    # The certainty is turned back like the answer.
    assert np.array_equal(found.certainty[0] > 0.7, found.answer[0] == 5)


def test_a_solved_sudoku_leaves_the_batch():
    task = get_task("sudoku-4x4")
    puzzles = [task.generate(key) for key in range(2)]
    questions = np.stack([puzzle.inputs for puzzle in puzzles])
    right, wrong = puzzles[0].labels, puzzles[1].inputs
    assert task.cost(questions[0], right) == 0
    agent = Scripted("sudoku-4x4", [([right, wrong], [0.0, 0.0]), ([puzzles[1].labels], [0.0])])
    found, attempts, costs = [*solve_with_restarts(agent, questions, Restarts(5))][-1]
    assert costs.tolist() == [0, 0]
    assert [rows for rows, _ in agent.asked] == [2, 1]
    assert attempts.tolist() == [1, 2]
    assert np.array_equal(found.answer, [puzzle.labels for puzzle in puzzles])


def test_an_agent_acts_on_the_answer_that_its_restarts_found():
    task = get_task("sudoku-4x4")
    env = gymnasium.make("HRMSudoku-4x4-v0")
    obs, info = env.reset(seed=1)
    right, wrong = task.solve(obs["tokens"]), np.full(16, 2)
    agent = Scripted("sudoku-4x4", [([wrong], [9.0]), ([wrong], [0.0]), ([right], [0.0])])
    agent.restarts = Restarts(3)
    done = False
    while not done:
        obs, _, terminated, truncated, info = env.step(agent.act(obs, info))
        done = terminated or truncated
    assert info["is_success"]
    # The answer is remembered, so the agent thinks about the puzzle once, and then in two rounds.
    assert [noise and noise.seed for _, noise in agent.asked] == [None, 4, 5]


class NeedsHelp(HRMAgent):
    """Is certain of the cells of some rows, and knows the solution once these are filled in."""

    def __init__(self, puzzle, certain):
        agent = sudoku()
        super().__init__(agent.model, "sudoku-9x9", max_segments=8)
        self.puzzle, self.certain, self.asked = puzzle, certain, []

    def solve(self, tokens, puzzle_ids=None, halt=True, segments=None, noise=None):
        self.asked += [(row.copy(), segments) for row in tokens]
        wrong = np.where(self.certain, self.puzzle.labels, np.roll(self.puzzle.labels, 1))
        known = [(row == self.puzzle.labels)[self.certain].all() for row in tokens]
        answers = np.where(np.array(known)[:, None], self.puzzle.labels, wrong)
        count = len(tokens)
        certainty = np.tile(np.where(self.certain, 0.99, 0.1), (count, 1))
        ones = np.ones(count, np.int64)
        return Solution(answers, ones, ones * 1.0, ones * 1.0, certainty)


def test_an_attempt_assumes_more_and_more_of_what_is_certain():
    task = get_task("sudoku-9x9")
    puzzle = task.generate(3, clues=30)
    blank = puzzle.inputs == task.blank
    certain = np.zeros(81, bool)
    certain[np.flatnonzero(blank)[:9]] = True
    agent = NeedsHelp(puzzle, certain)
    found, attempts, costs = [*solve_with_restarts(agent, puzzle.inputs, Restarts(1))][-1]
    assert costs.tolist() == [0]
    assert attempts.tolist() == [2]
    assert np.array_equal(found.answer[0], puzzle.labels)
    # The first answer, then three rounds with three further cells each, a quarter of the segments.
    assumed = [int((row != puzzle.inputs).sum()) for row, _ in agent.asked]
    assert assumed == [0, 3, 6, 9]
    assert [segments for _, segments in agent.asked] == [None, 2, 2, 2]
    assert found.segments.tolist() == [4]
    for row, _ in agent.asked:
        changed = row != puzzle.inputs
        assert certain[changed].all()
        assert np.array_equal(row[changed], puzzle.labels[changed])


def test_every_attempt_begins_with_the_original_puzzle():
    task = get_task("sudoku-9x9")
    puzzle = task.generate(3, clues=30)
    # Its answers are wrong, so its assumptions are.
    agent = NeedsHelp(puzzle, np.zeros(81, bool))
    agent.certain[puzzle.inputs != task.blank] = True
    agent.puzzle = dataclasses.replace(puzzle, labels=np.roll(puzzle.labels, 1))
    found, attempts, costs = [*solve_with_restarts(agent, puzzle.inputs, Restarts(3))][-1]
    assert costs.tolist() == [math.inf]
    assert attempts.tolist() == [4]
    assumed = [int((row != puzzle.inputs).sum()) for row, _ in agent.asked]
    assert assumed == [0, *[3, 6, 9, 12] * 3]
    first = [row.tobytes() for row, _ in agent.asked[1::4]]
    assert len(set(first)) == 3
    assert found.segments.tolist() == [13]


def test_restarts_change_nothing_in_an_answer_environment():
    agent, env = sudoku(), gymnasium.make("HRMSudokuAnswer-4x4-v0")
    obs, info = env.reset(seed=0)
    first = agent.act(obs, info)
    agent.restarts = Restarts(2)
    assert np.array_equal(agent.act(obs, info), first)
