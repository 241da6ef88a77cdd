"""The window; only this module needs a display."""

from __future__ import annotations

import os
import sys

import pygame


class Window:
    """A window that opens with the first surface and limits the frame rate.

    pygame has one display per process, which belongs to the window that was shown last.

    Args:
        title: Text of the title bar.
        fps: Maximum number of surfaces per second; 0 for no limit.

    Attributes:
        closed: Whether the user or ``close`` has closed the window. It then stays closed.
        events: The events (keys, mouse) since the surface before.
    """

    def __init__(self, title: str = "HRM Gym", fps: float = 10) -> None:
        self.title = title
        self.fps = fps
        self.closed = False
        self.events: list[pygame.event.Event] = []
        self._clock = pygame.time.Clock()
        self._screen: pygame.Surface | None = None

    def show(self, surface: pygame.Surface) -> None:
        """Show a surface at its own size and wait for the end of the frame.

        A closed window does nothing, so that a running episode can continue without it.

        Raises:
            RuntimeError: if this machine has no display.
        """
        self.events = []
        if self.closed:
            return
        screen = self._open(surface.get_size())
        screen.blit(surface, (0, 0))
        pygame.display.flip()
        self.poll()
        if not self.closed:
            self._clock.tick(self.fps)

    def poll(self) -> list[pygame.event.Event]:
        """Add the new events, without a new picture, and return all ``events``.

        This must be called every few seconds, or the system reports that the window hangs.
        """
        if self._screen is None or not pygame.display.get_init():
            return self.events
        self.events += pygame.event.get()
        if any(event.type == pygame.QUIT for event in self.events):
            self.close()
        return self.events

    def desktop(self) -> tuple[int, int]:
        """Return the width and height of the screen in pixels.

        Raises:
            RuntimeError: if this machine has no display.
        """
        self._connect()
        return pygame.display.get_desktop_sizes()[0]

    def close(self) -> None:
        """Close the window permanently. It may be closed already."""
        self.closed = True
        if self._screen is not None:
            self._screen = None
            pygame.display.quit()

    def _open(self, size: tuple[int, int]) -> pygame.Surface:
        """Return the screen; open or resize the window if necessary."""
        current = pygame.display.get_surface() if pygame.display.get_init() else None
        if self._screen is not None and current is self._screen and current.get_size() == size:
            return current
        self._connect()
        try:
            self._screen = pygame.display.set_mode(size)
        except pygame.error as error:
            raise _no_window(error) from error
        pygame.display.set_caption(self.title)
        return self._screen

    @staticmethod
    def _connect() -> None:
        """Open the connection to the display."""
        try:
            # Checked first, because SDL would print a warning to standard error below.
            displays = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
            if sys.platform == "linux" and not any(map(os.environ.get, displays)):
                raise pygame.error("No available display")
            pygame.display.init()
            # Without a display SDL may draw off screen, which is accepted only on request.
            if pygame.display.get_driver() == "offscreen" and not os.environ.get("SDL_VIDEODRIVER"):
                pygame.display.quit()
                raise pygame.error("No available display")
        except pygame.error as error:
            raise _no_window(error) from error


def _no_window(error: pygame.error) -> RuntimeError:
    return RuntimeError(
        f"no window can be opened here ({error}): "
        'use render_mode="rgb_array" to get frames as arrays instead'
    )
