"""An evaluation as rows of a result file."""

from __future__ import annotations

from typing import Any

from hrm_gym.evaluation import Evaluation


def evaluation_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the aggregates of an evaluation as rows of a result file."""
    return [
        {"name": name, "value": value, "unit": "s" if name == "seconds" else "1"}
        for name, value in evaluation.summary().items()
    ]
