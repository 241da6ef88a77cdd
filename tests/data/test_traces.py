"""Tests of trace files: round trips, and errors about damaged files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_gym.data.traces import ARRAYS, Traces, read_traces, trace_digest
from hrm_gym.puzzles import get_task


def make_traces(count: int = 5, segments: int = 3, seed: int = 0, task_id: str = "maze-7x7"):
    """Return traces of generated puzzles with made-up segments; every third answer is right."""
    random = np.random.default_rng(seed)
    task = get_task(task_id)
    puzzles = [task.generate(key + 100 * seed) for key in range(count)]
    labels = np.stack([p.labels for p in puzzles])
    answers = random.integers(1, task.vocab_size, (count, segments, task.seq_len)).astype(np.uint8)
    right = random.random((count, segments)) < 0.4
    answers = np.where(right[..., None], labels[:, None], answers)
    shape = (count, segments)
    return Traces(
        task.id,
        "HRMMazeAnswer-7x7-v0",
        "made-up",
        np.stack([p.inputs for p in puzzles]),
        labels,
        np.array([p.rating for p in puzzles], np.float32),
        np.array([trace_digest(task, p) for p in puzzles], np.uint64),
        np.array([task.is_ood(p) for p in puzzles]),
        answers,
        random.integers(0, 256, answers.shape).astype(np.uint8),
        random.random(shape, np.float32),
        random.normal(0, 3, shape).astype(np.float32),
        random.normal(0, 3, shape).astype(np.float32),
        right,
        {"command": "made up", "split": "test"},
    )


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 50))
def test_a_file_round_trip(tmp_path, count, segments, seed):
    traces = make_traces(count, segments, seed)
    traces.save(tmp_path / "t.npz")
    again = read_traces(tmp_path / "t.npz")
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(traces, name))
        assert getattr(again, name).dtype == getattr(traces, name).dtype
    for name in ("task", "env", "agent", "about"):
        assert getattr(again, name) == getattr(traces, name)
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_a_file_says_whether_the_agent_is_steady(tmp_path):
    traces = make_traces(40, 6)
    wants = traces.q_halt > traces.q_continue
    np.testing.assert_array_equal(traces.halts, wants)
    replace(traces, steady=True).save(tmp_path / "t.npz")
    steady = read_traces(tmp_path / "t.npz")
    assert steady.steady
    for row in range(40):
        for k in range(6):
            same = k > 0 and (traces.answers[row, k] == traces.answers[row, k - 1]).all()
            assert steady.halts[row, k] == (wants[row, k] and same)
    assert steady.halts.any()
    assert steady.take(np.arange(3)).steady
    np.testing.assert_array_equal(steady.first(4).halts, steady.halts[:, :4])


def test_a_file_alone_imports_no_code(tmp_path, monkeypatch):
    (tmp_path / "task_of_a_trace_file.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    make_traces().save(tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz") as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"])) | {"task": "task_of_a_trace_file:Task"}
    np.savez(tmp_path / "t.npz", **{**arrays, "about": np.array(json.dumps(about))})
    with pytest.raises(ValueError, match="task_of_a_trace_file:Task is code"):
        read_traces(tmp_path / "t.npz")


def test_values_derived_from_the_arrays():
    traces = make_traces(4, 3)
    for row in range(4):
        before = traces.inputs[row]
        for segment in range(3):
            answer = traces.answers[row, segment]
            assert traces.exact[row, segment] == np.array_equal(answer, traces.labels[row])
            changed = traces.changed[row, segment]
            np.testing.assert_allclose(changed, np.mean(answer != before), rtol=1e-6)
            before = answer
    part = traces.take(np.array([2, 0])).first(2)
    assert (len(part), part.segments) == (2, 2)
    np.testing.assert_array_equal(part.q_halt, traces.q_halt[[2, 0], :2])
    np.testing.assert_array_equal(part.labels, traces.labels[[2, 0]])


def test_symmetric_puzzles_share_their_digest():
    task = get_task("maze-7x7")
    puzzle = task.generate(3)
    turned = task.symmetry(5).apply(puzzle.inputs)
    assert trace_digest(task, task.make(turned)) == trace_digest(task, puzzle)
    assert trace_digest(task, task.generate(4)) != trace_digest(task, puzzle)


def changed_file(path, **changes):
    """Write a trace file in which some arrays are replaced, or missing if ``None``."""
    make_traces().save(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


ABOUT = {"format": 2, "task": "maze-7x7", "env": "x", "agent": "y", "steady": False}
NOT_FINITE = np.full((5, 3), np.nan, np.float32)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"q_halt": None}, "it has no q_halt"),
        ({"about": None}, "it has no about"),
        ({"about": np.array("{")}, "expected a trace file"),
        ({"about": np.array("[]")}, "about: expected a JSON object of format 2"),
        ({"about": np.array(json.dumps(ABOUT | {"format": 1}))}, "format 2"),
        ({"about": np.array(json.dumps(ABOUT | {"task": "maze-9x9"}))}, "answers: expected"),
        ({"about": np.array(json.dumps(ABOUT | {"task": "chess"}))}, "task: expected"),
        ({"about": np.array(json.dumps({"format": 2}))}, "about has no 'task'"),
        ({"q_halt": np.zeros((5, 3))}, r"q_halt: expected \(5, 3\) of float32, got .* of float64"),
        ({"q_halt": np.zeros((5, 4), np.float32)}, r"q_halt: expected \(5, 3\)"),
        ({"ratings": np.zeros((4,), np.float32)}, r"ratings: expected \(5,\)"),
        ({"entropy": NOT_FINITE}, "entropy: expected finite"),
        ({"entropy": np.full((5, 3), -1, np.float32)}, "entropy: expected numbers of at least 0"),
        ({"answers": np.full((5, 3, 49), 9, np.uint8)}, "answers: a token is outside 0..5"),
        ({"answers": np.zeros((0, 3, 49), np.uint8)}, "answers: expected"),
        ({"answers": np.array([{}], object)}, "expected a trace file"),
    ],
)
def test_the_error_names_a_damaged_file(tmp_path, changes, words):
    path = tmp_path / "t.npz"
    changed_file(path, **changes)
    with pytest.raises(ValueError, match=words) as caught:
        read_traces(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_files_that_are_not_trace_files_are_rejected(tmp_path):
    path = tmp_path / "t.npz"
    with pytest.raises(ValueError, match="there is no such file"):
        read_traces(path)
    make_traces().save(path)
    whole = path.read_bytes()
    np.save(tmp_path / "array.npy", np.zeros(3))
    array = (tmp_path / "array.npy").read_bytes()
    for content in (b"", b"hello", array, whole[:-200], whole[:300] + bytes(400) + whole[700:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="expected a trace file"):
            read_traces(path)
