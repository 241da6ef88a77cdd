"""The comparison: a tiny one from end to end, what fails, what goes on, and how mistakes read."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hrm_gym.evaluation import Episode, Evaluation
from hrm_gym.scripts import __main__ as command
from hrm_gym.scripts import compare, demo, train_rl
from hrm_gym.scripts.cli import command as again
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.comparing import cell as cells
from hrm_gym.scripts.comparing import grid, process, statistics
from hrm_gym.scripts.comparing.cell import Cell, Point, Result
from hrm_gym.scripts.comparing.figures import (
    COLOURS,
    compute_figure,
    learning_figure,
    rating_figure,
)
from hrm_gym.scripts.comparing.process import LOG, Process, time_limit
from hrm_gym.scripts.comparing.report import method, write_report
from hrm_gym.scripts.comparing.statistics import at_puzzles, improvements, interquartile_means
from hrm_gym.scripts.comparing.tables import json_rows, markdown_table, rich_tables, tables

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
    assert "| oracle | solver | - | - | - | - | 100.0% (91-100) |" in report
    assert "optimal" not in report
    for agent in args.agents or []:
        assert len(list((folder / agent / "seed0").glob("events.out.tfevents.*"))) == 1, agent
        assert not (folder / agent / "seed0" / LOG).exists()
    content = json.loads((tmp_path / "out.json").read_text())
    rows = {row["name"]: row["value"] for row in content["rows"]}
    assert rows["HRMSudoku-4x4-v0/oracle/solve_rate"] == 1.0
    assert rows["HRMSudoku-4x4-v0/oracle/ood/solve_rate"] == 1.0
    assert rows["HRMSudoku-4x4-v0/maskable-ppo/env_steps"] > 0
    assert rows["HRMSudoku-4x4-v0/maskable-ppo/puzzles_seen"] > 40
    assert 1.5 <= rows["HRMSudoku-4x4-v0/maskable-ppo/train_seconds"] < 6
    assert "cpu" in content["machine"]
    said = capsys.readouterr().out
    assert "finished before" not in said
    # The same again runs nothing; another budget does.
    before = (folder / "oracle" / "seed0" / cells.FILE).stat().st_mtime_ns
    assert compare.main(args) == 0
    assert capsys.readouterr().out.count("finished before") == 3
    assert (folder / "oracle" / "seed0" / cells.FILE).stat().st_mtime_ns == before
    more = compare.Args(env=args.env, agents=["oracle"], episodes=20, out=tmp_path)
    assert compare.main(more) == 0
    assert "finished before" not in capsys.readouterr().out


def test_agents_of_ones_own_and_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_agents.py").write_text(AGENTS)
    monkeypatch.syspath_prepend(tmp_path)
    names = [f"some_agents:{name}" for name in ("Wrong", "Sick", "Deadly", "Right")]
    (tmp_path / "HRMMaze-7x7-v0" / "oracle" / "seed0").mkdir(parents=True)
    other = tmp_path / "HRMMaze-7x7-v0" / "oracle" / "seed0" / cells.FILE
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


SLEEPER = """
import os, pathlib, subprocess, time

class Sleeper:
    def act(self, obs, info):
        child = subprocess.Popen(["sleep", "60"])
        pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
        print("so tired", flush=True)
        time.sleep(60)
"""
"""An agent that never answers, with a child of its own."""


def alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended and waits to be noticed does not."""
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text()
    except OSError:
        return False


def asleep(folder: Path, seconds: float = 60.0) -> list[int]:
    """Wait until the sleeper has written its process id and its child's, and return them."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pids = (folder / "pids").read_text().split() if (folder / "pids").exists() else []
        if len(pids) == 2:
            return [int(pid) for pid in pids]
        time.sleep(0.05)
    raise AssertionError("the cell did not begin")


def gone(pids: list[int], seconds: float = 20.0) -> bool:
    """Wait until processes have ended, and say whether they have."""
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cell:
    """Return a cell that hangs, in the folder where the test runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tired.py").write_text(SLEEPER)
    return Cell("HRMSudoku-4x4-v0", "tired:Sleeper", seconds=1.0)


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@linux
def test_a_cell_that_is_out_of_time_is_ended(sleeper: Cell, tmp_path: Path) -> None:
    running = Process(sleeper, tmp_path)
    pids = asleep(tmp_path)
    assert not running.over()
    running.timeout = 0.1
    assert running.over()
    result = running.result()
    assert result.failure == "it had no result after 0.1 s, and was ended (--timeout): so tired"
    assert cells.load(sleeper, tmp_path) == result
    assert gone(pids)


