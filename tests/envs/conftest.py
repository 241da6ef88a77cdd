"""What the tests over the whole registry share: digests of what is returned, ways to play."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest


def flat(value):
    """Yield every array and scalar of nested observations and infos with its path."""
    todo = [("", value)]
    while todo:
        path, part = todo.pop()
        if isinstance(part, dict):
            todo += [(f"{path}/{name}", inner) for name, inner in part.items()]
        elif isinstance(part, (list, tuple)):
            todo += [(f"{path}/{index}", inner) for index, inner in enumerate(part)]
        else:
            yield path, part


def digest(value) -> str:
    state = hashlib.sha256()
    for path, part in sorted(flat(value), key=lambda item: item[0]):
        state.update(f"{path}{np.asarray(part).dtype}{np.shape(part)}".encode())
        state.update(np.asarray(part).tobytes() if np.ndim(part) else repr(part).encode())
    return state.hexdigest()


def actions_of(env, count: int, seed: int = 0):
    """Return a way to act: the teacher's action now and then, else any action of the space."""
    random = np.random.default_rng(seed)
    env.action_space.seed(seed)
    for _ in range(count):
        if random.random() < 0.4:
            yield env.unwrapped.optimal_action()
        else:
            action = env.action_space.sample()
            if np.ndim(action) and len(action) > 3:
                action[-1] = random.random() < 0.1
            yield action


def play(env, count: int, seed: int = 0) -> list[str]:
    """Take ``count`` steps from the current state; return a digest of every step."""
    trace = []
    for action in actions_of(env, count, seed):
        result = env.step(action)
        trace.append(digest(result))
        if result[2] or result[3]:
            trace.append(digest(env.reset()))
    return trace


def snapshot(env) -> str:
    fields = env.get_state()["fields"]
    return digest({k: v for k, v in fields.items() if k not in ("segment", "elapsed")})


def to_the_end(env):
    """Play right until the end; return the last step."""
    while True:
        last = env.step(env.unwrapped.optimal_action())
        if last[2] or last[3]:
            return last


@pytest.fixture(name="flat")
def flat_fixture():
    return flat


@pytest.fixture(name="digest")
def digest_fixture():
    return digest


@pytest.fixture(name="actions_of")
def actions_of_fixture():
    return actions_of


@pytest.fixture(name="play")
def play_fixture():
    return play


@pytest.fixture(name="snapshot")
def snapshot_fixture():
    return snapshot


@pytest.fixture(name="to_the_end")
def to_the_end_fixture():
    return to_the_end
