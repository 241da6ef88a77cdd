"""Train an HRM with nothing but the model, its loss and an optimizer: the idea on one screen.

One segment of reasoning is one step of the vectorized Answer environment. An action is the whole
answer and the decision to halt (1) or to continue (0). The answer is learned from labels, the value
of halting and of continuing by Q-learning.

    python examples/train_hrm.py --steps 3000

``scripts/train.py`` adds averaged weights, checkpoints, several devices and logs.
"""

from __future__ import annotations

import gymnasium as gym
import torch
import tyro

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.training.losses import IGNORE_LABEL, segment_loss
from hrm_gym.evaluation import evaluate
from hrm_gym.registration import step_id


def main(
    env_id: str = "HRMSudokuAnswer-4x4-v0",
    steps: int = 3000,
    num_envs: int = 32,
    max_segments: int = 4,
    exploration: float = 0.5,
    lr: float = 5e-3,
    episodes: int = 200,
    device: str = "cpu",
    seed: int = 0,
) -> float:
    """Train an agent and return the share of test puzzles that it solves.

    Args:
        env_id: An Answer environment.
        steps: Number of optimizer steps, each of one segment in every row.
        num_envs: Number of rows.
        max_segments: The segment that always halts.
        exploration: Share of segments at which a row has a minimum number of segments.
        lr: The largest learning rate.
        episodes: Number of test puzzles.
        device: Device of the model and of the environments.
        seed: Seed of weights, puzzles and exploration.
    """
    torch.manual_seed(seed)
    options = {"device": device, "autoreset_mode": "SameStep", "max_segments": max_segments}
    envs = gym.make_vec(env_id, num_envs, limit=1000, augment=True, **options).unwrapped
    task = envs.task
    small = {"hidden_size": 64, "round_to": 8, "L_layers": 1, "shared": True, "H_cycles": 1}
    mixer = {"mixer": "mlp", "positions": "none", "grad": "last_cycle"}
    model = HRM(HRMConfig(task.vocab_size, task.seq_len, **small, **mixer)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.02)
    obs, _ = envs.reset(seed=seed)
    carry = model.initial_carry(num_envs, device)
    segments = torch.zeros(num_envs, dtype=torch.int64, device=device)
    for step in range(1, steps + 1):
        segments = segments + 1
        carry, output = model.segment(carry, obs["tokens"])  # the new carry is detached

        # The value of continuing is the best value after one more segment.
        with torch.no_grad():
            _, following = model.segment(carry, obs["tokens"])
            best = torch.maximum(following.q_halt, following.q_continue)
            value = torch.where(segments >= max_segments, following.q_halt, best).sigmoid()

        # Halt where that is worth more; as exploration, some rows must think longer.
        explores = torch.rand(num_envs, device=device) < exploration
        minimum = explores * torch.randint(2, max_segments + 1, (num_envs,), device=device)
        halt = (output.q_halt > output.q_continue) & (segments >= minimum)

        # Labels are read before the step: a row that halts gets its next puzzle in the same step.
        labels = envs.labels.long().masked_fill(envs.labels == 0, IGNORE_LABEL)
        loss, _, exact = segment_loss(output, labels, value, "softmax")
        (loss / num_envs).backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()

        actions = torch.cat([output.logits.argmax(-1), halt[:, None]], dim=1)
        obs, _, terminated, truncated, _ = envs.step(actions)
        ended = terminated | truncated
        carry = model.reset_carry(carry, ended)
        segments = segments.masked_fill(ended, 0)
        if step % 500 == 0 or step == steps:
            print(f"step {step}: loss {loss / num_envs:.3f}, {exact.float().mean():.0%} right")

    agent = HRMAgent(model, task.id, max_segments, device)
    result = evaluate(agent, step_id(env_id), episodes)
    print(f"{result.solve_rate:.1%} of {episodes} test puzzles solved")
    return result.solve_rate


if __name__ == "__main__":
    tyro.cli(main)
