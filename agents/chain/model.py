"""The decoder: a causal transformer over chains, and how it writes a chain."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..hrm.model.caches import KeyValues
from ..hrm.model.config import HRMConfig
from ..hrm.model.layers import Linear
from ..hrm.model.network import ParamGroups
from ..transformer import Transformer
from .steps import Language


class Decoder(nn.Module):
    """Predicts the next token of a chain.

    Args:
        config: Configuration of the transformer, with the vocabulary and length of the language.
        language: The tokens of the chains.

    Raises:
        ValueError: if ``config`` has another vocabulary or length.
    """

    def __init__(self, config: HRMConfig, language: Language) -> None:
        super().__init__()
        size, wanted = (
            (config.vocab_size, config.seq_len),
            (language.vocab_size, language.capacity),
        )
        if size != wanted:
            raise ValueError(f"config: expected {wanted} tokens and positions, got {size}")
        self.config = config
        self.language = language
        self.trunk = Transformer(config)
        self.head = Linear(config.hidden_size, config.vocab_size)

    def param_groups(self) -> ParamGroups:
        """Return the parameters, grouped by optimizer as those of the HRM are."""
        matrices = [p for p in self.trunk.blocks.parameters() if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        return ParamGroups(matrices, [p for p in self.parameters() if id(p) not in chosen], [])

    def forward(
        self, tokens: Tensor, places: Tensor, past: list[KeyValues] | None = None
    ) -> Tensor:
        """Return logits of the next tokens.

        Args:
            tokens: ``(B, length)`` integers.
            places: ``(B, length)``, the cell that is read or written next, -1 for none.
            past: Caches of the tokens before; ``None`` if ``tokens`` are whole chains.

        Returns:
            ``(B, length, vocab_size)``.
        """
        # A place is embedded as the token of its cell, so that steps can refer to the cell.
        named = F.embedding(places.clamp(min=0) + self.language.first_cell, self.trunk.token_emb)
        extra = self.trunk.scale * named * (places >= 0)[..., None]
        memory = [KeyValues() for _ in self.trunk.blocks] if past is None else past
        return self.head(self.trunk(tokens, extra, memory))

    @torch.inference_mode()
    def write(self, questions: Tensor) -> tuple[Tensor, Tensor]:
        """Write chains greedily: the next token is always the most likely one.

        A row leaves the batch when its answer is complete or its chain is too long.

        Args:
            questions: ``(B, seq_len)`` integers.

        Returns:
            The logits of the answers ``(B, seq_len, task vocabulary)``, zero if a chain has no
            answer, and the number of tokens written ``(B,)``.
        """
        language, device = self.language, questions.device
        cells, task_tokens = language.task.seq_len, language.task.vocab_size
        batch = len(questions)
        # The additional place receives what the steps would write.
        answers = torch.zeros(batch, cells + 1, task_tokens, device=device)
        written = torch.zeros(batch, dtype=torch.int64, device=device)
        going = torch.arange(batch, device=device)
        # The cell that is written next; -1 during the steps.
        place = torch.full((batch,), -1, device=device)
        past = [KeyValues(language.capacity) for _ in self.trunk.blocks]
        everywhere = torch.arange(cells, device=device).expand(batch, -1)
        logits = self(questions.long(), everywhere, past)[:, -1]
        for count in range(1, language.capacity - cells + 1):
            answering = place >= 0
            # The answer contains only tokens of the task.
            chosen = torch.where(answering, logits[:, :task_tokens].argmax(-1), logits.argmax(-1))
            answers[going, place] = logits[:, :task_tokens]
            place = torch.where(answering | (chosen == language.answer), place + 1, place)
            ended = place == cells
            if count == language.capacity - cells:
                ended = torch.ones_like(ended)
            if ended.any():
                written[going[ended]] = count
                rows = torch.nonzero(~ended)[:, 0]
                if not len(rows):
                    break
                going, place, chosen = going[rows], place[rows], chosen[rows]
                for memory in past:
                    memory.keep(rows)
            logits = self(chosen[:, None], place[:, None], past)[:, -1]
        return answers[:, :cells], written
