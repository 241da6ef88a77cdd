"""The model of a training run and the weights that it starts with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hrm_gym.puzzles import get_task

from ..agent import HRMAgent
from ..model.config import HRMConfig
from ..model.network import HRM
from ..model.tasks import task_fields
from ..train_config import TrainConfig
from .environments import Stream


def model_config(config: TrainConfig, streams: Sequence[Stream]) -> HRMConfig:
    """Return the configuration of the model of a run, with what follows from its puzzles.

    Raises:
        ValueError: if the fields make no sense, or the sources do not fit one model.
    """
    fields = dict(config.model)
    if fields.get("num_puzzles"):
        ids = max(stream.num_puzzles for stream in streams)
        fields["num_puzzles"] = max(ids, int(fields["num_puzzles"]))
    task = get_task(config.task_id)
    sizes = {stream.task.seq_len for stream in streams} | {task.seq_len}
    mixer = fields.get("mixer", "attention")
    if len(sizes) > 1 and mixer != "relations":
        raise ValueError(f"sources: several sizes need mixer='relations', got {mixer!r}")
    families = {stream.task.family for stream in streams} | {task.family}
    if len(families) > 1:
        raise ValueError(
            f"sources: expected tasks of one family, got {', '.join(sorted(families))}"
        )
    return HRMConfig.from_dict(task_fields(task, fields))


def load_weights(model: HRM, agent: HRMAgent) -> None:
    """Load the weights of an agent into a new model.

    With another number of puzzles, every row of the puzzle embedding begins as the mean of the
    agent's rows.

    Raises:
        ValueError: if the agent has another model; the message names the fields.
    """
    own, other = _meaning(model.config), _meaning(agent.model.config)
    if model.relational:
        # The weights of these models do not depend on the size.
        other["seq_len"] = own["seq_len"]
    if model.config.symbols == "equivariant":
        other["vocab_size"] = own["vocab_size"]
    if own["num_puzzles"] and other["num_puzzles"]:
        other["num_puzzles"] = own["num_puzzles"]
    differ = [
        f"{name} ({other[name]!r} there, {own[name]!r} here)"
        for name in own
        if own[name] != other[name]
    ]
    if differ:
        raise ValueError(
            f"init: expected an agent whose model is the same as that of this run, got another "
            f"{', '.join(differ)}"
        )
    state = dict(agent.model.state_dict())
    if model.config.num_puzzles != agent.model.config.num_puzzles:
        rows = state["puzzle_emb"].mean(0, keepdim=True)
        state["puzzle_emb"] = rows.repeat(model.config.num_puzzles, 1)
    model.load_state_dict(state)


def _meaning(config: HRMConfig) -> dict[str, Any]:
    """Return the fields of a configuration, equal for configurations of the same model."""
    fields = config.to_dict()
    fields["puzzle_emb_dim"] = config.puzzle_width if config.num_puzzles else None
    if config.shared:
        # One stack of blocks serves both modules; published TRM configurations have 0 here.
        fields["H_layers"] = None
    return fields
