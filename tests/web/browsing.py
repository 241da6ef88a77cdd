"""What the tests with a real browser share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from hrm_gym.scripts.build_web import make_server

WEB = Path(__file__).resolve().parents[2] / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str:
    """Return the browser, and skip the test if a program that it needs is missing.

    With ``HRM_GYM_BROWSER=required``, a missing program fails the test instead.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = [
        name
        for name, there in (
            ("Chromium", found),
            ("npm", shutil.which("npm")),
            ("the packages of web/package-lock.json", (WEB / "node_modules" / "vite").is_dir()),
        )
        if not there
    ]
    if missing:
        reason = f"the page was not tested in a browser: {' and '.join(missing)} missing"
        if os.environ.get("HRM_GYM_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    assert found is not None
    return found


def browse(script: str, folder: Path, asked: Any, shots: str = "") -> dict[str, Any]:
    """Serve a folder, run a script of ``web/tests`` on it, and return what the script printed.

    Args:
        script: Name of the script.
        folder: The built page or site.
        asked: What the script does, as JSON.
        shots: Folder or file of the screenshots; by default none are written.

    Returns:
        What the script printed; ``address`` is that of the folder.
    """
    browser = find_browser()
    server = make_server(folder, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    try:
        with tempfile.TemporaryDirectory() as temporary:
            questions = Path(temporary) / "asked.json"
            questions.write_text(json.dumps(asked))
            words = ["node", f"tests/{script}", address, browser, str(questions)]
            done = subprocess.run(
                [*words, *([shots] if shots else [])],
                cwd=WEB,
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    # Everything that a page needs comes from its own server.
    others = [url for url in said["requests"] if not url.startswith((address, "data:", "blob:"))]
    assert others == []
    assert said["errors"] == []
    return {**said, "address": address}
