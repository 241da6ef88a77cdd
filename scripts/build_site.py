"""Build the documentation site with MkDocs, and serve it.

MkDocs calls the functions ``on_...`` of this file, which ``mkdocs.yml`` names as a hook. They add
the pages whose sources are not in ``docs/`` and translate links, so that no text is copied.
"""

from __future__ import annotations

import ast
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.cli import run

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "build" / "site"
"""Where mkdocstrings finds the package; ``mkdocs.yml`` has the same path."""
NEEDED = ("mkdocs", "material", "mkdocstrings_handlers")
"""Modules of the extra docs."""
FOLDERS = ("hrm_gym", "envs", "agents", "scripts")
WEB, TRY = ROOT / "web" / "dist", "try"
"""The built page with the agents in the browser, and its folder in the site."""
CONTENTS = "docs/README.md"
"""The list of the pages on GitHub; the site has its navigation instead, next to the first page."""
NAMES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    # The page that MkDocs makes of report.md has the name report.html.
    "docs/results/small/report.html": "results/small/tables.html",
}
"""Names in the site of files that are elsewhere in the repository."""
LINK = re.compile(r"(\]\(|src=\")([^)\"#\s]+)")


@dataclass
class Args:
    """Arguments of the site's build."""

    out: Path = ROOT / "site"
    """Folder of the built site; an earlier site in it is replaced."""
    serve: bool = False
    """Serve the site afterwards, until Ctrl-C."""
    port: int = 8000
    """Port of the server; 0 means a free one."""


def main(args: Args) -> None:
    """Build the page in the browser, then the site, and serve it.

    Raises:
        ValueError: if a program or a package is missing, or if MkDocs finds a mistake, such as a
            broken link.
    """
    from hrm_gym.extras import missing_extra
    from hrm_gym.scripts import build_web

    build_web.check_port(args.port)
    if not (ROOT / "mkdocs.yml").is_file():
        raise ValueError(f"site: expected the repository's mkdocs.yml in {ROOT}")
    if not all(find_spec(name) for name in NEEDED):
        raise ValueError(missing_extra("The documentation site", "docs"))
    build_web.build(WEB)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]
    # The theme advertises its successor otherwise.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([*command, args.out.resolve()], cwd=ROOT, env=environment, check=False)
    if done.returncode:
        raise ValueError("site: MkDocs failed, see above")
    print(f"the site is in {args.out}")
    if args.serve:
        build_web.serve(args.out, args.port)


def sources() -> dict[str, Path]:
    """Return the files outside ``docs/``, or with another name there, by their name in the site."""
    examples = [*(ROOT / "examples").glob("[!_]*.py"), *(ROOT / "examples").glob("*.ipynb")]
    found = {page: ROOT / name for name, page in NAMES.items()}
    return found | {f"examples/{path.stem}.md": path for path in sorted(examples)}


def page_of(path: str) -> str:
    """Return the place in the site of a path relative to the repository."""
    if path in NAMES or path == CONTENTS:
        return NAMES.get(path, "index.md")
    folder, _, rest = path.partition("/")
    if folder == "examples":
        return f"examples/{Path(path).stem}.md"
    return rest if folder == "docs" else path


def text_of(path: Path) -> str:
    """Return the Markdown of a page that is not in ``docs/``.

    The text of a program is its code, and its title the first sentence of its docstring.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        title = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
        title = " ".join(title.split()).removesuffix(".")
        return f"# {title}\n\n`{path.relative_to(ROOT)}`\n\n```python\n{text}```\n"
    if path.suffix == ".ipynb":
        return "\n".join(cells_of(json.loads(text)))
    return text


def cells_of(notebook: dict[str, Any]) -> Iterator[str]:
    """Yield the cells of a notebook as Markdown."""
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        yield f"{text}\n" if cell["cell_type"] == "markdown" else f"```python\n{text}\n```\n"


def translate(markdown: str, page: str) -> str:
    """Return the text of a page with links that fit the site.

    Args:
        markdown: The text, with links as on GitHub.
        page: The page, such as ``relational.md``.
    """
    sources_of = {target: source for source, target in NAMES.items()}
    source = sources_of.get(page, f"docs/{page}")

    def link(match: re.Match[str]) -> str:
        if re.match(r"\w+:", match[2]):
            return match[0]
        target = page_of(posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2])))
        return match[1] + posixpath.relpath(target, posixpath.dirname(page) or ".")

    return LINK.sub(link, markdown)


# Hooks of MkDocs ---------------------------------------------------------------------------------


def on_startup(command: str, dirty: bool) -> None:
    """Put the folders of the package together for mkdocstrings, as an install does."""
    shutil.rmtree(PACKAGE, ignore_errors=True)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            inside = Path("hrm_gym") if folder == "hrm_gym" else Path("hrm_gym") / folder
            target = PACKAGE / inside / path.relative_to(ROOT / folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside ``docs/``, and the page in the browser."""
    from mkdocs.exceptions import PluginError
    from mkdocs.structure.files import File

    contents = files.get_file_from_path(CONTENTS.removeprefix("docs/"))
    if contents is not None:
        files.remove(contents)
    for page, path in sources().items():
        files.append(File.generated(config, page, content=text_of(path)))
    if not (WEB / "index.html").is_file():
        raise PluginError(f"{WEB}: expected the built page; run python scripts/build_web.py")
    for path in WEB.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            name = f"{TRY}/{path.relative_to(WEB).as_posix()}"
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Translate the links of a page."""
    return translate(markdown, page.file.src_uri)


if __name__ == "__main__":
    sys.exit(run(main, Args))
