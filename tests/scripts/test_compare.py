"""The scripts: a tiny comparison from end to end, the command line, and how mistakes read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from hrm_gym.scripts import __main__ as command
from hrm_gym.scripts import compare, demo, train_rl
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.plots import comparison_figure, save_png
from hrm_gym.scripts.results import Comparison, Contestant, Point, json_rows, markdown_table

PNG = b"\x89PNG\r\n"


def test_compare_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = compare.Args(
        env="HRMSudoku-4x4-v0",
        agents=["maskable-ppo", "dqn", "random", "oracle"],
        seconds=1.5,
        episodes=40,
        threads=1,
        out=tmp_path,
        json=tmp_path / "out.json",
    )
    assert compare.main(args) == 0
    folder = tmp_path / "HRMSudoku-4x4-v0"
    assert (folder / "comparison.png").read_bytes().startswith(PNG)
    report = (folder / "report.md").read_text()
    assert "| oracle | solver | - | - | - | 100.0% (91-100) |" in report
    assert "optimal" not in report
    for agent in args.agents:
        assert len(list((folder / agent / "seed0").glob("events.out.tfevents.*"))) == 1, agent
    content = json.loads((tmp_path / "out.json").read_text())
    rows = {row["name"]: row["value"] for row in content["rows"]}
    assert rows["HRMSudoku-4x4-v0/oracle/solve_rate"] == 1.0
    assert rows["HRMSudoku-4x4-v0/maskable-ppo/env_steps"] > 0
    assert 1.5 <= rows["HRMSudoku-4x4-v0/maskable-ppo/train_seconds"] < 4
    assert rows["HRMSudoku-4x4-v0/dqn/episodes"] == 40
    assert "cpu" in content["machine"]
    assert "oracle" in capsys.readouterr().out


def test_an_agent_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hrm_gym.agents.simple import RandomAgent

    def act(self: RandomAgent, obs: object, info: object) -> int:
        raise RuntimeError("no luck")

    monkeypatch.setattr(RandomAgent, "act", act)
    args = compare.Args(
        agents=["random", "oracle"], episodes=10, threads=1, out=tmp_path, json=tmp_path / "j"
    )
    assert compare.main(args) == 1
    report = (tmp_path / args.env / "report.md").read_text()
    assert (
        "| random | failed: agent random failed on HRMMaze-7x7-v0: RuntimeError: no luck |"
        in report
    )
    assert "| oracle | solver |" in report
    rows = json.loads((tmp_path / "j").read_text())["rows"]
    assert rows[0]["name"] == "HRMMaze-7x7-v0/random/failed"
    assert "no luck" in rows[0]["reason"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agents": ["oracle", "sac"]}, "agents: expected some of hrm, .*, got 'sac'"),
        ({"agents": []}, "got none"),
        ({"agents": ["random", "random"]}, "each once"),
        ({"env": "HRMChess-v0"}, "env: expected one of"),
        ({"env": "HRMMazeAnswer-v0"}, "env: expected a step environment"),
        ({"seconds": 0}, "seconds: expected a positive number"),
        ({"puzzles": -1}, "puzzles"),
    ],
)
def test_mistakes_are_found_before_training(
    changes: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    settings: dict[str, object] = {"out": tmp_path, **changes}
    with pytest.raises(ValueError, match=sentence):
        compare.main(compare.Args(**settings))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_demo_without_learners(tmp_path: Path) -> None:
    args = demo.Args(
        out=tmp_path / "demo", runs=tmp_path / "runs", episodes=10, agents=["random", "oracle"]
    )
    assert demo.main(args) == 0
    report = (tmp_path / "demo" / "report.md").read_text()
    assert report.count("| oracle | solver |") == 2
    assert (tmp_path / "demo" / "comparison.png").read_bytes().startswith(PNG)
    assert demo.BUDGETS == {"HRMSudoku-4x4-v0": 60.0, "HRMMaze-7x7-v0": 90.0}


def test_train_rl_writes_an_agent_that_can_be_loaded(tmp_path: Path) -> None:
    from hrm_gym.agents.baselines import SB3Agent

    args = train_rl.Args(
        env="HRMSudoku-4x4-v0", agent="ppo", steps=1024, episodes=20, out=tmp_path,
        json=tmp_path / "out.json",
    )  # fmt: skip
    train_rl.main(args)
    folder = tmp_path / "HRMSudoku-4x4-v0" / "ppo" / "seed0"
    assert SB3Agent.load(folder).parameters > 0
    rows = {row["name"]: row["value"] for row in json.loads(args.json.read_text())["rows"]}  # type: ignore[union-attr]
    assert rows["env_steps"] == 1024
    assert 0 <= rows["solve_rate"] <= 1


def test_figures_leave_no_global_state(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    backend = plt.get_backend()
    failed = Comparison("HRMMaze-7x7-v0", [Contestant("hrm", failure="out | of [memory]")])
    save_png(comparison_figure([failed]), tmp_path / "figure.png")
    assert plt.get_fignums() == before
    assert plt.get_backend() == backend
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]
    assert "failed: out \\| of [memory]" in markdown_table(failed)
    assert json_rows(failed)[0]["reason"] == "out | of [memory]"
    assert Point(1.0, 2, 0.5, 0.4, 0.6).high == 0.6


@dataclass
class Args:
    """Arguments of a test."""

    number: int = 1
    """A number."""


def test_cli_turns_mistakes_into_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main(args: Args) -> int | None:
        if args.number < 0:
            raise ValueError("number: expected a positive number,\n got less")
        return args.number if args.number > 1 else None

    assert run(main, Args, []) == 0
    assert run(main, Args, ["--number", "3"]) == 3
    assert run(main, Args, ["--number", "-1"]) == 2
    output = capsys.readouterr()
    assert output.err == "error: number: expected a positive number, got less\n"
    with pytest.raises(SystemExit) as left:
        run(main, Args, ["--number", "many"])
    assert left.value.code == 2


def test_hrm_gym_command(capsys: pytest.CaptureFixture[str]) -> None:
    found = command.names()
    assert {"compare", "train-rl", "demo"} <= set(found)
    assert not {"cli", "plots", "results", "--main--", "--init--"} & set(found)
    assert command.main(["fly"]) == 2
    output = capsys.readouterr()
    assert "train-rl" in output.err
    assert "'fly'" in output.err
    assert command.main([]) == 2
    assert command.main(["compare", "--agents", "sac"]) == 2
    assert capsys.readouterr().err.startswith("error: agents: expected some of hrm")
    assert command.main(["--help"]) == 0
    with pytest.raises(SystemExit) as left:
        command.main(["compare", "--help"])
    assert left.value.code == 0
    assert "Held-out test puzzles" in capsys.readouterr().out
