"""A user's mistake gives one sentence that names it and exit status 2, and writes no files."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from untrained import untrained

from hrm_gym import files as writing
from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.scripts.cli import run

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "agents" / "pretrained" / "maze"
SUDOKU = ".....431.3...243"
NO_PATH = "S#" + " " * 5 + "##" + " " * 39 + "G"
CUDA = f"cuda:{torch.cuda.device_count()}"
"""A CUDA device that does not exist, also on a machine with several."""

TEXTS = {
    "short.csv": "question,answer\n12,12\n",
    "letter.csv": f"question,answer\nz{'.' * 15},\n",
    "unsolvable.csv": f"question\n11{'.' * 14}\n",
    "several.csv": f"question\n{'.' * 16}\n",
    "wrong.csv": f"question,answer\n{SUDOKU},{'1' * 16}\n",
    "columns.csv": "a,b\n1,2\n",
    "empty.csv": "",
    "header.csv": "question,answer\n",
    "nopath.csv": f"question\n{NO_PATH}\n",
    "object.json": '{"a": 1}',
    "list.json": "[1]",
    "ragged.json": json.dumps(
        {"train": [{"input": [[1], [1, 2]], "output": [[1]]}], "test": [{"input": [[1]]}]}
    ),
    "nojson.json": "nope",
    "file": "x",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder of files with mistakes."""
    folder = tmp_path_factory.mktemp("files")
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    (folder / "binary.csv").write_bytes(bytes(range(256)))
    for name in ("folder", "folder.csv", "folder.json"):
        (folder / name).mkdir()
    untrained("maze-7x7").save(folder / "small")
    about = json.loads((CHECKPOINT / "config.json").read_text())
    changes = {
        "half": {},
        "task": {"task": "chess"},
        "field": {"model": {**about["model"], "hats": 3}},
        "size": {"model": {**about["model"], "hidden_size": 2 * about["model"]["hidden_size"]}},
    }
    for name, change in changes.items():
        shutil.copytree(CHECKPOINT, folder / name)
        (folder / name / "config.json").write_text(json.dumps({**about, **change}))
    weights = folder / "half" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    shutil.copytree(CHECKPOINT, folder / "garbled")
    (folder / "garbled" / "config.json").write_text("{nope")
    return folder


def complaint(words: list[str], capsys) -> str:
    """Run a script in this process; return its one line of error message."""
    name, *rest = words
    module = importlib.import_module(f"hrm_gym.scripts.{name.replace('-', '_')}")
    assert run(module.main, module.Args, rest, prog=name) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


