"""What the weights of a model depend on in a task: tokens, symbols and relations.

This module does not load torch, since exported agents use it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrm_gym.puzzles import Task
    from hrm_gym.puzzles.relations import Relation

    from .config import HRMConfig


def task_fields(task: Task, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of ``HRMConfig``, completed by those that follow from a task.

    Args:
        task: The task.
        fields: The other fields; those given here are kept.

    Raises:
        ValueError: if equivariant symbols are asked for and the task has no such symbols.
    """
    own: dict[str, Any] = {"vocab_size": task.vocab_size, "seq_len": task.seq_len}
    if fields.get("mixer") == "relations":
        own["relations"] = tuple(relation.name for relation in task.relations())
    if fields.get("symbols") == "equivariant":
        if not task.symbols:
            raise ValueError(f"symbols: {task.id} has no interchangeable symbols")
        own["fixed_tokens"] = min(task.symbols)
    return {**own, **fields}


def relations_for(task: Task, config: HRMConfig) -> tuple[Relation, ...]:
    """Return the relations of a task for a model with ``mixer="relations"``.

    Raises:
        ValueError: if the relations or the symbols of the task are not those that the weights
            were made for.
    """
    relations = task.relations()
    names = tuple(relation.name for relation in relations)
    if names != config.relations:
        raise ValueError(
            f"relations: the weights have {', '.join(config.relations)}, {task.id} has "
            f"{', '.join(names)}"
        )
    for relation in relations:
        if len(relation.index) != task.seq_len:
            raise ValueError(
                f"relations: {relation.name} has {len(relation.index)} positions, {task.id} has "
                f"{task.seq_len}"
            )
    check_symbols(task, config)
    return relations


def check_symbols(task: Task, config: HRMConfig) -> None:
    """Refuse a task whose tokens the weights do not fit.

    Raises:
        ValueError: if they do not.
    """
    if config.symbols == "tokens":
        if task.vocab_size != config.vocab_size:
            raise ValueError(
                f"task: the weights have {config.vocab_size} tokens, {task.id} has "
                f"{task.vocab_size}"
            )
    elif task.symbols != tuple(range(config.fixed_tokens, task.vocab_size)):
        raise ValueError(
            f"task: with symbols='equivariant' the tokens from {config.fixed_tokens} on must be "
            f"the interchangeable symbols, those of {task.id} are {list(task.symbols)}"
        )
