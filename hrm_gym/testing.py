"""Checks for environments: a vectorized environment must agree with single environments."""

from __future__ import annotations

import copy
import inspect
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.spaces import MultiDiscrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import iterate

NATIVE_LEAVES_OUT = {"action_mask", "is_success", "invalid_action"}
"""Infos that a vectorized environment on a device may leave out."""


def check_vector_env(
    env_id: str,
    num_envs: int = 3,
    seed: int = 0,
    steps: int = 60,
    device: str | None = None,
    **kwargs: Any,
) -> None:
    """Check that row i of a vector with seed s equals the single environment with seed s + i.

    Both take the same actions over several episodes: random actions and, if the environment has
    ``optimal_action``, right ones. All autoreset modes are checked: ``NextStep``, ``SameStep`` and
    ``Disabled`` (a native vector without the argument ``autoreset_mode`` only in its own mode).
    Observations with their dtypes, rewards, terminations, truncations and infos, including
    ``final_obs`` and ``final_info``, must be equal bit for bit. All returned arrays are overwritten
    afterwards, so that an array that is returned twice, or that an environment still reads, is
    found.

    An id with a vector entry point is checked on that vector, with ``action_mask`` in its infos if
    it has the argument ``masks``; a vector on a device may leave out ``NATIVE_LEAVES_OUT``. Other
    ids are checked on Gymnasium's ``SyncVectorEnv``. Time limits (``max_episode_steps`` of the id,
    or ``max_steps`` of the environment) are reduced to a third of ``steps``, so that episodes end.

    Args:
        env_id: A registered id of any package.
        num_envs: Number of rows.
        seed: Seed of the puzzles and of the actions.
        steps: Number of steps in each autoreset mode.
        device: Device of the tensors of a native vector; ``None`` means NumPy.
        kwargs: Arguments of ``gym.make`` and ``gym.make_vec``.

    Raises:
        AssertionError: if they differ; the message names the id, the mode, the row, the step and
            the field.
        ValueError: if the environment raises it.
    """
    checks = (
        _Check(env_id, mode, num_envs, seed, steps, device, dict(kwargs)) for mode in AutoresetMode
    )
    ran = [check.run() for check in checks]
    if not any(ran):
        raise AssertionError(f"{env_id}: its vector's metadata names no autoreset_mode")


class _Row:
    """A single environment that is stepped like a row of a vector."""

    def __init__(self, env: gym.Env[Any, Any], mode: AutoresetMode) -> None:
        self.env, self.mode, self.ended = env, mode, False

    def reset(self, seed: int | None = None) -> dict[str, Any]:
        observation, info = self.env.reset(seed=seed)
        self.ended = False
        return {"observation": observation, "info": info}

    def step(self, action: Any) -> dict[str, Any]:
        if self.ended and self.mode == AutoresetMode.NEXT_STEP:
            begun = {"reward": 0.0, "termination": False, "truncation": False}
            return {**begun, **self.reset()}
        observation, reward, termination, truncation, info = self.env.step(action)
        now = {"reward": reward, "termination": termination, "truncation": truncation}
        self.ended = termination or truncation
        if self.ended and self.mode == AutoresetMode.SAME_STEP:
            return {**now, **self.reset(), "final_obs": observation, "final_info": info}
        return {**now, "observation": observation, "info": info}


