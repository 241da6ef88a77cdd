"""What every test shares: no window, few threads, quiet pygame, quick Hypothesis."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# pytest puts tests/ on the path, where tests/hrm_gym would pass for the package; a real package
# further down the path wins over such a bare folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))
# Modules that several tests share lie beside this file.
sys.path.append(str(Path(__file__).resolve().parent))
# Before pygame or torch are imported anywhere.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

# Kernels are compiled in the first example, so no example has a deadline.
settings.register_profile(
    "hrm_gym",
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("hrm_gym")


@pytest.fixture
def hidden_window(monkeypatch):
    """Use SDL's dummy driver, and begin and end without a display."""
    import pygame

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.quit()
    yield
    pygame.display.quit()
