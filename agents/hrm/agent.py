"""A trained HRM as an agent, which thinks, solves puzzles and acts in environments."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hrm_gym.data.hub import check_name, upload
from hrm_gym.devices import check_device
from hrm_gym.families import family_module
from hrm_gym.files import write_text
from hrm_gym.halt_rule import wants_to_halt
from hrm_gym.puzzles import Task, Tokens, get_task, task_of_file

from ..shipped import FOLDER, Pretrained, pretrained
from .exchange.card import CARD, LICENSE, model_card
from .exchange.checkpoint import fetch, load_agent, save_agent
from .exchange.published import is_published, load_published
from .inference.acting import REMEMBERED, ActingAgent, Asked
from .inference.thinking import Noise, Rows, Segment
from .model.config import HRMConfig
from .model.network import HRM, Carry, Output

PASS = 1 << 20
"""Largest number of elements of a hidden state that a CPU passes through the model together. In a
larger pass, what is read again is no longer in the cache: 256 mazes of 30x30 cells take half of the
time and of the memory in such passes."""


class HRMAgent(ActingAgent):
    """A trained HRM.

    Args:
        model: The model; it is moved to ``device`` and set to evaluation.
        task: Id of its task, see ``hrm_gym.puzzles.get_task``.
        max_segments: The last segment.
        device: ``cpu``, ``cuda`` and so on.
        bf16: Compute in bfloat16.
        about: Further content of ``config.json`` of its checkpoint.
        steady: See ``ReasoningAgent``.

    Raises:
        ValueError: if the device is not available.
    """

    def __init__(
        self,
        model: HRM,
        task: str,
        max_segments: int = 16,
        device: str | torch.device = "cpu",
        bf16: bool = False,
        about: dict[str, Any] | None = None,
        steady: bool = False,
    ) -> None:
        super().__init__(get_task(task), max_segments, steady)
        self.task_name = task
        self.device = check_device(device)
        self.model = model.to(self.device).eval()
        self.any_size = model.relational
        if model.relational:
            model.learn_board(self.task)
        self.num_puzzles = model.config.num_puzzles
        self.bf16 = bf16
        self.about = about or {}
        trained = self.about.get("train", {})
        self.trained_noise = (trained.get("start_noise", 0.0), trained.get("carry_noise", 0.0))
        self.name = str(self.about.get("name", "hrm"))
        self.parameters = sum(p.numel() for p in model.parameters())

    # Checkpoints -------------------------------------------------------------------------------

    @staticmethod
    def pretrained() -> dict[str, Pretrained]:
        """Return the pretrained agents of the package by name."""
        return pretrained()

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str = "cpu", bf16: bool = False, task: str | None = None
    ) -> HRMAgent:
        """Load a pretrained agent by name, a checkpoint folder, or a published checkpoint.

        Args:
            name: Name of a pretrained agent; a folder that ``save`` wrote; the folder of a
                published HRM or TRM, or one file of weights in it; or ``hub:owner/name`` for such a
                folder on the Hugging Face Hub (extra ``hub``), which ``push_to_hub`` wrote.
            device: ``cpu``, ``cuda`` and so on.
            bf16: Compute in bfloat16.
            task: Task of a published checkpoint whose files do not identify it, or the
                ``module:Class`` of a custom task, which a checkpoint alone never imports.

        Raises:
            ValueError: if there is no such agent, it is damaged, or its weights do not fit its
                configuration or its task.
        """
        folder = fetch(name)
        if folder.exists() and is_published(folder):
            published, about = load_published(folder, task)
            return cls(published, about["task"], about["max_segments"], device, bf16, about)
        if not folder.is_dir():
            folder = FOLDER / str(name)
            if str(name) not in cls.pretrained():
                raise ValueError(
                    f"agent: expected a checkpoint folder or one of "
                    f"{', '.join(cls.pretrained())}, got {str(name)!r}"
                )
        about, weights = load_agent(folder)
        named = str(about["task"])
        try:
            model = HRM(HRMConfig.from_dict(about["model"]))
            own = task_of_file(named, task)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{folder / 'config.json'}: {error}") from None
        try:
            model.load_state_dict({key: value.float() for key, value in weights.items()})
        except RuntimeError:
            raise ValueError(
                f"{folder / 'model.safetensors'}: the weights do not fit config.json"
            ) from None
        if (model.config.vocab_size, model.config.seq_len) != (own.vocab_size, own.seq_len):
            raise ValueError(
                f"{folder}: the model has {model.config.seq_len} positions and "
                f"{model.config.vocab_size} tokens, {own.id} needs {own.seq_len} and "
                f"{own.vocab_size}"
            )
        segments, steady = about.get("max_segments", 16), bool(about.get("steady", False))
        return cls(model, named, segments, device, bf16, about, steady)

    def describe(self) -> dict[str, Any]:
        """Return the content of ``config.json``."""
        return {
            **self.about,
            "task": self.task_name,
            "model": self.model.config.to_dict(),
            "max_segments": self.max_segments,
            "steady": self.steady,
            "parameters": self.parameters,
        }

    def save(self, folder: str | Path) -> None:
        """Write a checkpoint folder that ``from_pretrained`` reads."""
        save_agent(Path(folder), self.describe(), self.model.state_dict())

    def save_card(
        self, folder: str | Path, repo_id: str | None = None, license: str = LICENSE
    ) -> None:
        """Write the model card of this agent, ``README.md``, into a folder.

        Args:
            folder: Created if necessary.
            repo_id: The repository on the Hugging Face Hub that the card is for, ``owner/name``;
                default: the name of the folder.
            license: License of the weights, as the Hub spells it.

        Raises:
            OSError: if the file cannot be written.
        """
        name = repo_id or Path(folder).resolve().name
        write_text(Path(folder) / CARD, model_card(self.describe(), self.task, name, license))

    def push_to_hub(
        self,
        repo_id: str,
        private: bool = False,
        revision: str | None = None,
        license: str = LICENSE,
        message: str = "Upload the agent",
    ) -> str:
        """Upload this agent with its model card to the Hugging Face Hub (extra ``hub``).

        ``from_pretrained("hub:owner/name")`` and ``--agent hub:owner/name`` load it. The files are
        ``config.json``, ``model.safetensors`` and ``README.md``.

        Args:
            repo_id: The repository, ``owner/name``; it is created if necessary.
            private: Whether a new repository is private.
            revision: Branch that receives the files; ``None`` means the main branch.
            license: License of the weights, as the Hub spells it.
            message: Message of the commit.

        Returns:
            The address of the commit.

        Raises:
            ValueError: if the client is not installed, or the repository cannot be written.
        """
        check_name(repo_id)
        with tempfile.TemporaryDirectory() as folder:
            self.save(folder)
            self.save_card(folder, repo_id, license)
            return upload(repo_id, Path(folder), private, revision, message)

    # Thinking ----------------------------------------------------------------------------------

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which the model computes in the agent's dtype."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def _add_task(self, task: Task) -> None:
        self.model.learn_board(task)

    def _segments(
        self,
        tokens: Tokens,
        puzzle_ids: NDArray[np.int64],
        segments: int,
        noise: Noise | None = None,
    ) -> Iterator[tuple[Segment, Rows]]:
        batch = torch.from_numpy(tokens).to(self.device)
        ids = torch.from_numpy(puzzle_ids).to(self.device)
        rows: Rows = []
        impossible = torch.from_numpy(self.impossible(tokens.shape[1])).to(self.device)
        with self.autocast():
            carry = self.model.initial_carry(len(tokens), self.device, seq_len=tokens.shape[1])
        generator = torch.Generator(self.device)
        if noise is not None:
            generator.manual_seed(noise.seed)
            carry = add_noise(carry, noise.start, generator)
        for _ in range(segments):
            with torch.inference_mode(), self.autocast():
                carry, output = self._segment(carry, batch, ids)
                segment = self._read(output, impossible)
            yield segment, rows
            if noise is not None:
                carry = add_noise(carry, noise.carry, generator)
            if rows:
                kept = torch.from_numpy(rows.pop()).to(self.device)
                if len(kept) == 0:
                    return
                carry = Carry(carry.z_H[kept], carry.z_L[kept])
                batch, ids = batch[kept], ids[kept]

    def _segment(
        self, carry: Carry, tokens: torch.Tensor, ids: torch.Tensor
    ) -> tuple[Carry, Output]:
        """Compute one segment of the model; on a CPU in several passes if the batch is large."""
        rows = max(1, PASS // max(1, carry.z_H[:1].numel()))
        if len(tokens) <= rows or self.device.type != "cpu":
            return self.model.segment(carry, tokens, ids)
        states, outputs = [], []
        for parts in zip(*(part.split(rows) for part in (*carry, tokens, ids)), strict=True):
            z_H, z_L, *asked = parts
            state, output = self.model.segment(Carry(z_H, z_L), *asked)
            states.append(state)
            outputs.append(output)
        z_H, z_L = (torch.cat(parts) for parts in zip(*states, strict=True))
        logits = torch.cat([output.logits for output in outputs])
        q_halt = torch.cat([output.q_halt for output in outputs])
        later = [output.q_continue for output in outputs if output.q_continue is not None]
        return Carry(z_H, z_L), Output(logits, q_halt, torch.cat(later) if later else None)

    # Acting ------------------------------------------------------------------------------------

    def act_batch(
        self, observations: list[dict[str, Any]], infos: list[dict[str, Any]]
    ) -> list[Any]:
        """Return one action for each environment; see ``ReasoningAgent.act_batch``.

        In a step environment that shows demonstrations, a model with a puzzle embedding looks up
        the task by them; see ``voting/<family>.py``.
        """
        voting = family_module("hrm_gym.agents.hrm.inference.voting", self.task.family)
        if voting is None or not self.num_puzzles or "demos" not in observations[0]:
            return super().act_batch(observations, infos)
        actions = []
        for obs, info in zip(observations, infos, strict=True):
            shown = np.asarray(obs["demos"]).tobytes() + np.asarray(obs["tokens"]).tobytes()
            # No row of the embedding answers alone.
            one = Asked(shown, -1, None, self.max_segments)
            if one not in self._memory:
                self._memory[one] = voting.attempts(self, obs)
            while len(self._memory) > REMEMBERED:
                self._memory.popitem(last=False)
            actions.append(voting.play(self._memory[one], obs, info))
        return actions

    # Adapting ----------------------------------------------------------------------------------

    def adapt(self, task: Any, seconds: float = 30.0, **options: Any) -> Any:
        """Train a copy of this agent on the demonstrations of a new task.

        Args:
            task: The task: a file or its content; see ``adaptation/<family>.py``.
            seconds: Training time.
            options: Further arguments of the family's function.

        Returns:
            The adapted agent and how many demonstrations it reproduces.

        Raises:
            ValueError: if the puzzles of the agent's family come without demonstrations, or the
                task does not fit the agent.
        """
        module = family_module("hrm_gym.agents.hrm.adaptation", self.task.family)
        if module is None:
            raise ValueError(
                f"agent: {self.name} solves {self.task.id}, whose puzzles have no demonstrations "
                "to adapt to"
            )
        return module.adapt(self, task, seconds, **options)

    def _read(self, output: Output, impossible: torch.Tensor) -> Segment:
        """Return an output of the model as arrays, without the impossible tokens."""
        shares = output.logits.float().masked_fill(impossible, -math.inf).softmax(-1)
        confidence, answer = shares.max(-1)
        entropy = torch.special.entr(shares).sum(-1).mean(-1) / math.log(shares.shape[-1])
        q_continue = None if output.q_continue is None else output.q_continue.cpu().numpy()
        return Segment(
            answer.to(torch.uint8).cpu().numpy(),
            output.q_halt.cpu().numpy(),
            q_continue,
            confidence.cpu().numpy(),
            entropy.cpu().numpy(),
            wants_to_halt(output.q_halt, output.q_continue).cpu().numpy(),
        )


def add_noise(carry: Carry, deviation: float, generator: torch.Generator) -> Carry:
    """Return a carry with Gaussian noise of a standard deviation in both states."""
    return Carry(
        *(
            z + deviation * torch.randn(z.shape, generator=generator, device=z.device).to(z.dtype)
            for z in carry
        )
    )