class _Check:
    """A vector and its single environments, in one autoreset mode."""

    def __init__(
        self,
        env_id: str,
        mode: AutoresetMode,
        num_envs: int,
        seed: int,
        steps: int,
        device: str | None,
        kwargs: dict[str, Any],
    ) -> None:
        spec = copy.deepcopy(gym.spec(env_id))
        self.native = spec.vector_entry_point is not None
        self.env_id, self.mode, self.seed, self.steps = env_id, mode, seed, steps
        third = max(1, steps // 3)
        if spec.max_episode_steps is not None:
            spec.max_episode_steps = min(spec.max_episode_steps, third)
        if "max_steps" not in kwargs:
            limit = getattr(gym.make(spec, **kwargs).unwrapped, "max_steps", None)
            if isinstance(limit, int) and "max_steps" in _keywords(spec.entry_point):
                kwargs["max_steps"] = min(limit, third)
        if self.native:
            known = _keywords(spec.vector_entry_point)
            self.leaves_out = set() if "masks" in known else NATIVE_LEAVES_OUT
            extra: dict[str, Any] = {}
            self.chosen = "autoreset_mode" in known
            if self.chosen:
                extra["autoreset_mode"] = mode.value
            if "masks" in known:
                extra["masks"] = True
            if "max_segments" in known:
                kwargs.setdefault("max_segments", 4)
            if device is not None:
                extra["device"] = device
        else:
            self.leaves_out, self.chosen = set(), True
            extra = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
        self.vector: VectorEnv[Any, Any, Any] = gym.make_vec(spec, num_envs, **extra, **kwargs)
        self.rows = [
            _Row(gym.make(spec, disable_env_checker=True, **kwargs), mode) for _ in range(num_envs)
        ]
        # An action may be a whole answer. Random answers are never right and half of them halt.
        space = self.vector.single_action_space
        self.taught = hasattr(self.rows[0].env.unwrapped, "optimal_action")
        self.answers = self.taught and isinstance(space, MultiDiscrete) and space.nvec.size > 3
        self.random = np.random.default_rng(seed)
        self.vector.single_action_space.seed(seed)
        self.handed_out: list[tuple[Any, Any]] = []
        self.number = 0
        self.episodes = self.successes = 0

    def run(self) -> bool:
        """Compare both and return whether the vector has this mode."""
        try:
            if not self.chosen and self.vector.metadata.get("autoreset_mode") != self.mode:
                return False
            self._begin(self.seed)
            for number in range(1, self.steps + 1):
                self.number = number
                self._step()
            # A second seed must replace the first.
            self._begin(self.seed + 1000)
        finally:
            self.vector.close()
            for row in self.rows:
                row.env.close()
        if self.episodes < 2 * len(self.rows) or (self.answers and self.successes == 0):
            raise AssertionError(
                f"{self.env_id}, {self.mode.value}: {self.steps} steps ended {self.episodes} "
                f"episodes, {self.successes} with a reward, too few to prove anything; give more"
            )
        return True

    def _begin(self, seed: int) -> None:
        observations, infos = self.vector.reset(seed=seed)
        parts = [row.reset(seed=seed + number) for number, row in enumerate(self.rows)]
        self._compare({"observation": observations, "info": infos}, dict(enumerate(parts)))

    def _step(self) -> None:
        actions = [self._action(row) for row in self.rows]
        names = ("observation", "reward", "termination", "truncation", "info")
        got = dict(zip(names, self.vector.step(np.array(actions)), strict=True))
        wanted = [row.step(action) for row, action in zip(self.rows, actions, strict=True)]
        if self.native and self.mode == AutoresetMode.NEXT_STEP:
            for row, part in zip(self.rows, wanted, strict=True):
                if row.ended and "action_mask" in part["info"]:
                    mask = _every_action(part["info"]["action_mask"])
                    part["info"] = {**part["info"], "action_mask": mask}
        self.episodes += sum(bool(part["termination"] or part["truncation"]) for part in wanted)
        self.successes += sum(part["reward"] > 0 for part in wanted)
        self._compare(got, dict(enumerate(wanted)))
        ended = np.array([row.ended for row in self.rows])
        if self.mode == AutoresetMode.DISABLED and ended.any():
            observations, infos = self.vector.reset(options={"reset_mask": ended.copy()})
            parts = {k: row.reset() for k, row in enumerate(self.rows) if row.ended}
            for number in np.flatnonzero(~ended).tolist():
                if told := sorted(_row_of(_host(infos), number)):
                    self._fail(number, "info of a reset of others", "absent", told)
            self._compare({"observation": observations, "info": infos}, parts)

    def _action(self, row: _Row) -> Any:
        """Return an optimal or a random action; a random answer rarely halts."""
        right = self.taught and not row.ended
        if right and self.random.random() < (0.25 if self.answers else 0.6):
            return row.env.unwrapped.optimal_action()  # type: ignore[attr-defined]
        action = self.vector.single_action_space.sample()
        if self.answers:
            action[-1] = self.random.random() < 0.15
        return action

    def _compare(self, got: dict[str, Any], wanted: dict[int, dict[str, Any]]) -> None:
        """Compare the rows of ``wanted``, then overwrite all returned arrays."""
        for array, value in self.handed_out:
            if not np.array_equal(_host(array), value):
                self._fail("any", "an array returned before", "left alone", "handed out twice")
        host = _host(got)
        if not self.vector.observation_space.contains(host["observation"]):
            self._fail("any", "observation", "in observation_space", "outside")
        observations = list(iterate(self.vector.observation_space, host["observation"]))
        for row, part in wanted.items():
            for name in ("reward", "termination", "truncation"):
                if name in part:
                    self._same(row, name, part[name], host[name][row])
            if not self.vector.single_observation_space.contains(part["observation"]):
                self._fail(row, "observation", "in single_observation_space", "outside")
            self._same(row, "observation", part["observation"], observations[row], dtypes=True)
            self._infos(row, part, _row_of(host["info"], row))
        arrays = _arrays([got, list(wanted.values())])
        self.handed_out = [(array, _spoil(array)) for array in arrays]

    def _infos(self, row: int, part: dict[str, Any], info: dict[str, Any]) -> None:
        """Compare the infos of a row, with ``final_obs`` and ``final_info`` if it has ended."""
        ended = "final_obs" in part
        for name in ("final_obs", "final_info"):
            if (name in info) != ended:
                self._fail(row, name, "there" if ended else "absent", info.get(name, "absent"))
        if ended:
            self._same(row, "final_obs", part["final_obs"], info.pop("final_obs"), dtypes=True)
            self._info(row, "final_info", part["final_info"], info.pop("final_info"))
        self._info(row, "info", part["info"], info)

    def _info(self, row: int, name: str, wanted: dict[str, Any], info: dict[str, Any]) -> None:
        wanted = {
            key: value for key, value in wanted.items() if key in info or key not in self.leaves_out
        }
        self._same(row, name, wanted, info)

    def _same(self, row: int, name: str, wanted: Any, got: Any, dtypes: bool = False) -> None:
        """Compare nested values, for observations also their dtypes."""
        if isinstance(wanted, dict):
            if not isinstance(got, dict) or wanted.keys() != got.keys():
                self._fail(row, f"{name} keys", sorted(wanted), sorted(got))
            for key, value in wanted.items():
                self._same(row, f"{name}[{key!r}]", value, got[key], dtypes)
        elif isinstance(wanted, (tuple, list)):
            if len(wanted) != len(got):
                self._fail(row, f"length of {name}", len(wanted), len(got))
            for index, value in enumerate(wanted):
                self._same(row, f"{name}[{index}]", value, got[index], dtypes)
        else:
            wanted, got = np.asarray(wanted), np.asarray(got)
            if dtypes and wanted.dtype != got.dtype:
                self._fail(row, f"dtype of {name}", wanted.dtype, got.dtype)
            if wanted.shape != got.shape:
                self._fail(row, f"shape of {name}", wanted.shape, got.shape)
            if not np.array_equal(wanted, got):
                self._fail(row, name, *_first_difference(wanted, got))

    def _fail(self, row: int | str, name: str, wanted: Any, got: Any) -> NoReturn:
        raise AssertionError(
            f"{self.env_id}, {self.mode.value}, row {row}, step {self.number}: {name} is {got} in "
            f"the vector and {wanted} in the single environment"
        )


def _keywords(entry_point: Any) -> set[str]:
    """Return the argument names of a function, or of a class and its parents."""
    vector = entry_point if callable(entry_point) else load_env_creator(entry_point)
    parts: Any = getattr(vector, "__mro__", ())
    inits = [vars(part)["__init__"] for part in parts if "__init__" in vars(part)] or [vector]
    return {name for init in inits for name in inspect.signature(init).parameters}


def _every_action(mask: Any) -> Any:
    """Return a mask of the same form that allows every action."""
    if isinstance(mask, tuple):
        return tuple(_every_action(part) for part in mask)
    return np.ones_like(mask)


def _first_difference(wanted: np.ndarray, got: np.ndarray) -> tuple[str, str]:
    if wanted.ndim == 0:
        return str(wanted), str(got)
    place = tuple(int(index) for index in np.argwhere(wanted != got)[0])
    return f"{wanted[place]} at {place}", f"{got[place]} at {place}"


def _host(value: Any) -> Any:
    """Return nested values with tensors converted to NumPy arrays."""
    if isinstance(value, dict):
        return {name: _host(part) for name, part in value.items()}
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _row_of(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """Return the infos of one row, according to the masks ``_name``."""
    own = {}
    for name, value in infos.items():
        masked_out = f"_{name}" in infos and not infos[f"_{name}"][row]
        if not (name.startswith("_") and name[1:] in infos) and not masked_out:
            own[name] = _row_of(value, row) if isinstance(value, dict) else value[row]
    return own


def _arrays(value: Any) -> list[Any]:
    """Return every numeric array and tensor in nested values, each once."""
    found: dict[int, Any] = {}
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            todo += part.values()
        elif isinstance(part, (list, tuple)) or getattr(part, "dtype", None) == np.dtype(object):
            todo += list(part)
        elif isinstance(part, np.ndarray) or hasattr(part, "detach"):
            found[id(part)] = part
    return list(found.values())


def _spoil(array: Any) -> np.ndarray:
    """Overwrite a returned array if it is writable, and return a copy of the result."""
    if getattr(array, "flags", None) is None or array.flags.writeable:
        array[...] = (array == 0) if str(array.dtype).endswith("bool") else 77
    return np.array(_host(array))
