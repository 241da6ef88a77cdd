"""The trained HRM as an agent: solve, think segment by segment, act in every environment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from hrm_gym.puzzles import Tokens, get_task

from ..base import Agent
from .act import should_halt
from .checkpoint import load_agent, save_agent
from .config import HRMConfig
from .model import HRM, Carry, Output
from .play import Player

PRETRAINED = Path(__file__).parent.parent / "pretrained"
REMEMBERED = 4096
"""Puzzles whose answers an agent keeps while it plays them out move by move."""


class Segment(NamedTuple):
    """What one segment says of B puzzles.

    Attributes:
        answer: ``(B, seq_len)`` uint8.
        q_halt: ``(B,)`` float32.
        q_continue: ``(B,)`` float32, ``None`` for a model without it.
        confidence: ``(B, seq_len)`` float32, the probability of each cell's token.
        halt: ``(B,)`` bool, where the model would stop.
    """

    answer: Tokens
    q_halt: NDArray[np.float32]
    q_continue: NDArray[np.float32] | None
    confidence: NDArray[np.float32]
    halt: NDArray[np.bool_]


class Solution(NamedTuple):
    """The answers to B puzzles; a single puzzle has no batch dimension.

    Attributes:
        answer: ``(B, seq_len)`` uint8.
        segments: ``(B,)`` int64, how many it took.
        q_halt: ``(B,)`` float32, at the last of them.
        confidence: ``(B,)`` float32, the model's own probability of being right.
    """

    answer: Tokens
    segments: NDArray[np.int64]
    q_halt: NDArray[np.float32]
    confidence: NDArray[np.float32]


class HRMAgent(Agent):
    """A trained HRM.

    Args:
        model: The model; it is moved to ``device`` and set to evaluation.
        task: Id of its task, such as ``sudoku-4x4``; see ``hrm_gym.puzzles.get_task``.
        max_segments: Where thinking ends.
        device: ``cpu``, ``cuda`` and so on.
        bf16: Compute in bfloat16.
        about: What its checkpoint says of it.
    """

    name = "hrm"
    signal = "labels"

    def __init__(
        self,
        model: HRM,
        task: str,
        max_segments: int = 16,
        device: str | torch.device = "cpu",
        bf16: bool = False,
        about: dict[str, Any] | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.task_name = task
        self.task = get_task(task)
        self.max_segments = max_segments
        self.bf16 = bf16
        self.about = about or {}
        self.parameters = sum(p.numel() for p in model.parameters())
        self._memory: OrderedDict[bytes, list[tuple[Tokens, bool]]] = OrderedDict()
        self._player = Player(self.task)

    # Checkpoints -------------------------------------------------------------------------------

    @staticmethod
    def pretrained() -> list[str]:
        """Return the names of the agents that ship with the package."""
        return sorted(path.parent.name for path in PRETRAINED.glob("*/config.json"))

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str = "cpu", bf16: bool = False) -> HRMAgent:
        """Load a bundled agent by name, or a checkpoint folder.

        Raises:
            ValueError: There is none, it is damaged, or its weights do not fit its configuration.
        """
        folder = Path(name)
        if not folder.is_dir():
            folder = PRETRAINED / str(name)
            if str(name) not in cls.pretrained():
                raise ValueError(
                    f"agent: expected a checkpoint folder or one of "
                    f"{', '.join(cls.pretrained())}, got {str(name)!r}"
                )
        about, weights = load_agent(folder)
        try:
            model = HRM(HRMConfig.from_dict(about["model"]))
            task = get_task(about["task"])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{folder / 'config.json'}: {error}") from None
        try:
            model.load_state_dict({key: value.float() for key, value in weights.items()})
        except RuntimeError:
            raise ValueError(
                f"{folder / 'model.safetensors'}: the weights do not fit config.json"
            ) from None
        if (model.config.vocab_size, model.config.seq_len) != (task.vocab_size, task.seq_len):
            raise ValueError(
                f"{folder}: the model has {model.config.seq_len} positions and "
                f"{model.config.vocab_size} tokens, {task.id} needs {task.seq_len} and "
                f"{task.vocab_size}"
            )
        return cls(model, about["task"], about.get("max_segments", 16), device, bf16, about)

    def save(self, folder: str | Path) -> None:
        """Write a checkpoint folder that ``from_pretrained`` reads."""
        about = {
            **self.about,
            "task": self.task_name,
            "model": self.model.config.to_dict(),
            "max_segments": self.max_segments,
            "parameters": self.parameters,
        }
        save_agent(Path(folder), about, self.model.state_dict())

    # Thinking ----------------------------------------------------------------------------------

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def _tokens(self, tokens: ArrayLike) -> Tensor:
        values = np.asarray(tokens)
        if values.ndim != 2 or values.shape[1] != self.task.seq_len:
            raise ValueError(
                f"tokens: expected (batch, {self.task.seq_len}) for {self.task.id}, got "
                f"shape {values.shape}"
            )
        return torch.tensor(values, device=self.device)

    def _segments(
        self, tokens: Tensor, puzzle_ids: Tensor | None, segments: int | None = None
    ) -> Iterator[tuple[Output, Tensor, list[Tensor]]]:
        """Yield outputs and halting flags; a list of kept rows sent back shrinks the batch."""
        if puzzle_ids is None:
            puzzle_ids = torch.zeros(len(tokens), dtype=torch.int64, device=self.device)
        rows: list[Tensor] = []
        with self._autocast():
            carry = self.model.initial_carry(len(tokens), self.device)
        for _ in range(self.max_segments if segments is None else segments):
            with torch.inference_mode(), self._autocast():
                carry, output = self.model.segment(carry, tokens, puzzle_ids)
                halt = should_halt(output, self.model.config.q_continue)
            yield output, halt, rows
            if rows:
                kept = rows.pop()
                if len(kept) == 0:
                    return
                carry = Carry(carry.z_H[kept], carry.z_L[kept])
                tokens, puzzle_ids = tokens[kept], puzzle_ids[kept]

    def think(
        self,
        tokens: ArrayLike,
        puzzle_ids: ArrayLike | None = None,
        halt: bool = True,
        segments: int | None = None,
    ) -> Iterator[Segment]:
        """Think about puzzles, one ``Segment`` at a time.

        Args:
            tokens: ``(seq_len,)`` or ``(B, seq_len)`` integers.
            puzzle_ids: ``(B,)`` rows of the puzzle embedding; 0 by default.
            halt: End once every row would halt, instead of at the last segment.
            segments: The last segment; default ``max_segments``, and it may be more.

        Raises:
            ValueError: The shape does not fit the task.
        """
        batch = self._tokens(np.atleast_2d(np.asarray(tokens)))
        ids = None if puzzle_ids is None else torch.as_tensor(puzzle_ids, device=self.device)
        ended = torch.zeros(len(batch), dtype=torch.bool, device=self.device)
        for output, wants, _ in self._segments(batch, ids, segments):
            confidence, answer = output.logits.float().softmax(-1).max(-1)
            q_continue = output.q_continue
            yield Segment(
                answer.to(torch.uint8).cpu().numpy(),
                output.q_halt.cpu().numpy(),
                None if q_continue is None else q_continue.cpu().numpy(),
                confidence.cpu().numpy(),
                wants.cpu().numpy(),
            )
            ended |= wants
            if halt and bool(ended.all()):
                return

    def solve(
        self,
        tokens: ArrayLike,
        puzzle_ids: ArrayLike | None = None,
        halt: bool = True,
        segments: int | None = None,
    ) -> Solution:
        """Answer puzzles; each stops when it wants to and then leaves the batch.

        Args:
            tokens: ``(seq_len,)`` or ``(B, seq_len)`` integers.
            puzzle_ids: ``(B,)`` rows of the puzzle embedding; 0 by default.
            halt: Stop early; otherwise every puzzle takes all segments.
            segments: At most so many; default ``max_segments``, and it may be more.

        Raises:
            ValueError: The shape does not fit the task.
        """
        single = np.ndim(tokens) == 1
        batch = self._tokens(np.atleast_2d(np.asarray(tokens)))
        ids = None if puzzle_ids is None else torch.as_tensor(puzzle_ids, device=self.device)
        answers = np.zeros(batch.shape, np.uint8)
        spent = np.zeros(len(batch), np.int64)
        q_halt = np.zeros(len(batch), np.float32)
        going = np.arange(len(batch))
        for output, wants, rows in self._segments(batch, ids, segments):
            answers[going] = output.logits.argmax(-1).to(torch.uint8).cpu().numpy()
            q_halt[going] = output.q_halt.cpu().numpy()
            spent[going] += 1
            if halt:
                kept = (~wants).nonzero().squeeze(1)
                if len(kept) < len(going):
                    rows.append(kept)
                    going = going[kept.cpu().numpy()]
        confidence = (1 / (1 + np.exp(-q_halt))).astype(np.float32)
        solution = Solution(answers, spent, q_halt, confidence)
        return Solution(*(part[0] for part in solution)) if single else solution

    # Acting ------------------------------------------------------------------------------------

    def act(self, obs: dict[str, Any], info: dict[str, Any]) -> Any:
        """Act in any environment of the task, step or Answer."""
        return self.act_batch([obs], [info])[0]

    def act_batch(
        self, observations: list[dict[str, Any]], infos: list[dict[str, Any]]
    ) -> list[Any]:
        """Act in many environments at once; new puzzles are thought about in one batch.

        In an Answer environment one action is one segment; in a step environment the puzzle is
        thought about once, and the answer is then played out move by move.
        """
        questions = [self._player.question(obs) for obs in observations]
        new: dict[bytes, tuple[Tokens, int]] = {}
        for question, obs in zip(questions, observations, strict=True):
            if question.tobytes() not in self._memory:
                new[question.tobytes()] = (question, int(obs.get("puzzle_id", 0)))
        if new:
            self._remember(new)
        actions = []
        for question, obs, info in zip(questions, observations, infos, strict=True):
            thoughts = self._memory[question.tobytes()]
            if "answer" in obs:
                answer, halt = thoughts[min(info.get("segment", 0), len(thoughts) - 1)]
                actions.append(np.append(answer.astype(np.int64), int(halt)))
            else:
                actions.append(self._player.play(thoughts[-1][0], question, obs, info))
        return actions

    def _remember(self, new: dict[bytes, tuple[Tokens, int]]) -> None:
        """Think about new puzzles and keep every segment's answer up to halting."""
        tokens = np.stack([question for question, _ in new.values()])
        ids = torch.tensor([puzzle_id for _, puzzle_id in new.values()], device=self.device)
        batch = self._tokens(tokens)
        thoughts: list[list[tuple[Tokens, bool]]] = [[] for _ in new]
        going = np.arange(len(new))
        for output, wants, rows in self._segments(batch, ids):
            answers = output.logits.argmax(-1).to(torch.uint8).cpu().numpy()
            for row, answer, halt in zip(going, answers, wants.tolist(), strict=True):
                thoughts[row].append((answer, halt))
            kept = (~wants).nonzero().squeeze(1)
            if len(kept) < len(going):
                rows.append(kept)
                going = going[kept.cpu().numpy()]
        self._memory.update(zip(new, thoughts, strict=True))
        while len(self._memory) > max(REMEMBERED, len(new)):
            self._memory.popitem(last=False)
