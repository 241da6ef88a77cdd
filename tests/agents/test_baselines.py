"""The reinforcement-learning baselines: features, training by a budget, saving, refusals."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from hrm_gym.agents.base import Diverged, TrainResult
from hrm_gym.agents.baselines import ALGORITHM_NAMES, POLICY_NAMES, training
from hrm_gym.agents.baselines.algorithms import ALGORITHMS
from hrm_gym.agents.baselines.features import GridFeatures
from hrm_gym.agents.baselines.hyperparameters import hyperparameters
from hrm_gym.agents.baselines.sb3 import SB3Agent, build
from hrm_gym.agents.baselines.training import train_rl
from hrm_gym.evaluation import evaluate, make_env


def batch_of(env_id: str) -> tuple[spaces.Dict, dict[str, torch.Tensor]]:
    """Return the space and two observations as Stable-Baselines3 preprocesses them."""
    env = make_env(env_id)
    space = env.observation_space
    assert isinstance(space, spaces.Dict)
    rows = []
    for seed in range(2):
        observation, _ = env.reset(seed=seed)
        row = {}
        for name, part in space.spaces.items():
            value = observation[name]
            if isinstance(part, spaces.Discrete):
                value = np.eye(int(part.n))[value]
            row[name] = torch.as_tensor(value).float()
        rows.append(row)
    return space, {name: torch.stack([row[name] for row in rows]) for name in space.spaces}


PLAIN = ("mlp", "cnn", "structured")
"""Networks whose size does not come from a preset."""


@pytest.mark.parametrize("policy", PLAIN)
@pytest.mark.parametrize(
    "env_id",
    ["HRMSudoku-4x4-v0", "HRMSudoku-6x6-v0", "HRMSudoku-v0", "HRMMaze-7x7-v0", "HRMMaze-v0"],
)
def test_features_fit_every_size(env_id: str, policy: str) -> None:
    space, observations = batch_of(env_id)
    network = GridFeatures(space, policy)
    features = network(observations)
    assert features.shape == (2, network.features_dim)
    assert not torch.equal(features[0], features[1])


def test_a_policy_acts_on_arc() -> None:
    agent = build("ppo", "HRMARC-v0", num_envs=2, env_kwargs={"limit": 3})
    env = make_env("HRMARC-v0", limit=3)
    observation, info = env.reset(seed=0)
    assert env.action_space.contains(agent.act(observation, info))


def test_the_planes_of_an_observation_are_one_hot() -> None:
    space, observations = batch_of("HRMSudoku-4x4-v0")
    planes = GridFeatures(space).planes(observations)
    given, tokens = planes[:, 0], planes[:, 1:]
    assert torch.equal(tokens.sum(1), torch.ones(2, 4, 4))
    assert torch.equal(1 + tokens.argmax(1).flatten(1), observations["tokens"].long())
    assert torch.equal(given.flatten(1), observations["given"])


@pytest.mark.parametrize("policy", PLAIN)
def test_the_order_of_the_fields_does_not_matter(policy: str) -> None:
    space, observations = batch_of("HRMSudoku-4x4-v0")
    network = GridFeatures(space, policy)
    turned = dict(reversed(observations.items()))
    assert list(turned) != list(observations)
    assert torch.equal(network(turned), network(observations))


def test_the_window_moves_with_the_agent() -> None:
    """The same surroundings elsewhere in the grid look the same."""
    space, _ = batch_of("HRMMaze-7x7-v0")
    network = GridFeatures(space, "structured", width=32)
    grid = torch.full((1, 7, 7), 1.0)
    first, second = grid.clone(), grid.clone()
    first[0, 2, 1:4] = torch.tensor([3.0, 2.0, 4.0])
    second[0, 3, 2:5] = torch.tensor([3.0, 2.0, 4.0])
    network.network.radius = 1  # type: ignore[assignment]
    width = network.network.layers[0]  # type: ignore[index]
    shrunk = torch.nn.Linear(5 * 9 + 2, width.out_features)
    network.network.layers[0] = shrunk  # type: ignore[index,operator]

    def seen(grid: torch.Tensor, cell: int) -> torch.Tensor:
        position = torch.nn.functional.one_hot(torch.tensor([cell]), 49).float()
        return network({"tokens": grid.flatten(1), "position": position})

    assert torch.allclose(seen(first, 2 * 7 + 2), seen(second, 3 * 7 + 3))
    assert not torch.allclose(seen(first, 2 * 7 + 2), seen(first, 2 * 7 + 1))


def test_features_are_read_at_the_cell_of_the_agent() -> None:
    space, observations = batch_of("HRMMaze-7x7-v0")
    network = GridFeatures(space, "cnn")
    position = observations["position"].argmax(1)
    cells = network.network(network.planes(observations), observations["tokens"], position)
    assert torch.equal(network(observations), cells[torch.arange(2), position])


def test_an_untrained_policy_returns_the_logits_of_the_cells() -> None:
    """A digit's logit is the feature of its cell, at the start."""
    for algorithm in ("maskable-ppo", "dqn"):
        agent = build(algorithm, "HRMSudoku-4x4-v0", num_envs=1)
        policy = agent.model.policy
        _, observations = batch_of("HRMSudoku-4x4-v0")
        if algorithm == "dqn":
            features = policy.q_net.features_extractor(observations)  # type: ignore[operator,union-attr]
            logits = policy.q_net.q_net(features)  # type: ignore[operator,union-attr]
        else:
            features = policy.features_extractor(observations)  # type: ignore[operator]
            logits = policy.action_net(features)  # type: ignore[operator]
        assert torch.allclose(logits, features, atol=1e-6)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Put a clock into training that goes on a millisecond whenever it is read.

    However busy the machine, it goes on by nothing else; the one number is its time.
    """
    now = [0.0]

    def read() -> float:
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=read))
    return now


def test_the_number_of_steps_is_kept_and_callbacks_are_not_timed(clock: list[float]) -> None:
    calls: list[tuple[int, float, int]] = []

    def on_progress(so_far: TrainResult[SB3Agent]) -> None:
        clock[0] += 100
        calls.append((so_far.env_steps, so_far.seconds, so_far.puzzles))

    result = train_rl(
        "maskable-ppo",
        "HRMSudoku-4x4-v0",
        steps=2048,
        num_envs=8,
        on_progress=on_progress,
        progress_evaluations=4,
    )
    assert result.env_steps == 2048
    assert calls[0] == (0, pytest.approx(0.0, abs=0.1), 8)
    # Episodes take two to sixteen of their sixteen cells.
    assert 8 + 2048 // 16 <= result.puzzles < 2048
    assert 3 <= len(calls) <= 5
    assert [steps for steps, *_ in calls] == sorted({steps for steps, *_ in calls})
    assert 0 < result.seconds < 1, "a call takes a hundred"


def test_training_begins_with_the_puzzles_of_its_seed() -> None:
    env_id, kwargs = "HRMMaze-7x7-v0", {"split": "train", "limit": 100}
    env = build("ppo", env_id, seed=3, num_envs=4, env_kwargs=kwargs).model.get_env()
    assert env is not None
    found = env.reset()
    expected, _ = gym.make_vec(env_id, 4, autoreset_mode="SameStep", **kwargs).reset(seed=3)
    assert isinstance(found, dict)
    assert np.array_equal(found["tokens"], expected["tokens"])
    assert len(np.unique(found["tokens"], axis=0)) > 1


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("algorithm", ["ppo", "maskable-ppo", "dqn"])
def test_diverged_weights_are_reported(
    algorithm: str, checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whether torch looks at the arguments of its distributions is a setting of the process.
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", checked)

    def spoil(so_far: TrainResult[SB3Agent]) -> None:
        with torch.no_grad():
            for weight in so_far.agent.model.policy.parameters():
                weight.fill_(torch.nan)

    with pytest.raises(Diverged, match=r"after training .* is not finite"):
        train_rl(algorithm, "HRMSudoku-4x4-v0", steps=300, num_envs=8, on_progress=spoil)


@pytest.mark.usefixtures("clock")
def test_the_training_time_is_kept() -> None:
    result = train_rl("ppo", "HRMSudoku-4x4-v0", seconds=0.2, num_envs=4)
    assert 0.2 <= result.seconds < 0.22
    assert result.env_steps > 0


def test_maskable_ppo_learns_sudoku() -> None:
    """A few seconds lift it clearly above chance, which solves 46%."""
    torch.manual_seed(0)
    result = train_rl("maskable-ppo", "HRMSudoku-4x4-v0", steps=16_384)
    assert evaluate(result.agent, "HRMSudoku-4x4-v0", 400).solve_rate > 0.53


@pytest.mark.parametrize("algorithm", ALGORITHM_NAMES)
@pytest.mark.parametrize("env_id", ["HRMMaze-7x7-v0", "HRMSudoku-4x4-v0"])
def test_saved_agents_act_as_before(algorithm: str, env_id: str, tmp_path: Path) -> None:
    # A network that is not the environment's own must be remembered.
    settings = hyperparameters(algorithm, env_id, policy="mlp")
    agent = build(algorithm, env_id, settings, seed=1, num_envs=2)
    agent.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    loaded = SB3Agent.load(tmp_path)
    assert (loaded.name, loaded.parameters) == (algorithm, agent.parameters)
    assert loaded.settings == settings
    for name, value in agent.model.policy.state_dict().items():
        assert torch.equal(value, loaded.model.policy.state_dict()[name]), name
    observation, info = make_env(env_id).reset(seed=0)
    assert make_env(env_id).action_space.contains(loaded.act(observation, info))


@pytest.mark.parametrize("algorithm", ALGORITHM_NAMES)
def test_every_algorithm_trains_on_the_native_vector(algorithm: str) -> None:
    result = train_rl(algorithm, "HRMMaze-7x7-v0", steps=600, num_envs=4)
    assert result.env_steps >= 600
    assert type(result.agent.model.env.venv.vector.unwrapped).__name__ == "MazeVectorEnv"  # type: ignore[union-attr]


@pytest.mark.parametrize("env_id", ["HRMHalt-v0", "HRMSudokuAnswer-4x4-v0"])
def test_policies_train_on_answer_and_halt_environments(env_id: str, tmp_path: Path) -> None:
    result = train_rl("ppo", env_id, steps=64, num_envs=4, limit=8)
    result.agent.save(tmp_path)
    assert 0 <= evaluate(SB3Agent.load(tmp_path), env_id, 4).mean_steps <= 32


def test_a_recurrent_agent_has_one_memory_per_episode() -> None:
    agent = build("recurrent-ppo", "HRMMaze-7x7-v0", num_envs=1)
    env = make_env("HRMMaze-7x7-v0")
    begun = [env.reset(options={"index": k}) for k in range(2)]
    observations, infos = [obs for obs, _ in begun], [info for _, info in begun]
    _, together = agent.act_on(observations, infos, [None, None])
    _, alone = agent.act_on(observations[1:], infos[1:], [None])
    assert np.allclose(together[1][0], alone[0][0], atol=1e-6)  # type: ignore[index]
    _, later = agent.act_on(observations[1:], infos[1:], alone)
    assert not np.allclose(later[0][0], alone[0][0])  # type: ignore[index]
    agent.act(observations[1], infos[1])
    agent.act(observations[1], infos[1])
    assert np.allclose(agent.memory[0], later[0][0], atol=1e-6)  # type: ignore[index]


def test_evaluation_keeps_memories_by_episode() -> None:
    class Counting:
        """Remembers its calls, and walks as often as its memory says into the wall or not."""

        remembers = True
        name = "counting"
        longest = 0

        def act(self, obs: object, info: object) -> int:
            raise AssertionError

        act_batch = act

        def act_on(
            self, observations: list[object], infos: list[dict[str, object]], memories: list[object]
        ) -> tuple[list[int], list[object]]:
            counts = [(memory or 0) + 1 for memory in memories]  # type: ignore[operator]
            self.longest = max(self.longest, *counts)
            return [0] * len(counts), counts  # type: ignore[return-value]

    agent = Counting()
    found = evaluate(agent, "HRMMaze-7x7-v0", 6, batch=2)  # type: ignore[arg-type]
    assert agent.longest == max(episode.steps for episode in found.episodes)


def test_masked_agents_play_legally() -> None:
    agent = build("maskable-ppo", "HRMSudoku-v0", num_envs=1)
    envs = [make_env("HRMSudoku-v0", split="test") for _ in range(3)]
    begun = [env.reset(options={"index": k}) for k, env in enumerate(envs)]
    actions = agent.act_batch([obs for obs, _ in begun], [info for _, info in begun])
    for env, action in zip(envs, actions, strict=True):
        assert not env.step(action)[4]["invalid_action"]


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"expected one of ppo, dqn, maskable-ppo, .*, got 'sac'"):
        train_rl("sac", "HRMMaze-7x7-v0", steps=10)
    with pytest.raises(ValueError, match=r"dqn expects Discrete actions.*MultiDiscrete"):
        train_rl("dqn", "HRMARC-v0", steps=10)
    with pytest.raises(ValueError, match="expects a step environment"):
        train_rl("maskable-ppo", "HRMMazeAnswer-7x7-v0", steps=10)
    with pytest.raises(ValueError, match="structured is for Sudoku and mazes"):
        train_rl("ppo", "HRMARC-v0", steps=10, policy="structured", env_kwargs={"limit": 3})
    with pytest.raises(ValueError, match=r"policy: expected one of mlp, cnn, .*, got 'gru'"):
        train_rl("ppo", "HRMMaze-7x7-v0", steps=10, policy="gru")
    with pytest.raises(ValueError, match="HRMHalt-v0 has no grid; expected mlp, got 'cnn'"):
        train_rl("ppo", "HRMHalt-v0", steps=10, policy="cnn")
    with pytest.raises(ValueError, match="env: expected one of HRMSudoku-v0"):
        train_rl("ppo", "HRMChess-v0", steps=10)
    with pytest.raises(ValueError, match="seconds: expected a positive budget"):
        train_rl("ppo", "HRMMaze-7x7-v0", seconds=0)
    assert tuple(ALGORITHMS) == ALGORITHM_NAMES


def test_the_file_of_hyperparameters_covers_every_algorithm_and_environment() -> None:
    """Every algorithm has hyperparameters for every environment."""
    from hrm_gym import ENV_IDS

    for algorithm in ALGORITHM_NAMES:
        for env_id in ENV_IDS:
            settings = hyperparameters(algorithm, env_id)
            assert settings.policy in POLICY_NAMES
    names = inspect.signature(ALGORITHMS["dqn"].load().__init__).parameters
    assert set(hyperparameters("dqn", "HRMMaze-7x7-v0").algorithm) <= set(names)
    other = hyperparameters("ppo", "HRMSudoku-4x4-v0", policy="mlp")
    assert other.policy == "mlp"
    assert "features_extractor_kwargs" not in other.policy_kwargs
    own = hyperparameters("ppo", "HRMMaze-7x7-v0")
    other = hyperparameters("ppo", "HRMMaze-7x7-v0", policy="relations")
    assert other.policy == "relations"
    assert other.policy_kwargs["features_extractor_kwargs"] == {"marked": False, "bf16": True}
    assert other.n_envs != own.n_envs
    assert other.dense_reward
    assert not own.dense_reward
    assert other.env_kwargs == {"max_steps": other.algorithm["n_steps"]}
    assert not {"policies", "env_kwargs", "dense_reward"} & {*own.algorithm, *other.algorithm}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ppo: [", "expected a file of hyperparameters"),
        ("dqn: {}", "expected a section ppo"),
        ("ppo: {}", "expected an entry"),
        ("ppo: {default: {n_envs: 8, policy: mlp}}", "expected n_timesteps"),
        ("ppo: {default: {n_envs: 0, n_timesteps: 1, policy: mlp}}", "at least 1"),
        ("ppo: {default: {n_envs: many, n_timesteps: 1, policy: mlp}}", "invalid literal"),
        (
            "ppo: {default: {n_envs: 1, n_timesteps: 1, policy: mlp, policy_kwargs: dict(a=1)}}",
            "expected policy_kwargs as a mapping",
        ),
        (
            "ppo: {default: {n_envs: 1, n_timesteps: 1, policy: mlp, policies: {cnn: 1}}}",
            "expected policies as a mapping of mappings",
        ),
        (
            "ppo: {default: {n_envs: 1, n_timesteps: 1, policy: mlp, dense_reward: 1}}",
            "expected dense_reward as a mapping",
        ),
        ("ppo: !!python/object/apply:os.getcwd []", "expected a file of hyperparameters"),
    ],
)
def test_invalid_hyperparameters_are_rejected(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yml"
    file.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        hyperparameters("ppo", "HRMMaze-7x7-v0", file=file)


def test_damaged_folders_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a folder with config\.json"):
        SB3Agent.load(tmp_path)
    build("ppo", "HRMMaze-7x7-v0", num_envs=1).save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "env": "HRMMaze-9x9-v0"}))
    with pytest.raises(ValueError, match="the weights do not fit"):
        SB3Agent.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="format"):
        SB3Agent.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="format"):
        SB3Agent.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors: damaged"):
        SB3Agent.load(tmp_path)
