"""PPO of TorchRL with action masks on a native vectorized environment.

Needs ``pip install torchrl``.

    python examples/torchrl_masked_ppo.py --frames 300000
"""

from __future__ import annotations

import gymnasium as gym
import torch
import tyro
from tensordict.nn import TensorDictModule as Module
from torch import Tensor, nn
from torchrl.collectors import Collector
from torchrl.data import Composite, Unbounded
from torchrl.envs import GymWrapper, TransformedEnv
from torchrl.envs.libs.gym import default_info_dict_reader
from torchrl.envs.transforms import ActionMask
from torchrl.modules import MaskedOneHotCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from hrm_gym.envs.wrappers import MaskInObservation
from hrm_gym.puzzles import get_task
from hrm_gym.registration import task_id


def main(
    env_id: str = "HRMSudoku-4x4-v0",
    frames: int = 300_000,
    num_envs: int = 64,
    steps: int = 32,
    epochs: int = 4,
    batch_size: int = 512,
    lr: float = 1e-3,
    seed: int = 0,
) -> float:
    """Train an agent and return the share of solved puzzles in the last rollout."""
    torch.manual_seed(seed)
    # TorchRL resets the rows itself, so the vectorized environment does not.
    vector = gym.make_vec(env_id, num_envs, autoreset_mode="Disabled")
    base = GymWrapper(MaskInObservation(vector, dtype="bool"))
    spec = Composite(is_success=Unbounded((num_envs,), dtype=torch.bool), shape=(num_envs,))
    base.set_info_dict_reader(default_info_dict_reader(["is_success"], spec))
    env = TransformedEnv(base, ActionMask())
    env.set_seed(seed)

    task = get_task(task_id(env_id))
    vocab_size, inputs = task.vocab_size, task.seq_len * task.vocab_size

    class OneHot(nn.Module):
        """Tokens ``(..., seq_len)`` as one-hot vectors ``(..., inputs)``."""

        def forward(self, tokens: Tensor) -> Tensor:
            return nn.functional.one_hot(tokens.long(), vocab_size).flatten(-2).float()

    actions = int(vector.single_action_space.n)
    policy = nn.Sequential(OneHot(), nn.Linear(inputs, 256), nn.ReLU(), nn.Linear(256, actions))
    value = nn.Sequential(OneHot(), nn.Linear(inputs, 256), nn.ReLU(), nn.Linear(256, 1))
    actor = ProbabilisticActor(
        Module(policy, in_keys=["tokens"], out_keys=["logits"]),
        in_keys={"logits": "logits", "mask": "action_mask"},
        spec=env.action_spec,
        distribution_class=MaskedOneHotCategorical,
        return_log_prob=True,
    )
    critic = ValueOperator(value, in_keys=["tokens"])
    loss_module = ClipPPOLoss(actor, critic, clip_epsilon=0.2, entropy_coeff=0.01)
    advantage = GAE(gamma=0.99, lmbda=0.95, value_network=critic)
    optimizer = torch.optim.Adam(loss_module.parameters(), lr)

    rate, size = 0.0, num_envs * steps
    collector = Collector(env, actor, frames_per_batch=size, total_frames=frames)
    for number, data in enumerate(collector):
        for _ in range(epochs):
            advantage(data)
            flat = data.reshape(-1)
            for rows in torch.randperm(size).split(batch_size):
                losses = loss_module(flat[rows])
                parts = (losses[f"loss_{name}"] for name in ("objective", "critic", "entropy"))
                optimizer.zero_grad()
                sum(parts).backward()
                nn.utils.clip_grad_norm_(loss_module.parameters(), 0.5)
                optimizer.step()
        done = data["next", "done"]
        rate = float(data["next", "is_success"].view_as(done)[done].float().mean())
        if number % 20 == 0:
            print(f"{(number + 1) * size} steps: {rate:.1%} of the episodes solved")
    collector.shutdown()
    return rate


if __name__ == "__main__":
    tyro.cli(main)
