"""Build the pages of the environments and the agents in docs/ from docstrings and registries.

There is one page per environment class, with its pictures, ids, spaces, arguments and the steps
per second that ``benchmark envs --json`` measured. The page of the agents has the tables of
``hrm-gym list``. A test fails if a page is out of date.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import run

SECTIONS = (
    "Description",
    "Action Space",
    "Observation Space",
    "Rewards",
    "Starting State",
    "Episode End",
    "Arguments",
    "Version History",
)
"""Sections of every environment's docstring, in this order."""
ENVIRONMENTS, AGENTS_PAGE = "environments", "agents.md"
"""Folder of the pages of the environments, and the page of the agents, in the documentation."""
SPEED = "speed.json"
"""File next to the pages of the environments with steps per second by id, and the machine."""
ABOUT_AGENTS = {
    "hrm": "the Hierarchical Reasoning Model; see [one model for every size](relational.md)",
    "transformer": "a transformer of the same size as the HRM that answers at once",
    "looped-transformer": "a transformer that is applied to its own output several times",
    "chain-of-thought": "a decoder that writes out a solver's steps; see "
    "[the comparison](results/reasoning-speed.md)",
    "random": "a random legal action",
    "depth-first": "a depth-first search",
    "oracle": "the exact solver of the task",
}
"""What the page of the agents says about them; the others follow from what they learn from."""


@dataclass
class Args:
    """Arguments of the documentation."""

    out: Path = Path("docs")
    """Folder of the documentation."""
    speed: Path | None = None
    """Result file of benchmark envs --json, from which steps per second are copied next to the
    pages of the environments."""


def entry_class(entry_point: str) -> type[Any]:
    """Return the class of an entry point such as ``hrm_gym.envs.maze:MazeEnv``."""
    module, _, name = entry_point.partition(":")
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def families() -> dict[type[Any], list[str]]:
    """Return the environment classes, in the order of the registry, each with its ids."""
    from hrm_gym.registration import TABLE

    found: dict[type[Any], list[str]] = {}
    for row in TABLE:
        found.setdefault(entry_class(row.entry_point), []).append(row.id)
    return found


def page_name(cls: type[Any]) -> str:
    """Return the name of a class's page: ``SudokuEnv`` gives ``sudoku``."""
    words = re.findall(r"[A-Z][a-z]*", cls.__name__.removesuffix("Env"))
    return "-".join(words).lower()


def title(cls: type[Any]) -> str:
    """Return the heading of a class's page."""
    name = page_name(cls).replace("-", " ")
    return "ARC" if name == "arc" else name.capitalize()


def sections(cls: type[Any]) -> tuple[str, dict[str, str]]:
    """Return the first sentence of a class docstring and its sections.

    Raises:
        ValueError: if the sections are not those of ``SECTIONS``, in this order.
    """
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    summary, *parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    headings = tuple(parts[::2])
    if headings != SECTIONS:
        raise ValueError(
            f"{cls.__name__}: expected a docstring with the sections {', '.join(SECTIONS)}, got "
            f"{', '.join(headings) or 'none'}"
        )
    bodies = (body.strip() for body in parts[1::2])
    return summary.strip(), dict(zip(headings, bodies, strict=True))


def describe(space: Any) -> str:
    """Return a space as text, with long runs of equal numbers abbreviated."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        inner = ", ".join(f"'{name}': {describe(part)}" for name, part in space.spaces.items())
        return f"Dict({inner})"
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.size > 12:
        runs = [(value, len(list(run))) for value, run in itertools.groupby(space.nvec.tolist())]
        parts = (f"[{value}]" if count == 1 else f"[{value}] * {count}" for value, count in runs)
        return f"MultiDiscrete({' + '.join(parts)})"
    return str(space)


def rates(path: Path) -> dict[str, Any]:
    """Read steps per second from a result file of the benchmark.

    Rows count if their unit is steps/s and their name contains an id and ``single`` or ``vector``.
    Ratios to other suites, ``OURS / THEIRS``, are returned with their two figures.

    Raises:
        ValueError: if the file is missing or not a result file, or contains no such row.
    """
    from hrm_gym import ENV_IDS

    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        rows, machine = result["rows"], result["machine"]
        found: dict[str, dict[str, float]] = {}
        for row in rows:
            words = re.split(r"[\s/,:()]+", row["name"])
            kinds = [kind for kind in ("single", "vector") if kind in words]
            for env_id in set(words) & set(ENV_IDS):
                if kinds and row["unit"] == "steps/s":
                    best = found.setdefault(env_id, {})
                    best[kinds[0]] = max(best.get(kinds[0], 0.0), float(row["value"]))
        figures = {row["name"]: (float(row["value"]), row["unit"]) for row in rows}
        peers = []
        for name, (ratio, unit) in figures.items():
            ours, _, theirs = name.partition(" / ")
            if unit == "x" and theirs:
                (mine, shown), (other, _) = figures[ours], figures[theirs]
                peers.append([ours, mine, theirs, other, shown, ratio])
    except (OSError, KeyError, TypeError, ValueError):
        raise ValueError(
            f"{path}: expected a result file that benchmark envs --json wrote"
        ) from None
    if not found:
        raise ValueError(f"{path}: expected rows in steps/s named by an id; found none")
    return {"machine": machine, "rates": dict(sorted(found.items())), "peers": peers}


def rounded(rate: float) -> str:
    """Return steps per second to two digits: ``5.2 M``, ``140 k``."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if rate >= size:
            value = rate / size
            return f"{value:.1f}{letter}" if value < 10 else f"{float(f'{value:.2g}'):.0f}{letter}"
    return f"{rate:.0f}"


