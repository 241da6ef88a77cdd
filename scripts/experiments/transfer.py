"""Agents that are trained at one size and tested at several: cells, tables, a figure, a film."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hrm_gym.scripts.reporting.tables import Table

from .cell import Cell, Result
from .suites import read_suite

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hrm_gym.tracking import Tracker

FILM_PUZZLES = 20
"""Number of test puzzles from which that of the film is chosen."""
FILM_WIDTH = 420
"""Width of the film in pixels."""


@dataclass
class TransferResult(Result):
    """The outcome of a cell.

    Attributes:
        signal: What the agent learned from.
        parameters: Number of trained numbers.
        seconds: Training seconds; 0 if the agent was not trained here.
        tested: By environment ``solve_rate`` with its 95% interval (``low``, ``high``), the number
            of ``puzzles``, the mean ``steps`` and, if the agent thinks in segments, the mean
            ``segments`` of a puzzle. If it solved one of the first puzzles, ``shown`` is the number
            of the one that took most segments, ``shown_segments``.
    """

    signal: str = ""
    parameters: int = 0
    seconds: float = 0.0
    tested: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The share of solved puzzles by environment."""
        if self.failure is not None:
            return super().summary
        shares = [f"{100 * one['solve_rate']:.0f}% of {env}" for env, one in self.tested.items()]
        return ", ".join(shares)


@dataclass(frozen=True)
class TransferCell(Cell):
    """An agent and the environments that it is tested on.

    Attributes:
        group: Title of its table.
        entry: Name of the agent in the table.
        agent: Name of the catalog, or of a pretrained agent.
        env: The environment that it is trained on, if it learns.
        tests: Number of held-out puzzles by environment.
        preset: Configuration of an agent that learns from labels.
        policy: Network of an agent that learns from reward.
        seed: Seed of everything random.
    """

    group: str
    entry: str
    agent: str
    env: str
    tests: dict[str, int] = field(hash=False)
    preset: str | None = None
    policy: str | None = None
    seed: int = 0

    result_type: ClassVar = TransferResult

    @property
    def name(self) -> str:
        """The table and the agent."""
        return f"{self.group}, {self.entry}"

    def folder(self, out: Path) -> Path:
        """Return the folder of the trained agent and its TensorBoard run."""
        words = (re.sub(r"\W+", "-", word.lower()).strip("-") for word in (self.group, self.entry))
        return out.joinpath("sizes", *words, f"seed{self.seed}")

    def run(self, folder: Path) -> TransferResult:
        """Train the agent if it learns, and test it on all environments."""
        from hrm_gym.agents.catalog import load_agent
        from hrm_gym.evaluation import evaluate
        from hrm_gym.registration import answer_id
        from hrm_gym.tracking import Tracker

        with Tracker(folder) as tracker:
            agent, seconds = self._agent(folder, tracker)
        result = TransferResult(
            self,
            signal=str(getattr(agent, "signal", "none")),
            parameters=int(getattr(agent, "parameters", 0)),
            seconds=seconds,
        )
        for env_id, count in self.tests.items():
            if seconds and hasattr(agent, "at"):
                player = agent.at(env_id)
            elif hasattr(agent, "think") or seconds:
                player = agent
            else:
                player = load_agent(self.agent, env_id=env_id, seed=self.seed)
            found = evaluate(player, env_id, count)
            low, high = found.interval
            row = {"solve_rate": found.solve_rate, "low": low, "high": high}
            row |= {"puzzles": len(found.episodes), "steps": found.mean_steps}
            if hasattr(agent, "think"):
                # One step of an Answer environment is one segment. The agent remembers the answers
                # that it gave above, so that it does not think again.
                thought = evaluate(
                    player, answer_id(env_id), count, max_segments=agent.max_segments
                )
                row["segments"] = thought.mean_steps
                pairs = zip(found.episodes[:FILM_PUZZLES], thought.episodes, strict=False)
                solved = [own for played, own in pairs if played.success]
                if solved:
                    longest = max(solved, key=lambda episode: episode.steps)
                    row |= {"shown": longest.index, "shown_segments": longest.steps}
            result.tested[env_id] = row
        return result

    def _agent(self, folder: Path, tracker: Tracker) -> tuple[Any, float]:
        """Return the agent and its training seconds; a trained agent is saved in the folder."""
        from hrm_gym.agents.catalog import AGENTS, load_agent, train_agent

        if AGENTS.get(self.agent) not in ("labels", "reward"):
            return load_agent(self.agent, env_id=self.env, seed=self.seed), 0.0
        trained = train_agent(
            self.agent,
            self.env,
            seed=self.seed,
            seconds=self.seconds,
            tracker=tracker,
            preset=self.preset,
            policy=self.policy,
        )
        trained.agent.save(folder)
        return trained.agent, trained.seconds


