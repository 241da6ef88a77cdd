"""The page implements the rules again and must agree with the package on puzzles and answers."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.sudoku import count_solutions
from hrm_gym.scripts.build_web import WEB, sizes_of

TASKS = ["sudoku-4x4", "sudoku-6x6", "sudoku-9x9", "maze-7x7", "maze-9x9", "maze-30x30"]
FAMILIES = json.loads((WEB / "families.json").read_text())
"""The smallest and the largest size that the page offers, by family."""


def case_of(task, inputs=None, answers=()):
    """A case for the rules of the page; without inputs the page generates a puzzle."""
    rest = {} if inputs is None else {"inputs": [int(token) for token in inputs]}
    answers = [[int(token) for token in answer] for answer in answers]
    return {"family": task.family, "side": task.size, "answers": answers, **rest}


def offered():
    """The tasks of all sizes that the page offers."""
    return [
        task.resized(size)
        for task in (get_task(f"{family}-9x9") for family in FAMILIES)
        for size in sizes_of(task, *FAMILIES[task.family])
    ]


def ask(cases):
    node = shutil.which("node")
    if node is None:
        pytest.skip("the rules of the page were not compared: node missing")
    done = subprocess.run(
        [node, "tests/rules.mjs"],
        input=json.dumps(cases),
        cwd=WEB,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def answers_of(task, puzzle, random):
    """Return the label, two changed copies of it, a random answer and the question itself."""
    label = puzzle.labels
    changed, exchanged = label.copy(), label.copy()
    cell = random.integers(task.seq_len)
    changed[cell] = random.choice([t for t in task.answer_tokens if t != label[cell]])
    a, b = random.integers(task.seq_len, size=2)
    exchanged[[a, b]] = exchanged[[b, a]]
    noise = random.choice(task.answer_tokens, task.seq_len).astype(np.uint8)
    return [label, changed, exchanged, noise, puzzle.inputs]


@pytest.mark.parametrize("task_id", TASKS)
def test_the_page_accepts_what_the_rules_accept(task_id):
    task, random = get_task(task_id), np.random.default_rng(0)
    puzzles = load_puzzles(task, "bank", "test", limit=12)
    cases = []
    for k in range(len(puzzles)):
        answers = answers_of(task, puzzles[k], random)
        cases.append(case_of(task, puzzles[k].inputs, answers))
    for case, said in zip(cases, ask(cases), strict=True):
        inputs = np.array(case["inputs"], np.uint8)
        right = [
            task.is_solved(Puzzle(inputs, inputs), np.array(answer, np.uint8))
            for answer in case["answers"]
        ]
        assert said["complaint"] == ""
        assert said["accepts"] == right
        assert right[0]
        # An accepted answer has no marked cell, and a wrong one has at least one.
        assert said["clean"] == right


def test_the_wrong_cells_of_a_maze_answer_are_marked():
    task = get_task("maze-7x7")
    inputs = task.parse("S" + " " * 47 + "G")
    both = np.where(inputs == 2, 5, inputs)
    label = task.solve(inputs)
    gone, short = label.copy(), label.copy()
    gone[48] = 5
    missed = int(np.flatnonzero(label == 5)[3])
    short[missed] = 2
    (said,) = ask([case_of(task, inputs, (both, gone, short, label))])
    assert said["accepts"] == [False, False, False, True]
    everywhere, goal, lacking, none = said["marks"]
    # A shortest path has eleven cells besides S and G; the other 36 are marked as wrong.
    assert sorted(everywhere) == [""] * 13 + ["wrong"] * 36
    assert [k for k in range(49) if goal[k]] == [48]
    assert {k: lacking[k] for k in range(49) if lacking[k]} == {missed: "missed"}
    assert set(none) == {""}


def test_the_page_rejects_sudokus_without_exactly_one_solution():
    task = get_task("sudoku-4x4")
    puzzles = load_puzzles(task, "bank", "test", limit=10)
    random, cases = np.random.default_rng(1), []
    for k in range(10):
        few, other = puzzles[k].inputs.copy(), puzzles[k].inputs.copy()
        few[random.choice(np.flatnonzero(few > 1))] = 1
        blank = random.choice(np.flatnonzero(other == 1))
        other[blank] = random.integers(2, 6)
        cases += [case_of(task, few), case_of(task, other)]
    counts = [count_solutions(task.grid(np.array(case["inputs"], np.uint8))) for case in cases]
    assert set(counts) == {0, 1, 2}
    for count, said in zip(counts, ask(cases), strict=True):
        assert (said["complaint"] == "") == (count == 1), (count, said)


def test_the_page_rejects_a_maze_without_a_path():
    task = get_task("maze-7x7")
    shut = task.parse("S#" + " " * 5 + "##" + " " * 39 + "G")
    open_maze = load_puzzles(task, "bank", "test", limit=1)[0].inputs
    no_goal = np.where(open_maze == 4, 2, open_maze)
    cases = [case_of(task, shut), case_of(task, no_goal)]
    blocked, lacking = (said["complaint"] for said in ask(cases))
    assert blocked == "No way leads from S to G."
    assert lacking == "A maze needs one G."


def test_the_relations_of_the_page_are_those_of_the_tasks():
    tasks = offered()
    for task, said in zip(tasks, ask([case_of(task) for task in tasks]), strict=True):
        relations = {relation.name: relation.index.tolist() for relation in task.relations()}
        assert said["relations"] == relations, task.id
        assert said["vocab"] == task.vocab_size
        assert said["answerTokens"] == list(task.answer_tokens)


def test_the_page_generates_puzzles_of_every_size():
    tasks = offered()
    for task, said in zip(tasks, ask([case_of(task) for task in tasks]), strict=True):
        inputs = np.array(said["inputs"], np.uint8)
        # The other tests compare complaints with the rules of the package.
        assert said["complaint"] == "", task.id
        if task.family == "sudoku":
            assert (inputs == 1).mean() > 0.2, "hardly anything to think about"
        else:
            assert sorted(inputs[inputs > 2]) == [3, 4]
