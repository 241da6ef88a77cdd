"""The examples that need other libraries, for a few steps: ``make test-libraries``."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("default")]
ROOT = Path(__file__).resolve().parents[2]


def test_the_minari_example_clones_the_solver(tmp_path, monkeypatch):
    pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    from examples.minari_teacher import main

    assert 0.0 <= main(episodes=20, epochs=2, test_episodes=10) <= 1.0


def test_the_torchrl_example_runs():
    pytest.importorskip("torchrl")
    from examples.torchrl_masked_ppo import main

    assert 0.0 <= main(frames=1024, num_envs=8) <= 1.0


@pytest.mark.parametrize("vectorize", [True, False])
def test_the_rllib_example_runs(vectorize):
    ray = pytest.importorskip("ray")
    from examples.rllib_vector import main

    try:
        rate = main(iterations=1, num_envs=2, batch_size=256, vectorize=vectorize)
    finally:
        ray.shutdown()
    assert 0.0 <= rate <= 1.0


def test_the_notebook_runs_in_jupyter(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(ROOT / "examples" / "train_watch_compare.ipynb", as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.id == "settings":
            cell.source = cell.source.replace("= 60", "= 2").replace("= 200", "= 5")
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {}) or "image/gif" in output.get("data", {})
    ]
    assert len(pictures) == 2
