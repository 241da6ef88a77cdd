"""The configuration of a training run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hrm_gym.checks import check_whole
from hrm_gym.puzzles import TARGETS
from hrm_gym.registration import answer_id, task_id

from .model.config import present_names

HALTING = ("q", "bce", "td", "fixed")
OPTIMIZERS = ("adam-atan2", "adamw", "muon")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class Source:
    """Puzzles of one task at one size, of which a run has several.

    Raises:
        ValueError: if a value is out of range; the message names the field.
    """

    task: str
    """Id of the task, of the family of the environment."""
    batch_size: int
    """Number of environments."""
    kind: str | None = None
    """Kind of the puzzles, for families with several kinds."""
    source: str | None = None
    """See ``hrm_gym.data.load_puzzles``; None: the default source of the task."""
    limit: int | None = None
    """Largest number of labelled puzzles; None: all of them."""
    weight: int = 1
    """Training steps on these puzzles in each round through all sources."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("batch_size", "weight"):
            check_whole(f"sources: {name}", getattr(self, name))


@dataclass(frozen=True)
class TrainConfig:
    """Everything that defines a training run except its seed, device and budget.

    Raises:
        ValueError: if a value is out of range; the message names the field.
    """

    env: str
    """Id of the Answer environment."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``HRMConfig``; vocabulary size and length come from the environment."""
    source: str | None = None
    """Training puzzles, see ``hrm_gym.data.load_puzzles``; None: the task's default source."""
    task: str | None = None
    """Id of a task that replaces the task of the environment, such as ``module:Class``."""
    limit: int | None = 1000
    """Largest number of labelled puzzles; None: all of them."""
    sources: tuple[Source, ...] = ()
    """Several tasks or sizes, which take turns; they replace ``source``, ``limit`` and
    ``batch_size``. The weights must be independent of the size."""
    augment: bool = True
    """Apply a random symmetry of the task to every puzzle."""
    easier: float = 0.0
    """Share of the episodes whose puzzle is replaced by an easier one, see ``Task.easier``."""
    targets: str = "turned"
    """What a puzzle under a symmetry is taught if it has several right answers: its label under the
    same symmetry (``turned``), the solver's label for the transformed question (``solved``), or
    the right answer with the lowest loss (``any``)."""
    batch_size: int = 384
    steps: int = 52_083
    """Optimizer steps of one segment each."""
    optimizer: str = "adam-atan2"
    """``adam-atan2``, ``adamw``, or ``muon`` (Muon for the matrices of the blocks, AdamW for all
    other parameters)."""
    lr: float = 7e-5
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 1.0
    matrix_lr: float | None = None
    """Learning rate of Muon in its original scaling; None: ``lr``, scaled to match AdamW."""
    matrix_weight_decay: float | None = None
    """Weight decay of Muon; None: ``weight_decay``."""
    momentum: float = 0.95
    """Momentum of Muon."""
    ns_steps: int = 5
    """Number of Newton-Schulz iterations of Muon."""
    puzzle_lr: float = 7e-5
    """Learning rate of the puzzle embedding (sign-SGD)."""
    puzzle_weight_decay: float = 1.0
    schedule: str = "constant"
    """Learning rate after the warm-up: ``constant`` or ``cosine``."""
    warmup: float = 0.0384
    """Share of the run in which the learning rate rises (published: 2,000 of 52,083 steps)."""
    clip: float | None = None
    """Largest norm of the gradient; None: no clipping."""
    ema: float | None = None
    """Decay of the moving average of the weights, which the agent uses; None: no average."""
    ema_start: float = 0.0
    """Share of the run after which the average starts."""
    curriculum: tuple[tuple[float, int, int], ...] = ()
    """Rows (share, H, L): up to this share of the run, the model uses H x L cycles; after the last
    row, the cycles of ``model``."""
    max_segments: int = 16
    """Largest number of segments for a puzzle in training."""
    test_segments: int = 16
    """Largest number of segments of the trained agent."""
    steady: bool = False
    """Whether the trained agent halts only after two consecutive segments with equal answers."""
    halting: str | None = None
    """``q`` (HRM), ``bce`` (TRM), ``td`` (target network and discount) or ``fixed``, see
    ``inference/halting.py``; None: ``q`` if the model has q_continue, else ``bce``."""
    later_targets: bool = False
    """With ``q``: take the target of q_continue from the next training step, which computes it
    anyway, instead of a second forward pass. Rows that halt have no target then."""
    discount: float = 0.99
    """Factor on the value of continuing, with ``td``."""
    target_every: int = 100
    """Steps between two updates of the target network, with ``td``."""
    q_limit: float = 1000.0
    """Absolute Q-value above which a step counts as diverged and is skipped."""
    exploration: float = 0.1
    """Probability that a row gets a minimum number of segments before it may halt."""
    start_noise: float = 0.0
    """Standard deviation of the noise in the initial carry."""
    carry_noise: float = 0.0
    """Standard deviation of the noise that is added to the carry after every segment."""
    label_weights: tuple[tuple[int, float], ...] = ()
    """Rows (token, weight): positions with this label count as much in the loss; others as 1."""
    loss: str = "stablemax"
    """``stablemax`` or ``softmax``."""
    label_smoothing: float = 0.0
    """Label smoothing of the softmax loss."""
    halt_weight: float = 0.5
    """Weight of the losses of both Q-values."""
    name: str = "hrm"
    """Name of the trained agent in tables."""

    def __post_init__(self) -> None:
        """Check the fields that nothing else checks."""
        if answer_id(self.env) != self.env:
            raise ValueError(f"env: the HRM trains on an Answer id, got {self.env!r}")
        choices = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "targets": TARGETS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name}: expected one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name in (
            "batch_size",
            "steps",
            "max_segments",
            "test_segments",
            "ns_steps",
            "target_every",
        ):
            check_whole(name, getattr(self, name))
        for name in ("ema_start", "discount", "momentum"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, got {getattr(self, name)}")
        if self.sources and self.source is not None:
            raise ValueError("source: this configuration lists its sources; expected none")
        if self.halting is not None:
            if self.halting not in HALTING:
                raise ValueError(
                    f"halting: expected one of {', '.join(HALTING)}, got {self.halting!r}"
                )
            wanted = self.halting in ("q", "td")
            if self.model.get("q_continue", True) != wanted:
                raise ValueError(f"halting: {self.halting} needs a model with q_continue={wanted}")
        for name in ("easier", "start_noise", "carry_noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, got {getattr(self, name)}")
        shares = [row[0] for row in self.curriculum]
        if shares != sorted(shares) or any(min(row[1:]) < 1 for row in self.curriculum):
            raise ValueError(
                "curriculum: expected rows (share, H, L) of rising share and H, L of at least 1, "
                f"got {self.curriculum}"
            )

    @property
    def task_id(self) -> str:
        """Id of the task of the run."""
        return self.task or task_id(self.env)

    @property
    def all_sources(self) -> tuple[Source, ...]:
        """The sources of the run; one if the configuration lists none."""
        own = Source(self.task_id, self.batch_size, None, self.source, self.limit)
        return self.sources or (own,)

    @property
    def main_source(self) -> Source:
        """The first source with the task of the environment, whose held-out puzzles are tested."""
        own = [source for source in self.all_sources if source.task == self.task_id]
        return own[0] if own else Source(self.task_id, self.batch_size)

    def with_puzzles(self, **changes: Any) -> TrainConfig:
        """Return a configuration with other puzzles of the environment's own task.

        Args:
            changes: New values of ``source``, ``limit`` or ``batch_size``. If the configuration
                lists its sources, they change in those with the task of the environment; sources
                of other sizes stay.
        """
        if not self.sources:
            return dataclasses.replace(self, **changes)
        sources = tuple(
            dataclasses.replace(source, **changes) if source.task == self.task_id else source
            for source in self.sources
        )
        return dataclasses.replace(self, sources=sources)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        lists = {
            "betas": list(self.betas),
            "curriculum": [list(row) for row in self.curriculum],
            "label_weights": [list(row) for row in self.label_weights],
            "sources": [dataclasses.asdict(source) for source in self.sources],
        }
        return {**dataclasses.asdict(self), "model": dict(self.model), **lists}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Read what ``to_dict`` wrote.

        Raises:
            ValueError: if a name is unknown or a value is out of range.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown training fields: {', '.join(unknown)}")
        read: dict[str, Any] = {
            "betas": tuple(values.get("betas", (0.9, 0.95))),
            "curriculum": tuple(tuple(row) for row in values.get("curriculum", ())),
            "label_weights": tuple(tuple(row) for row in values.get("label_weights", ())),
            "sources": tuple(Source(**row) for row in values.get("sources", ())),
            "model": present_names(values.get("model", {})),
        }
        return cls(**{**values, **read})
