"""The comparison of halting rules: its cells, its table and its figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hrm_gym.scripts.reporting.tables import markdown_table

from .cell import Cell
from .rows import Row, RowResult, report_head
from .suites import read_suite

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hrm_gym.data.traces import Traces
    from hrm_gym.halting import HaltingScore

UNITS = {"accuracy": "1", "segments": "segments", "reward": "1"}
COLOURS = {"ppo": "#E69F00", "dqn": "#CC79A7", "sure": "#0072B2", "fixed": "#7F7F7F"}
MARKERS = {"ppo": "^", "dqn": "D", "sure": "o", "fixed": "s"}
POINTS = {"q head": ("P", "#D55E00"), "steady": ("X", "#56B4E9"), "oracle": ("*", "#009E73")}
OTHER = ("v", "#444444")


@dataclass(frozen=True)
class HaltingCell(Cell):
    """A halting policy, trained by one algorithm for one ponder cost from one seed.

    Attributes:
        algorithm: The algorithm.
        train_cost: Ponder cost of a segment in training.
        seed: Seed of the training.
        steps: Environment steps of the training.
        data: Trace file, or ``bundled``.
        ponder_cost: Ponder cost of a segment in the reported rewards.
    """

    algorithm: str
    train_cost: float
    seed: int
    steps: int
    data: str
    ponder_cost: float

    result_type: ClassVar = RowResult

    @property
    def name(self) -> str:
        """Rule and seed."""
        return f"{self.rule}, seed {self.seed}"

    @property
    def rule(self) -> str:
        """The name of the policy in the table."""
        return f"{self.algorithm}, trained for {self.train_cost:g}"

    def folder(self, out: Path) -> Path:
        """Return the folder of the cell's files."""
        return out / self.algorithm / f"{self.train_cost:g}" / f"seed{self.seed}"

    def run(self, folder: Path) -> RowResult:
        """Train the policy and score it on the held-out traces."""
        from hrm_gym import halting
        from hrm_gym.agents.baselines import train_rl

        agent = train_rl(
            self.algorithm,
            read_suite("halting")["env"],
            self.seed,
            steps=self.steps,
            limit=None,
            env_kwargs={"source": self.data, "ponder_cost": self.train_cost},
        ).agent
        parts = split_traces(self.data)
        scores = {
            split: halting.score(self.rule, traces, policy_halts(agent, traces), self.ponder_cost)
            for split, traces in parts.items()
            if split != "train"
        }
        row = {
            "name": self.name,
            "value": next(iter(scores.values())).accuracy,
            "unit": "1",
            "algorithm": self.algorithm,
            "train_cost": self.train_cost,
            "seed": self.seed,
            "scores": {split: dataclasses.asdict(score) for split, score in scores.items()},
        }
        return RowResult(self, row=row)


def split_traces(data: str) -> dict[str, Traces]:
    """Return the traces of ``train`` and of the splits of the suite, those that are not empty.

    Raises:
        ValueError: if the file is not a trace file.
    """
    from hrm_gym.envs.halt import load_traces, trace_splits
    from hrm_gym.puzzles import SPLITS

    traces = load_traces(data, None)
    splits = trace_splits(traces)
    wanted = ("train", *read_suite("halting")["splits"])
    parts = {name: traces.take(splits == SPLITS.index(name)) for name in wanted}
    return {name: part for name, part in parts.items() if len(part)}


def policy_halts(agent: Any, traces: Traces) -> Any:
    """Return the segment after which a policy halts each puzzle, ``(N,)`` int64."""
    import numpy as np

    from hrm_gym.envs.halt import HALT, readings
    from hrm_gym.halting import first_halt

    seen = readings(traces)
    actions = agent.act_batch(list(seen.reshape(-1, seen.shape[2])), [{}] * seen[..., 0].size)
    return first_halt(np.reshape(actions, seen.shape[:2]) == HALT)


@dataclass(frozen=True)
class Line:
    """The scores of one rule or policy on one split.

    Attributes:
        name: The rule.
        kind: Key of ``COLOURS`` or ``POINTS``.
        runs: The scores, one for every seed.
    """

    name: str
    kind: str
    runs: list[HaltingScore]

    def mean(self, field: str) -> float:
        """Return the mean of a field over the seeds."""
        return float(sum(getattr(run, field) for run in self.runs) / len(self.runs))

    def text(self, field: str) -> str:
        """Return a field for the table: its mean, and its range over several seeds."""
        digits = 2 if field == "segments" else 3
        text = f"{self.mean(field):.{digits}f}"
        if len(self.runs) > 1:
            each = [getattr(run, field) for run in self.runs]
            text += f" ({min(each):.{digits}f} to {max(each):.{digits}f})"
        return text


Lines = dict[str, list[Line]]
"""The lines of the table by split."""


