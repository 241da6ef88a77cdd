"""The game of the halting environment: continue, or halt."""

from __future__ import annotations

from typing import Any, ClassVar

from .game import COMMON, Button, Game, count

CONTINUE, HALT = 0, 1


class HaltGame(Game):
    """Recorded segments of a model; the player decides when to halt."""

    aim: ClassVar[str] = "Halt as soon as the answer is right; every segment costs a little."
    keys_help: ClassVar[str] = "Space or right continues, Enter halts"
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("Halt", "enter"),
        Button("Continue", "space"),
        *(button for button in COMMON if button.key != "c"),
    )
    unit: ClassVar[str] = "decision"

    def own_key(self, name: str) -> bool:
        """Handle Space and right, which continue, and Enter, which halts."""
        actions = {"space": CONTINUE, "right": CONTINUE, "enter": HALT}
        if name not in actions:
            return False
        self._decide(actions[name])
        return True

    def _decide(self, action: int) -> None:
        self.message = ""
        self.step(action)

    def press(self, cell: int) -> None:
        """Do nothing, since there are no cells."""

    def hint(self) -> bool:
        """Take the oracle's decision."""
        action = int(self.env.optimal_action())
        self._decide(action)
        if not self.over:
            self.message = "Hint: continue."
        return True

    def verdict(self, reward: float) -> str:
        """Return how the episode ended."""
        right = "right" if self.won else "wrong"
        return f"The answer is {right} after {count(self.env.segment, 'segment')}: {reward:+.2f}."

    @property
    def scene(self) -> Any:
        """The readings so far; which answers were right is shown at the end."""
        return self.env.scene()
