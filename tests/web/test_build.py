"""Building the page: only a page is ever replaced."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from hrm_gym.scripts import build_web
from hrm_gym.scripts.build_web import WEB, build, check_out, main
from hrm_gym.scripts.cli import run


@pytest.fixture
def bundler(monkeypatch):
    """A bundler that writes one file, and empties its folder first, as the real one does."""

    def bundle(words):
        out = words[words.index("--outDir") + 1]
        shutil.rmtree(out, ignore_errors=True)
        code = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.mkdir(); "
        code += "(p / 'index.html').touch()"
        subprocess.run([sys.executable, "-c", code, out], check=True)

    monkeypatch.setattr(build_web, "_run", bundle)
    monkeypatch.setattr(build_web, "_installed", lambda: True)
    monkeypatch.setattr(build_web, "write_models", lambda folder: [])
    monkeypatch.setattr(build_web.shutil, "which", lambda name: name)


def test_a_folder_with_other_files_is_rejected(bundler, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="neither empty nor a page built before"):
        build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    with pytest.raises(ValueError, match="is a file"):
        build(tmp_path / "thesis.txt")


def test_a_page_replaces_a_page(bundler, tmp_path):
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "new" / "page", tmp_path / "empty"):
        build(out)
        (out / "old.js").touch()
        build(out)
        assert {path.name for path in out.iterdir()} == {"index.html", build_web.MARK}


@pytest.mark.parametrize("out", [WEB, WEB / "src", WEB / "new", WEB.parent, WEB.parent.parent])
def test_the_source_folder_is_rejected_as_target(out):
    with pytest.raises(ValueError, match="holds the sources of the page"):
        check_out(out)


def test_the_default_folder_is_accepted(tmp_path, monkeypatch):
    monkeypatch.setattr(build_web, "WEB", tmp_path / "web")
    check_out(tmp_path / "web" / "dist")


@pytest.mark.parametrize("port", [99999, -5])
def test_an_invalid_port_is_rejected_before_the_build(port, monkeypatch, capsys):
    monkeypatch.setattr(build_web, "build", lambda out: pytest.fail("built first"))
    assert run(main, build_web.Args, ["--serve", "--port", str(port)]) == 2
    assert capsys.readouterr().err == f"error: port: expected 0..65535, got {port}\n"
