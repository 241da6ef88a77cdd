"""Large files are read in parts, or only as far as needed, with the same result."""

from __future__ import annotations

import json

import numpy as np
import pytest
from boards import FOUR, SEVERAL

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import files, large
from hrm_gym.puzzles import get_task


def test_some_puzzles_of_a_large_file_are_read_without_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PREFIX", 200)
    task = get_task("sudoku-4x4")
    (tmp_path / "a.csv").write_text("quizzes,solutions\n" + f"{FOUR},\n" * 500 + "broken,\n")
    (tmp_path / "a.txt").write_text(f"{FOUR} 1.5\n" * 500 + FOUR[1:])
    (tmp_path / "grids").write_text(
        "\n".join([*(FOUR[k : k + 4] for k in range(0, 16, 4)), ""]) * 500 + FOUR[1:]
    )
    (tmp_path / "a.json").write_text(json.dumps([FOUR] * 500))
    for name in ("a.csv", "a.txt", "grids", "a.json"):
        for limit in (1, 7, 100, 500):
            assert len(load_puzzles(task, str(tmp_path / name), limit=limit)) == limit, name
    for name in ("a.csv", "a.txt", "grids"):
        with pytest.raises(ValueError, match=f"{name}, line (50[12]|2001): expected"):
            load_puzzles(task, str(tmp_path / name))


def test_a_large_file_is_read_in_parts(tmp_path, monkeypatch):
    task = get_task("sudoku-4x4")
    rows = [task.generate(key) for key in range(40)]
    texts = [(task.format(p.inputs), task.format(p.labels)) for p in rows]

    def grid(text):
        return "".join(text[k : k + 4] + "\n" for k in range(0, 16, 4))

    contents = {
        "table.csv": "\ufeffquizzes,solutions\r\n" + "".join(f"{q},{a}\r\n" for q, a in texts),
        "quoted.csv": "puzzle,about\n" + "".join(f'{q},"a\nb"\n\n' for q, _ in texts),
        "list.txt": "# some\n" + "".join(f"{q}\n" for q, _ in texts),
        "zeros.txt": "".join(f"{q.replace('.', '0')}\r\n" for q, _ in texts),
        "rated.txt": "".join(f"{q} 1.5\n" for q, _ in texts),
        "changes.txt": f"{FOUR}\n" * 38 + grid(FOUR),
        "grids.txt": "\n".join(grid(q) for q, _ in texts),
        "a.json": json.dumps([q for q, _ in texts]),
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content, newline="", encoding="utf-8")
    whole = {name: load_puzzles(task, str(tmp_path / name)) for name in contents}
    monkeypatch.setattr(files, "LARGE", 1)
    monkeypatch.setattr(files, "MANY", 1)
    monkeypatch.setattr(large, "PART", 7)
    for name in contents:
        for limit in (None, 7, 10, 39):
            read = load_puzzles(task, str(tmp_path / name), limit=limit)
            wanted = whole[name] if limit is None else whole[name].first(limit)
            for part in ("inputs", "labels", "ratings", "puzzle_ids"):
                np.testing.assert_array_equal(getattr(read, part), getattr(wanted, part), name)
    for name, line in (("table.csv", 21), ("list.txt", 21), ("rated.txt", 20)):
        for wrong in (SEVERAL, FOUR[1:], "1" * 16, "5" * 16):
            lines = contents[name].split("\n")
            lines[line - 1] = lines[line - 1].replace(texts[19][0], wrong)
            (tmp_path / name).write_text("\n".join(lines), newline="", encoding="utf-8")
            with pytest.raises(ValueError, match=f"{name}, line {line}: "):
                load_puzzles(task, str(tmp_path / name))
    content = contents["table.csv"].encode() + b"\xff,\n"
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(ValueError, match="line 42: expected a text file"):
        load_puzzles(task, str(tmp_path / "table.csv"))