EVALUATE = "evaluate --agent oracle --env HRMSudoku-4x4-v0"
ARC = "evaluate --agent random --env HRMARC-v0"
TRAIN = "train --preset sudoku-4x4 --steps 1 --episodes 1"
RL = "train-rl --env HRMMaze-7x7-v0 --steps 10"
COMPARE = "compare --agents random --episodes 2"
# Words of the command line ({} is the folder of files), and a part of the sentence.
CASES = [
    ("solve sudoku 123", "square number of cells"),
    (f"solve sudoku z{'.' * 15}", "cell 1: 'Z' is not a cell of sudoku-4x4"),
    (f"solve sudoku 11{'.' * 14}", "no solution"),
    (f"solve sudoku {'.' * 16}", "several solutions"),
    (f"solve sudoku {SUDOKU} --agent maze", "maze"),
    (f"solve sudoku {SUDOKU} --agent nobody", "agent: expected a checkpoint folder or one of"),
    (f"solve sudoku {SUDOKU} --device {CUDA}", f"device: '{CUDA}' is not available"),
    (f"solve sudoku {SUDOKU} --device gpu", "device: expected cpu, cuda or cuda:N"),
    (f"solve sudoku {SUDOKU} --device meta", "device: expected cpu, cuda or cuda:N"),
    (f"solve sudoku {SUDOKU} --json {{}}/folder", "json: expected a file to write"),
    (f"solve sudoku {SUDOKU} --json {{}}/file/out.json", "json: expected a folder"),
    ("solve sudoku {}/columns.csv", "columns.csv, line 2: expected a square number of cells"),
    ("evaluate --agent {}/half", "model.safetensors: damaged"),
    ("evaluate --agent {}/garbled", "config.json: damaged, this is not JSON"),
    ("evaluate --agent {}/task", "got 'chess'"),
    ("evaluate --agent {}/field", "hats"),
    ("evaluate --agent {}/size", "the weights do not fit config.json"),
    ("evaluate --agent {}/folder", "config.json: expected a checkpoint folder"),
    ("evaluate --agent {}/file", "agent: expected a checkpoint folder"),
    ("evaluate --agent {}/nowhere", "agent: expected a checkpoint folder"),
    (
        "evaluate --agent {}/small --env HRMMaze-9x9-v0",
        "small solves maze-7x7, HRMMaze-9x9-v0 is maze-9x9",
    ),
    (
        "evaluate --agent maze --env HRMSudokuAnswer-4x4-v0",
        "error: agent: maze solves maze-30x30, HRMSudokuAnswer-4x4-v0 is sudoku-4x4",
    ),
    (
        "train --preset maze-7x7 --env HRMSudoku-4x4-v0",
        "env: preset maze-7x7 trains on HRMMazeAnswer-7x7-v0, got 'HRMSudoku-4x4-v0'",
    ),
    (f"evaluate --agent sudoku --device {CUDA}", "is not available"),
    ("evaluate --agent oracle --env HRMSudok-v0", "env: expected one of"),
    ("evaluate --agent random --env CartPole-v1", "env: CartPole-v1 does not take split"),
    ("build-bank --out {}/bank --only sudoku-5x5", "only: expected one of sudoku-4x4, "),
    ("build-bank --out {}/bank --seed -1", "seed: expected a number of at least 0, got -1"),
    (f"build-bank --out {{}}/bank --seed {1 << 64}", "seed: expected at most 2^64 - 1"),
    ("build-bank --out {}/bank --processes 0", "processes: expected a positive number, got 0"),
    (f"{EVALUATE} --split exam", "split: expected one of train, val, test, ood, got 'exam'"),
    (f"{EVALUATE} --episodes -3", "episodes: expected"),
    (f"{EVALUATE} --episodes 0", "episodes: expected"),
    (f"{EVALUATE} --seed -1", "seed: expected"),
    (f"{EVALUATE} --data {{}}/short.csv", "short.csv, line 2: expected 16 cells"),
    (f"{EVALUATE} --data {{}}/letter.csv", "letter.csv, line 2: cell 1: 'Z'"),
    (f"{EVALUATE} --data {{}}/unsolvable.csv", "no solution"),
    (f"{EVALUATE} --data {{}}/several.csv", "several solutions"),
    (f"{EVALUATE} --data {{}}/wrong.csv", "the answer does not solve the question"),
    (f"{EVALUATE} --data {{}}/columns.csv", "line 2: expected 16 cells for sudoku-4x4, got 2"),
    (
        f"{EVALUATE} --data {{}}/empty.csv",
        "question or puzzle), found none",
    ),
    (
        f"{EVALUATE} --data {{}}/header.csv",
        "question or puzzle), found none",
    ),
    (f"{EVALUATE} --data {{}}/binary.csv", "binary.csv, line 2: expected a text file in UTF-8"),
    (f"{EVALUATE} --data {{}}/folder.csv", "expected a dataset folder"),
    (f"{EVALUATE} --data {{}}/nowhere.csv", "nowhere.csv"),
    ("evaluate --agent oracle --env HRMMaze-7x7-v0 --data {}/nopath.csv", "no path from S to G"),
    (f"{ARC} --data {{}}/object.json", "object.json: expected ARC JSON"),
    (f"{ARC} --data {{}}/list.json", "list.json: expected the JSON of an ARC task"),
    (f"{ARC} --data {{}}/ragged.json", "ragged.json, task ragged: an ARC grid is a rectangle"),
    (f"{ARC} --data {{}}/nojson.json", "nojson.json: expected ARC JSON"),
    (f"{ARC} --data {{}}/folder.json", "expected ARC JSON files, found none"),
    (f"{ARC} --data {{}}/nowhere.json", "nowhere.json"),
    ("train", "preset: expected --preset, --env or --task"),
    ("train --preset chess", "preset: expected one of"),
    ("train --env HRMSudok-v0", "env: expected one of"),
    (f"{TRAIN} --data {{}}/nowhere.csv", "nowhere.csv"),
    (f"{TRAIN} --data {{}}/short.csv", "short.csv, line 2"),
    (f"{TRAIN} --data {{}}/folder", "expected a dataset folder"),
    (f"{TRAIN} --device {CUDA}", "is not available"),
    (f"{TRAIN} --batch-size 0", "batch_size: expected a positive number"),
    (f"{TRAIN} --puzzles -1", "puzzles: expected a positive number"),
    (f"{TRAIN} --threads 0", "threads: expected a positive number"),
    (f"{TRAIN} --seconds nan", "seconds: expected a positive number"),
    (f"{TRAIN} --out {{}}/file", "is a file"),
    ("train --preset sudoku-4x4 --steps -1", "steps: expected a positive number"),
    ("train --preset sudoku-4x4 --steps 1 --episodes -1", "episodes: expected"),
    ("train --preset sudoku --init nowhere", "agent: expected a checkpoint folder or one of"),
    ("train --preset sudoku --init maze", "init: expected an agent whose model is the same"),
    ("train --resume {}/nowhere --init sudoku", "init: expected either --init or --resume"),
    ("train --resume {}/nowhere", "trainer.json: expected a checkpoint folder"),
    ("train --resume {}/half", "trainer.json: expected a checkpoint folder"),
    ("train-rl --env HRMSudok-v0 --steps 10", "env: expected one of"),
    ("train-rl --env HRMMazeAnswer-7x7-v0 --steps 10", "expects a step environment"),
    ("train-rl --env HRMARC-v0 --agent dqn --steps 10", "dqn expects Discrete actions"),
    ("train-rl --seconds -1", "seconds: expected a positive number"),
    (f"{RL} --device {CUDA}", "is not available"),
    (f"{RL} --episodes 0", "episodes: expected at least 1"),
    (f"{RL} --threads -1", "threads: expected a positive number"),
    (f"{RL} --out {{}}/file", "is a file"),
    ("compare --agents chess", "agents: expected some of"),
    (f"{COMPARE} --env HRMSudok-v0", "env: expected one of"),
    (f"{COMPARE} --env HRMMazeAnswer-7x7-v0", "env: expected a step environment"),
    (f"{COMPARE} --seconds -1", "seconds: expected a positive number"),
    (f"{COMPARE} --seed -1", "seed: expected"),
    (f"{COMPARE} --out {{}}/file", "is a file"),
    ("compare --agents hrm --preset chess", "preset: expected one of"),
    ("compare --agents hrm --preset sudoku-4x4", "preset: expected one for HRMMazeAnswer-7x7-v0"),
    (f"compare --agents hrm --device {CUDA}", "is not available"),
    ("demo --scale -1", "scale: expected a positive number"),
    ("demo --agents chess", "agents: expected some of"),
    ("benchmark chess", "subject: expected one of"),
    ("benchmark chess --threads 0", "threads: expected a positive number"),
    ("gallery --only chess", "only: expected one of"),
]


