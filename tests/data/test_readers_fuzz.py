"""Fuzz tests of the readers: they read or refuse in one sentence, and never misread silently."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from boards import FOUR, NINE, ROWS, RULED, SIMPLE
from hypothesis import assume, given
from hypothesis import strategies as st

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.data.readers.records import Fault, Record, Sizes, read_records
from hrm_gym.data.readers.values import from_value
from hrm_gym.puzzles import get_task
from tests.data.test_maze_formats import AOC
from tests.data.test_sudoku_formats import NINES

SUDOKU, MAZE = get_task("sudoku-9x9"), get_task("maze-9x9")
ARC = json.dumps(
    {
        "train": [{"input": [[1, 0]], "output": [[0, 1]]}],
        "test": [{"input": [[2, 0]], "output": [[0, 2]]}, {"input": [[3, 0]]}],
    }
)
SEEDS = [*NINES.values(), AOC, AOC.replace("#", "█"), f"{FOUR}\n" * 16, "\n".join(ROWS * 2), ARC]
PIECES = [*"0123456789.-_*?#SGEX █|+,;:\t\n\r\"'[]{}()", "\n\n", "┌─┐", "\x1b[1m", "question", "é"]


@st.composite
def mutated(draw):
    """Return a text in a known format after a few edits."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 1, 2, 9, 30])))
        middle = draw(
            st.one_of(
                st.just(""),
                st.sampled_from(PIECES),
                st.just(text[start:end] * 2),
                st.text(max_size=3),
            )
        )
        text = text[:start] + middle + text[end:]
    return text


def check_sentence(error):
    message = str(error)
    assert message
    assert "Traceback" not in message
    assert len(" ".join(message.split())) < 600


@given(st.sampled_from(["sudoku", "maze", "arc"]), mutated())
def test_a_mutated_text_is_read_or_refused(family, text):
    assume(len(text) < 10_000)
    if "\n" not in text:
        text += "\n"
    try:
        reading = read_questions(family, text)
    except ValueError as error:
        check_sentence(error)
        return
    assert reading.questions
    for question in reading.questions:
        assert question.inputs.shape == (reading.task.seq_len,)
        if reading.task.has_solver:
            assert question.labels is not None
    for sentence in (*reading.faults, *reading.notes):
        check_sentence(sentence)


@given(st.sampled_from([SUDOKU, MAZE]), st.one_of(mutated().map(str.encode), st.binary()))
def test_a_mutated_file_is_read_or_refused(tmp_path_factory, task, content):
    path = tmp_path_factory.mktemp("fuzz") / "given"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            puzzles = load_puzzles(task, str(path))
        except ValueError as error:
            check_sentence(error)
            return
    assert puzzles.inputs.min() > 0
    for row in range(len(puzzles)):
        assert task.is_solved(puzzles[row], puzzles.labels[row])


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 40), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=10), st.dictionaries(st.sampled_from(["puzzle", "a"]), inner)
    ),
    max_leaves=40,
)


@given(VALUES)
def test_any_json_value_gives_puzzles_or_faults(value):
    for part in from_value(Sizes(get_task("sudoku-4x4")), value, 1):
        assert isinstance(part, Record | Fault)


@pytest.mark.parametrize(
    "text", [NINE, "\n".join(ROWS), RULED, SIMPLE, "Grid 01\n" + "\n".join(ROWS), f"a {NINE} 1.2"]
)
@given(st.integers(0, 80), st.booleans())
def test_a_missing_or_a_doubled_cell_is_never_overlooked(text, cell, twice):
    start = text.index(NINE) if NINE in text else text.find("\n") * text.startswith("G")
    places = [k for k in range(max(start, 0), len(text)) if text[k] in ".123456789"]
    at = places[cell]
    changed = text[:at] + text[at] * 2 * twice + text[at + 1 :]
    found = read_records(get_task("sudoku-9x9"), changed)
    assert not [part for part in found if isinstance(part, Record)]


@given(st.lists(st.integers(0, 200), min_size=1, max_size=20), st.sampled_from(range(4)))
def test_what_this_program_writes_is_read_back(rows, form):
    for task in (get_task("sudoku-4x4"), get_task("sudoku-6x6"), MAZE):
        whole = load_puzzles(task, "bank", "test")
        puzzles = whole.take(np.array(rows) % len(whole))
        lines = [task.format(tokens) for tokens in puzzles.inputs]
        answers = [task.format(tokens) for tokens in puzzles.labels]
        table = [f"me,{a},{b},1" for a, b in zip(lines, answers, strict=True)]
        text = (
            "\n".join(lines),
            "\n".join(["source,question,answer,rating", *table]),
            "\n\n".join(task.scene(tokens).ansi() for tokens in puzzles.inputs),
            json.dumps([{"question": line} for line in lines]),
        )[form]
        reading = read_questions(task.family, text + "\n")
        assert not reading.faults
        np.testing.assert_array_equal(
            [question.inputs for question in reading.questions], puzzles.inputs
        )
