"""PPO with action masks in one file, in the style of CleanRL, on the native vectorized maze.

python examples/ppo_cleanrl.py --total-timesteps 800000
"""

from __future__ import annotations

from collections import deque

import gymnasium as gym
import numpy as np
import torch
import tyro
from torch import Tensor, nn
from torch.distributions import Categorical

from hrm_gym.envs.wrappers import OneHotPlanes


def see(planes: np.ndarray, radius: int = 6) -> Tensor:
    """Return the part of each maze around the walker, whose place is the first plane."""
    grids = torch.tensor(planes).float()
    around = nn.functional.unfold(grids, 2 * radius + 1, padding=radius)
    return (around * grids[:, :1].flatten(2)).sum(-1)


def main(
    env_id: str = "HRMMaze-7x7-v0",
    total_timesteps: int = 800_000,
    learning_rate: float = 2e-3,
    num_envs: int = 128,
    num_steps: int = 32,
    gamma: float = 0.95,
    gae_lambda: float = 0.95,
    update_epochs: int = 4,
    clip_coef: float = 0.2,
    ent_coef: float = 0.003,
    seed: int = 0,
) -> float:
    """Train an agent and return the share of solved puzzles among the last 500 episodes."""
    torch.manual_seed(seed)
    envs = OneHotPlanes(gym.make_vec(env_id, num_envs, autoreset_mode="SameStep"))
    obs, masks = see(envs.reset(seed=seed)[0]), torch.tensor(envs.unwrapped.action_masks()).bool()
    trunk = nn.Sequential(nn.Linear(obs.shape[1], 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU())
    actor, critic = nn.Linear(64, int(envs.single_action_space.n)), nn.Linear(64, 1)
    parameters = [*trunk.parameters(), *actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate, eps=1e-5)

    def policy(obs: Tensor, masks: Tensor) -> tuple[Categorical, Tensor]:
        features = trunk(obs)
        # An action that the mask forbids gets a probability of 0.
        return Categorical(logits=actor(features).masked_fill(~masks, -1e8)), critic(features)[:, 0]

    batch_size, rate, solved = num_envs * num_steps, 0.0, deque(maxlen=500)
    for iteration in range(iterations := total_timesteps // batch_size):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - iteration / iterations)
        rollout = []
        for _ in range(num_steps):
            with torch.no_grad():
                distribution, value = policy(obs, masks)
            action = distribution.sample()
            planes, reward, terminated, truncated, infos = envs.step(action.numpy())
            # As in CleanRL, the value after a truncated episode counts as 0.
            ended = terminated | truncated
            results = torch.tensor(reward).float(), torch.tensor(ended).float()
            rollout.append((obs, masks, action, distribution.log_prob(action), value, *results))
            if ended.any():
                solved.extend(infos["final_info"]["is_success"][ended].tolist())
            obs, masks = see(planes), torch.tensor(envs.unwrapped.action_masks()).bool()
        steps = [torch.stack(part) for part in zip(*rollout, strict=True)]
        values, rewards, dones = steps[4:]
        next_value = critic(trunk(obs))[:, 0].detach()
        advantages, last = torch.zeros_like(rewards), torch.zeros(num_envs)
        for t in reversed(range(num_steps)):
            delta = rewards[t] + gamma * next_value * (1 - dones[t]) - values[t]
            last = delta + gamma * gae_lambda * (1 - dones[t]) * last
            advantages[t], next_value = last, values[t]
        batch = (*steps[:4], advantages, advantages + values)
        o, m, a, old, advantage, returns = (part.flatten(0, 1) for part in batch)
        order = torch.cat([torch.randperm(batch_size) for _ in range(update_epochs)])
        for rows in order.split(512):
            distribution, value = policy(o[rows], m[rows])
            ratio = (distribution.log_prob(a[rows]) - old[rows]).exp()
            # Rewards are rare; normalized advantages would amplify the noise of rounds without any.
            clipped = advantage[rows] * ratio.clamp(1 - clip_coef, 1 + clip_coef)
            loss = -ent_coef * distribution.entropy() + 0.5 * (value - returns[rows]).pow(2)
            loss = (loss - torch.min(advantage[rows] * ratio, clipped)).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 0.5)
            optimizer.step()
        rate = sum(solved) / max(1, len(solved))
        if iteration % 20 == 19:
            print(f"{(iteration + 1) * batch_size} steps: {rate:.1%} of the last episodes solved")
    return rate


if __name__ == "__main__":
    tyro.cli(main)