def test_the_others_of_a_hung_cell_finish(
    sleeper: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "time_limit", lambda cell: 0.2 if cell is sleeper else 600.0)
    other = Cell("HRMSudoku-4x4-v0", "oracle", episodes=5)
    late, good = grid.run_grid([sleeper, other], tmp_path, say=lambda line: None)
    assert (late.failure or "").startswith("it had no result after 0.2 s, and was ended")
    assert good.failure is None


def test_the_time_limit_is_far_beyond_the_budget() -> None:
    assert time_limit(Cell("HRMSudoku-4x4-v0", "hrm", seconds=180.0)) == 2700.0


@linux
def test_an_interrupted_comparison_leaves_nothing_running(sleeper: Cell, tmp_path: Path) -> None:
    def interrupt() -> None:
        asleep(tmp_path)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        grid.run_grid([sleeper], tmp_path, say=lambda line: None)
    thread.join()
    assert gone(asleep(tmp_path))
    assert cells.load(sleeper, tmp_path) is None, "it is run again next time"


@linux
def test_cells_end_with_a_comparison_that_is_killed(sleeper: Cell, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from hrm_gym.scripts.comparing.cell import Cell\n"
        "from hrm_gym.scripts.comparing.grid import run_grid\n"
        f"run_grid([{sleeper!r}], Path())"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        pids = asleep(tmp_path)
        assert all(map(alive, pids))
        parent.kill()
    assert gone(pids)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agents": ["sac"]}, "agents: expected some of hrm, .*, got 'sac'"),
        ({"agents": []}, "got none"),
        ({"agents": ["random", "random"]}, "each once"),
        ({"agents": ["no_such_module:Agent"]}, "agents: cannot import 'no_such_module'"),
        ({"agents": ["json:loads"]}, "agents: json:loads is no class with a method act"),
        ({"env": ["HRMChess-v0"]}, "env: expected one of"),
        ({"env": ["HRMMazeAnswer-v0"]}, "env: expected a step environment"),
        ({"env": []}, "env: expected each once, got none"),
        ({"seconds": 0}, "seconds: expected a positive number"),
        ({"puzzles": -1}, "puzzles"),
        ({"seeds": 0}, "seeds: expected a positive number"),
        ({"timeout": 0}, "timeout: expected a positive number, got 0"),
        ({"agents": ["transformer"], "preset": "sudoku-4x4"}, "but sudoku-4x4 trains on HRMSudoku"),
        ({"suite": "big"}, "suite: expected one of small, got 'big'"),
        ({"agents": ["oracle"], "ray": "auto"}, "ray: "),
    ],
)
def test_mistakes_are_found_before_training(
    changes: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    settings: dict[str, object] = {"out": tmp_path, **changes}
    with pytest.raises(ValueError, match=sentence):
        compare.main(compare.Args(**settings))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_cells_that_share_a_core_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "run_grid", lambda cells, *_: [Result(cell) for cell in cells])
    said: list[str] = []
    args = compare.Args(agents=["oracle"], workers=1)
    compare.compare(args, said.append)
    assert said == []
    compare.compare(dataclasses.replace(args, threads=4096), said.append)
    assert "1 x 4096 threads" in said[0]


def test_a_suite_fills_in_what_is_left_open() -> None:
    settled = compare.settle(compare.Args(suite="small", seeds=2))
    assert settled.env == ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0"]
    assert (settled.seeds, settled.seconds, settled.workers) == (2, 180.0, 2)
    assert compare.settle(compare.Args()).seeds == 1


def made(agent: str, seed: int, rate: float, env: str = "HRMMaze-7x7-v0") -> Result:
    """Make the result of an agent that solves the first puzzles."""
    episodes = [
        Episode(k, k < rate * 20, None, k < rate * 10, 1.0, k + 1, k % 7) for k in range(20)
    ]
    tested = {s: Evaluation(env, agent, s, "bank", episodes, 0.2) for s in cells.SPLITS}
    curve = [Point(0.0, 0, 8, 0.0), Point(9.0, 900, 108, rate)]
    signal = "none" if agent == "random" else "reward"
    numbers = (0, 0, 0.0, 0) if agent == "random" else (5, 900, 9.0, 108)
    return Result(Cell(env, agent, seed), None, False, signal, *numbers, 0.5, curve, tested)


