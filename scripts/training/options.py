"""The options of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Options:
    """Options of a training run."""

    preset: str | None = None
    """Name of a complete configuration; an unknown name lists all of them. Some train on a CPU in
    minutes, some repeat the published runs."""
    env: str | None = None
    """Environment to train for, if no preset is given."""
    task: str | None = None
    """Task to train on instead of the environment's own: an id or, for a custom task,
    module:Class."""
    data: str | None = None
    """Puzzles to train on: a file of puzzles, a dataset folder, bank, generator:N."""
    puzzles: int | None = None
    """Number of labelled training puzzles at most; 1000 by default."""
    steps: int | None = None
    """Optimizer steps."""
    seconds: float | None = None
    """Training time; the run ends at --steps or --seconds, whichever comes first."""
    batch_size: int | None = None
    """Number of environments in the vectorized environment."""
    seed: int | None = None
    """Seed of the weights, the puzzles and the exploration."""
    device: str = "cpu"
    """Device to train on: cpu, cuda, cuda:1."""
    bf16: bool | None = None
    """Compute in bfloat16; by default on CUDA, and on a CPU for relational models if it is faster
    there."""
    compile: bool | None = None
    """Compile the model; by default on CUDA, and on a CPU for relational models if there is a C++
    compiler."""
    halting: str | None = None
    """How halting is learned: q (HRM), bce (TRM), td (target network, discount) or fixed. With q
    and td the model gets a second Q-value, with bce and fixed it does not, whatever the preset
    says."""
    targets: str | None = None
    """Label of a puzzle that has several right answers and is shown under a symmetry: turned (the
    puzzle's label under the same symmetry), solved (the solver's answer to the puzzle as shown) or
    any (the right answer that is closest to the model's answer)."""
    curriculum: tuple[tuple[float, int, int], ...] = ()
    """Smaller depths at the start of the run, as rows SHARE H L: think in H x L cycles up to this
    share of the run, such as 0.3 1 1 0.6 1 2. After the last row the preset's depth is used."""
    eval_every: int | None = None
    """Optimizer steps between two validations on held-out puzzles: the split val or, if --data is
    a file, the rows that --puzzles leaves over, at most 10,000."""
    stop_at: float | None = None
    """Stop once this share of the validation puzzles is answered exactly, such as 0.98; with
    --targets any, once this share is solved."""
    save_every: float = 300.0
    """Seconds between two checkpoints; Ctrl-C and SIGTERM save a checkpoint and end the run."""
    wandb: str | None = None
    """Also log to this Weights & Biases project (extra wandb)."""
    threads: int | None = None
    """Number of torch threads on a CPU; by default one per core."""
    episodes: int = 500
    """Number of held-out puzzles in the final test; 0 skips the test. They come from the bundled
    bank or, if --data is the generator, from the generator."""
    out: Path = Path("runs")
    """Folder of all runs; this run is written to OUT/ENV/hrm/seedSEED, which must not contain
    another one."""
    resume: Path | None = None
    """Resume the run in this folder."""
    init: str | None = None
    """Start from the weights of this agent instead of random ones: the name of a pretrained agent,
    a checkpoint folder or a published checkpoint. Its model must be that of the preset; the puzzles
    may be others."""
    json: Path | None = None
    """Also write the result to this file as JSON."""
