"""What the tests with a real browser share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from hrm_gym.scripts.build_web import make_server

WEB = Path(__file__).resolve().parents[2] / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str:
    """Return the browser; leave the test out where there is none.

    With ``HRM_GYM_BROWSER=required``, a missing program is a failure.
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
        reason = f"the page was not tried in a browser: {' and '.join(missing)} missing"
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
        asked: What the script shall do, as JSON.
        shots: Where it writes screenshots, if anywhere.

    Returns:
        What the script printed; ``address`` is that of the folder.
    """
    server = make_server(folder, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    questions = folder.parent / "asked.json"
    questions.write_text(json.dumps(asked))
    words = ["node", f"tests/{script}", address, find_browser(), str(questions)]
    try:
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