@pytest.fixture
def results() -> list[Result]:
    """Make a comparison with a cell that diverged."""
    rates = {"hrm": (0.9, 0.8, 1.0), "ppo": (0.5, 0.4, 0.6), "random": (0.2, 0.1, 0.3)}
    found = [
        made(name, seed, rate) for name, all_ in rates.items() for seed, rate in enumerate(all_)
    ]
    found[4] = Result(found[4].cell, failure="not | finite", diverged=True)
    return found


def test_statistics(results: list[Result]) -> None:
    means = interquartile_means(results, "test")
    assert means["hrm"].value == pytest.approx(0.9)
    assert means["ppo"].value == pytest.approx((0.5 + 0 + 0.6) / 3), "a failed run solved nothing"
    assert means["hrm"].low >= 0.8
    assert means["hrm"].low < means["hrm"].value < means["hrm"].high <= 1.0
    better = improvements(results, "hrm", "test")
    assert better["ppo"].value == better["random"].value == 1.0
    generator = np.random.default_rng(0)
    many = [
        made("hrm", seed, rate, f"env{env}")
        for env, rates in enumerate(generator.random((4, 7)))
        for seed, rate in enumerate(rates)
    ]
    first = interquartile_means(many, "test")
    statistics._interquartile_mean.cache_clear()
    assert interquartile_means(many, "test") == first, "the same results, the same intervals"
    assert at_puzzles([results[0]], 58) == pytest.approx(0.45)
    assert at_puzzles([results[0]], 200) is None


def test_an_environment_that_is_not_there_tells_nobody_apart(results: list[Result]) -> None:
    lost = [Result(Cell("HRMChess-v0", agent), failure="none") for agent in ("hrm", "ppo")]
    for split in cells.SPLITS:
        assert interquartile_means([*lost, *results], split) == interquartile_means(results, split)
    # Of whom every run failed solved nothing.
    failed = [Result(Cell("HRMMaze-7x7-v0", "dqn", seed), failure="no") for seed in range(3)]
    assert interquartile_means([*results, *failed], "test")["dqn"] == (0.0, 0.0, 0.0)


def test_an_agent_that_learned_elsewhere_has_no_part_in_equal_puzzles(
    results: list[Result],
) -> None:
    own = [
        dataclasses.replace(r, cell=Cell(r.cell.env, "a:B", k), signal="labels", parameters=5)
        for k, r in enumerate(results[-3:])
    ]
    assert not own[0].learned
    (env, *_) = tables([*results, *own])
    assert "at 108 puzzles" in env.headings
    assert env.rows[-1][:6] == ["a:B", "labels", "5", "-", "-", "-"]


def test_a_report_names_every_machine(results: list[Result]) -> None:
    for result, cpu in zip(results, ("slow", "fast", "fast"), strict=False):
        result.machine = {"cpu": cpu, "cores": 2, "torch_threads": 1}
    text = method(results)
    assert "cannot be compared" in text
    assert text.endswith("Machine: cpu slow, cores 2. Machine: cpu fast, cores 2.")
    assert "cannot be compared" not in method(results[1:])


def test_tables(results: list[Result]) -> None:
    env, overall = tables(results)
    assert env.title == "HRMMaze-7x7-v0"
    text = markdown_table(env)
    assert "1 of 3 (1 diverged)" in text
    assert "| hrm | reward | 5 | 900 | 108 | 9 | 90.0% (" in text
    assert "| solved of 20 (95%) | ood of 20 (95%) |" in text
    (ppo,) = (row for row in env.rows if row[0] == "ppo")
    # Of three runs one failed, which solved nothing: (25 + 0 + 30) / 3 and (50 + 0 + 60) / 3.
    assert ppo[env.headings.index("optimal")] == "18.3%"
    assert ppo[env.headings.index("at 108 puzzles")] == "37%"
    assert "1.00 (1.00-1.00)" in markdown_table(overall)
    assert len(rich_tables(results)) == 2
    rows = {row["name"]: row for row in json_rows(results)}
    assert rows["HRMMaze-7x7-v0/ppo/seed1/failed"]["diverged"]
    assert rows["hrm/test/interquartile_mean"]["value"] == pytest.approx(0.9)


