"""The published evaluation of ARC: the answers under all augmentations of a task vote.

A dataset folder contains every test input under up to a thousand augmentations, and the source
``mini-arc:turned`` under eight. Each augmentation has a separate puzzle embedding, which was
trained on the augmented demonstrations. Each answer is cut out of its canvas and transformed back.
Answers are ranked by the number of votes, then by the mean of sigmoid(q_halt). pass@k means that
the right grid is among the first k answers.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.data import PuzzleSet, load_puzzles
from hrm_gym.puzzles import Tokens
from hrm_gym.puzzles.arc import Grid, Pair, paint_action, read_grid, to_canvas, to_grid
from hrm_gym.puzzles.arc.augment import ArcTask, Augmentation, parse_name
from hrm_gym.puzzles.arc.dataset import HIDDEN
from hrm_gym.puzzles.arc.mini import is_mini, read_source
from hrm_gym.puzzles.arc.turned import TURNS, turned_names

from ...agent import HRMAgent
from ...exchange.checkpoint import fingerprint

KS = (1, 2, 5, 10, 100, 1000)
Key = tuple[tuple[int, ...], bytes]


def key_of(grid: Grid) -> Key:
    """Return a hashable value that is equal for equal grids."""
    return grid.shape, grid.tobytes()


@dataclass
class Candidate:
    """An answer to a test input.

    Attributes:
        grid: The answer.
        votes: Number of votes for it.
        confidence: Sum of sigmoid(q_halt) over its votes.
    """

    grid: Grid
    votes: int = 0
    confidence: float = 0.0


@dataclass
class ArcTest:
    """A test input of an ARC task and the answers to it.

    Attributes:
        task: Name of the ARC task.
        label: The right output; an empty grid if it is hidden.
        candidates: The different answers. Votes are not stored, so the memory does not grow with
            them.
    """

    task: str
    label: Grid
    candidates: dict[Key, Candidate] = field(default_factory=dict)

    def add(self, grid: Grid, confidence: float) -> None:
        """Count a vote."""
        candidate = self.candidates.setdefault(key_of(grid), Candidate(grid))
        candidate.votes += 1
        candidate.confidence += confidence

    def ranked(self) -> list[Candidate]:
        """Return the answers, the best one first."""
        return sorted(
            self.candidates.values(),
            key=lambda c: (c.votes, c.confidence / c.votes),
            reverse=True,
        )

    def passed(self, k: int) -> bool:
        """Return whether the right output is among the first ``k`` answers."""
        wanted = key_of(self.label)
        return any(key_of(candidate.grid) == wanted for candidate in self.ranked()[:k])


@dataclass(frozen=True)
class ArcScore:
    """The score with a number of votes.

    Attributes:
        votes: Largest number of augmentations of a test input that voted.
        pass_at: k -> mean over ARC tasks of the share of their test inputs that passed.
        tests: k -> number of test inputs that passed.
        segments: Total number of segments.
        seconds: Total wall time.
    """

    votes: int
    pass_at: dict[int, float]
    tests: dict[int, int]
    segments: int
    seconds: float


@dataclass(frozen=True)
class ArcResult:
    """The result of an evaluation.

    Attributes:
        scores: Scores by number of votes; the last one counts all votes.
        tests: The test inputs with their answers.
        skipped: Test inputs that were not answered, since their task does not fit the agent.
    """

    scores: list[ArcScore]
    tests: list[ArcTest]
    skipped: list[ArcTest] = field(default_factory=list)

    def submission(self) -> dict[str, list[dict[str, Any]]]:
        """Return two attempts for each test input, in the format of ARC Prize submissions.

        A submission must contain every task, so both attempts at a skipped one are a black cell. A
        task whose name was completed by that of its file has its plain name, if no other has it.
        """
        tests = [*self.tests, *self.skipped]
        names = {test.task: test.task.rpartition("/")[2] for test in tests}
        counts = Counter(names.values())
        found: dict[str, list[dict[str, Any]]] = {}
        for test in tests:
            ranked = [candidate.grid for candidate in test.ranked() if candidate.grid.size]
            grids = ([grid.tolist() for grid in ranked[:2]] or [[[0]]]) * 2
            attempts = {"attempt_1": grids[0], "attempt_2": grids[1]}
            name = names[test.task] if counts[names[test.task]] == 1 else test.task
            found.setdefault(name, []).append(attempts)
        return found


def read_names(folder: Path, count: int) -> list[str]:
    """Return the name of each puzzle identifier of a dataset folder.

    Args:
        folder: The dataset folder.
        count: Number of puzzle identifiers.

    Raises:
        ValueError: if ``identifiers.json`` is missing, damaged or of another length.
    """
    path = folder / "identifiers.json"
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{path}: expected the names of the puzzle identifiers, as JSON") from None
    if not isinstance(names, list) or len(names) != count:
        raise ValueError(f"{path}: expected {count} names, as dataset.json says")
    return [str(name) for name in names]


def read_labels(folder: Path) -> dict[str, list[tuple[Grid, Grid]]] | None:
    """Return the tests of ``test_puzzles.json``; ``None`` if the folder has no such file.

    Raises:
        ValueError: if the file is damaged.
    """
    path = folder / "test_puzzles.json"
    if not path.is_file():
        return None
    try:
        return {
            name: [
                (
                    read_grid(pair["input"]),
                    read_grid(pair["output"]) if "output" in pair else HIDDEN,
                )
                for pair in task["test"]
            ]
            for name, task in json.loads(path.read_text(encoding="utf-8")).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: expected ARC tasks by name: {error}") from None


def vote(agent: HRMAgent, question: Grid, task: int = 0) -> list[Candidate]:
    """Return the answers to a test input under the symmetries of a task, the best one first.

    Args:
        agent: An agent with puzzle ids as in ``hrm_gym.puzzles.arc.turned``.
        question: The test input.
        task: Number of the task.

    Raises:
        ValueError: if the test input does not fit on the agent's canvas.
    """
    turns = [Augmentation(which) for which in range(TURNS)]
    side = agent.task.size
    canvases = np.stack([to_canvas(turn.apply(question), side) for turn in turns])
    solution = agent.solve(canvases, TURNS * task + np.arange(TURNS))
    test = ArcTest("", question)
    for turn, answer, sure in zip(turns, solution.answer, solution.confidence, strict=True):
        test.add(turn.undo(to_grid(answer)), float(sure))
    return test.ranked()


def known_tasks(agent: HRMAgent) -> tuple[ArcTask, ...]:
    """Return the tasks that the puzzle ids of an agent belong to, empty if that is not known."""
    source = agent.about.get("train", {}).get("source")
    if "adapted" in agent.about or not agent.num_puzzles or not source or not is_mini(source):
        return ()
    return read_source(source)[1]


def task_number(agent: HRMAgent, demos: Sequence[Pair]) -> int | None:
    """Return the number of the task that shows these demonstrations, ``None`` if it is unknown.

    Args:
        agent: The agent; one that was adapted knows one task alone.
        demos: Some or all demonstrations of the task.
    """
    if "adapted" in agent.about:
        return 0
    shown = {_pair_key(pair) for pair in demos}
    for number, task in enumerate(known_tasks(agent)):
        if shown and shown <= {_pair_key(pair) for pair in task.demos}:
            return number
    return None


def _pair_key(pair: Pair) -> tuple[Key, Key]:
    return key_of(pair[0]), key_of(pair[1])


def attempts(agent: HRMAgent, obs: Any) -> list[Tokens]:
    """Return the two best answers to an observation of the step environment, as canvases.

    Raises:
        ValueError: if the agent does not know the task.
    """
    side = agent.task.size
    canvases = np.asarray(obs["demos"]).reshape(-1, 2, side * side)
    demos = [(to_grid(one), to_grid(other)) for one, other in canvases if one.any()]
    number = task_number(agent, demos)
    if number is None:
        raise ValueError(
            f"agent: {agent.name} was not trained on this task; expected an agent that was adapted "
            "to it, see HRMAgent.adapt"
        )
    ranked = vote(agent, to_grid(np.asarray(obs["tokens"])), number)[:2]
    return [to_canvas(candidate.grid, side) for candidate in ranked if candidate.grid.size]


def play(answers: Sequence[Tokens], obs: Any, info: Any) -> NDArray[np.int64]:
    """Return the next action of the step environment: the second answer follows the first one.

    Args:
        answers: The result of ``attempts``.
        obs: Observation of the step environment.
        info: The info that came with it.
    """
    number = min(2 - int(info["attempts_left"]), len(answers) - 1)
    goal = to_grid(answers[number]) if answers else np.zeros((0, 0), np.uint8)
    return paint_action(goal, to_grid(np.asarray(obs["canvas"])))


def has_votes(source: str) -> bool:
    """Return whether the test inputs of a source come with augmentations, which can vote."""
    if is_mini(source):
        return read_source(source)[0] is not None
    return (Path(source) / "test" / "dataset.json").is_file()


def _read(agent: HRMAgent, source: str) -> tuple[PuzzleSet, list[tuple[str, Augmentation]]]:
    """Return the test inputs of a source, and the task and augmentation of each puzzle id.

    Raises:
        ValueError: if the source is damaged, or the agent was trained on another one.
    """
    puzzles = load_puzzles(agent.task, source, "test")
    if agent.model.config.num_puzzles != puzzles.num_puzzle_ids:
        raise ValueError(
            f"{source}: it has {puzzles.num_puzzle_ids} puzzle identifiers, the agent was trained "
            f"on {agent.model.config.num_puzzles}; expected the tasks that it was trained on"
        )
    if is_mini(source):
        names = turned_names([task.name for task in read_source(source)[1]])
    else:
        names = read_names(Path(source), puzzles.num_puzzle_ids)
    trained = agent.about.get("puzzles")
    if trained is not None:
        limit = agent.about.get("train", {}).get("limit")
        if fingerprint(load_puzzles(agent.task, source, "train", limit=limit)) != trained:
            raise ValueError(
                f"{source}: its demonstrations are not those that the agent was trained on, so the "
                "puzzle identifiers of the agent belong to other tasks"
            )
    return puzzles, [parse_name(name) for name in names]


def evaluate_arc(
    agent: HRMAgent,
    source: str | Path,
    votes: int | None = None,
    segments: int | None = None,
    batch: int = 64,
    steps: Sequence[int] = (1, 10, 100),
    on_batch: Callable[[int, int], None] | None = None,
) -> ArcResult:
    """Answer every augmented test input of a source, and let the answers vote.

    Args:
        agent: An agent that was trained on the split ``train`` of the source.
        source: A dataset folder, see ``hrm_gym.puzzles.arc.writer``, also of the public code; or
            ``mini-arc:turned``.
        votes: Largest number of augmentations of each test input, the original one first; default:
            all of them.
        segments: The last segment; default: ``max_segments`` of the agent.
        batch: Number of test inputs in a batch.
        steps: Further numbers of votes to report.
        on_batch: Called with the number of inputs answered so far and the total.

    Raises:
        ValueError: if the source is damaged, or the agent was trained on another one.
    """
    path = Path(source)
    puzzles, names = _read(agent, str(source))
    # For each row, the number of earlier rows with an augmentation of the same test input.
    tests: dict[tuple[str, Key], ArcTest] = {}
    asked: list[tuple[ArcTest, Augmentation]] = []
    turns = np.zeros(len(puzzles), np.int64)
    seen: dict[tuple[str, Key], int] = {}
    labels = read_labels(path)
    for task, pairs in (labels or {}).items():
        for question, answer in pairs:
            tests[task, key_of(question)] = ArcTest(task, answer)
    for row in range(len(puzzles)):
        task, augmentation = names[puzzles.puzzle_ids[row]]
        known = task, key_of(augmentation.undo(to_grid(puzzles.inputs[row])))
        if known not in tests:
            if labels is not None:
                raise ValueError(f"{path}: a test input of {task} is not in test_puzzles.json")
            tests[known] = ArcTest(task, augmentation.undo(to_grid(puzzles.labels[row])))
        asked.append((tests[known], augmentation))
        turns[row] = seen.get(known, 0)
        seen[known] = turns[row] + 1
    most = int(turns.max()) + 1
    most = most if votes is None else min(votes, most)
    stops = sorted({step for step in steps if step < most} | {most})
    scores: list[ArcScore] = []
    spent, seconds, done, first = 0, 0.0, 0, 0
    total = int((turns < most).sum())
    for stop in stops:
        rows = np.flatnonzero((turns >= first) & (turns < stop))
        first = stop
        for start in range(0, len(rows), batch):
            chunk = rows[start : start + batch]
            begun = time.perf_counter()
            solution = agent.solve(
                puzzles.inputs[chunk], puzzles.puzzle_ids[chunk], segments=segments
            )
            seconds += time.perf_counter() - begun
            spent += int(solution.segments.sum())
            for row, answer, sure in zip(
                chunk, solution.answer, solution.confidence.tolist(), strict=True
            ):
                test, augmentation = asked[row]
                test.add(augmentation.undo(to_grid(answer)), sure)
            done += len(chunk)
            if on_batch is not None:
                on_batch(done, total)
        scores.append(score_tests(list(tests.values()), stop, spent, seconds))
    return ArcResult(scores, list(tests.values()))


def score_tests(tests: list[ArcTest], votes: int, spent: int, seconds: float) -> ArcScore:
    """Return pass@k of answered test inputs; hidden outputs are left out."""
    by_task: dict[str, list[ArcTest]] = {}
    tests = [test for test in tests if test.label.size]
    if not tests:
        return ArcScore(votes, {}, {}, spent, seconds)
    for test in tests:
        by_task.setdefault(test.task, []).append(test)
    passed = {k: {id(test): test.passed(k) for test in tests} for k in KS}
    shares = {
        k: float(np.mean([np.mean([passed[k][id(t)] for t in own]) for own in by_task.values()]))
        for k in KS
    }
    return ArcScore(votes, shares, {k: sum(passed[k].values()) for k in KS}, spent, seconds)
