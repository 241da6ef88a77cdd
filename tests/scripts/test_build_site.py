"""The documentation site: its navigation names every page, and it works in a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import pytest
import yaml

from hrm_gym.scripts import build_site
from hrm_gym.scripts.build_site import CONTENTS, NAMES, page_of, sources, text_of, translate
from hrm_gym.scripts.cli import run
from tests.web.browsing import browse, find_browser

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
OTHER = ("https://", "mailto:")


def named(nav: Any) -> Iterator[str]:
    """Yield the pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from named(part)


def test_the_navigation_names_every_page_once():
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    pages -= {Path(CONTENTS).relative_to("docs").as_posix()}
    pages |= {name for name in sources() if name.endswith(".md")} | {"try/index.html"}
    listed = [*named(CONFIG["nav"])]
    assert sorted(listed) == sorted(pages)


def test_every_source_outside_the_documentation_exists():
    assert all(path.is_file() for path in sources().values())
    assert not [name for name in sources() if (DOCS / name).exists()]
    assert CONFIG["exclude_docs"].split() == [
        Path(name).relative_to("docs").as_posix() for name in NAMES if name.startswith("docs/")
    ]


def test_the_settings_load_nothing_from_other_servers():
    assert CONFIG["theme"]["font"] is False
    assert not {"extra_javascript", "repo_url", "extra"} & set(CONFIG)
    assert "://" not in (DOCS / "site.css").read_text(encoding="utf-8")


def test_mkdocstrings_reads_the_folder_that_the_hook_writes():
    (plugin,) = (part for part in CONFIG["plugins"] if "mkdocstrings" in part)
    paths = plugin["mkdocstrings"]["handlers"]["python"]["paths"]
    assert [ROOT / path for path in paths] == [build_site.PACKAGE]
    assert CONFIG["hooks"] == ["scripts/build_site.py"]


@pytest.mark.parametrize(
    ("page", "link", "wanted"),
    [
        ("index.md", "docs/relational.md", "relational.md"),
        ("index.md", "docs/README.md", "index.md"),
        ("index.md", "docs/results/small/report.html", "results/small/tables.html"),
        ("index.md", "https://arxiv.org/abs/2506.21734", "https://arxiv.org/abs/2506.21734"),
        ("contributing.md", "docs/new-family.md", "new-family.md"),
        ("protocol.md", "../examples/my_agent.py", "examples/my_agent.md"),
        ("results/small/report.md", "seconds.png", "seconds.png"),
        ("environments/maze.md", "../relational.md", "../relational.md"),
    ],
)
def test_links_are_translated(page, link, wanted):
    assert translate(f"[text]({link}) and more", page) == f"[text]({wanted}) and more"
    assert translate(f'<img src="{link}">', page) == f'<img src="{wanted}">'
    assert translate(f"[text]({link}#part)", page) == f"[text]({wanted}#part)"


def test_an_example_is_a_page_with_its_code():
    text = text_of(ROOT / "examples" / "my_agent.py")
    assert text.startswith("# A custom agent in one method")
    assert "class WallFollower" in text
    notebook = text_of(ROOT / "examples" / "train_watch_compare.ipynb")
    assert notebook.startswith("# Train, watch, compare\n")
    assert notebook.count("```python\n") > 3
    assert page_of("examples/my_agent.py") == "examples/my_agent.md"


def test_a_missing_package_is_named_before_the_build(monkeypatch, capsys):
    monkeypatch.setattr(build_site, "find_spec", lambda name: None)
    assert run(build_site.main, build_site.Args, []) == 2
    assert 'extra docs: pip install "hrm-gym[docs]"' in capsys.readouterr().err


@pytest.mark.slow
def test_every_page_of_the_site_works_in_a_browser(tmp_path):
    find_browser()
    missing = [name for name in build_site.NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"the site was not built: {' and '.join(missing)} missing")
    out = tmp_path / "site"
    assert run(build_site.main, build_site.Args, ["--out", str(out)]) == 0
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.html"))
    assert len(names) > 40
    said = browse("site.mjs", out, names, os.environ.get("HRM_GYM_SHOTS", ""))
    assert said["found"] > 3, "the search finds nothing"
    pages = said["pages"]
    assert [name for name, page in pages.items() if page["broken"] or not page["title"]] == []
    assert [name for name, page in pages.items() if page["wide"] > 0] == []
    assert broken_links(pages, said["address"], out) == []


def broken_links(pages: dict[str, Any], address: str, out: Path) -> list[str]:
    """Return the links that lead to no file of the site, or to no part of a page."""
    found = []
    for name, page in pages.items():
        for link in sorted(set(page["links"])):
            target, part = urldefrag(link.removeprefix(address))
            if link.startswith(address):
                target = f"{target}index.html" if target in ("", *folders(out)) else target
                known = pages.get(target, {}).get("ids", [])
                if not (out / target).is_file() or (part and part not in known):
                    found.append(f"{name}: {link}")
            elif not link.startswith(OTHER):
                found.append(f"{name}: {link}")
    return found


def folders(out: Path) -> set[str]:
    """Return the folders of a site that have an index, as in addresses."""
    return {f"{path.parent.relative_to(out).as_posix()}/" for path in out.rglob("index.html")}