@pytest.mark.parametrize(("words", "said"), CASES, ids=[words for words, _ in CASES])
def test_an_error_is_one_sentence_and_leaves_no_files(
    words, said, files, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    before = everything(files)
    assert said in complaint(words.format(files).split(), capsys)
    assert everything(files) == before
    assert not everything(tmp_path)


@pytest.mark.parametrize(
    ("puzzle", "said"),
    [
        (NO_PATH, "no path from S to G"),
        ("S" + " " * 48, "one S and one G"),
        ("Sq" + " " * 46 + "G", "cell 2: 'q'"),
        ("S G", "square number of cells"),
    ],
)
def test_an_invalid_maze_is_rejected(puzzle, said, capsys):
    assert said in complaint(["solve", "maze", puzzle], capsys)


def test_the_error_names_an_unknown_keyword():
    import gymnasium as gym

    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'; environments take"):
        gym.make("HRMSudoku-4x4-v0", colour="red")


def test_a_missing_device_is_rejected_in_python_too():
    with pytest.raises(ValueError, match="device: 'cuda:99' is not available"):
        HRMAgent.from_pretrained("sudoku", device="cuda:99")


def test_a_full_disk_is_reported_in_one_sentence():
    words = [sys.executable, "-m", "hrm_gym.scripts", "solve", "sudoku", SUDOKU]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*words, "--agent", "oracle"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


def test_the_error_names_a_file_that_cannot_be_written(capsys, tmp_path, monkeypatch):
    words = ["solve", "sudoku", SUDOKU, "--agent", "oracle", "--json"]
    assert complaint([*words, "/dev/full"], capsys) == "error: /dev/full: No space left on device\n"

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / ".out.json.x1y2"))

    monkeypatch.setattr(writing.tempfile, "mkstemp", refuse)
    said = complaint([*words, str(tmp_path / "out.json")], capsys)
    assert said == f"error: {tmp_path / 'out.json'}: Permission denied\n"
    assert not everything(tmp_path)
