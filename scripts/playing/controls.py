"""Translation of pygame's events into the keys and cells of a game."""

from __future__ import annotations

import pygame

from .game import Game
from .view import View

NAMES = {
    pygame.K_RETURN: "enter",
    pygame.K_KP_ENTER: "enter",
    pygame.K_SPACE: "space",
    pygame.K_BACKSPACE: "backspace",
    pygame.K_DELETE: "delete",
    pygame.K_TAB: "tab",
    pygame.K_ESCAPE: "escape",
    pygame.K_UP: "up",
    pygame.K_DOWN: "down",
    pygame.K_LEFT: "left",
    pygame.K_RIGHT: "right",
}


def key_name(event: pygame.event.Event) -> str:
    """Return the name of a pressed key, ``""`` for a modifier alone or a key without a name.

    The name is what the key types, not where it is, so that any keyboard layout works.
    """
    modifiers = getattr(event, "mod", 0)
    if event.key in NAMES:
        shift = modifiers & pygame.KMOD_SHIFT and event.key in (
            pygame.K_UP,
            pygame.K_DOWN,
            pygame.K_LEFT,
            pygame.K_RIGHT,
        )
        return f"shift+{NAMES[event.key]}" if shift else NAMES[event.key]
    if modifiers & (pygame.KMOD_CTRL | pygame.KMOD_META):
        return "ctrl+z" if event.key == pygame.K_z else ""
    typed = str(getattr(event, "unicode", "")) or pygame.key.name(event.key).strip("[]")
    return typed.lower() if len(typed) == 1 else ""


def handle(event: pygame.event.Event, game: Game, view: View) -> bool:
    """Pass an event to a game and return whether the player wants to continue.

    Args:
        event: Any event of the queue; only keys and the mouse matter.
        game: The game.
        view: The view of the game.
    """
    if event.type == pygame.QUIT:
        return False
    if event.type == pygame.KEYDOWN:
        name = key_name(event)
        if name in ("escape", "q"):
            return False
        if name:
            game.key(name)
    elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
        key = view.key_at(event.pos)
        if key is not None:
            game.key(key)
        else:
            cell = view.cell_at(game, event.pos)
            if cell is not None:
                game.press(cell)
    elif event.type == pygame.MOUSEMOTION and event.buttons[0]:
        cell = view.cell_at(game, event.pos)
        if cell is not None and cell != game.cursor:
            game.drag(cell)
    return True
