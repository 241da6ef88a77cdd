"""The ablation: what the parts of an HRM contribute. Its cells and its report."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hrm_gym.scripts.reporting.tables import markdown_table

from .cell import Cell
from .rows import Row, RowResult, report_head

if TYPE_CHECKING:
    from hrm_gym.agents.hrm.train_config import TrainConfig


@dataclass(frozen=True)
class AblationCell(Cell):
    """One variant of one preset, trained from one seed.

    Attributes:
        preset: The preset that is varied.
        variant: Name of the variant in the suite.
        changes: Fields of ``TrainConfig`` that differ from the preset; those of ``model`` are
            merged into the preset's model.
        seed: Seed of the training.
        steps: Optimizer steps; ``None`` takes those of the preset.
        episodes: Number of held-out puzzles.
        execution: Further arguments of ``Trainer``.
    """

    preset: str
    variant: str
    changes: dict[str, Any] = dataclasses.field(hash=False)
    seed: int
    steps: int | None
    episodes: int
    execution: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    result_type: ClassVar = RowResult

    @property
    def name(self) -> str:
        """Preset, variant and seed."""
        return f"{self.preset}, {self.variant}, seed {self.seed}"

    def folder(self, out: Path) -> Path:
        """Return the folder of the cell's files."""
        return out / self.preset / self.variant / f"seed{self.seed}"

    def run(self, folder: Path) -> RowResult:
        """Train the variant and test it."""
        from hrm_gym.agents.hrm.inference.depth import measure_depth
        from hrm_gym.agents.hrm.training.run import run
        from hrm_gym.agents.hrm.training.trainer import Trainer
        from hrm_gym.data import load_puzzles

        config = changed(self.preset, self.changes)
        trainer = Trainer(config, self.seed, self.device, **self.execution)
        # Other programs on the machine would take time from some variants.
        if run(trainer, self.steps, self.seconds, clock=time.process_time) == "stopped":
            raise KeyboardInterrupt
        agent = trainer.agent()
        puzzles = load_puzzles(agent.task, split="test", limit=self.episodes)
        depth = measure_depth(agent, puzzles)
        bands = depth.bands()
        # Without learned halting the test takes as many segments as training did.
        fixed, last = config.halting == "fixed", config.max_segments
        right = depth.exact[last - 1] if fixed else depth.halted
        taken = np.full(len(puzzles), last) if fixed else depth.segments
        row = {
            "name": self.name,
            "value": float(right.mean()),
            "unit": "share",
            # The key of earlier result files.
            "level": self.preset,
            "variant": self.variant,
            "seed": self.seed,
            "puzzles": len(puzzles),
            "right": int(right.sum()),
            "segments": float(taken.mean()),
            "always": float(depth.curve[-1]),
            # Halting at the first answer that equals the one before it, whatever was learned.
            "steady": float(depth.steady.mean()),
            "steady_segments": float(depth.repeated.mean()),
            # Mean segments on the puzzles of the lowest and of the highest ratings.
            "easy": float(taken[bands[0][2]].mean()),
            "hard": float(taken[bands[-1][2]].mean()),
            "steps": trainer.step,
            "seconds": trainer.seconds,
            "parameters": agent.parameters,
        }
        return RowResult(self, row=row)


def changed(preset: str, changes: dict[str, Any]) -> TrainConfig:
    """Return the configuration of a variant.

    Args:
        preset: The preset.
        changes: Fields of ``TrainConfig`` as JSON values; those of ``model`` are merged.

    Raises:
        ValueError: if the preset is unknown or a value is out of range.
    """
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.agents.hrm.train_config import TrainConfig

    values = get_preset(preset).to_dict()
    model = {**values["model"], **changes.get("model", {})}
    if "halting" in changes:
        model["q_continue"] = changes["halting"] in ("q", "td")
    if not model.get("q_continue", True):
        values["later_targets"] = False
    return TrainConfig.from_dict({**values, **changes, "model": model})


