"""Build the page in web/ with the pretrained agents that answer every size, and serve it."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import run

WEB = Path(__file__).resolve().parent.parent / "web"
EXAMPLES = 12
"""Number of bundled puzzles of each size that the page offers; it generates others itself."""
MARK = ".hrm-gym-page"
"""File that marks a folder as a built page."""
WHOLE = 2_000_000
"""Number of parameters up to which weights are exported as float32, and otherwise as int8."""


@dataclass
class Args:
    """Arguments of the page's build."""

    out: Path = WEB / "dist"
    """Folder of the built page; it must be new, empty or an earlier page."""
    serve: bool = False
    """Serve the page afterwards, until Ctrl-C."""
    port: int = 8000
    """Port of the server; 0 means a free one."""


def main(args: Args) -> None:
    """Export the models, bundle the page, serve it."""
    check_port(args.port)
    build(args.out)
    print(f"the page is in {args.out}")
    if args.serve:
        serve(args.out, args.port)


def build(out: Path) -> None:
    """Build the page, which then needs no other files.

    Raises:
        ValueError: if ``out`` contains something else, Node is missing, its packages cannot be
            installed, or the bundler fails.
    """
    check_out(out)
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("web: expected node and npm (Node 20.19 or newer), found none")
    if not WEB.is_dir():
        raise ValueError(f"web: expected the repository's web folder at {WEB}")
    if not _installed():
        _run([npm, "ci", "--no-fund", "--no-audit"])
    write_models(WEB / "public" / "models")
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "page"
        _run([npm, "run", "--silent", "build", "--", "--outDir", str(built), "--emptyOutDir"])
        (built / MARK).touch()
        if out.is_dir():
            shutil.rmtree(out)
        shutil.copytree(built, out)


def check_out(out: Path) -> None:
    """Check that a folder contains nothing but an earlier page, since it will be replaced.

    Raises:
        ValueError: if it is a file, contains something else, or is a source of the page.
    """
    place, web = out.resolve(), WEB.resolve()
    if place == web / "dist":
        return
    if place == web or web in place.parents or place in web.parents:
        raise ValueError(f"out: {out} holds the sources of the page; expected another folder")
    if place.exists() and not place.is_dir():
        raise ValueError(f"out: expected a folder, but {out} is a file")
    if place.is_dir() and any(place.iterdir()) and not (place / MARK).is_file():
        raise ValueError(
            f"out: {out} is neither empty nor a page built before; expected another folder"
        )


def _installed() -> bool:
    """Return whether the packages of the lock file are installed; npm writes its copy last."""
    mine, its = WEB / "package-lock.json", WEB / "node_modules" / ".package-lock.json"
    return its.is_file() and its.stat().st_mtime >= mine.stat().st_mtime


def _run(words: list[str]) -> None:
    done = subprocess.run(words, cwd=WEB, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-8:]
        raise ValueError(f"web: {' '.join(words[1:3])} failed: {' | '.join(last)}")


def write_models(folder: Path) -> list[dict[str, Any]]:
    """Export every pretrained agent that answers all sizes of a family, and list them in a file.

    ``families.json`` lists the families whose rules the page knows, in the order of its menu, and
    the smallest and the largest size that it offers. The list of models is ``models.json``.
    """
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.files import write_text

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    families: dict[str, list[int]] = json.loads((WEB / "families.json").read_text(encoding="utf-8"))
    models = []
    for name, shipped in HRMAgent.pretrained().items():
        agent = HRMAgent.from_pretrained(name)
        if agent.any_size and agent.task.family in families:
            about = write_model(folder, name, agent, families[agent.task.family])
            models.append({**about, "solve_rate": shipped.solve_rate})
    models.sort(key=lambda model: list(families).index(model["family"]))
    write_text(folder / "models.json", json.dumps(models))
    return models


def write_model(folder: Path, name: str, agent: Any, sizes: list[int]) -> dict[str, Any]:
    """Export an agent for the page.

    Args:
        folder: Folder of the page's models.
        name: Name of the agent.
        agent: The agent.
        sizes: The smallest and the largest size that the page offers.

    Returns:
        What the page needs to know of the agent.
    """
    from hrm_gym.agents.hrm.exchange.export import describe, export
    from hrm_gym.agents.hrm.exchange.graph import Precision
    from hrm_gym.registration import FAMILIES

    precision: Precision = "float32" if agent.parameters <= WHOLE else "int8"
    export(agent, folder / f"{name}.onnx", precision)
    family, offered = agent.task.family, sizes_of(agent.task, *sizes)
    examples = {
        size: bundled_puzzles(agent.task.resized(size))
        for size in FAMILIES[family].sizes
        if size in offered
    }
    return {
        **describe(agent, precision),
        "name": name,
        "title": name.capitalize(),
        "file": f"{name}.onnx",
        "family": family,
        "side": agent.task.size,
        "sizes": offered,
        "examples": examples,
    }


def bundled_puzzles(task: Any) -> list[list[int]]:
    """Return a few test puzzles of the bank as lists of tokens; none if the bank has none."""
    from hrm_gym.data import load_puzzles

    try:
        tokens: list[list[int]] = load_puzzles(task, "bank", "test", limit=EXAMPLES).inputs.tolist()
    except ValueError:
        return []
    return tokens


def sizes_of(task: Any, smallest: int, largest: int) -> list[int]:
    """Return the sizes that the family of a task has, within bounds."""
    found = []
    for size in range(smallest, largest + 1):
        try:
            task.resized(size)
        except ValueError:
            continue
        found.append(size)
    return found


def check_port(port: int) -> None:
    """Check the number of a port.

    Raises:
        ValueError: if it is out of range.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port: expected 0..65535, got {port}")


def serve(folder: Path, port: int) -> None:
    """Serve a folder on the loopback interface until Ctrl-C.

    Raises:
        ValueError: if the port is in use.
    """
    server = make_server(folder, port)
    print(f"open http://127.0.0.1:{server.server_port}/ (Ctrl-C ends)", flush=True)
    server.serve_forever()


def make_server(folder: Path, port: int) -> http.server.ThreadingHTTPServer:
    """Return a server of a folder that listens on the loopback interface; it is not started.

    Raises:
        ValueError: if the port is in use.
    """
    handler = functools.partial(_Quiet, directory=str(folder))
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise ValueError(f"port: {port} cannot be served: {error}") from None


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without logging, with the content types that browsers require."""

    extensions_map = {  # noqa: RUF012
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".json": "application/json",
    }

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


if __name__ == "__main__":
    sys.exit(run(main, Args))