def cells(
    suite: str, scale: float, most: int, names: Sequence[str] | None, seed: int
) -> list[TransferCell]:
    """Return the cells of a suite; those that are trained come first.

    Args:
        suite: Name of the suite.
        scale: Factor of every training time.
        most: Largest number of puzzles of every test.
        names: Entries to run; ``None`` runs all.
        seed: Seed of every cell.

    Raises:
        ValueError: if the scale or the number of puzzles is not positive, or an entry is unknown.
    """
    for option, value in (("scale", scale), ("episodes", most)):
        if not value > 0:
            raise ValueError(f"{option}: expected a positive number, got {value}")
    groups = read_suite(suite)
    known = list(dict.fromkeys(name for group in groups for name in group["entries"]))
    if names is not None and (not names or not set(names) <= set(known)):
        got = " ".join(names) or "none"
        raise ValueError(f"agents: expected some of {', '.join(known)}, got {got}")
    found = []
    for group in groups:
        for name, own in group["entries"].items():
            if names is not None and name not in names:
                continue
            tests = {env: min(n, most) for env, n in own.get("tests", group["tests"]).items()}
            changes = {**own, "tests": tests}
            if "seconds" in own:
                changes["seconds"] = own["seconds"] * scale
            found.append(TransferCell(group["title"], name, env=group["env"], seed=seed, **changes))
    return sorted(found, key=lambda cell: cell.seconds is None)


def grouped(results: Sequence[TransferResult]) -> dict[str, list[TransferResult]]:
    """Return the results by the title of their table, in the order of the suite."""
    found: dict[str, list[TransferResult]] = {}
    for result in results:
        found.setdefault(result.cell.group, []).append(result)
    return found


def environments(results: Sequence[TransferResult]) -> list[str]:
    """Return the environments that the results were tested on, in the order of the suite."""
    longest = max(results, key=lambda result: len(result.cell.tests))
    return list(longest.cell.tests)


def tables(results: Sequence[TransferResult]) -> list[Table]:
    """Return a table for each group."""
    found = []
    for title, own in grouped(results).items():
        envs = environments(own)
        headings = ["agent", "learns from", "parameters", "train s"]
        puzzles = own[0].cell.tests
        headings += [f"{size_of(env)} solved of {puzzles.get(env, 0)} (95%)" for env in envs]
        headings.append("mean segments")
        rows = [_row(result, envs) for result in own]
        shown = [place not in (1, 2, 3) for place in range(len(headings))]
        found.append(Table(f"{title}: {', '.join(envs)}", headings, rows, 2, shown))
    return found


def _row(result: TransferResult, envs: Sequence[str]) -> list[str]:
    if result.failure is not None:
        return [result.cell.entry, f"failed: {result.failure}", *[""] * (len(envs) + 3)]
    row = [result.cell.entry, result.signal]
    row += [f"{value:,.0f}" if value else "-" for value in (result.parameters, result.seconds)]
    for env in envs:
        one = result.tested.get(env)
        row.append("-" if one is None else share_text(one))
    thought = [result.tested.get(env, {}).get("segments") for env in envs]
    texts = ["-" if count is None else f"{count:.1f}" for count in thought]
    return [*row, ", ".join(texts) if any(thought) else "-"]


def share_text(one: dict[str, float]) -> str:
    """Return a solve rate and its interval in percent."""
    low, high = 100 * one["low"], 100 * one["high"]
    return f"{one['solve_rate']:.1%} ({low:.0f}-{high:.0f})"


def json_rows(results: Sequence[TransferResult]) -> list[dict[str, Any]]:
    """Return the rows of a result file, named ``ENV/ENTRY/QUANTITY``."""
    units = {"solve_rate": "share", "segments": "segments", "steps": "steps"}
    rows: list[dict[str, Any]] = []
    for result in results:
        entry = result.cell.entry
        if result.failure is not None:
            failed = {"name": f"{result.cell.env}/{entry}/failed", "value": 1, "unit": "agents"}
            rows.append({**failed, "reason": result.failure})
        for env, one in result.tested.items():
            for name, unit in units.items():
                if name in one:
                    row = {"name": f"{env}/{entry}/{name}", "value": one[name], "unit": unit}
                    more = ("low", "high", "puzzles") if name == "solve_rate" else ()
                    rows.append({**row, **{key: one[key] for key in more}})
        if result.seconds:
            row = {"name": f"{result.cell.env}/{entry}/train_seconds", "value": result.seconds}
            rows.append({**row, "unit": "s"})
    return rows


