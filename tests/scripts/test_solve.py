"""The solve script: its output, its batches and its messages for wrong answers and input."""

from __future__ import annotations

import json
import sys

import pytest
from boards import FOUR, NINE
from untrained import untrained

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.exchange.export import export
from hrm_gym.agents.shipped import FOLDER
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.arc import mini_tasks
from hrm_gym.scripts import solve
from hrm_gym.scripts.cli import run

FOUR_SOLVED = "2134341212434321"
MAZE = "S # .. #.....#..#.....##G"
ARC = {
    "train": [{"input": [[1, 0]], "output": [[0, 1]]}],
    "test": [{"input": [[2, 0]], "output": [[0, 2]]}, {"input": [[3, 0]]}],
}


def call(*words):
    return run(solve.main, solve.Args, [str(word) for word in words])


def test_a_string_prints_the_board_and_the_verdict(capsys):
    assert call("sudoku", FOUR, "--agent", "sudoku") == 0
    said = capsys.readouterr().out
    assert FOUR_SOLVED in said
    assert "│ 2 1 │ 3 4 │" in said
    assert "1 segment, " in said
    assert "confident" in said
    assert "right: the rules accept it" in said


def test_the_oracle_solves_any_size(capsys):
    assert call("sudoku", NINE, "--agent", "oracle") == 0
    assert "534678912672195348198342567" in capsys.readouterr().out
    assert call("maze", MAZE, "--agent", "oracle") == 0


