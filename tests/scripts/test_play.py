"""The window of the player, under SDL's dummy driver: events in, pictures out."""

from __future__ import annotations

import gymnasium as gym
import pygame
import pytest

import hrm_gym
from hrm_gym.rendering import Window, to_array
from hrm_gym.scripts import play
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.playing import has_game, make_game
from hrm_gym.scripts.playing.controls import handle, key_name
from hrm_gym.scripts.playing.view import View, fitting_width

pytestmark = pytest.mark.usefixtures("hidden_window")


def press(key: int, typed: str = "", mod: int = 0) -> pygame.event.Event:
    return pygame.event.Event(pygame.KEYDOWN, key=key, unicode=typed, mod=mod)


def click(point: tuple[int, int], button: int = 1) -> pygame.event.Event:
    return pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=point, button=button)


def started(env_id: str, **kwargs):
    env = gym.make(env_id, disable_env_checker=True, **kwargs)
    game = make_game(env, 0, {"index": 0})
    view = View(640)
    view.paint(game)
    return game, view


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (press(pygame.K_5, "5"), "5"),
        (press(pygame.K_KP5, "5"), "5"),
        (press(pygame.K_KP5), "5"),
        (press(pygame.K_5, "(", pygame.KMOD_SHIFT), "("),
        (press(pygame.K_PERIOD, "7"), "7"),
        (press(pygame.K_h, "H", pygame.KMOD_SHIFT), "h"),
        (press(pygame.K_z, "\x1a", pygame.KMOD_CTRL), "ctrl+z"),
        (press(pygame.K_c, "\x03", pygame.KMOD_CTRL), ""),
        (press(pygame.K_UP, "", pygame.KMOD_SHIFT), "shift+up"),
        (press(pygame.K_RETURN, "\r", pygame.KMOD_SHIFT), "enter"),
        (press(pygame.K_LSHIFT, "", pygame.KMOD_SHIFT), ""),
    ],
)
def test_keys_have_names_by_what_they_type(event, name):
    assert key_name(event) == name


def test_a_cell_is_clicked_and_a_digit_typed():
    game, view = started("HRMSudoku-4x4-v0")
    hint = game.env.optimal_action()
    board = View(640).width // 4
    assert handle(click((board // 2, board // 2)), game, view)
    assert game.cursor == 0
    game.cursor = hint // 4
    digit = hint % 4 + 1
    handle(press(pygame.K_0 + digit, str(digit)), game, view)
    assert game.moves == 1
    handle(press(pygame.K_z, "\x1a", pygame.KMOD_CTRL), game, view)
    assert game.moves == 0


def test_every_button_does_what_its_key_does():
    game, view = started("HRMARC-v0")
    keys = [key for _, key in view.pills]
    assert keys == [*"0123456789", *(button.key for button in game.buttons)]
    for rect, key in list(view.pills):
        assert view.key_at(rect.center) == key
    colour = next(rect for rect, key in view.pills if key == "4")
    handle(click(colour.center), game, view)
    assert game.colour == 4
    handle(click(colour.center, button=3), game, view)
    copy = next(rect for rect, key in view.pills if key == "i")
    handle(click(copy.center), game, view)
    assert game.cells().any()


def test_only_a_drag_paints():
    game, view = started("HRMARC-v0")
    first, second = (game.scene.cell_rect(cell, view.width).center for cell in (0, 2))
    move = {"pos": second, "rel": (0, 0)}
    handle(pygame.event.Event(pygame.MOUSEMOTION, buttons=(0, 0, 0), **move), game, view)
    assert not game.cells().any()
    handle(click(first), game, view)
    handle(pygame.event.Event(pygame.MOUSEMOTION, buttons=(1, 0, 0), **move), game, view)
    assert game.cells().ravel()[:4].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("env_id", filter(has_game, hrm_gym.ENV_IDS))
def test_every_environment_has_a_picture_that_fits_the_screen(env_id):
    game, _ = started(env_id)
    for desktop in ((1920, 1080), (1280, 720)):
        view = View(fitting_width(game, desktop))
        picture = view.paint(game)
        assert picture.get_width() <= desktop[0]
        assert picture.get_height() <= desktop[1]
        for rect, _ in view.pills:
            assert picture.get_rect().contains(rect)


def test_the_picture_shows_cursor_and_message():
    game, view = started("HRMSudoku-4x4-v0")
    before = to_array(view.paint(game))
    game.key("right")
    moved = to_array(view.paint(game))
    assert (before != moved).any()
    game.message = "Something else."
    assert (moved != to_array(view.paint(game))).any()


@pytest.mark.parametrize(
    "event",
    [pygame.event.Event(pygame.QUIT), press(pygame.K_ESCAPE, "\x1b"), press(pygame.K_q, "q")],
)
def test_the_window_closes_when_asked_to(event):
    pygame.display.init()
    pygame.event.post(press(pygame.K_h, "h"))
    pygame.event.post(event)
    assert run(play.main, play.Args, ["--env", "HRMSudoku-4x4-v0", "--seed", "1"]) == 0
    assert not pygame.display.get_init()


def test_events_are_processed_without_input():
    class Impatient(Window):
        frames = 0

        def show(self, surface):
            super().show(surface)
            self.frames += 1
            if self.frames == 3:
                pygame.event.post(press(pygame.K_ESCAPE))

    game, view = started("HRMMaze-7x7-v0")
    window = Impatient(fps=0)
    play.play(game, view, window)
    assert window.closed
    assert window.frames == 4


def test_a_missing_display_is_reported(monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    assert run(play.main, play.Args, ["--env", "HRMSudoku-4x4-v0"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: display: expected one")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--env", "HRMSudok-v0"], "env: expected one of"),
        (["--env", "HRMSudoku-4x4-v0", "--index", "-1"], "index: expected 0.."),
        (["--env", "HRMSudoku-4x4-v0", "--index", "1", "--puzzle", "12"], "--index or --puzzle"),
        (["--env", "HRMSudoku-4x4-v0", "--puzzle", "12"], "expected 16 cells"),
        (["--env", "HRMSudoku-4x4-v0", "--seed", "-1"], "seed: expected"),
        (["--env", "HRMSudoku-4x4-v0", "--split", "exam"], "split: expected one of"),
        (["--env", "HRMSudoku-4x4-v0", "--data", "nowhere.csv"], "source: expected"),
        (["--env", "HRMSudoku-4x4-v0", "--width", "0"], "width: expected"),
        (
            ["--env", "HRMSudoku-4x4-v0", "--task-id", "007bbfb7"],
            "task_id: the puzzles of sudoku-4x4 have no names",
        ),
        (["--env", "HRMARC-v0", "--task-id", "nope"], "task_id: no task"),
    ],
)
def test_invalid_input_is_reported_in_one_sentence(words, said, capsys):
    assert run(play.main, play.Args, words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