def test_a_report_is_whole_and_opens_offline(results: list[Result], tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    before, backend = plt.get_fignums(), plt.get_backend()
    write_report(results, tmp_path, "A <title>", "make it")
    assert plt.get_fignums() == before
    assert plt.get_backend() == backend
    page = (tmp_path / "report.html").read_text()
    assert "A &lt;title&gt;" in page
    assert "not | finite" in page
    assert page.count("data:image/png;base64,") == 4
    assert "http://" not in page
    assert "https://" not in page
    text = (tmp_path / "report.md").read_text()
    assert "HRMMaze-7x7-v0, ppo, seed 1 failed: not | finite" in text
    assert "took 5.6% of the training time" in text


def test_figures_show_every_agent(results: list[Result]) -> None:
    for figure in (
        learning_figure(results),
        learning_figure(results, "puzzles"),
        rating_figure(results),
        compute_figure(results),
    ):
        words = {text.get_text().split()[0] for text in figure.axes[0].texts}
        assert words == {"hrm", "ppo", "random"}


def test_a_failed_run_solved_nothing_in_figures(results: list[Result]) -> None:
    words = [text.get_text() for text in learning_figure(results).axes[0].texts]
    assert "ppo 37%" in words
    (line,) = (k for k in rating_figure(results).axes[0].lines if k.get_color() == COLOURS["ppo"])
    good = [run for run in results if run.cell.agent == "ppo" and run.failure is None]
    (alone,) = rating_figure(good).axes[0].lines
    assert np.asarray(line.get_ydata()) == pytest.approx(np.asarray(alone.get_ydata()) * 2 / 3)


def test_a_comparison_in_which_all_failed_has_a_report(tmp_path: Path) -> None:
    failed = [Result(Cell("HRMMaze-7x7-v0", "hrm"), failure="out | of [memory]")]
    text = write_report(failed, tmp_path, "t", "c")
    assert "failed: out \\| of [memory]" in text
    assert json_rows(failed)[0]["reason"] == "out | of [memory]"


def test_results_survive_the_disk(results: list[Result], tmp_path: Path) -> None:
    for result in results:
        result.save(tmp_path)
        found = cells.load(result.cell, tmp_path)
        assert found == result
    assert cells.load(Cell("HRMMaze-7x7-v0", "hrm", 0, seconds=1.0), tmp_path) is None


def test_a_filmstrip_shows_a_rollout() -> None:
    from hrm_gym.agents.simple import OracleAgent

    strip = cells.filmstrip(OracleAgent(), "HRMMaze-7x7-v0", 3)
    assert strip.dtype == np.uint8
    assert strip.shape[1] % 3 == 0
    first, _, last = np.split(strip, 3, axis=1)
    assert (first != last).any()


def test_ray_runs_the_same_cells(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    cell = Cell("HRMMaze-7x7-v0", "oracle", episodes=5)
    (result,) = grid.run_grid([cell], tmp_path, ray="local", say=lambda line: None)
    assert result.tested["test"].solve_rate == 1.0
    assert cells.load(cell, tmp_path) == result
    # Once more: what the first run left is removed.
    grid.run_grid([cell], tmp_path, again=True, ray="local", say=lambda line: None)
    assert len(list(cell.folder(tmp_path).glob("events.out.tfevents.*"))) == 1


def test_an_interrupted_ray_is_shut_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def remote(**_: object) -> object:
        task = SimpleNamespace(remote=lambda cell: object())
        return lambda function: SimpleNamespace(options=lambda **_: task)

    ray = SimpleNamespace(
        init=lambda **_: said.append("init"),
        shutdown=lambda: said.append("shutdown"),
        wait=interrupted,
        remote=remote,
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(KeyboardInterrupt):
        grid.run_grid([Cell("HRMMaze-7x7-v0", "oracle")], tmp_path, ray="local")
    assert said == ["init", "shutdown"]


def test_demo_without_learners(tmp_path: Path) -> None:
    args = demo.Args(
        out=tmp_path / "demo", runs=tmp_path / "runs", episodes=10, agents=["random", "oracle"]
    )
    assert demo.main(args) == 0
    report = (tmp_path / "demo" / "report.md").read_text()
    assert report.count("| oracle | solver |") == 2
    assert (tmp_path / "demo" / "seconds.png").read_bytes().startswith(PNG)
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


@dataclasses.dataclass
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


def test_the_command_in_a_report_does_it_again() -> None:
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
    assert command.main([]) == 2
    assert command.main(["compare", "--agents", "sac"]) == 2
    assert capsys.readouterr().err.startswith("error: agents: expected some of hrm")
    assert command.main(["--help"]) == 0
    with pytest.raises(SystemExit) as left:
        command.main(["compare", "--help"])
    assert left.value.code == 0
    assert "Held-out puzzles" in capsys.readouterr().out
