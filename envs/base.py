"""The base class of the single environments: puzzles, seeds, state and rendering."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from hrm_gym.checks import check_flag
from hrm_gym.data import PuzzleSet, load_puzzles
from hrm_gym.data.readers import read_puzzle
from hrm_gym.puzzles import Puzzle, Symmetry, Task, Tokens, keys

from .actions import as_integer, is_float
from .checks import check_max_steps, in_range, refuse_unknown
from .infos import with_scalars
from .state import check_names, check_state, drawn_from

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene
    from hrm_gym.rendering.window import Window

Action = TypeVar("Action")
Observation = dict[str, Any]
OPTIONS = ("index", "puzzle", "difficulty")
STATE = ["env", "random", "key", "episode", "puzzle", "puzzle_id", "symmetry", "steps", "fields"]
"""The entries of a state."""


class PuzzleEnv(gym.Env[Observation, Action]):
    """An environment whose episode is one puzzle.

    Subclasses define how an episode begins (``_begin``), what a step does (``_play``), what the
    last info adds (``_ending``), the observation (``_observe``) and the picture (``_scene``).

    Args:
        task: The task of the puzzles.
        source: Where the puzzles come from; see ``hrm_gym.data.load_puzzles``.
        split: ``train``, ``val``, ``test`` or ``ood``.
        difficulty: Lowest and highest rating, both included.
        limit: The largest number of puzzles to use.
        task_id: The name of a single group of puzzles to play, such as an ARC task.
        augment: Whether a drawn puzzle is shown under a random symmetry of its task.
        max_steps: The number of steps after which an episode is truncated, ``None`` for no limit.
        masks: Whether infos contain ``action_mask``.
        render_mode: ``human``, ``rgb_array``, ``ansi`` or ``None``. Pictures are for people and
            show the ground truth: shortest paths, wrong digits, correct segments.
        unknown: Any other argument; it raises ``TypeError``.

    Attributes:
        max_steps: The number of steps after which an episode is truncated, ``None`` for no limit.
        elapsed: The number of steps of the current episode so far.
        ended: Whether the current episode has terminated or was truncated by ``max_steps``.

    Raises:
        ValueError: if an argument is invalid; the message names it.
        TypeError: if an argument is unknown; the message names it.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 10,
    }
    # What the last info of an episode says, with the values of all other infos.
    endings: ClassVar[Mapping[str, Any]] = {"regret": 0}
    # The attributes that get_state copies, in addition to the puzzle.
    state_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        task: Task,
        *,
        source: str | None = None,
        split: str = "train",
        difficulty: Sequence[float] | None = None,
        limit: int | None = None,
        task_id: str | None = None,
        augment: bool = True,
        max_steps: int | None = None,
        masks: bool = True,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(self, unknown)
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(
                f"render_mode: expected one of {self.metadata['render_modes']}, got {render_mode!r}"
            )
        self.task = task
        self.puzzles: PuzzleSet = self._load(
            task.default_source if source is None else source, split, difficulty, limit, task_id
        )
        self.augment = check_flag("augment", augment)
        self.masks = check_flag("masks", masks)
        self.render_mode = render_mode
        self.puzzle: Puzzle | None = None
        self.symmetry: Symmetry | None = None
        self._key: int | None = None
        self._episode = -1
        self.max_steps = check_max_steps(max_steps)
        self._window: Window | None = None
        self._warned = False

    def _load(
        self, source: str, split: str, difficulty: Any, limit: int | None, task_id: str | None
    ) -> PuzzleSet:
        """Return the puzzles that the episodes are drawn from."""
        return load_puzzles(self.task, source, split, difficulty, limit, task_id)

    # Episodes ----------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: Restarts the sequence of puzzles.
            options: ``{"index": k}`` selects the k-th puzzle as it is stored, ``{"puzzle": value}``
                a custom puzzle: text, nested lists or an array of digits (0 = blank), or its
                tokens; see ``hrm_gym.data.readers.read_puzzle``. Otherwise a puzzle is drawn at
                random; with ``{"difficulty": [low, high]}``, only puzzles with a rating in this
                range are drawn.

        Returns:
            The observation and the info.

        Raises:
            ValueError: if an option is unknown or invalid. The environment is then unchanged.
        """
        self._check_options(options or {})
        super().reset(seed=seed)
        if seed is not None or self._key is None:
            self._key = keys.seed_key(self.np_random)
            self._episode = -1
        self._episode += 1
        self._start(*self._choose(options or {}))
        if self.render_mode == "human":
            self.render()
        return self._observe(), self._info()

    def _check_options(self, options: dict[str, Any]) -> None:
        """Check the options of ``reset`` before anything changes."""
        if not isinstance(options, dict):
            raise ValueError(f"options: expected a dictionary, got {options!r}")
        for name in options:
            if name not in OPTIONS:
                raise ValueError(f"options: expected {', '.join(OPTIONS)}, got {name!r}")
        if len(options) > 1:
            raise ValueError(f"options: expected one of them, got {' and '.join(options)}")
        if "puzzle" in options:
            self._make(options["puzzle"])
        if "index" in options:
            index = options["index"]
            if not 0 <= as_integer(index) < len(self.puzzles):
                raise ValueError(f"index: expected 0..{len(self.puzzles) - 1}, got {index!r}")
        if "difficulty" in options:
            in_range(self.puzzles.ratings, options["difficulty"])

    def _make(self, value: Any) -> Puzzle:
        return self.task.make(read_puzzle(self.task, value), "options")

    def _choose(self, options: dict[str, Any]) -> tuple[Puzzle, int, Symmetry | None]:
        """Return the puzzle of the episode, its puzzle id and its symmetry."""
        if "puzzle" in options:
            return self._make(options["puzzle"]), 0, None
        if "index" in options:
            index = int(options["index"])
            return self.puzzles[index], int(self.puzzles.puzzle_ids[index]), None
        assert self._key is not None
        key = keys.episode_key(self._key, self._episode)
        if "difficulty" in options:
            rows = in_range(self.puzzles.ratings, options["difficulty"])
            index = int(rows[keys.pick(key, len(rows))])
        else:
            index = keys.pick(key, len(self.puzzles))
        symmetry = self.task.symmetry(keys.symmetry_key(key)) if self.augment else None
        return self.puzzles[index], int(self.puzzles.puzzle_ids[index]), symmetry

    def _start(self, puzzle: Puzzle, puzzle_id: int, symmetry: Symmetry | None) -> None:
        """Set up the episode of a puzzle under a symmetry."""
        self.puzzle, self.puzzle_id, self.symmetry = puzzle, puzzle_id, symmetry
        self.elapsed, self.terminated, self.truncated, self.success = 0, False, False, False
        if symmetry is None:
            self.inputs, self.labels = puzzle.inputs, puzzle.labels
        else:
            self.inputs, self.labels = symmetry.apply(puzzle.inputs), symmetry.apply(puzzle.labels)
        self._begin()

    @abstractmethod
    def _begin(self) -> None:
        """Set up the state of an episode from ``inputs`` and ``labels``."""

    @property
    def ended(self) -> bool:
        """Whether the current episode has terminated or was truncated by ``max_steps``."""
        return self.terminated or self.truncated

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play one action; the class describes the returned values.

        A step after the end of an episode changes nothing: every action is invalid, the mask allows
        none, the reward is 0, and the flags and ``is_success`` are those of the last step.
        """
        self._require_episode()
        reward = 0.0
        extra: dict[str, Any] = {}
        if self.ended:
            extra = {"invalid_action": True, "is_success": self.success}
        else:
            reward, self.terminated, extra = self._play(action)
            if extra.get("invalid_action") and not self._warned:
                self._warn(action)
            self.elapsed += 1
            self.truncated = self.max_steps is not None and self.elapsed >= self.max_steps
            if self.ended:
                self.success = bool(extra.get("is_success", False))
                extra.pop("action_mask", None)
                extra.update(self._ending())
        info = self._info(**extra)
        if self.render_mode == "human":
            self.render()
        return self._observe(), reward, self.terminated, self.truncated, info

    def _warn(self, action: Any) -> None:
        """Say once why an action of floating-point numbers is invalid."""
        if is_float(action):
            self._warned = True
            gym.logger.warn(
                f"{type(self).__name__}: an action of floating-point numbers is invalid, since "
                "actions are integers (this is said once)"
            )

    @abstractmethod
    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Change the state; return the reward, whether the episode terminates, and infos to add."""

    @abstractmethod
    def _ending(self) -> dict[str, Any]:
        """Return the values of ``endings`` at the end of an episode."""

    @abstractmethod
    def _observe(self) -> Observation:
        """Return the observation, as new arrays."""

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are legal, flat bool, in the form that MaskablePPO expects.

        No action is legal after the end of the episode.
        """
        self._require_episode()
        masks = self._legal()
        if self.ended:
            masks[:] = False
        return masks

    @abstractmethod
    def _legal(self) -> NDArray[np.bool_]:
        """Return which actions are legal before the end of the episode, as a new array."""

    @abstractmethod
    def optimal_action(self) -> Any:
        """Return an action of a shortest path to success; it is computed from the solution."""

    def solve(self) -> Tokens:
        """Return the label of the current puzzle, ``(seq_len,)`` uint8."""
        self._require_episode()
        return self.labels.copy()

    def _info(self, **extra: Any) -> dict[str, Any]:
        """Return the info of a step, which always has the same keys; subclasses add theirs.

        The values are arrays, NumPy scalars and strings, which other libraries store as they are.
        """
        assert self.puzzle is not None
        if not self.masks:
            extra.pop("action_mask", None)
        elif "action_mask" not in extra:
            extra["action_mask"] = self._action_mask()
        shared = {"task": self.task.spec, "rating": self.puzzle.rating}
        flags = {"is_success": False, "invalid_action": False}
        return with_scalars({**shared, **flags, **self.endings, **extra})

    def _action_mask(self) -> Any:
        """Return a new mask in the form that ``action_space.sample`` expects."""
        return self.action_masks().astype(np.int8)

    def _require_episode(self) -> None:
        if self.puzzle is None:
            raise gym.error.ResetNeeded(f"{type(self).__name__}: call reset() before this")

    # State -------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot of the episode, from which ``set_state`` continues exactly."""
        self._require_episode()
        state = {
            "env": self._identity(),
            "random": self.np_random.bit_generator.state,
            "key": self._key,
            "episode": self._episode,
            "puzzle": self.puzzle,
            "puzzle_id": self.puzzle_id,
            "symmetry": self.symmetry,
            "steps": (self.elapsed, self.terminated, self.truncated, self.success),
            "fields": {name: getattr(self, name) for name in self.state_fields},
        }
        return copy.deepcopy(state)

    def _identity(self) -> str:
        """Describe the environment that a state fits; subclasses add their own arguments."""
        return f"one of {type(self).__name__} {drawn_from(self.task, self.augment, self.puzzles)}"

    def set_state(self, state: dict[str, Any]) -> None:
        """Return to a snapshot of ``get_state``, including its number of steps.

        Raises:
            ValueError: if the state is incomplete, or was taken from an environment with other
                arguments, such as another split. The environment is then unchanged.
        """
        own = self._identity()
        check_state(state, own, STATE)
        check_names(state["fields"], own, self.state_fields)
        state = copy.deepcopy(state)
        self.np_random.bit_generator.state = state["random"]
        self._key, self._episode = state["key"], state["episode"]
        self._start(state["puzzle"], state["puzzle_id"], state["symmetry"])
        self.elapsed, self.terminated, self.truncated, self.success = state["steps"]
        for name, value in state["fields"].items():
            setattr(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes to copy or pickle; a window belongs to its process alone."""
        return {**self.__dict__, "_window": None}

    # Pictures ----------------------------------------------------------------------------------

    @abstractmethod
    def _scene(self) -> Scene:
        """Return what a picture of the episode shows."""

    def scene(self) -> Scene:
        """Return what a picture of the episode shows, for custom painters."""
        self._require_episode()
        return self._scene()

    def render(self) -> Any:
        """Show or return a picture, depending on ``render_mode``.

        Returns:
            ``(height, width, 3)`` uint8 for ``rgb_array``, a string for ``ansi``, else ``None``.
        """
        self._require_episode()
        if self.render_mode is None:
            gym.logger.warn("render() without a render_mode; pass one to gym.make")
            return None
        from hrm_gym import rendering

        if self.render_mode == "ansi":
            return self.scene().ansi()
        surface = self.scene().paint()
        if self.render_mode == "rgb_array":
            return rendering.to_array(surface)
        if self._window is None:
            title = self.spec.id if self.spec else self.task.id
            self._window = rendering.Window(title, self.metadata["render_fps"])
        self._window.show(surface)
        return None

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None
