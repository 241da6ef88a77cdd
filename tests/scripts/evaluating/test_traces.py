"""``evaluate --save-traces``: every segment, halting or not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.exchange.export import export
from hrm_gym.data import load_puzzles
from hrm_gym.data.traces import bundled_names, bundled_traces, read_traces
from hrm_gym.puzzles import get_task
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.evaluate import Args, main


def evaluate(*words: str) -> int:
    return run(main, Args, list(words))


def test_traces_equal_the_segments_of_the_agent(tmp_path):
    path = tmp_path / "traces.npz"
    few = ("--agent", "maze", "--env", "HRMMazeAnswer-7x7-v0", "--episodes", "6")
    words = ("--trace-segments", "5", "--trace-splits", "test", "ood")
    assert evaluate(*few, *words, "--save-traces", str(path)) == 0
    traces = read_traces(path)
    assert (len(traces), traces.segments) == (12, 5)
    assert (traces.task, traces.agent) == ("maze-7x7", "maze")
    assert traces.env == "HRMMazeAnswer-7x7-v0"
    assert "--agent maze --env HRMMazeAnswer-7x7-v0 --trace-segments 5" in traces.about["command"]
    assert traces.ood.tolist() == [False] * 6 + [True] * 6
    agent, task = HRMAgent.from_pretrained("maze"), get_task("maze-7x7")
    for part, split in ((slice(0, 6), "test"), (slice(6, 12), "ood")):
        puzzles = load_puzzles(task, "bank", split, limit=6)
        np.testing.assert_array_equal(traces.inputs[part], puzzles.inputs)
        np.testing.assert_array_equal(traces.labels[part], puzzles.labels)
        np.testing.assert_array_equal(traces.ratings[part], puzzles.ratings)
        agent.max_segments = 5
        for k, segment in enumerate(agent.think(puzzles.inputs.copy(), halt=False)):
            np.testing.assert_array_equal(traces.answers[part, k], segment.answer)
            np.testing.assert_allclose(traces.q_halt[part, k], segment.q_halt, atol=1e-4)
            shares = traces.confidence[part, k] / 255
            np.testing.assert_allclose(shares, segment.confidence, atol=0.003)
            np.testing.assert_allclose(traces.entropy[part, k], segment.entropy, atol=1e-4)
    assert ((traces.entropy >= 0) & (traces.entropy <= 1)).all()


def test_the_figures_are_those_of_an_evaluation(tmp_path):
    words = ("--agent", "sudoku", "--env", "HRMSudokuAnswer-4x4-v0", "--episodes", "8")
    found = []
    for more in ((), ("--save-traces", str(tmp_path / "traces.npz"))):
        assert evaluate(*words, *more, "--json", str(tmp_path / "rows.json")) == 0
        rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
        found.append({row["name"]: row["value"] for row in rows})
    plain, recorded = found
    assert recorded == {
        "episodes": 8,
        "solve_rate": plain["solve_rate"],
        "exact_accuracy": plain["exact_accuracy"],
        "segments": plain["mean_steps"],
    }


def test_an_exported_agent_gives_the_same_traces(tmp_path):
    export(HRMAgent.from_pretrained("sudoku"), tmp_path / "a.onnx")
    made = []
    for name in ("sudoku", str(tmp_path / "a.onnx")):
        path = tmp_path / "t.npz"
        words = ("--agent", name, "--episodes", "4", "--trace-segments", "2")
        assert evaluate(*words, "--save-traces", str(path)) == 0
        made.append(read_traces(path))
    mine, its = made
    assert mine.steady == its.steady == HRMAgent.from_pretrained("sudoku").steady
    np.testing.assert_array_equal(mine.answers, its.answers)
    np.testing.assert_allclose(mine.q_halt, its.q_halt, atol=1e-3)
    np.testing.assert_array_equal(mine.halts, its.halts)


def test_segments_and_split_default_to_those_of_the_agent(tmp_path):
    path = tmp_path / "traces.npz"
    assert evaluate("--agent", "sudoku", "--episodes", "3", "--save-traces", str(path)) == 0
    traces = read_traces(path)
    assert traces.segments == HRMAgent.from_pretrained("sudoku").max_segments
    assert traces.about["splits"] == ["test"]
    assert traces.about["command"] == (
        "python scripts/evaluate.py --agent sudoku --episodes 3 --trace-splits test "
        "--save-traces FILE"
    )


@pytest.mark.parametrize("name", bundled_names())
def test_the_command_in_a_bundled_file_reproduces_it(name, tmp_path):
    bundled, path = bundled_traces(name), tmp_path / "traces.npz"
    # The first puzzles of its first split.
    words = bundled.about["command"].split()[2:]
    words[words.index("--episodes") + 1] = "4"
    assert evaluate(*words[:-1], str(path)) == 0
    traces = read_traces(path)
    bundled = bundled.take(np.arange(4))
    traces = traces.take(np.arange(4))
    np.testing.assert_array_equal(traces.inputs, bundled.inputs)
    assert {**traces.about, "command": 0, "episodes": 0} == {
        **bundled.about,
        "command": 0,
        "episodes": 0,
    }
    # Another processor may round a logit differently, and so flip a close call.
    assert (traces.answers == bundled.answers).mean() > 0.999
    np.testing.assert_allclose(traces.q_halt, bundled.q_halt, atol=0.05)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--agent", "random", "--env", "HRMMaze-7x7-v0"),
            "save-traces: the agent random has no segments",
        ),
        (
            ("--agent", "maze", "--votes", "2"),
            "votes: traces are recorded by one pass over the puzzles; expected no --votes",
        ),
        (("--agent", "maze", "--trace-segments", "0"), "segments: expected at least 1, got 0"),
        (("--agent", "maze", "--trace-splits", "dev"), "split: expected one of train"),
    ],
)
def test_invalid_arguments_are_reported_and_leave_no_file(tmp_path, capsys, words, sentence):
    path = tmp_path / "traces.npz"
    assert evaluate(*words, "--save-traces", str(path)) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
