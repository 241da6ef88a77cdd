"""The pages of docs/ say what the docstrings say, and their links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from gymnasium import spaces

import hrm_gym
from hrm_gym.scripts import build_docs
from hrm_gym.scripts.cli import run

DOCS = Path(__file__).resolve().parents[2] / "docs"
REBUILD = "run python scripts/build_docs.py, and scripts/gallery.py where a picture is missing"


def test_the_pages_are_up_to_date_with_the_docstrings():
    wanted = build_docs.pages(DOCS)
    found = {f"environments/{path.name}" for path in (DOCS / "environments").glob("*.md")}
    assert found | {"agents.md"} == set(wanted), REBUILD
    for name, text in wanted.items():
        assert (DOCS / name).read_text() == text, f"{name} is out of date: {REBUILD}"


def test_a_changed_docstring_makes_a_page_out_of_date(monkeypatch):
    cls = next(iter(build_docs.families()))
    monkeypatch.setattr(
        cls, "__doc__", cls.__doc__.replace("## Rewards\n", "## Rewards\n    More.")
    )
    page = build_docs.pages(DOCS)["environments/sudoku.md"]
    assert page != (DOCS / "environments" / "sudoku.md").read_text()


@pytest.mark.parametrize("cls", build_docs.families(), ids=lambda cls: cls.__name__)
def test_every_environment_class_has_the_fixed_sections(cls):
    summary, bodies = build_docs.sections(cls)
    assert summary
    assert tuple(bodies) == build_docs.SECTIONS
    assert all(bodies.values())


def test_the_error_names_a_missing_section():
    class Odd:
        """Nothing.

        ## Description
        Nothing at all.
        """

    with pytest.raises(ValueError, match=r"Odd: expected .* got Description"):
        build_docs.sections(Odd)


def test_every_id_has_a_small_picture():
    sizes = [(DOCS / "images" / f"{i}.gif").stat().st_size for i in hrm_gym.ENV_IDS]
    assert sum(sizes) < 3_000_000


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_links_and_pictures_exist(path):
    text = path.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text):
        target = link[0] or link[1]
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_every_page_can_be_reached_from_the_index():
    seen, todo = set(), [DOCS / "README.md"]
    while todo:
        path = todo.pop().resolve()
        if path not in seen and path.suffix == ".md":
            seen.add(path)
            todo += [
                path.parent / link for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text())
            ]
    assert seen == {path.resolve() for path in DOCS.rglob("*.md")}


def test_spaces_are_printed_briefly_and_exactly():
    assert build_docs.describe(spaces.MultiDiscrete([11] * 81 + [2])) == (
        "MultiDiscrete([11] * 81 + [2])"
    )
    assert build_docs.describe(spaces.MultiDiscrete([12, 30, 30])) == "MultiDiscrete([12 30 30])"
    assert build_docs.describe(spaces.Dict({"a": spaces.Discrete(3)})) == "Dict('a': Discrete(3))"


def test_measured_rates_become_a_column(tmp_path):
    row = {"name": "HRMMaze-v0/vector, 1024 environments", "value": 5_212_345.0, "unit": "steps/s"}
    rows = [row, {**row, "name": "HRMMaze-v0/single", "value": 104_000.0}]
    rows += [{**row, "unit": "s", "name": "b"}, {**row, "name": "something else"}]
    rows.append({"name": "HRMMaze-v0/single / something else", "value": 50.0, "unit": "x"})
    result = tmp_path / "envs.json"
    result.write_text(json.dumps({"machine": {"cpu": "Abacus", "cores": 2}, "rows": rows}))
    assert (
        run(build_docs.main, build_docs.Args, ["--out", str(tmp_path), "--speed", str(result)]) == 0
    )
    folder = tmp_path / "environments"
    page = (folder / "maze.md").read_text()
    assert "| steps/s, single | steps/s, vector |" in page
    assert re.search(r"`HRMMaze-v0` .*\| 100 k \| 5.2 M \|", page)
    assert "2 cores of an Abacus" in page
    assert "steps/s" not in (folder / "arc.md").read_text()
    index = (folder / "README.md").read_text()
    line = "| HRMMaze-v0/single | 100 k steps/s | something else | 5.2 M steps/s | 50x |"
    assert line in index


@pytest.mark.parametrize("text", ["", "[]", '{"rows": []}', '{"machine": {}, "rows": []}'])
def test_a_file_without_figures_is_rejected(tmp_path, text, capsys):
    result = tmp_path / "envs.json"
    result.write_text(text)
    words = ["--out", str(tmp_path / "out"), "--speed", str(result)]
    assert run(build_docs.main, build_docs.Args, words) == 2
    assert str(result) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
