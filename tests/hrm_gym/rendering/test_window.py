"""The window, under SDL's dummy driver, and where there is no display at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pygame
import pytest

from hrm_gym.rendering import Window

pytestmark = pytest.mark.usefixtures("hidden_window")


def picture(width: int = 64, colour: str = "red") -> pygame.Surface:
    surface = pygame.Surface((width, 48))
    surface.fill(colour)
    return surface


def test_the_window_opens_with_the_first_picture():
    window = Window("title", fps=0)
    assert not pygame.display.get_init()
    window.show(picture())
    screen = pygame.display.get_surface()
    assert screen.get_size() == (64, 48)
    assert screen.get_at((5, 5)) == pygame.Color("red")
    assert pygame.display.get_caption()[0] == "title"
    window.show(picture(80, "blue"))
    assert pygame.display.get_surface().get_size() == (80, 48)
    window.close()
    window.close()
    assert window.closed
    assert not pygame.display.get_init()


def test_the_screen_has_a_size_before_there_is_a_window():
    window = Window(fps=0)
    width, height = window.desktop()
    assert width > 0
    assert height > 0
    assert pygame.display.get_surface() is None
    assert not window.closed


def test_the_episode_continues_after_the_window_is_closed():
    window = Window(fps=0)
    window.show(picture())
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.show(picture())
    assert window.closed
    assert not pygame.display.get_init()
    window.show(picture())
    assert window.poll() == []
    assert not pygame.display.get_init()


def test_every_event_is_returned_once():
    window = Window(fps=0)
    window.show(picture())
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_UP))
    assert [event.key for event in window.poll() if event.type == pygame.KEYDOWN] == [pygame.K_UP]
    window.show(picture())
    assert not [event for event in window.events if event.type == pygame.KEYDOWN]


def test_the_window_keeps_its_frame_rate():
    window = Window(fps=50)
    window.show(picture())
    start = time.perf_counter()
    for _ in range(5):
        window.show(picture())
    assert time.perf_counter() - start > 0.07


def test_the_window_reopens_after_other_code_quits_pygame():
    window = Window(fps=0)
    window.show(picture())
    pygame.quit()
    window.show(picture())
    assert pygame.display.get_surface().get_size() == (64, 48)


@pytest.mark.parametrize("driver", ["nonsense", None])
def test_without_a_display_the_error_says_what_to_do(monkeypatch, driver):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    if driver is not None:
        monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    for opening in (lambda: Window().show(picture()), Window().desktop):
        with pytest.raises(RuntimeError, match="rgb_array") as caught:
            opening()
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="only there is a display a variable")
def test_without_a_display_nothing_else_is_printed():
    code = (
        "from hrm_gym.rendering import Window\n"
        "try: Window().desktop()\n"
        "except RuntimeError as error: print(error)"
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "XDG_RUNTIME_DIR")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.startswith("no window can be opened here (No available display)")
    assert done.stderr == ""