def image(env_id: str, width: int) -> str:
    """Return the HTML of the GIF of an id, with its path relative to the pages."""
    return f'<img src="../images/{env_id}.gif" width="{width}" alt="{env_id}">'


def printed(env_ids: list[str], name: str) -> list[str]:
    """Return a space of every id as text: a table, or one line if all are equal."""
    import gymnasium as gym

    texts = {}
    for env_id in env_ids:
        env = gym.make(env_id, disable_env_checker=True)
        texts[env_id] = describe(getattr(env, name))
        env.close()
    if len(set(texts.values())) == 1:
        return [f"As printed: `{texts[env_ids[0]]}`"]
    rows = [f"| `{env_id}` | `{text}` |" for env_id, text in texts.items()]
    return ["| id | as printed |", "| --- | --- |", *rows]


def machine_line(speed: dict[str, Any]) -> str:
    """Return a sentence about the machine of the figures."""
    cpu, cores = speed["machine"].get("cpu"), speed["machine"].get("cores")
    return (
        f"`scripts/benchmark.py envs` measured the steps per second on {cores} cores of an {cpu}, "
        "for one environment made with `gym.make` and for a native vectorized environment."
    )


def arguments(doc: str) -> dict[str, str]:
    """Return the arguments that a docstring describes under ``Args:``, by name."""
    block = inspect.cleandoc(doc).partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): ((?:.|\n        )+)", block, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def page(cls: type[Any], env_ids: list[str], speed: dict[str, Any]) -> str:
    """Return the page of an environment class, Markdown.

    Args:
        cls: The class.
        env_ids: Its ids.
        speed: The result of ``rates``, or an empty dictionary.

    Raises:
        ValueError: if ``sections`` raises it.
    """
    import gymnasium as gym

    summary, bodies = sections(cls)
    measured = {i: speed["rates"][i] for i in env_ids if i in speed.get("rates", {})}
    kinds = [kind for kind in ("single", "vector") if any(kind in r for r in measured.values())]
    wide = 720 if "ARC" in env_ids[0] else 360
    lines = [f"# {title(cls)}", "", summary, "", image(env_ids[0], wide), ""]
    head = ["id", "max steps", "made with", *(f"steps/s, {kind}" for kind in kinds)]
    lines += [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for env_id in env_ids:
        spec = gym.spec(env_id)
        limit = gym.make(env_id, disable_env_checker=True).unwrapped.max_steps  # type: ignore[attr-defined]
        kwargs = ", ".join(f"`{name}={value!r}`" for name, value in spec.kwargs.items())
        cells = [f"`{env_id}`", str(limit or "see `max_segments`"), kwargs]
        for kind in kinds:
            rate = measured.get(env_id, {}).get(kind)
            cells.append(rounded(rate) if rate else "")
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", machine_line(speed), ""] if kinds else [""]
    for heading, body in bodies.items():
        lines += [f"## {heading}", "", body.replace("``", "`"), ""]
        if heading in ("Action Space", "Observation Space"):
            lines += [*printed(env_ids, heading.lower().replace(" ", "_")), ""]
    if len(env_ids) > 1:
        lines += ["## Gallery", "", "| | |", "| --- | --- |"]
        others = env_ids[1:]
        for first, *second in (others[i : i + 2] for i in range(0, len(others), 2)):
            cells = [f"`{i}`<br>{image(i, min(wide, 360))}" for i in (first, *second)]
            lines.append(f"| {' | '.join(cells)} |{'' if second else ' |'}")
        lines.append("")
    return "\n".join(lines)


def comparison(speed: dict[str, Any]) -> list[str]:
    """Return the comparison of this package with other suites in one run."""
    if not speed.get("peers"):
        return []
    cpu, cores = speed["machine"].get("cpu"), speed["machine"].get("cores")
    lines = [
        "",
        "## Comparison with other suites",
        "",
        f"From one run of `scripts/benchmark.py envs --data LIST` on {cores} cores of an {cpu}, "
        "where LIST is a file of the hardest Sudokus of a forum. The other suites were installed "
        "with `pip install -r scripts/peers.txt`. Their puzzles and steps differ from those of "
        "this package, so only the orders of magnitude can be compared.",
        "",
        "| this package | | other suite | | ratio |",
        "| --- | ---: | --- | ---: | ---: |",
    ]
    for ours, mine, theirs, other, unit, ratio in speed["peers"]:
        figures = [f"{f'{x:.2g}' if unit == 'ms' else rounded(x)} {unit}" for x in (mine, other)]
        lines.append(f"| {ours} | {figures[0]} | {theirs} | {figures[1]} | {ratio:.0f}x |")
    return lines


def index(found: dict[type[Any], list[str]], speed: dict[str, Any]) -> str:
    """Return the page that lists all others, and the arguments that all ids take."""
    from hrm_gym.data import load_puzzles
    from hrm_gym.envs.base import PuzzleEnv

    lines = [
        "# Environments",
        "",
        "After `import hrm_gym`, `gym.make(id)` makes the environment of an id. "
        "`hrm-gym play --env ID` opens it in a window, to be played with mouse and keyboard.",
        "",
        "| | | ids |",
        "| --- | --- | --- |",
    ]
    for cls, env_ids in found.items():
        link = f"[{title(cls)}]({page_name(cls)}.md)"
        summary = sections(cls)[0]
        ids = "<br>".join(f"`{env_id}`" for env_id in env_ids)
        lines.append(f"| {image(env_ids[0], 200)} | {link}: {summary} | {ids} |")
    lines += ["", "## Arguments of every environment", ""]
    shared = {**arguments(PuzzleEnv.__doc__ or ""), **arguments(load_puzzles.__doc__ or "")}
    for name, text in shared.items():
        if name not in ("task", "unknown"):
            lines.append(f"- `{name}`: {text.replace('``', '`')}")
    lines += ["", "## Options of reset", ""]
    lines.append(arguments(PuzzleEnv.reset.__doc__ or "")["options"].replace("``", "`"))
    return "\n".join([*lines, *comparison(speed), ""])


def agents_page() -> str:
    """Return the page of the agents: what each learns from, the presets, the pretrained ones."""
    from hrm_gym.agents.baselines import ALGORITHM_NAMES
    from hrm_gym.agents.catalog import AGENTS
    from hrm_gym.agents.demonstrated import AGENTS as DEMONSTRATED
    from hrm_gym.scripts.list import agents, presets

    about = {
        **dict.fromkeys(ALGORITHM_NAMES, "a [baseline](baselines.md) of Stable-Baselines3"),
        **{name: inspect.getdoc(cls).partition("\n\n")[0] for name, cls in DEMONSTRATED.items()},  # type: ignore[union-attr]
        **ABOUT_AGENTS,
    }
    rows = []
    for name, signal in AGENTS.items():
        text = " ".join(about[name].split()).removesuffix(".")
        rows.append(f"| `{name}` | {signal} | {text[0].upper()}{text[1:]}. |")
    return "\n".join(
        [
            "# Agents and presets",
            "",
            "`compare` trains agents by these names and tests them; it also takes a custom "
            "agent as `module:Class`. `evaluate` and `watch` take one that needs no training, a "
            "pretrained agent, the folder of a trained one, `hub:owner/name`, or `module:Class`; "
            "`solve` takes those that give a whole answer.",
            "",
            "| name | learns from | what it is |",
            "| --- | --- | --- |",
            *rows,
            "",
            "## Pretrained agents",
            "",
            "`HRMAgent.from_pretrained(NAME)` loads one, and `hrm-gym list agents` prints this "
            "table. The shares are those of held-out puzzles, with 95% Wilson intervals; an agent "
            "whose weights fit every size was tested on the size of its task. "
            "[One model for every size](relational.md) and [ARC on a CPU](arc.md) describe how "
            "they were trained and what else was measured.",
            "",
            markdown(agents()),
            "## Presets",
            "",
            "`hrm-gym train --preset NAME` trains with a complete configuration, and "
            "`hrm-gym list presets` prints this table. Where a preset mixes several sources of "
            "puzzles, the batch sizes of all of them are given.",
            "",
            markdown(presets()),
        ]
    )


def markdown(table: Any) -> str:
    """Return a table for the terminal as Markdown."""
    from hrm_gym.scripts.reporting.tables import markdown_table

    headings = [str(column.header) for column in table.columns]
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    return markdown_table(headings, rows, names=len(headings))


def pages(folder: Path) -> dict[str, str]:
    """Return the text of every page by its path in the documentation.

    Args:
        folder: The documentation, which contains the measured figures.

    Raises:
        ValueError: if ``sections`` raises it.
    """
    found = families()
    kept = folder / ENVIRONMENTS / SPEED
    speed = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    texts = {f"{page_name(cls)}.md": page(cls, ids, speed) for cls, ids in found.items()}
    texts["README.md"] = index(found, speed)
    environments = {f"{ENVIRONMENTS}/{name}": text for name, text in texts.items()}
    return {**environments, AGENTS_PAGE: agents_page()}


def main(args: Args) -> None:
    """Write every page.

    Raises:
        ValueError: if a docstring lacks a section, or the file of figures is not a result file.
    """
    from hrm_gym.files import write_text

    if args.speed is not None:
        figures = json.dumps(rates(args.speed), indent=1) + "\n"
        write_text(args.out / ENVIRONMENTS / SPEED, figures)
    texts = pages(args.out)
    for name, text in texts.items():
        write_text(args.out / name, text)
    print(f"{len(texts)} pages written to {args.out}")


if __name__ == "__main__":
    sys.exit(run(main, Args))
