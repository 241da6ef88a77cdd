"""The decoder as an agent: it writes one chain per puzzle and then plays the answer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hrm_gym.devices import check_device
from hrm_gym.puzzles import Tokens, get_task, task_of_file

from ..hrm.exchange.checkpoint import load_agent, save_agent
from ..hrm.inference.acting import ActingAgent
from ..hrm.inference.thinking import Noise, Rows, Segment
from ..hrm.model.config import HRMConfig
from .model import Decoder
from .steps import Language

NAME = "chain-of-thought"


class ChainAgent(ActingAgent):
    """A trained decoder; it has the interface of an HRM that takes one segment.

    Args:
        model: The decoder. It is moved to ``device`` and set to evaluation mode.
        task: Id of its task.
        device: Device of the model, such as ``cpu`` or ``cuda``.
        about: Further entries of ``config.json``.

    Attributes:
        written: ``(B,)`` int64, the number of tokens written for each puzzle of the last batch.

    Raises:
        ValueError: if the device does not exist.
    """

    name = NAME

    def __init__(
        self,
        model: Decoder,
        task: str,
        device: str | torch.device = "cpu",
        about: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(get_task(task), max_segments=1)
        self.task_name = task
        self.device = check_device(device)
        self.model = model.to(self.device).eval()
        self.about = about or {}
        self.parameters = sum(p.numel() for p in model.parameters())
        self.written = np.zeros(0, np.int64)

    def describe(self) -> dict[str, Any]:
        """Return the content of ``config.json``."""
        return {
            **self.about,
            "name": NAME,
            "task": self.task_name,
            "model": self.model.config.to_dict(),
            "parameters": self.parameters,
        }

    def save(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``."""
        save_agent(Path(folder), self.describe(), self.model.state_dict())

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> ChainAgent:
        """Load a saved agent.

        Raises:
            ValueError: if a file is missing, is damaged or belongs to another agent.
        """
        about, weights = load_agent(Path(folder))
        if about.get("name") != NAME:
            raise ValueError(f"{folder}: expected an agent {NAME}, got {about.get('name')!r}")
        try:
            task = str(about["task"])
            config = HRMConfig.from_dict(about["model"])
            model = Decoder(config, Language(task_of_file(task)))
            model.load_state_dict(weights)
        except (ValueError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{folder}: the weights do not fit config.json: {reason}") from None
        return cls(model, task, device, about)

    def _segments(
        self,
        tokens: Tokens,
        puzzle_ids: NDArray[np.int64],
        segments: int,
        noise: Noise | None = None,
    ) -> Iterator[tuple[Segment, Rows]]:
        if noise is not None and not noise.is_silent:
            raise ValueError("noise: a chain of thought has no carry; expected an HRM")
        logits, written = self.model.write(torch.from_numpy(tokens).to(self.device))
        self.written = written.cpu().numpy()
        shares = logits.float().softmax(-1)
        confidence, answer = shares.max(-1)
        entropy = torch.special.entr(shares).sum(-1).mean(-1) / math.log(shares.shape[-1])
        # The probability that the decoder assigns to its whole answer, as log-odds.
        right = confidence.double().log().sum(-1).exp().clamp(1e-6, 1 - 1e-6)
        yield (
            Segment(
                answer.to(torch.uint8).cpu().numpy(),
                torch.logit(right).float().cpu().numpy(),
                None,
                confidence.cpu().numpy(),
                entropy.cpu().numpy(),
                np.ones(len(tokens), bool),
            ),
            [],
        )