def table_lines(parts: Mapping[str, Traces], rows: Sequence[Row], ponder_cost: float) -> Lines:
    """Return the lines of every split: the rules that need no training, then the policies.

    Args:
        parts: The result of ``split_traces``. Numbers in rules are chosen on ``train``.
        rows: Rows of the cells.
        ponder_cost: Ponder cost of a segment in the rewards.
    """
    from hrm_gym import halting

    kinds = {"sure": "sure", "best": "fixed", "always": "fixed"}
    found: Lines = {}
    for split, traces in parts.items():
        if split == "train":
            continue
        found[split] = [
            Line(score.name, kinds.get(score.name.split()[0], score.name), [score])
            for score in halting.compare(parts["train"], traces, ponder_cost)
        ]
        policies: dict[str, Line] = {}
        for row in rows:
            score = halting.HaltingScore(**row["scores"][split])
            line = policies.setdefault(score.name, Line(score.name, row["algorithm"], []))
            line.runs.append(score)
        found[split] += policies.values()
    return found


def result_rows(lines: Lines) -> list[Row]:
    """Return the rows of the result file."""
    return [
        {"name": f"{split}, {line.name}: {field}", "value": line.mean(field), "unit": unit}
        | {"seeds": [getattr(run, field) for run in line.runs]}
        for split, found in lines.items()
        for line in found
        for field, unit in UNITS.items()
    ]


def report(
    parts: Mapping[str, Traces],
    lines: Lines,
    machine: dict[str, Any],
    training: str,
    ponder_cost: float,
    command: str,
) -> str:
    """Return the report in Markdown.

    Args:
        parts: The result of ``split_traces``.
        lines: The result of ``table_lines``.
        machine: Description of the machine.
        training: How long the policies were trained, and with how many seeds.
        ponder_cost: Ponder cost of a segment in the rewards.
        command: The command that makes the report.
    """
    train = parts["train"]
    text = [
        *report_head("When to stop thinking: learned policies and fixed rules", command, machine),
        f"The puzzles are those of {train.task}, with {train.segments} recorded segments each of "
        f"the agent {train.agent}. The policies were trained on {len(train)} of them for "
        f"{training} (mean, then lowest to highest); the name of a policy says for which ponder "
        "cost of a segment it was trained. Numbers in rules were chosen on the same puzzles. The "
        f"reward is accuracy minus {ponder_cost:g} per segment for every row. The oracle reads "
        "the labels.",
        "![accuracy against mean segments](halting.png)",
    ]
    for split, found in lines.items():
        best_first = sorted(found, key=lambda line: -line.mean("reward"))
        body = [[line.name, *(line.text(field) for field in UNITS)] for line in best_first]
        text.append(f"## {split}, {len(parts[split])} puzzles")
        text.append(markdown_table(["rule", *UNITS], body).rstrip())
    return "\n\n".join(text) + "\n"


def figure(parts: Mapping[str, Traces], lines: Lines) -> Figure:
    """Draw accuracy against mean segments, with one panel for every split."""
    from matplotlib.ticker import PercentFormatter

    from hrm_gym.scripts.reporting.plots import empty_figure

    drawn = empty_figure(5.2 * len(lines), 4.2, dpi=150)
    panels = drawn.subplots(1, len(lines), squeeze=False)[0]
    for axes, (split, found) in zip(panels, lines.items(), strict=True):
        _draw_rules(axes, parts[split])
        for kind in dict.fromkeys(line.kind for line in found if "trained for" in line.name):
            runs = [run for line in found if line.kind == kind for run in line.runs]
            _draw_curve(axes, kind, f"{kind}, several ponder costs", runs, joined=False)
        for line in found:
            if line.kind in POINTS:
                marker, colour = POINTS[line.kind]
                where = [line.mean("segments")], [line.mean("accuracy")]
                axes.plot(*where, marker, color=colour, markersize=10, label=line.name, zorder=4)
        axes.set_title(f"{split}, {len(parts[split])} puzzles")
        axes.set_xlabel("mean segments")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("answers accepted")
    panels[0].legend(fontsize=8, frameon=False)
    return drawn


def _draw_rules(axes: Axes, traces: Traces) -> None:
    """Draw the curves of fixed depths and of confidence thresholds."""
    from hrm_gym import halting

    depths = [halting.fixed(traces, k) for k in range(1, traces.segments + 1)]
    sure = [halting.sure(traces, threshold) for threshold in halting.THRESHOLDS]
    for kind, label, halts in (
        ("fixed", "fixed depth 1, 2, ...", depths),
        ("sure", "confidence thresholds", sure),
    ):
        _draw_curve(axes, kind, label, [halting.score("", traces, h) for h in halts])


def _draw_curve(
    axes: Axes, kind: str, label: str, scores: Sequence[HaltingScore], joined: bool = True
) -> None:
    where = [s.segments for s in scores], [s.accuracy for s in scores]
    style: dict[str, Any] = {
        "linewidth": 1.2 if joined else 0,
        "markersize": 4 if joined else 6,
        "alpha": 0.85,
    }
    marker, colour = MARKERS.get(kind, OTHER[0]), COLOURS.get(kind, OTHER[1])
    axes.plot(*where, marker=marker, color=colour, label=label, **style)
