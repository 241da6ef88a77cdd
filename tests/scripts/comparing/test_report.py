"""Reports of a comparison: statistics over seeds, tables, figures, and results on disk."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hrm_gym.evaluation import Episode, Evaluation
from hrm_gym.scripts.comparing import statistics
from hrm_gym.scripts.comparing.cell import SPLITS, AgentCell, AgentResult, Point, filmstrip
from hrm_gym.scripts.comparing.columns import MEASURES
from hrm_gym.scripts.comparing.figures import (
    COLOURS,
    compute_figure,
    learning_figure,
    rating_figure,
)
from hrm_gym.scripts.comparing.report import method, write_report
from hrm_gym.scripts.comparing.statistics import at_puzzles, improvements, interquartile_means
from hrm_gym.scripts.comparing.tables import json_rows, rich_tables, tables
from hrm_gym.scripts.experiments.cell import load


def made(agent: str, seed: int, rate: float, env: str = "HRMMaze-7x7-v0") -> AgentResult:
    """Make the result of an agent that solves the first puzzles."""
    episodes = [
        Episode(k, k < rate * 20, None, k < rate * 10, 1.0, k + 1, k % 7) for k in range(20)
    ]
    tested = {s: Evaluation(env, agent, s, "bank", episodes, 0.2) for s in SPLITS}
    curve = [Point(0.0, 0, 8, 0.0), Point(9.0, 900, 108, rate)]
    signal = "none" if agent == "random" else "reward"
    numbers = (0, 0, 0.0, 0) if agent == "random" else (5, 900, 9.0, 108)
    return AgentResult(
        AgentCell(env, agent, seed), None, False, signal, *numbers, 0.5, curve, tested
    )


@pytest.fixture
def results() -> list[AgentResult]:
    """Make a comparison with a cell that diverged."""
    rates = {"hrm": (0.9, 0.8, 1.0), "ppo": (0.5, 0.4, 0.6), "random": (0.2, 0.1, 0.3)}
    found = [
        made(name, seed, rate) for name, all_ in rates.items() for seed, rate in enumerate(all_)
    ]
    found[4] = AgentResult(found[4].cell, failure="not | finite", diverged=True)
    return found


def test_statistics(results: list[AgentResult]) -> None:
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


def test_an_environment_in_which_all_runs_failed_is_left_out(results: list[AgentResult]) -> None:
    lost = [
        AgentResult(AgentCell("HRMChess-v0", agent), failure="none") for agent in ("hrm", "ppo")
    ]
    for split in SPLITS:
        assert interquartile_means([*lost, *results], split) == interquartile_means(results, split)
    # Of whom every run failed solved nothing.
    failed = [
        AgentResult(AgentCell("HRMMaze-7x7-v0", "dqn", seed), failure="no") for seed in range(3)
    ]
    assert interquartile_means([*results, *failed], "test")["dqn"] == (0.0, 0.0, 0.0)


def test_an_agent_trained_elsewhere_is_not_in_the_column_of_equal_puzzles(
    results: list[AgentResult],
) -> None:
    own = [
        dataclasses.replace(r, cell=AgentCell(r.cell.env, "a:B", k), signal="labels", parameters=5)
        for k, r in enumerate(results[-3:])
    ]
    assert not own[0].learned
    (env, *_) = tables([*results, *own])
    assert "at 108 puzzles" in env.headings
    assert env.rows[-1][:6] == ["a:B", "labels", "5", "-", "-", "-"]


def test_a_report_names_every_machine(results: list[AgentResult]) -> None:
    for result, cpu in zip(results, ("slow", "fast", "fast"), strict=False):
        result.machine = {"cpu": cpu, "cores": 2, "torch_threads": 1}
    text = method(results)
    assert "cannot be compared" in text
    assert text.endswith("Machine: cpu slow, cores 2. Machine: cpu fast, cores 2.")
    assert "cannot be compared" not in method(results[1:])


def test_tables(results: list[AgentResult]) -> None:
    env, overall = tables(results)
    assert env.title == "HRMMaze-7x7-v0"
    text = env.markdown()
    assert "1 of 3 (1 diverged)" in text
    assert "| hrm | reward | 5 | 900 | 108 | 9 | 90.0% (" in text
    assert "| solved of 20 (95%) | ood of 20 (95%) |" in text
    (ppo,) = (row for row in env.rows if row[0] == "ppo")
    # Of three runs one failed, which solved nothing: (25 + 0 + 30) / 3 and (50 + 0 + 60) / 3.
    assert ppo[env.headings.index("optimal")] == "18.3%"
    assert ppo[env.headings.index("at 108 puzzles")] == "37%"
    assert "1.00 (1.00-1.00)" in overall.markdown()
    rows = {row["name"]: row for row in json_rows(results)}
    assert rows["HRMMaze-7x7-v0/ppo/seed1/failed"]["diverged"]
    assert rows["hrm/test/interquartile_mean"]["value"] == pytest.approx(0.9)


def test_tables_fit_a_terminal(results: list[AgentResult]) -> None:
    long = "an.agent.of.ones.own:WithALongName"
    for result in results:
        if result.cell.agent == "ppo":
            result.cell = dataclasses.replace(result.cell, agent=long)
    text = io.StringIO()
    console = Console(file=text, width=80)
    for table in rich_tables(results):
        console.print(table)
    shown = text.getvalue()
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown, "something was cut off"
    assert shown.count("90.0% (") == 4, "test and ood, of the environment and of all seeds"
    assert "1 of 3" in shown
    assert "an.agent.of. " in shown, "the name goes on in the next line"


def test_a_report_is_complete_and_opens_offline(results: list[AgentResult], tmp_path: Path) -> None:
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


def test_figures_show_every_agent(results: list[AgentResult]) -> None:
    for figure in (
        learning_figure(results),
        learning_figure(results, "puzzles"),
        rating_figure(results),
        compute_figure(results),
    ):
        words = {text.get_text().split()[0] for text in figure.axes[0].texts}
        assert words == {"hrm", "ppo", "random"}


def test_a_failed_run_solved_nothing_in_figures(results: list[AgentResult]) -> None:
    words = [text.get_text() for text in learning_figure(results).axes[0].texts]
    assert "ppo 36.7%" in words
    (line,) = (k for k in rating_figure(results).axes[0].lines if k.get_color() == COLOURS["ppo"])
    good = [run for run in results if run.cell.agent == "ppo" and run.failure is None]
    (alone,) = rating_figure(good).axes[0].lines
    assert np.asarray(line.get_ydata()) == pytest.approx(np.asarray(alone.get_ydata()) * 2 / 3)


def test_a_comparison_in_which_all_failed_has_a_report(tmp_path: Path) -> None:
    failed = [AgentResult(AgentCell("HRMMaze-7x7-v0", "hrm"), failure="out | of [memory]")]
    text = write_report(failed, tmp_path, "t", "c")
    assert "failed: out \\| of [memory]" in text
    assert json_rows(failed)[0]["reason"] == "out | of [memory]"


def test_results_can_be_saved_and_loaded(results: list[AgentResult], tmp_path: Path) -> None:
    for result in results:
        result.save(tmp_path)
        found = load(result.cell, tmp_path)
        assert found == result
    assert load(AgentCell("HRMMaze-7x7-v0", "hrm", 0, seconds=1.0), tmp_path) is None


def test_a_filmstrip_shows_a_rollout() -> None:
    from hrm_gym.agents.simple import OracleAgent

    strip = filmstrip(OracleAgent(), "HRMMaze-7x7-v0", 3)
    assert strip.dtype == np.uint8
    assert strip.shape[1] % 3 == 0
    first, _, last = np.split(strip, 3, axis=1)
    assert (first != last).any()


def test_every_measure_has_a_column_and_a_row(results: list[AgentResult]) -> None:
    (env, _), rows = tables(results), json_rows(results)
    for measure in MEASURES:
        (row,) = (r for r in rows if r["name"] == f"HRMMaze-7x7-v0/hrm/seed0/{measure.name}")
        assert row["value"] == measure.value(results[0])
        assert measure.heading is None or measure.heading in env.headings
