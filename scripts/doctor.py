"""Check this installation: packages, devices, compiler, bfloat16, display; say what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from hrm_gym import __version__
from hrm_gym.scripts.cli import run

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DEVELOPMENT = ("docs", "test")
"""Extras for work on the package itself, which are not reported."""


@dataclass
class Args:
    """Arguments of the check."""

    json: Path | None = None
    """Also write the findings to this file as JSON."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: What was checked.
        text: What was found.
        advice: What to do; empty if nothing has to be done.
        state: ``ok``, ``note`` for something optional that is missing, or ``wrong``.
    """

    name: str
    text: str
    advice: str = ""
    state: str = "ok"


def main(args: Args) -> int:
    """Print the findings and return 1 if one of them is wrong."""
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    found: list[Finding] = []
    for check in CHECKS:
        # Without the required packages, the other checks would only fail with a traceback.
        if any(finding.state == "wrong" for finding in found):
            break
        for finding in check():
            print(f"{finding.state:5}  {finding.name}: {finding.text}")
            if finding.advice:
                print(f"       -> {finding.advice}")
            found.append(finding)
    wrong = sum(finding.state == "wrong" for finding in found)
    print(f"\n{wrong} of {len(found)} checks failed" if wrong else "\nThe installation works.")
    if args.json is not None:
        rows = [
            {"name": one.name, "value": one.text, "unit": "text", "state": one.state}
            for one in found
        ]
        write_json(args.json, machine(), rows)
    return 1 if wrong else 0


def python() -> Iterator[Finding]:
    """Report the versions of Python and of this package."""
    yield Finding("python", sys.version.split()[0])
    yield Finding("hrm-gym", __version__)


def packages() -> Iterator[Finding]:
    """Check every required package, and the packages of every extra."""
    from packaging.requirements import Requirement

    groups: dict[str, list[Requirement]] = {}
    for line in metadata.requires("hrm-gym") or []:
        requirement = Requirement(line)
        extra = line.partition("extra ==")[2].strip(" \"'")
        groups.setdefault(extra, []).append(requirement)
    for requirement in groups.pop("", []):
        fault = problem(requirement)
        if fault is None:
            yield Finding(requirement.name, metadata.version(requirement.name))
        else:
            advice = f'pip install "{requirement.name}{requirement.specifier}"'
            yield Finding(requirement.name, fault, advice, "wrong")
    for extra, requirements in sorted(groups.items()):
        if extra in DEVELOPMENT:
            continue
        faults = [f"{one.name} {why}" for one in requirements if (why := problem(one))]
        if faults:
            advice = f'pip install "hrm-gym[{extra}]"'
            yield Finding(f"extra {extra}", ", ".join(faults), advice, "note")
        else:
            names = [f"{one.name} {metadata.version(one.name)}" for one in requirements]
            yield Finding(f"extra {extra}", ", ".join(names))


def problem(requirement: Requirement) -> str | None:
    """Return why a requirement is not met; ``None`` if it is."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return "is not installed"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"has version {version}, expected {requirement.specifier}"
    return None


def devices() -> Iterator[Finding]:
    """Report the processor and the accelerators that torch can use."""
    import torch

    from hrm_gym.machine import machine

    about = machine()
    threads = f"{about['cores']} cores, {torch.get_num_threads()} threads of torch"
    yield Finding("device cpu", f"{about['cpu']}, {threads}")
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = f"{properties.total_memory / 2**30:.0f} GiB"
        yield Finding(f"device cuda:{index}", f"{properties.name}, {memory}")
    if torch.backends.mps.is_available():
        yield Finding("device mps", "Metal")
    if not torch.cuda.device_count():
        advice = ""
        if shutil.which("nvidia-smi"):
            advice = (
                "this machine has an NVIDIA driver, but torch finds no device: install a build of "
                "torch with CUDA that suits the driver"
            )
        yield Finding("device cuda", "none; every agent also runs on the CPU", advice, "note")


def compiler() -> Iterator[Finding]:
    """Check whether ``torch.compile`` can be used on the CPU."""
    from hrm_gym.agents.hrm.training.execution import compiler_problem

    fault = compiler_problem()
    if fault is None:
        yield Finding("compile", "a C++ compiler was found; relational models are compiled")
    else:
        advice = "install g++ or clang++, or set CXX; without one, training takes twice as long"
        yield Finding("compile", fault, advice, "note")


def bfloat16() -> Iterator[Finding]:
    """Compare the speed of a matrix product of the CPU in bfloat16 and in float32."""
    import torch

    from hrm_gym.agents.hrm.training.execution import product_seconds

    short, full = (product_seconds(2048, 64, 128, t) for t in (torch.bfloat16, torch.float32))
    faster = "faster: relational models are trained in bfloat16 on this CPU"
    slower = "not faster: models are trained in float32 on this CPU"
    yield Finding(
        "bfloat16",
        f"a matrix product runs at {full / short:.1f} times the speed of float32, which is "
        f"{faster if short < full else slower}",
    )


def display() -> Iterator[Finding]:
    """Check whether a window can be opened."""
    from hrm_gym.rendering.window import Window

    window = Window()
    driver = os.environ.get("SDL_VIDEODRIVER")
    try:
        width, height = window.desktop()
    except RuntimeError:
        advice = 'hrm-gym watch --record FILE.gif and render_mode="rgb_array" need no display'
        yield Finding("display", "none", advice, "note")
        return
    if driver in ("dummy", "offscreen"):
        advice = "unset SDL_VIDEODRIVER to see windows"
        yield Finding("display", f"SDL_VIDEODRIVER={driver} hides all windows", advice, "note")
    else:
        yield Finding("display", f"{width} x {height} pixels")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    *(python, packages, devices, compiler, bfloat16, display),
)


if __name__ == "__main__":
    sys.exit(run(main, Args))
