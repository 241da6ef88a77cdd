"""Tests that every puzzle of a dataset folder is certified and rated, and large sets only once."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.sudoku import Sudoku

TASK = Sudoku(4)
PUZZLES = [TASK.generate(key) for key in range(6)]


def test_the_error_names_the_row_of_a_maze_without_ends(tmp_path, write_folder):
    task = get_task("maze-7x7")
    puzzles = [load_puzzles(task, limit=3)[row] for row in range(3)]
    whole = write_folder(tmp_path / "whole", puzzles, seq_len=49)
    assert len(load_puzzles(task, whole)) == 3
    inputs = np.stack([puzzle.inputs for puzzle in puzzles])
    inputs[1][inputs[1] == 3] = 2
    broken = write_folder(tmp_path / "broken", puzzles, seq_len=49, inputs=inputs)
    with pytest.raises(ValueError, match="row 1: a maze has one S and one G"):
        load_puzzles(task, broken)


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        ("S    # G ", "So  o# G ", None),
        ("S    # G ", "S  o #oG ", None),
        ("S       G", "So  o  oG", None),
        ("S       G", "Soo  o  G", None),  # a shortest path other than the solver's
        ("S       G", "So     oG", "the answer does not mark one shortest path"),  # a gap
        ("S       G", "So o o oG", "the answer does not mark one shortest path"),  # not neighbours
        ("S       G", "Sooooo  G", "the answer does not mark one shortest path"),  # too many marks
        ("S  G     ", "So Go    ", "the answer does not mark one shortest path"),  # a detour
        ("S #      ", "So#o    G", "a maze has one S and one G"),
        ("S #   # G", "So# o # G", "the answer does not mark one shortest path"),
        ("S # o # G", "So# oo# G", "the question contains padding or a path mark"),
        ("S# #    G", "S# #    G", "the maze has no path from S to G"),
        ("S#  #   G", "So  #  oG", "the answer does not mark one shortest path"),  # through a wall
        ("SG       ", "SG       ", None),
        ("SG       ", "GS       ", "the answer does not mark one shortest path"),
        ("S       G", "So??o??oG", None),  # cells that do not count are not compared
        ("S       G", "S?oo????G", "the answer does not mark one shortest path"),
        ("S?      G", "So  o  oG", "the question contains padding or a path mark"),
    ],
)
def test_every_maze_of_a_folder_is_certified(tmp_path, question, answer, sentence, write_folder):
    task = get_task("maze-3x3")
    good = ("S       G", "So  o  oG")
    read = [np.array(["?# SGo".index(c) for c in text], np.uint8) for text in (question, answer)]
    right = [np.array(["?# SGo".index(c) for c in text], np.uint8) for text in good]
    arrays = {"inputs": np.stack([right[0], read[0]]), "labels": np.stack([right[1], read[1]])}
    puzzles = [Puzzle(*right, 4.0, ""), Puzzle(*read, 0.0, "")]
    source = write_folder(tmp_path, puzzles, seq_len=9, **arrays)
    if sentence is None:
        assert load_puzzles(task, source).ratings[0] == 4
        return
    with pytest.raises(ValueError, match=sentence) as caught:
        load_puzzles(task, source)
    assert str(caught.value).startswith(f"{tmp_path / 'train'}: row 1: ")


def broken(kind: str) -> tuple[dict, str]:
    """Return arrays of a folder with a mistake in row 4, and the error message."""
    inputs, labels = (np.stack([getattr(p, f) for p in PUZZLES]) for f in ("inputs", "labels"))
    if kind == "several":
        inputs[4] = 1
    elif kind == "none":
        inputs[4, :2] = 2
    elif kind == "full":
        inputs[4] = labels[4]
    elif kind == "padded":
        inputs[4, np.flatnonzero(inputs[4] == 1)[0]] = 0
    else:
        labels[4] = labels[3]
    sentence = {
        "several": "has several solutions, expected one",
        "none": "has no solution",
        "full": "is full, expected a blank to fill in",
        "padded": "the question contains padding",
        "answer": "the answer does not solve the question",
    }
    return {"inputs": inputs, "labels": labels}, sentence[kind]


@pytest.mark.parametrize("kind", ["several", "none", "full", "padded", "answer"])
def test_every_sudoku_of_a_folder_is_certified(tmp_path, kind, write_folder):
    arrays, sentence = broken(kind)
    source = write_folder(tmp_path, **arrays)
    for load in (load_puzzles, lambda task, path: gym.make("HRMSudoku-4x4-v0", source=path)):
        with pytest.raises(ValueError, match=sentence) as caught:
            load(TASK, source)
        assert str(caught.value).startswith(f"{tmp_path / 'train'}: row 4: ")


def test_a_large_folder_is_certified_once(tmp_path, monkeypatch, write_folder):
    from hrm_gym.data import certify

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(certify, "CACHED_FROM", 6)
    solved = []
    check_rows = Sudoku.check_rows

    def counted(self, inputs, labels):
        solved.append(len(inputs))
        return check_rows(self, inputs, labels)

    monkeypatch.setattr(Sudoku, "check_rows", counted)
    source = write_folder(tmp_path / "good")
    ratings = [puzzle.rating for puzzle in PUZZLES]
    for _ in range(3):
        assert load_puzzles(TASK, source).ratings.tolist() == ratings
    assert solved == [6]
    # A changed set is certified again, and a set with mistakes is not cached.
    arrays, sentence = broken("several")
    source = write_folder(tmp_path / "bad", **arrays)
    for _ in range(2):
        with pytest.raises(ValueError, match=sentence):
            load_puzzles(TASK, source)
    assert solved == [6, 6, 6]
    # The puzzles are loaded even if the cache cannot be written.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    load_puzzles(TASK, str(tmp_path / "good"))
    assert solved == [6] * 4
    # A cache file that is damaged, or of another version, is ignored.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (cached,) = (tmp_path / "cache" / "hrm_gym" / "certified").iterdir()
    for damage in (b"", b"junk", cached.read_bytes()[:-1]):
        cached.write_bytes(damage)
        assert load_puzzles(TASK, str(tmp_path / "good")).ratings.tolist() == ratings
    assert solved == [6] * 7
    load_puzzles(TASK, str(tmp_path / "good"))
    assert solved == [6] * 7
    monkeypatch.setattr(certify, "CHECK_VERSION", certify.CHECK_VERSION + 1)
    load_puzzles(TASK, str(tmp_path / "good"))
    assert solved == [6] * 8


@pytest.mark.parametrize("kind", ["homeless", "unreadable", "relative"])
def test_puzzles_are_loaded_without_a_usable_cache(tmp_path, monkeypatch, kind, write_folder):
    from pathlib import Path

    from hrm_gym.data import certify

    monkeypatch.setattr(certify, "CACHED_FROM", 6)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    if kind == "unreadable":
        opened = Path.open

        def guarded(self, *args, **kwargs):
            if "certified" in self.parts:
                refuse()
            return opened(self, *args, **kwargs)

        monkeypatch.setattr(Path, "open", guarded)
        monkeypatch.setattr(certify, "write_bytes", refuse)
    elif kind == "homeless":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", homeless)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", "cache")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
    source = write_folder(tmp_path / "good")
    for _ in range(2):
        assert len(load_puzzles(TASK, source)) == 6
    assert not (tmp_path / "cache").exists()
    if kind == "relative":
        assert len(list((tmp_path / "home/.cache/hrm_gym/certified").iterdir())) == 1


def test_the_puzzles_of_a_folder_are_rated(tmp_path, write_folder):
    task = Sudoku(9)
    hard = load_puzzles(task, split="ood", limit=30)
    puzzles = [hard[row] for row in range(len(hard))]
    source = write_folder(tmp_path / "sudokus", puzzles, seq_len=81, vocab_size=11)
    ratings = load_puzzles(task, source).ratings.tolist()
    assert ratings == [task.rate(puzzle.inputs) for puzzle in puzzles]
    assert len(set(ratings)) > 3
    maze = get_task("maze-15x15")
    puzzles = [maze.generate(key) for key in range(8)]
    source = write_folder(tmp_path / "mazes", puzzles, seq_len=225)
    assert load_puzzles(maze, source).ratings.tolist() == [p.rating for p in puzzles]
    least = sorted(p.rating for p in puzzles)[4]
    some = load_puzzles(maze, source, difficulty=(least, 1e9))
    assert sorted(some.ratings) == sorted(p.rating for p in puzzles if p.rating >= least)


def test_without_numba_a_warning_says_that_nothing_was_certified(
    tmp_path, monkeypatch, write_folder
):
    source = write_folder(tmp_path)

    def absent(self, inputs, labels):
        raise ModuleNotFoundError("no numba", name="numba")

    monkeypatch.setattr(Sudoku, "check_rows", absent)
    with pytest.warns(UserWarning, match="numba is not installed, so no sudoku-4x4 was certified"):
        load_puzzles(TASK, source)
