"""TensorBoard runs: every agent writes the same tags."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .extras import missing_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch.utils.tensorboard import SummaryWriter

    from .evaluation import Evaluation

HParam = bool | int | float | str


def run_folder(root: Path | str, env_id: str, agent: str, seed: int) -> Path:
    """Return the folder of a run: ``root/<env id>/<agent>/seed<k>``."""
    return Path(root) / env_id / agent / f"seed{seed}"


def check_free(folder: Path, own: str = "") -> None:
    """Check that the folder of a new run does not contain another run, which it would overwrite.

    Args:
        folder: The folder; it need not exist.
        own: A file that the new run may replace.

    Raises:
        ValueError: if the folder contains a trained agent or a result of ``compare``.
    """
    for name, what in (("config.json", "a trained agent"), ("cell.json", "a result of compare")):
        if name != own and (folder / name).exists():
            raise ValueError(f"out: {folder} contains {what}; name another --out, or remove it")


class Tracker:
    """Writes one TensorBoard run.

    The wall time of a point is the training time in seconds. Curves of agents trained at different
    times of the day therefore start at the same point, and time spent on evaluation is excluded.

    Args:
        folder: Where the run is written; see ``run_folder``.
        wandb: A Weights & Biases project that receives the numbers as well.

    Raises:
        ValueError: if ``wandb`` is given but Weights & Biases is not installed.
    """

    def __init__(self, folder: Path | str, wandb: str | None = None) -> None:
        self.folder = Path(folder)
        self._wandb: Any = None
        if wandb is not None:
            try:
                # Imported by name, so that type checkers pass without this optional package.
                module = importlib.import_module("wandb")
            except ImportError:
                raise ValueError(missing_extra("wandb", "wandb")) from None
            self.folder.mkdir(parents=True, exist_ok=True)
            name = "/".join(self.folder.parts[-3:])
            self._wandb = module.init(project=wandb, name=name, dir=str(self.folder))
        self._writer: SummaryWriter | None = None

    @property
    def writer(self) -> SummaryWriter:
        """The TensorBoard writer, created on first use because it loads torch."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder))
        return self._writer

    def scalar(self, tag: str, value: float, env_steps: int, seconds: float) -> None:
        """Write one number.

        Args:
            tag: For example ``train/loss`` or ``eval/solve_rate``.
            value: The number.
            env_steps: Environment steps so far.
            seconds: Training time so far, in seconds.
        """
        # add_scalar replaces a wall time of 0 by the current time, decades after the other points.
        self.writer.add_scalar(tag, value, env_steps, walltime=max(seconds, 1e-6))
        if self._wandb is not None:
            self._wandb.log({tag: value, "seconds": seconds}, step=env_steps)

    def evaluation(self, evaluation: Evaluation, env_steps: int, seconds: float) -> None:
        """Write the tags that all agents share, such as ``eval/solve_rate``."""
        values = {
            "solve_rate": evaluation.solve_rate,
            "exact_accuracy": evaluation.exact_accuracy,
            "optimal_rate": evaluation.optimal_rate,
            "return": evaluation.mean_return,
            "steps": evaluation.mean_steps,
        }
        for name, value in values.items():
            if value is not None:
                self.scalar(f"eval/{name}", value, env_steps, seconds)

    def hparams(self, values: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Write hyperparameters and final metrics for TensorBoard's HParams page.

        They are written into this run; ``SummaryWriter.add_hparams`` would create a second run.
        """
        from torch.utils.tensorboard.summary import hparams

        plain: dict[str, HParam] = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in values.items()
            if value is not None
        }
        for summary in hparams(plain, dict(metrics)):
            self.writer._get_file_writer().add_summary(summary)
        if self._wandb is not None:
            self._wandb.config.update(plain)
            self._wandb.summary.update(dict(metrics))

    def text(self, tag: str, text: str, env_steps: int = 0, seconds: float = 0.0) -> None:
        """Write Markdown text."""
        self.writer.add_text(tag, text, env_steps, walltime=max(seconds, 1e-6))

    def image(
        self, tag: str, image: NDArray[np.uint8], env_steps: int = 0, seconds: float = 0.0
    ) -> None:
        """Write an image, ``(height, width, 3)`` uint8, as returned by ``env.render()``."""
        self.writer.add_image(tag, image, env_steps, walltime=max(seconds, 1e-6), dataformats="HWC")

    def figure(self, tag: str, figure: Figure, env_steps: int = 0, seconds: float = 0.0) -> None:
        """Draw a matplotlib figure and write it as an image."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())[..., :3]
        self.image(tag, np.ascontiguousarray(picture), env_steps, seconds)

    def flush(self) -> None:
        """Write pending events to disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Flush and close the run."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._wandb is not None:
            self._wandb.finish()
            self._wandb = None

    def __enter__(self) -> Tracker:
        """Return the tracker, which is closed at the end of the ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the run."""
        self.close()
