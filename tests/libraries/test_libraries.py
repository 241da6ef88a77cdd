"""What other libraries do with the environments: ``make test-libraries``."""

from __future__ import annotations

import gymnasium as gym
import pytest

import hrm_gym
from hrm_gym.envs.wrappers import MaskInObservation

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("default")]
SMALL = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMARC-v0", "HRMSudokuAnswer-4x4-v0", "HRMHalt-v0"]


@pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)
def test_torchrl_accepts_every_id(env_id):
    pytest.importorskip("torchrl")
    from torchrl.envs import GymEnv
    from torchrl.envs.utils import check_env_specs

    check_env_specs(GymEnv(env_id))


def test_torchrl_masks_single_and_vector():
    pytest.importorskip("torchrl")
    from torchrl.envs import ActionMask, GymEnv, GymWrapper, TransformedEnv
    from torchrl.envs.libs.gym import default_info_dict_reader
    from torchrl.envs.utils import check_env_specs

    check_env_specs(GymEnv("HRMMaze-7x7-v0", from_pixels=True, pixels_only=False))
    vector = gym.make_vec("HRMMaze-7x7-v0", 4, autoreset_mode="Disabled", max_steps=12)
    for made in (gym.make("HRMMaze-7x7-v0"), vector):
        env = TransformedEnv(GymWrapper(MaskInObservation(made, dtype="bool")), ActionMask())
        data = env.rollout(40, break_when_any_done=False)
        chosen = data["action"].argmax(-1, keepdim=True)
        assert data["action_mask"].gather(-1, chosen).all()
    env = GymEnv("HRMMaze-7x7-v0")
    env.set_info_dict_reader(default_info_dict_reader(["is_success", "regret", "action_mask"]))
    assert {"is_success", "regret", "action_mask"} <= set(env.rollout(5)["next"].keys())


@pytest.mark.parametrize("env_id", SMALL)
def test_minari_records_infos(env_id, tmp_path, monkeypatch):
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = minari.DataCollector(gym.make(env_id), record_infos=True)
    for seed in range(2):
        env.reset(seed=seed)
        over = False
        while not over:
            *_, terminated, truncated, _ = env.step(env.unwrapped.optimal_action())
            over = terminated or truncated
    data = env.create_dataset(dataset_id="hrm/test-v0", eval_env=None)
    assert {"is_success", "regret", "action_mask"} <= data[0].infos.keys()


def make_for_tianshou():
    env = gym.wrappers.FlattenObservation(gym.make("hrm_gym:HRMMaze-7x7-v0", max_steps=20))
    return MaskInObservation(env, mask="mask", observation="obs")


def test_tianshou_collects_with_masks():
    pytest.importorskip("tianshou")
    from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
    from tianshou.algorithm.optim import AdamOptimizerFactory
    from tianshou.data import Collector, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv
    from tianshou.utils.net.common import Net

    one = make_for_tianshou()
    net = Net(state_shape=one.observation_space["obs"].shape, action_shape=4, hidden_sizes=[32])
    policy = DiscreteQLearningPolicy(
        model=net, action_space=one.action_space, observation_space=one.observation_space
    )
    algorithm = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), target_update_freq=10)
    envs = DummyVectorEnv([make_for_tianshou for _ in range(2)])
    collector = Collector(algorithm, envs, VectorReplayBuffer(1000, 2))
    collector.reset()
    assert collector.collect(n_step=64).n_collected_steps >= 64
    assert not any(collector.buffer.info["invalid_action"][:32])
