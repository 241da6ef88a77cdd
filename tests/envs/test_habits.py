"""What other libraries and their users do with an environment: keywords, actions, masks."""

from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

import hrm_gym
from hrm_gym.registration import TABLE

every = pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)
native = pytest.mark.parametrize("env_id", [row.id for row in TABLE if row.vector is not None])
DISCRETE = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMMaze-Dynamic-v0", "HRMHalt-v0"]
SEVERAL = ["HRMARC-v0", "HRMSudokuAnswer-4x4-v0"]


@every
def test_an_unknown_keyword_raises_what_python_raises(env_id):
    has_vector = gym.spec(env_id).vector_entry_point is not None
    for make in [gym.make, gym.make_vec] if has_vector else [gym.make]:
        words = r"__init__\(\) got an unexpected keyword argument 'frameskip'; environments take"
        with pytest.raises(TypeError, match=words) as caught:
            make(env_id, frameskip=1)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("env_id", DISCRETE)
def test_integers_of_any_library_are_actions(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=3)
    best = int(env.unwrapped.optimal_action())
    forms = [np.int32(best), np.array(best), np.array([best]), np.uint8(best), torch.tensor(best)]
    forms += [torch.tensor([best]), torch.tensor([[best]])]
    for action in forms:
        env.reset(seed=3)
        assert not env.step(action)[4]["invalid_action"], repr(action)
    for action in (True, torch.tensor(True), np.array([best, best]), [best], None, "0", object()):
        env.reset(seed=3)
        assert env.step(action)[4]["invalid_action"], repr(action)


@pytest.mark.parametrize("env_id", SEVERAL)
def test_integers_of_any_library_are_actions_of_several_numbers(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=3)
    best = np.asarray(env.unwrapped.optimal_action())
    for action in (best, best.tolist(), torch.tensor(best), best.astype(np.int16)):
        env.reset(seed=3)
        assert not env.step(action)[4]["invalid_action"], repr(action)


@pytest.mark.parametrize("env_id", [*DISCRETE, *SEVERAL])
def test_a_float_is_invalid_and_said_once(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=3)
    best = np.asarray(env.unwrapped.optimal_action())
    with pytest.warns(UserWarning, match=r"invalid, since actions"):
        assert env.step(best.astype(np.float64))[4]["invalid_action"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for action in (best.astype(np.float32), torch.tensor(best).float(), 0.0):
            assert env.step(action)[4]["invalid_action"]


@native
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_native_vector_tells_its_autoreset_mode(env_id, mode):
    for given in (mode, mode.value):
        envs = gym.make_vec(env_id, 2, autoreset_mode=given)
        assert envs.unwrapped.autoreset_mode is mode
        assert envs.metadata["autoreset_mode"] is mode


@pytest.mark.parametrize("env_id", ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0"])
def test_masks_of_a_vector_can_always_be_sampled(env_id):
    envs = gym.make_vec(env_id, 4, masks=True, max_steps=3)
    _, infos = envs.reset(seed=0)
    ended = np.zeros(4, np.bool_)
    for _ in range(12):
        masks = torch.as_tensor(infos["action_mask"]).bool()
        np.testing.assert_array_equal(masks, envs.unwrapped.action_masks())
        assert masks[torch.as_tensor(ended)].all()
        logits = torch.zeros(masks.shape).masked_fill(~masks, -torch.inf)
        actions = torch.distributions.Categorical(logits=logits).sample()
        _, _, terminated, truncated, infos = envs.step(actions)
        assert not infos["invalid_action"].any()
        ended = terminated | truncated


@every
def test_masks_can_be_left_out_of_infos(env_id):
    for masks in (True, False):
        env = gym.make(env_id, masks=masks, disable_env_checker=True)
        _, info = env.reset(seed=0)
        *_, later = env.step(env.unwrapped.optimal_action())
        assert ("action_mask" in info) is ("action_mask" in later) is masks
    envs = gym.make_vec(env_id, 2, vectorization_mode="sync", masks=True)
    assert "action_mask" in envs.reset(seed=0)[1]
    with pytest.raises(ValueError, match="masks: expected true or false"):
        gym.make(env_id, masks=1)


@every
def test_every_id_has_a_reward_threshold(env_id):
    assert 0.9 < gym.spec(env_id).reward_threshold < 1
