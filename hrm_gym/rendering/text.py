"""Colour codes for text in a terminal.

Every cell of a scene takes the same number of columns, with or without colour, so that the text
stays aligned.
"""

from __future__ import annotations

BOLD, DIM, RED, GREEN, YELLOW, BLUE = "1", "2", "31", "32", "33", "34"
REVERSE, UNDERLINE = "7", "4"


class Pen:
    """Adds ANSI colour codes to text.

    Args:
        colour: Whether to add them; otherwise text is returned unchanged.
    """

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    @staticmethod
    def tidied(line: str) -> str:
        """Remove codes that switch off what the next code switches on again."""
        parts = line.split("\x1b[0m")
        for i in range(len(parts) - 1, 0, -1):
            before, after = parts[i - 1], parts[i]
            start = before.rfind("\x1b[")
            code = before[start : before.find("m", start) + 1]
            if start >= 0 and after.startswith(code):
                parts[i - 1 : i + 1] = [before + after[len(code) :]]
        return "\x1b[0m".join(parts)

    def __call__(self, text: str, *codes: str) -> str:
        """Return ``text`` between the codes and the code that resets them."""
        if not self.colour or not codes:
            return text
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"