def variants(suite: Mapping[str, Any], preset: str) -> dict[str, dict[str, Any]]:
    """Return the changes of every variant of a preset.

    They include the puzzles of the preset in the suite and the cycles of the suite's ``base``.
    """
    return {
        name: {
            **suite.get("puzzles", {}).get(preset, {}),
            **changes,
            "model": {**suite["base"], **changes.get("model", {})},
        }
        for name, changes in suite["variants"].items()
        if preset in suite.get("only", {}).get(name, [preset])
    }


def mean(rows: Sequence[Row], name: str) -> float:
    """Return the mean of a field."""
    return float(sum(row[name] for row in rows) / len(rows))


def exact(rows: Sequence[Row]) -> str:
    """Return the exact accuracy of a variant: mean, 95% interval, the value of every seed."""
    from hrm_gym.evaluation import wilson_interval

    # All seeds answer the same puzzles, so more seeds are not a larger sample of puzzles.
    low, high = wilson_interval(round(mean(rows, "right")), rows[0]["puzzles"])
    seeds = ", ".join(f"{100 * row['value']:.1f}" for row in rows)
    return f"{mean(rows, 'value'):.1%} ({100 * low:.1f} to {100 * high:.1f}; {seeds})"


def segments(rows: Sequence[Row]) -> str:
    """Return the mean numbers of segments, and the accuracy after the last segment."""
    spread = f"{mean(rows, 'easy'):.2f} to {mean(rows, 'hard'):.2f}"
    return f"{mean(rows, 'segments'):.2f} ({spread}); {mean(rows, 'always'):.1%}"


def steady(rows: Sequence[Row]) -> str:
    """Return the accuracy where two segments agree, and the number of segments until then."""
    return f"{mean(rows, 'steady'):.1%}; {mean(rows, 'steady_segments'):.2f}"


def table(
    rows: Sequence[Row],
    names: Sequence[str],
    presets: Sequence[str],
    text: Callable[[Sequence[Row]], str],
) -> str:
    """Return a Markdown table: a line for every variant, a column for every preset.

    Args:
        rows: Rows of the result file.
        names: The variants to show.
        presets: The presets to show.
        text: Returns the text of a cell from its rows, one for every seed.
    """
    lines = []
    for variant in names:
        runs = [[r for r in rows if (r["level"], r["variant"]) == (p, variant)] for p in presets]
        lines.append([variant, *(text(own) if own else "" for own in runs)])
    return markdown_table(["variant", *presets], lines)


def report(
    suite: Mapping[str, Any],
    rows: Sequence[Row],
    machine: dict[str, Any],
    presets: Sequence[str],
    command: str,
) -> str:
    """Return the report in Markdown.

    Args:
        suite: The suite.
        rows: Rows of the result file.
        machine: Description of the machine.
        presets: The presets to show.
        command: The command that makes the report.
    """
    minutes = sum(row["seconds"] for row in rows) / 60
    size = f"{len(rows)} cells, {minutes:.0f} minutes of training in total."
    meanings, names = suite["meanings"], tuple(suite["variants"])
    parts = [
        *report_head("What the parts of an HRM contribute", command, machine, size),
        "\n".join(f"- *{name}*: {meaning}" for name, meaning in meanings.items()),
        "## Exact accuracy on held-out puzzles",
        f"Mean over seeds (95% Wilson interval of such a share of {rows[0]['puzzles']} test "
        "puzzles, which does not include the differences between seeds; the value of every seed).",
        table(rows, names, presets, exact).rstrip(),
        "## Segments per puzzle (on the puzzles of the lowest and of the highest ratings), and "
        "exact accuracy after the last segment",
        table(rows, names, presets, segments).rstrip(),
        "## Halting when two segments agree: exact accuracy, and segments per puzzle",
        "At the first answer that equals the one before it, whatever the Q-values say.",
        table(rows, names, presets, steady).rstrip(),
        "## Parameters",
        table(rows, names, presets, lambda own: f"{own[0]['parameters']:,}").rstrip(),
    ]
    return "\n\n".join(parts) + "\n"
