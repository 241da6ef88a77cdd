"""Record the solver with Minari, clone it, and test the clone: offline data with an exact teacher.

Needs ``pip install "minari[hdf5,create]"``.

    python examples/minari_teacher.py --episodes 1000
"""

from __future__ import annotations

import gymnasium as gym
import minari
import numpy as np
import torch
import tyro
from torch import Tensor, nn

from hrm_gym.evaluation import evaluate
from hrm_gym.puzzles import Task, get_task
from hrm_gym.registration import task_id


def record(env_id: str, name: str, episodes: int) -> minari.MinariDataset:
    """Record episodes of the solver with their infos, which contain the action masks."""
    env = minari.DataCollector(gym.make(env_id, split="train"), record_infos=True)
    for seed in range(episodes):
        env.reset(seed=seed)
        over = False
        while not over:
            *_, terminated, truncated, _ = env.step(env.unwrapped.optimal_action())
            over = terminated or truncated
    return env.create_dataset(dataset_id=name, eval_env=gym.make(env_id, split="test"))


def features(tokens: np.ndarray, vocab_size: int) -> Tensor:
    """Return one-hot tokens ``(N, seq_len * vocab_size)``."""
    one_hot = nn.functional.one_hot(torch.tensor(tokens).long(), vocab_size)
    return one_hot.flatten(1).float()


class Clone:
    """A network that imitates the solver, among the actions that the mask allows."""

    def __init__(self, task: Task, actions: int) -> None:
        self.vocab_size = task.vocab_size
        layers = nn.Linear(task.seq_len * task.vocab_size, 256), nn.ReLU(), nn.Linear(256, actions)
        self.network = nn.Sequential(*layers)

    def logits(self, tokens: np.ndarray, masks: np.ndarray) -> Tensor:
        """Return ``(N, actions)`` logits, minus infinity for actions that the masks forbid."""
        forbidden = ~torch.tensor(masks).bool()
        return self.network(features(tokens, self.vocab_size)).masked_fill(forbidden, -torch.inf)

    @torch.no_grad()
    def act(self, obs: dict[str, np.ndarray], info: dict[str, np.ndarray]) -> int:
        """Return the likeliest action."""
        return int(self.logits(obs["tokens"][None], info["action_mask"][None]).argmax())


def main(
    env_id: str = "HRMSudoku-4x4-v0",
    name: str = "hrm/sudoku-4x4-oracle-v0",
    episodes: int = 1000,
    epochs: int = 10,
    test_episodes: int = 200,
    seed: int = 0,
) -> float:
    """Record, clone and test; return the share of test puzzles that the clone solves."""
    torch.manual_seed(seed)
    data = record(env_id, name, episodes)
    recorded = list(data.iterate_episodes())
    # The last observation and info of an episode have no action.
    tokens = np.concatenate([episode.observations["tokens"][:-1] for episode in recorded])
    masks = np.concatenate([episode.infos["action_mask"][:-1] for episode in recorded])
    actions = torch.tensor(np.concatenate([episode.actions for episode in recorded]))
    clone = Clone(get_task(task_id(env_id)), int(data.action_space.n))
    optimizer = torch.optim.AdamW(clone.network.parameters(), 1e-3)
    for epoch in range(1, epochs + 1):
        for rows in torch.randperm(len(actions)).split(256):
            logits = clone.logits(tokens[rows], masks[rows])
            loss = nn.functional.cross_entropy(logits, actions[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {loss:.3f}")
    result = evaluate(clone, env_id, test_episodes)
    print(f"{result.solve_rate:.1%} of {test_episodes} test puzzles solved")
    return result.solve_rate


if __name__ == "__main__":
    tyro.cli(main)