def size_of(env_id: str) -> str:
    """Return the size of an environment's puzzles, such as ``9x9``."""
    from hrm_gym.registration import task_id

    return task_id(env_id).partition("-")[2]


def transfer_figure(results: Sequence[TransferResult]) -> Figure:
    """Draw solved puzzles and mean segments by size, with a column for every group."""
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    from hrm_gym.scripts.comparing.figures import write_names
    from hrm_gym.scripts.reporting.plots import INK, empty_figure, style_axes

    groups = grouped([result for result in results if result.failure is None])
    figure = empty_figure(1.2 + 4.9 * len(groups), 6.2, dpi=140)
    panels = figure.subplots(2, len(groups), squeeze=False, height_ratios=(3, 2))
    for number, (title, own) in enumerate(groups.items()):
        envs = environments(own)
        names = [size_of(env) + ("\n(trained)" if env == own[0].cell.env else "") for env in envs]
        for axes, key in zip(panels[:, number], ("solve_rate", "segments"), strict=True):
            labels = _draw(axes, own, envs, key)
            axes.set_xticks(range(len(envs)), names)
            axes.margins(x=0.08)
            word = "test puzzles solved" if key == "solve_rate" else "mean segments"
            style_axes(axes, "", "" if number else word)
            if key == "solve_rate":
                axes.set_title(title, fontsize=11, loc="left", color=INK)
                axes.set_ylim(-0.02, 1.03)
                axes.yaxis.set_major_locator(MultipleLocator(0.2))
                axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
                write_names(axes, labels)
            else:
                axes.set_ylim(bottom=0)
    return figure


def _draw(
    axes: Axes, results: Sequence[TransferResult], envs: Sequence[str], key: str
) -> list[tuple[float, str, str]]:
    """Draw a line for every agent that has the number; return its last value, name and colour."""
    from hrm_gym.scripts.comparing.figures import COLOURS, MARKERS, OTHER

    labels = []
    for result in results:
        places = [k for k, env in enumerate(envs) if key in result.tested.get(env, {})]
        if not places:
            continue
        values = [result.tested[envs[k]][key] for k in places]
        colour = COLOURS.get(result.cell.agent, OTHER)
        axes.plot(
            places,
            values,
            color=colour,
            marker=MARKERS.get(result.cell.agent, "v"),
            linestyle="-" if result.seconds else (0, (4, 3)),
            clip_on=False,
        )
        labels.append((values[-1], f"{result.cell.entry} {100 * values[-1]:.3g}%", colour))
    return labels


def film(results: Sequence[TransferResult], out: Path) -> tuple[str, bytes] | None:
    """Return a caption and a GIF of an agent that thinks about the largest puzzle it was tested on.

    The agent is the first one, trained here if possible, that solves one of the first test puzzles
    of the first group. Of those puzzles the film shows the one that takes most segments.

    Args:
        results: The results.
        out: Folder of all runs, which contains the trained agents.

    Returns:
        ``None`` if no agent solved one.
    """
    from hrm_gym.agents.catalog import load_agent
    from hrm_gym.scripts.watching.recording import record
    from hrm_gym.scripts.watching.tracks import Choice, watch_agent
    from hrm_gym.scripts.watching.window import ReplayWindow

    own = next(iter(grouped(results).values()))
    env_id = environments(own)[-1]
    for result in own:
        row = result.tested.get(env_id, {})
        if "shown" not in row:
            continue
        trained = result.seconds > 0
        agent = load_agent(str(result.cell.folder(out)) if trained else result.cell.agent)
        track = watch_agent(agent, Choice(env_id, index=int(row["shown"])), result.cell.entry)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.gif"
            record(ReplayWindow([track], width=FILM_WIDTH), path, fps=16)
            content = path.read_bytes()
        learned = f", trained on {result.cell.env}," if trained else ""
        count = int(row["shown_segments"])
        caption = f"{result.cell.entry}{learned} solves {env_id} in {count} segments"
        return caption, content
    return None