def test_the_pretrained_agent_of_the_family_is_the_default(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # A folder of the same name in the working directory is not the agent.
    (tmp_path / "maze").mkdir()
    for size in (7, 12):
        maze = get_task(f"maze-{size}x{size}")
        inputs = maze.generate(0).inputs
        agent = HRMAgent.from_pretrained(FOLDER / "maze")
        right = maze.is_solved(Puzzle(inputs, inputs), agent.solve(inputs).answer)
        assert call("maze", maze.format(inputs)) == (0 if right else 1)
        assert "maze: " in capsys.readouterr().out
    assert call("sudoku", NINE) == 0
    assert "sudoku: 1 of 1" in capsys.readouterr().out


def test_a_puzzle_longer_than_a_file_name(capsys):
    """Names end at 255 characters."""
    maze = get_task("maze-30x30")
    inputs = load_puzzles(maze, "bank", "test", limit=1).inputs[0]
    assert call("maze", maze.format(inputs), "--agent", "oracle") == 0
    assert "1 of 1 solved" in capsys.readouterr().out


def test_a_csv_with_other_columns_is_rejected(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("name,place\nme,here\n")
    assert call("sudoku", tmp_path / "a.csv") == 2
    assert "a.csv, line 1: size: expected one of" in capsys.readouterr().err


def test_progress_is_shown_by_batch(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "few.txt").write_text(f"{FOUR}\n{FOUR}\n")
    words = ("sudoku", tmp_path / "few.txt", "--agent", "oracle", "--batch-size")
    assert call(*words, 1) == 0
    assert capsys.readouterr().err == "", "no bar in a file or a pipe"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert call(*words, 1) == 0
    assert "solving" in capsys.readouterr().err
    assert call(*words, 2) == 0
    assert "solving" not in capsys.readouterr().err, "one batch needs no bar"


def test_many_puzzles_are_solved_in_batches(tmp_path, capsys):
    task = get_task("sudoku-4x4")
    inputs = load_puzzles(task, "bank", "test").inputs
    many = [task.format(inputs[k % len(inputs)]) for k in range(1100)]
    (tmp_path / "many.txt").write_text("\n".join(many))
    out = tmp_path / "out.json"
    assert call("sudoku", tmp_path / "many.txt", "--batch-size", 100, "--json", out) == 0
    assert "1100 of 1100 solved" in capsys.readouterr().out
    rows = json.loads(out.read_text())["rows"]
    assert [row["name"] for row in rows] == many
    agent = HRMAgent.from_pretrained("sudoku")
    solution = agent.solve(inputs[:50])
    for row, answer, segments in zip(rows, solution.answer, solution.segments, strict=False):
        assert row["value"] == task.format(answer)
        assert row["segments"] == segments
        assert row["solved"] is True
        assert 0 <= row["confidence"] <= 1


def test_a_wrong_answer_is_reported_as_wrong(tmp_path, capsys):
    untrained("sudoku-4x4").save(tmp_path / "agent")
    assert call("sudoku", FOUR, "--agent", tmp_path / "agent") == 1
    said = capsys.readouterr().out
    assert "WRONG: it changes " in said
    assert " cells of the puzzle" in said
    assert "0 of 1 solved" in said
    assert "--agent oracle solves" in said


def test_an_agent_of_a_custom_task_answers(tmp_path, capsys):
    task = get_task("examples.latin_square:LatinSquare:4")
    untrained(task.spec).save(tmp_path / "agent")
    puzzle = task.format(task.generate(0).inputs)
    assert call(task.spec, puzzle, "--agent", tmp_path / "agent") in (0, 1)
    assert "of 1 solved" in capsys.readouterr().out


def test_the_verdict_says_what_is_wrong():
    maze = get_task("maze-7x7")
    assert solve.verdict(maze, False, 1) == "WRONG: it changes 1 cell of the puzzle"
    assert solve.verdict(maze, False) == "WRONG: it breaks the rules"


def test_arc(tmp_path, capsys):
    untrained("arc").save(tmp_path / "agent")
    (tmp_path / "abc.json").write_text(json.dumps(ARC))
    words = ("--agent", tmp_path / "agent", "--json", tmp_path / "out.json")
    assert call("arc", tmp_path / "abc.json", *words) == 1
    said = capsys.readouterr().out
    assert "WRONG: it is not the known output" in said
    assert "not checked: the right output is not known" in said
    assert "oracle" not in said
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["abc, test 1", "abc, test 2"]
    assert [row["solved"] for row in rows] == [False, None]
    assert all(isinstance(json.loads(row["value"]), list) for row in rows)


WIDE = {**ARC, "test": [{"input": [[1] * 6]}]}


def mini_agent(folder):
    """Save an agent with random weights that knows the first three tasks of Mini-ARC."""
    about = {"train": {"source": "mini-arc:turned:3"}}
    model = {"mixer": "relations", "num_puzzles": 24, "shared": True, "H_cycles": 1}
    untrained("arc-5x5", 1, about, **model).save(folder)
    return folder


def test_a_new_arc_task_is_learned_first(tmp_path, capsys):
    agent = mini_agent(tmp_path / "agent")
    (tmp_path / "abc.json").write_text(json.dumps(ARC))
    words = ("--agent", agent, "--adapt-seconds", "0.1", "--json", tmp_path / "out.json")
    assert call("arc", tmp_path / "abc.json", *words) in (0, 1)
    said = capsys.readouterr().out
    assert "attempt 1: " in said
    assert "of 8 votes" in said
    assert "demonstrations reproduced: " in said
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["abc, test 1", "abc, test 2"]
    assert rows[1]["solved"] is None
    assert rows[0]["demonstrations"] == 1
    assert sum(rows[0]["votes"]) <= 8


def test_an_arc_task_of_the_training_needs_no_adaptation(tmp_path, capsys):
    (tmp_path / "known.json").write_text(json.dumps(mini_tasks()[2].to_json()))
    agent = mini_agent(tmp_path / "agent")
    assert call("arc", tmp_path / "known.json", "--agent", agent) in (0, 1)
    said = capsys.readouterr().out
    assert "test inputs solved within 2 attempts" in said
    assert "reproduced" not in said
    (tmp_path / "abc.json").write_text(json.dumps(ARC))
    assert call("arc", tmp_path / "abc.json", "--agent", agent) == 2
    assert "was not trained on abc; expected --adapt-seconds" in capsys.readouterr().err
    (tmp_path / "abc.json").write_text(json.dumps(WIDE))
    assert call("arc", tmp_path / "abc.json", "--agent", agent, "--adapt-seconds", "9") == 2
    assert "abc has a grid of 1x6 cells; the canvas of the agent has 5x5" in capsys.readouterr().err
    several = {"known": mini_tasks()[1].to_json(), "wide": WIDE, "new": ARC}
    (tmp_path / "several.json").write_text(json.dumps(several))
    words = ("arc", tmp_path / "several.json", "--agent", agent, "--json", tmp_path / "out.json")
    assert call(*words) == 1
    said = capsys.readouterr().err
    assert "not answered: task: wide has a grid of 1x6 cells" in said
    assert said.count("was not trained on new; expected --adapt-seconds") == 1
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert {row["name"].split(",")[0] for row in rows} == {"known"}
    assert call(*words, "--strict") == 2


def test_an_arc_agent_of_a_smaller_canvas(tmp_path, capsys):
    untrained("arc-5x5").save(tmp_path / "agent")
    path = tmp_path / "abc.json"
    path.write_text(json.dumps(ARC))
    words = ("--agent", tmp_path / "agent", "--json", tmp_path / "out.json")
    assert call("arc", path, *words) in (0, 1)
    assert len(json.loads((tmp_path / "out.json").read_text())["rows"]) == 2
    path.write_text(json.dumps(WIDE))
    capsys.readouterr()
    assert call("arc", path, *words) == 2
    assert "abc, test 1: a 1x6 grid does not fit on a canvas of 5x5" in capsys.readouterr().err
    path.write_text(json.dumps({"wide": WIDE, "abc": ARC}))
    assert call("arc", path, *words) == 1
    said = capsys.readouterr().err
    assert "not answered: wide, test 1: a 1x6 grid does not fit on a canvas of 5x5" in said
    assert len(json.loads((tmp_path / "out.json").read_text())["rows"]) == 2
    assert call("arc", path, *words, "--strict") == 2


def test_an_exported_agent_solves(tmp_path, capsys):
    export(HRMAgent.from_pretrained("sudoku"), tmp_path / "a.onnx")
    assert call("sudoku", FOUR, "--agent", tmp_path / "a.onnx") == 0
    assert FOUR_SOLVED in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["chess", "123"], "task: expected sudoku, maze, arc or module:Class, got 'chess'"),
        (["sudoku", "123"], "puzzle: expected a square number of cells"),
        (["sudoku", "12z" + "." * 13], "cell 3: 'Z' is not a cell of sudoku-4x4"),
        (["sudoku", "." * 16], "the sudoku ................ has several solutions"),
        (["sudoku", "11" + "." * 14], "the sudoku 11.............. has no solution"),
        (["sudoku", f"{FOUR}\n{'.' * 16}", "--strict"], "puzzle, line 2: the sudoku"),
        (["sudoku", f"{FOUR}\n{NINE}", "--strict"], "puzzle, line 2: expected 16 cells"),
        (
            ["sudoku", "nofile"],
            "puzzle: expected a square number of cells for sudoku, got 6 (nor",
        ),
        (["sudoku", "/tmp"], "/tmp: expected a puzzle or a file, this is a folder"),
        (["sudoku", "none.csv"], "none.csv: expected a puzzle or a file"),
        (["sudoku", " "], "puzzle: expected a puzzle, got nothing"),
        (["maze", "S#G#"], "size: expected an integer of at least 3"),
        (["maze", "S  ###  G"], "the maze has no path from S to G"),
        (["maze", "S       S"], "a maze has one S and one G, got 2 S and 0 G"),
        (["sudoku", FOUR, "--agent", "maze"], "agent: maze solves maze-30x30, the puzzle is"),
        (["sudoku", FOUR, "--agent", "random"], "agent: random plays move by move"),
        (["sudoku", FOUR, "--agent", "nobody"], "agent: expected a checkpoint folder or one of"),
        (["sudoku", FOUR, "--agent", "none.onnx"], "none.onnx: expected an exported .onnx file"),
        (["sudoku", FOUR, "--batch-size", "0"], "batch_size: expected"),
        (["sudoku", FOUR, "--adapt-seconds", "9"], "adapt-seconds: puzzles of sudoku-4x4 have no"),
        (["arc", json.dumps(ARC), "--agent", "a", "--adapt-seconds", "0"], "adapt_seconds: expec"),
        (["arc", "[]"], "puzzle: expected the JSON of an ARC task"),
        (["arc", "nonsense"], "puzzle: expected ARC JSON, this is not JSON"),
        (["arc", json.dumps(ARC)], "agent: arc-mini was not trained on puzzle; expected --adapt-"),
        (
            ["arc", json.dumps(WIDE)],
            "task: puzzle has a grid of 1x6 cells; the canvas of the agent",
        ),
        (["arc", json.dumps(ARC), "--agent", "oracle"], "agent: no solver is known for arc"),
        (["arc", json.dumps({**ARC, "test": [{}]})], "puzzle: expected ARC JSON"),
        (["arc", json.dumps({**ARC, "test": [{"input": [[12]]}]})], "puzzle, task puzzle: an ARC"),
    ],
)
def test_invalid_input_is_reported_in_one_sentence(words, sentence, capsys):
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {sentence}")
    assert error.count("\n") == 1
