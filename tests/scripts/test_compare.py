"""The comparison: a tiny one from end to end, failed and resumed cells, and error messages."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from hrm_gym.scripts import __main__ as command
from hrm_gym.scripts import compare, demo, train_rl
from hrm_gym.scripts.cli import command as again
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.comparing import comparison
from hrm_gym.scripts.comparing.cell import AgentResult
from hrm_gym.scripts.experiments.cell import FILE
from hrm_gym.scripts.experiments.process import LOG

PNG = b"\x89PNG\r\n"
AGENTS = """
class Wrong:
    def act(self, obs, info):
        return 99

class Sick:
    def act(self, obs, info):
        raise RuntimeError("no luck")

class Deadly:
    def act(self, obs, info):
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)

class Untold:
    def __init__(self, weights):
        pass

    def act(self, obs, info):
        return 0

class Right:
    def act(self, obs, info):
        return int(info["action_mask"].argmax())
"""


def test_compare_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = compare.Args(
        env=["HRMSudoku-4x4-v0"],
        agents=["maskable-ppo", "random", "oracle"],
        seconds=1.5,
        episodes=40,
        workers=2,
        out=tmp_path,
        json=tmp_path / "out.json",
    )
    assert compare.main(args) == 0
    folder = tmp_path / "HRMSudoku-4x4-v0"
    for name in ("seconds", "puzzles", "rating", "compute"):
        assert (folder / f"{name}.png").read_bytes().startswith(PNG)
    report = (folder / "report.md").read_text()
    assert "| oracle | solver | - | - | - | - | 100.0% (91.2-100) |" in report
    assert "optimal" not in report
    for agent in args.agents or []:
        assert len(list((folder / agent / "seed0").glob("events.out.tfevents.*"))) == 1, agent
        assert not (folder / agent / "seed0" / LOG).exists()
    content = json.loads((tmp_path / "out.json").read_text())
    rows = {row["name"]: row["value"] for row in content["rows"]}
    assert rows["HRMSudoku-4x4-v0/oracle/solve_rate"] == 1.0
    assert rows["HRMSudoku-4x4-v0/oracle/ood/solve_rate"] == 1.0
    assert rows["HRMSudoku-4x4-v0/maskable-ppo/env_steps"] > 0
    assert rows["HRMSudoku-4x4-v0/maskable-ppo/puzzles_seen"] >= 32
    # Its own budget, on a busy machine too, and not the 60 s where none is given.
    assert 1.5 <= rows["HRMSudoku-4x4-v0/maskable-ppo/train_seconds"] < 60
    assert "cpu" in content["machine"]
    said = capsys.readouterr().out
    assert "finished before" not in said
    # The same again runs nothing; another budget does.
    before = (folder / "oracle" / "seed0" / FILE).stat().st_mtime_ns
    with pytest.raises(ValueError, match="seed0 contains a result of compare"):
        train_rl.main(train_rl.Args(env="HRMSudoku-4x4-v0", steps=64, out=tmp_path))
    assert compare.main(args) == 0
    assert capsys.readouterr().out.count("finished before") == 3
    assert (folder / "oracle" / "seed0" / FILE).stat().st_mtime_ns == before
    more = compare.Args(env=args.env, agents=["oracle"], episodes=20, out=tmp_path)
    assert compare.main(more) == 0
    assert "finished before" not in capsys.readouterr().out


def test_custom_agents_and_failed_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_agents.py").write_text(AGENTS)
    monkeypatch.syspath_prepend(tmp_path)
    names = [f"some_agents:{name}" for name in ("Wrong", "Sick", "Deadly", "Untold", "Right")]
    (tmp_path / "HRMMaze-7x7-v0" / "oracle" / "seed0").mkdir(parents=True)
    other = tmp_path / "HRMMaze-7x7-v0" / "oracle" / "seed0" / FILE
    other.write_text('{"format": 0}')
    args = compare.Args(
        agents=[*names, "oracle"], episodes=10, workers=2, out=tmp_path, json=tmp_path / "j"
    )
    assert compare.main(args) == 1
    report = (tmp_path / "HRMMaze-7x7-v0" / "report.md").read_text()
    for sentence in (
        "some_agents:Sick, seed 0 failed: agent Sick failed on HRMMaze-7x7-v0: "
        "RuntimeError: no luck",
        "some_agents:Wrong, seed 0 failed: agent Wrong on HRMMaze-7x7-v0: expected an action",
        "some_agents:Deadly, seed 0 failed: its process died (signal 9)",
        "some_agents:Untold, seed 0 failed: agents: cannot make some_agents:Untold without "
        "arguments: TypeError: ",
        "expected format 1, got 0; remove it, or choose another --out",
    ):
        assert sentence in report
    assert "| some_agents:Right | none |" in report
    assert other.read_text() == '{"format": 0}', "what is not ours stays"
    rows = json.loads((tmp_path / "j").read_text())["rows"]
    assert rows[0]["name"] == "HRMMaze-7x7-v0/some_agents:Wrong/failed"


def test_unknown_names_fail_their_cells_and_the_others_finish(tmp_path: Path) -> None:
    args = compare.Args(
        env=["HRMSudoku-4x4-v0", "HRMChess-v0"],
        agents=["oracle", "sac"],
        episodes=5,
        out=tmp_path,
        report=tmp_path / "report",
    )
    assert compare.main(args) == 1
    report = (tmp_path / "report" / "report.md").read_text()
    assert "HRMSudoku-4x4-v0, sac, seed 0 failed: agents: expected some of hrm" in report
    assert "HRMChess-v0, oracle, seed 0 failed: env: expected one of" in report
    assert "| oracle | solver |" in report
    rows = json.loads((tmp_path / "report" / "results.json").read_text())["rows"]
    assert sum(row["name"].endswith("/failed") for row in rows) == 3
    assert {"HRMSudoku-4x4-v0/oracle/solve_rate"} <= {row["name"] for row in rows}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agents": ["sac"]}, "agents: expected some of hrm, .*, got 'sac'"),
        ({"agents": []}, "got none"),
        ({"agents": ["random", "random"]}, "each once"),
        ({"agents": ["no_such_module:Agent"]}, "agents: cannot import 'no_such_module'"),
        ({"agents": ["json:loads"]}, "agents: json:loads is not a class with a method act"),
        ({"env": ["HRMChess-v0"]}, "env: expected one of"),
        ({"env": ["HRMMazeAnswer-v0"]}, "env: expected a step environment"),
        ({"env": []}, "env: expected each once, got none"),
        ({"env": ["HRMMaze-7x7-v0"] * 2}, "env: expected each once, got HRM"),
        ({"seconds": 0}, "seconds: expected a positive number"),
        ({"puzzles": -1}, "puzzles"),
        ({"seeds": 0}, "seeds: expected a positive number"),
        ({"timeout": 0}, "timeout: expected a positive number, got 0"),
        ({"agents": ["transformer"], "preset": "sudoku-4x4"}, "but sudoku-4x4 trains on HRMSudoku"),
        ({"agents": ["ppo"], "policy": "lstm"}, "policy: expected one of mlp, .*, got 'lstm'"),
        ({"suite": "big"}, "suite: expected one of default, small, headline, arc, got 'big'"),
        ({"agents": ["oracle"], "ray": "auto"}, "ray: "),
    ],
)
def test_errors_are_reported_before_training(
    changes: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    settings: dict[str, object] = {"out": tmp_path, **changes}
    with pytest.raises(ValueError, match=sentence):
        compare.main(compare.Args(**settings))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_warning_is_printed_if_cells_share_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        comparison, "run_grid", lambda cells, *_: [AgentResult(cell) for cell in cells]
    )
    said: list[str] = []
    settled = compare.resolve(compare.Args(agents=["oracle"], workers=1))
    settled.run(said.append)
    assert said == []
    dataclasses.replace(settled, threads=4096).run(said.append)
    assert "1 x 4096 threads" in said[0]


def test_a_suite_sets_the_options_that_are_not_given() -> None:
    settled = compare.resolve(compare.Args(suite="small", seeds=2))
    assert settled.seconds == {"HRMSudoku-4x4-v0": 180.0, "HRMMaze-7x7-v0": 180.0}
    assert (settled.seeds, len(settled.agents), settled.workers) == (2, 7, 2)
    assert compare.resolve(compare.Args()).seeds == 1
    assert compare.resolve(compare.Args()).episodes == 500
    headline = compare.resolve(compare.Args(suite="headline"))
    assert headline.episodes == 200
    policies = {cell.agent: cell.policy for cell in headline.cells()}
    assert policies["ppo"] == policies["dqn"] == "relations"
    assert policies["hrm"] is policies["oracle"] is None


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
    # No command overwrites the agent of another one.
    before = sorted(folder.iterdir())
    with pytest.raises(ValueError, match=r"out: .*seed0 contains a trained agent; name another"):
        train_rl.main(args)
    settings = {args.env: 1.0}, ["ppo", "oracle"]
    failed, _ = comparison.Comparison(*settings, episodes=5, out=tmp_path).run()
    reason = f"out: {folder} contains a trained agent; name another --out, or remove it"
    assert failed.failure == reason
    assert sorted(folder.iterdir()) == before


@dataclasses.dataclass
class Args:
    """Arguments of a test."""

    number: int = 1
    """A number."""


def test_errors_are_printed_as_one_line(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_command_in_a_report_repeats_the_comparison() -> None:
    args = compare.Args(suite="small", agents=["hrm", "a:B"], rerun=True, out=Path("elsewhere"))
    words = again("compare", args)
    assert words == "python scripts/compare.py --suite small --agents hrm a:B --rerun"
    assert again("demo", demo.Args()) == "python scripts/demo.py"


def test_hrm_gym_command(capsys: pytest.CaptureFixture[str]) -> None:
    found = command.names()
    assert {"compare", "train-rl", "demo"} <= set(found)
    assert not {"cli", "plots", "comparing", "--main--", "--init--"} & set(found)
    assert command.main(["fly"]) == 2
    output = capsys.readouterr()
    assert "train-rl" in output.err
    assert "'fly'" in output.err
    assert command.main([]) == 0
    assert command.main(["compare", "--agents", "sac"]) == 2
    assert capsys.readouterr().err.startswith("error: agents: expected some of hrm")
    assert command.main(["--help"]) == 0
    with pytest.raises(SystemExit) as left:
        command.main(["compare", "--help"])
    assert left.value.code == 0
    assert "held-out puzzles" in capsys.readouterr().out
