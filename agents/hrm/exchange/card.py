"""Model cards: what a checkpoint says about an agent, as the README.md of a model repository.

The card begins with YAML that the Hugging Face Hub reads: the license, the library, tags and, if
the agent was tested, its results (``model-index``). All of it comes from the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from hrm_gym.evaluation import wilson_interval
from hrm_gym.puzzles import Task

CARD = "README.md"
LICENSE = "apache-2.0"
METRICS = {
    "solve_rate": "puzzles whose answer the rules accept",
    "exact_accuracy": "puzzles whose answer equals the label",
}


def model_card(about: Mapping[str, Any], task: Task, name: str, licensed: str = LICENSE) -> str:
    """Return the card of an agent.

    Args:
        about: The content of its ``config.json``.
        task: Its task.
        name: Name of the repository, ``owner/name``, or of the folder.
        licensed: License of the weights, as the Hub spells it.
    """
    header = yaml.safe_dump(metadata(about, task, name, licensed), sort_keys=False)
    tested = [*figures(about)]
    any_size = about["model"].get("mixer") == "relations"
    sizes = ", and other sizes with the same weights" if any_size else ""
    load = f'HRMAgent.from_pretrained("hub:{name}"'
    if ":" in about["task"]:
        load += f', task="{about["task"]}"'
    origin = "Its weights are those of a published checkpoint, converted by HRM Gym."
    if "published" not in about:
        origin = "It was trained with HRM Gym."
    lines = [
        f"---\n{header}---",
        f"# {name.rpartition('/')[2]}",
        f"A Hierarchical Reasoning Model that solves `{task.id}`{sizes}. {origin}",
        "HRM Gym loads it with its extra `hub`:",
        f"```python\nfrom hrm_gym.agents.hrm import HRMAgent\n\nagent = {load})\n"
        "solution = agent.solve(tokens)\n```",
        "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in facts(about))]),
    ]
    if about.get("command"):
        lines += ["## Training", f"```\n{about['command'].replace(' && ', chr(10))}\n```"]
    if tested:
        rows = [
            f"| {METRICS[metric]} | {share:.1%} | {low:.1%} to {high:.1%} |"
            for metric, share, (low, high) in tested
        ]
        lines += [
            "## Results",
            f"{about['test_puzzles']:,} held-out puzzles, with 95% Wilson intervals:",
            "\n".join(["| | share | interval |", "|---|---:|---|", *rows]),
        ]
    return "\n\n".join(lines) + "\n"


def metadata(about: Mapping[str, Any], task: Task, name: str, licensed: str) -> dict[str, Any]:
    """Return the YAML of a card as a dictionary."""
    found: dict[str, Any] = {
        "license": licensed,
        "library_name": "hrm-gym",
        "pipeline_tag": "reinforcement-learning",
        "tags": ["hrm-gym", "hierarchical-reasoning-model", "gymnasium", task.family],
    }
    metrics = [
        {"type": metric, "name": METRICS[metric], "value": share}
        for metric, share, _ in figures(about)
    ]
    if metrics:
        result = {
            "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
            "dataset": {"type": task.id, "name": f"held-out puzzles of {task.id}"},
            "metrics": metrics,
        }
        found["model-index"] = [{"name": name.rpartition("/")[2], "results": [result]}]
    return found


def figures(about: Mapping[str, Any]) -> Iterator[tuple[str, float, tuple[float, float]]]:
    """Yield the metrics that were measured, each with its value and its 95% interval."""
    puzzles = about.get("test_puzzles")
    for metric in METRICS:
        if puzzles and about.get(metric) is not None:
            share = float(about[metric])
            yield metric, share, wilson_interval(round(share * puzzles), puzzles)


def facts(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what else is known about an agent: its name and the value, as text."""
    yield "task", f"`{about['task']}`"
    if about.get("env"):
        yield "environment", f"`{about['env']}`"
    yield "parameters", f"{about['parameters']:,}"
    yield "segments", f"at most {about['max_segments']}"
    if about.get("train"):
        yield "training puzzles", "; ".join(sources(about["train"], about["task"]))
    if about.get("trained_steps"):
        yield "optimizer steps", f"{about['trained_steps']:,}"
    if about.get("trained_seconds"):
        yield "training time", f"{about['trained_seconds']:,.0f} s"


def sources(train: Mapping[str, Any], task: str) -> Iterator[str]:
    """Yield the training puzzles of a run, one text for each source.

    Args:
        train: The configuration of the run.
        task: Id of the task of the agent.
    """
    for source in train.get("sources") or [{**train, "task": train.get("task") or task}]:
        kind = f" ({source['kind']})" if source.get("kind") else ""
        where = f"from `{source['source']}`" if source.get("source") else "from its default source"
        limit = f", at most {source['limit']:,}" if source.get("limit") else ""
        yield f"`{source['task']}`{kind} {where}{limit}"
