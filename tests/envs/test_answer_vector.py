"""The native vector of the Answer environments."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

import hrm_gym  # noqa: F401
from hrm_gym.testing import check_vector_env

SUDOKU = "HRMSudokuAnswer-4x4-v0"
MAZE = "HRMMazeAnswer-7x7-v0"


def make(mode="SameStep", rows=4, env_id=SUDOKU, device="cpu", **kwargs):
    envs = gym.make_vec(env_id, rows, autoreset_mode=mode, device=device, **kwargs)
    envs.reset(seed=0)
    return envs


def right(envs, halt=1):
    """Return the labels as actions."""
    labels = envs.unwrapped.labels.long()
    return torch.cat([labels, torch.full((len(labels), 1), halt)], dim=1)


def leaves(value):
    """Return what is nested in observations and infos, apart from the names of the tasks."""
    if isinstance(value, dict):
        parts = [part for name, part in value.items() if name not in ("task", "_task")]
        return [leaf for part in parts for leaf in leaves(part)]
    return [value]


def test_observations_are_tensors_on_a_device_and_arrays_without_one():
    for device, kind in (("cpu", torch.Tensor), (None, np.ndarray)):
        envs = gym.make_vec(SUDOKU, 3, device=device, autoreset_mode="SameStep")
        for result in (envs.reset(seed=0), envs.step(envs.action_space.sample())):
            assert all(isinstance(leaf, kind) for part in result for leaf in leaves(part))
    assert envs.step(envs.action_space.sample())[1].dtype == np.float64
    assert envs.observation_space.contains(envs.reset()[0])


def test_the_spec_contains_the_autoreset_mode_as_a_string():
    envs = gym.make_vec(SUDOKU, 2, device="cpu", autoreset_mode="SameStep")
    assert envs.metadata["autoreset_mode"] is gym.vector.AutoresetMode.SAME_STEP
    again = gym.envs.registration.EnvSpec.from_json(envs.spec.to_json())
    assert again.kwargs["autoreset_mode"] == "SameStep"
    with pytest.raises(ValueError, match=r"^autoreset_mode: expected one of NextStep"):
        gym.make_vec(SUDOKU, 2, autoreset_mode="Sometimes")


def test_labels_are_in_no_observation_and_no_info():
    envs = make(rows=8)
    observations, infos = envs.reset(seed=1)
    labels = envs.unwrapped.labels
    for leaf in leaves(observations) + leaves(infos):
        assert leaf.data_ptr() != labels.data_ptr()
        if leaf.shape == labels.shape:
            assert not (leaf == labels).all(dim=1).any()
    # What was read before a step stays what it was, though every row got a new puzzle.
    kept = labels.clone()
    envs.step(right(envs))
    assert torch.equal(labels, kept)
    assert not torch.equal(envs.unwrapped.labels, kept)


def test_only_halting_on_the_label_is_rewarded():
    envs = make("Disabled")
    actions = right(envs)
    actions[1, -1] = 0
    actions[2, 0] = actions[2, 0] % 5 + 1
    _, rewards, terminations, truncations, infos = envs.step(actions)
    assert rewards.tolist() == [1, 0, 0, 1]
    assert terminations.tolist() == [True, False, True, True]
    assert infos["_exact"].all()
    # Of a row that goes on, nothing tells whether its answer is right already.
    assert infos["exact"].tolist() == [True, False, False, True]
    assert not truncations.any()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_the_last_segment_halts_by_itself(mode):
    envs = make(mode, max_segments=3)
    actions = right(envs, halt=0)
    for segment in (1, 2, 3):
        _, rewards, terminations, _, infos = envs.step(actions)
        assert terminations.tolist() == [segment == 3] * 4
        assert rewards.tolist() == [float(segment == 3)] * 4
        shown = infos["final_info"] if mode == "SameStep" and segment == 3 else infos
        assert shown["segment"].tolist() == [segment] * 4


def test_same_step_keeps_the_last_observation():
    envs = make("SameStep")
    before = envs.unwrapped.tokens
    actions = right(envs)
    actions[1:3, -1] = 0
    observations, _, done, _, infos = envs.step(actions)
    assert infos["_final_obs"].tolist() == infos["_final_info"].tolist() == done.tolist()
    assert done.tolist() == [True, False, False, True]
    assert torch.equal(infos["final_obs"]["tokens"], before)
    assert torch.equal(infos["final_obs"]["answer"].long(), actions[:, :-1])
    assert infos["final_info"]["exact"][done].all()
    assert not infos["exact"].any()
    assert not observations["answer"][done].any()
    assert (observations["tokens"] != before).any(dim=1).tolist() == done.tolist()
    assert infos["segment"].tolist() == [0, 1, 1, 0]


def test_next_step_ignores_the_action_after_an_end():
    envs = make("NextStep")
    envs.step(right(envs))
    old = envs.unwrapped.tokens
    observations, rewards, done, _, infos = envs.step(right(envs))
    assert not rewards.any()
    assert not done.any()
    assert not observations["answer"].any()
    assert (observations["tokens"] != old).any(dim=1).all()
    assert infos["segment"].tolist() == [0] * 4
    assert envs.step(right(envs))[1].tolist() == [1] * 4


def test_a_reset_mask_resets_only_its_rows():
    envs = make("Disabled")
    envs.step(right(envs, halt=0))
    state = envs.unwrapped.get_state()
    mask = np.array([True, False, False, True])
    observations, infos = envs.reset(seed=50, options={"reset_mask": mask})
    fresh, _ = make("Disabled").reset(seed=50)
    kept = torch.tensor(~mask)
    assert torch.equal(observations["tokens"][~kept], fresh["tokens"][~kept])
    assert torch.equal(observations["tokens"][kept], state["tokens"][kept])
    assert torch.equal(observations["answer"][kept], state["answers"][kept])
    assert infos["segment"].tolist() == [0, 1, 1, 0]
    # A seed only applies to the masked rows, and the other rows continue their episodes.
    after = envs.unwrapped.get_state()
    assert torch.equal(after["keys"] != state["keys"], torch.tensor(mask))
    assert after["episodes"].tolist() == [0, 0, 0, 0]


def test_the_option_index_selects_puzzles_as_stored():
    envs = make(rows=3)
    observations, infos = envs.reset(options={"index": [5, 0, 5]})
    puzzles = envs.unwrapped.puzzles
    assert torch.equal(observations["tokens"], torch.tensor(puzzles.inputs[[5, 0, 5]]))
    assert torch.equal(envs.unwrapped.labels, torch.tensor(puzzles.labels[[5, 0, 5]]))
    np.testing.assert_array_equal(infos["rating"], puzzles.ratings[[5, 0, 5]])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"index": [0, 0, -1]}, "index: expected 0"),
        ({"index": [0, 0, 10**6]}, "index: expected 0"),
        ({"index": [0, 0]}, "index: expected 3 integers"),
        ({"index": [0.5, 0, 0]}, "index: expected 3 integers"),
        ({"reset_mask": [True, False]}, r"reset_mask: expected \(3,\)"),
        ({"puzzle": "1" * 16}, "options: expected reset_mask, index or difficulty, got 'puzzle'"),
    ],
)
def test_invalid_options_change_nothing(options, words):
    envs = make(rows=3)
    before = envs.unwrapped.get_state()
    with pytest.raises(ValueError, match=rf"^{words}"):
        envs.reset(options=options)
    after = envs.unwrapped.get_state()
    assert all(torch.equal(after[k], v) for k, v in before.items() if k != "env")


def test_every_row_has_its_own_seed():
    envs = make(rows=3)
    together, _ = envs.reset(seed=7)
    apart, _ = envs.reset(seed=[9, 8, 7])
    assert torch.equal(together["tokens"], apart["tokens"].flip(0))
    with pytest.raises(ValueError, match="seed: expected 3 seeds, got 2"):
        envs.reset(seed=[1, 2])
    # Without a seed, rows start from chance, each from its own.
    one, other = (gym.make_vec(SUDOKU, 6, device="cpu") for _ in range(2))
    assert not torch.equal(one.reset()[0]["tokens"], other.reset()[0]["tokens"])


@pytest.mark.parametrize("device", ["cpu", None])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_an_invalid_action_changes_nothing(mode, device):
    envs = make(mode, device=device)
    single = gym.make(SUDOKU, disable_env_checker=True)
    single.reset(seed=0)
    first = right(envs, halt=0)
    envs.step(first)
    single.step(first[0].numpy())
    bad = right(envs)
    bad[0, 3] = 6  # the vocabulary ends at 5
    bad[1, 3] = -1
    bad[2, -1] = 2
    bad[3, 0] = 256 + bad[3, 0]  # would be right after a cast to a byte
    wanted, reward, done, _, info = single.step(bad[0].numpy())
    observations, rewards, terminations, _, infos = envs.step(bad)
    assert info["invalid_action"]
    assert np.asarray(infos["invalid_action"]).tolist() == [True] * 4
    assert np.asarray(infos["_invalid_action"]).tolist() == [True] * 4
    assert np.asarray(rewards).tolist() == [reward] * 4
    assert np.asarray(terminations).tolist() == [done] * 4
    np.testing.assert_array_equal(observations["answer"], first[:, :-1])
    np.testing.assert_array_equal(observations["answer"][0], wanted["answer"])


def test_returned_arrays_may_be_written_to():
    envs, twin = make("NextStep"), make("NextStep")
    for number in range(6):
        actions = right(twin, halt=number % 2)
        result = envs.step(actions.clone())
        other = twin.step(actions)
        mine, theirs = leaves(dict(enumerate(result))), leaves(dict(enumerate(other)))
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
        pointers = [leaf.data_ptr() for leaf in leaves(dict(enumerate(result)))]
        assert len(set(pointers)) == len(pointers)
        for leaf in leaves(dict(enumerate(result))):
            leaf.fill_(1)


def test_actions_of_any_integer_dtype_are_accepted():
    results = []
    for kind in (torch.uint8, torch.int32, torch.int64):
        envs = make()
        actions = right(envs).to(kind)
        results.append(envs.step(actions)[1].tolist())
        results.append(make().step(right(make()).to(kind).numpy())[1].tolist())
    assert results == [[1.0] * 4] * 6


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_set_state_restores_an_episode_exactly(mode):
    envs = make(mode, max_segments=3)
    envs.step(right(envs, halt=0))
    state = envs.unwrapped.get_state()

    def play():
        trace = []
        for number in range(8):
            trace += leaves(dict(enumerate(envs.step(right(envs, halt=number % 2)))))
        return trace

    first = play()
    envs.unwrapped.set_state(state)
    again = play()
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    fresh = gym.make_vec(SUDOKU, 4, device="cpu", autoreset_mode=mode, max_segments=3)
    fresh.unwrapped.set_state(state)
    envs = fresh
    assert all(torch.equal(a, b) for a, b in zip(first, play(), strict=True))


def test_a_state_of_another_environment_is_rejected():
    envs = make(env_id="HRMSudokuAnswer-v0")
    before = envs.unwrapped.get_state()
    for other in (make(env_id="HRMMazeAnswer-9x9-v0"), make(rows=3, env_id="HRMSudokuAnswer-v0")):
        with pytest.raises(
            ValueError, match=r"^state: expected 4 rows of .* on sudoku-9x9, .* got"
        ):
            envs.unwrapped.set_state(other.unwrapped.get_state())
    after = envs.unwrapped.get_state()
    assert all(torch.equal(after[k], v) for k, v in before.items() if k != "env")


def test_calls_before_reset_raise():
    envs = gym.make_vec(SUDOKU, 2)
    with pytest.raises(gym.error.ResetNeeded):
        envs.step(envs.action_space.sample())
    with pytest.raises(gym.error.ResetNeeded):
        envs.unwrapped.get_state()
    with pytest.raises(ValueError, match=r"^reset_mask: the first reset"):
        envs.reset(options={"reset_mask": np.array([True, False])})


def test_a_missing_device_is_rejected():
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ValueError, match=rf"^device: '{absent}' is not available"):
        gym.make_vec(SUDOKU, 2, device=absent)
    with pytest.raises(ValueError, match=r"^device: expected cpu, cuda or cuda:N, got 'abacus'"):
        gym.make_vec(SUDOKU, 2, device="abacus")


def test_other_invalid_arguments_are_rejected():
    with pytest.raises(ValueError, match=r"^render_mode: expected rgb_array or None"):
        gym.make_vec(SUDOKU, 2, render_mode="human")
    with pytest.raises(ValueError, match=r"^num_envs: expected at least 1"):
        gym.make_vec(SUDOKU, 0)


@pytest.mark.parametrize("env_id", [SUDOKU, MAZE])
@pytest.mark.parametrize("kwargs", [{"augment": False}, {"split": "test", "limit": 7}])
def test_tensors_equal_the_single_environment(env_id, kwargs):
    check_vector_env(env_id, num_envs=2, steps=24, device="cpu", **kwargs)


def test_without_augmentation_puzzles_equal_those_of_the_bank():
    envs = make(rows=5, augment=False)
    known = {row.tobytes() for row in envs.unwrapped.puzzles.inputs}
    assert all(row.numpy().tobytes() in known for row in envs.unwrapped.tokens)


@pytest.mark.gpu
@pytest.mark.parametrize(
    "env_id", [SUDOKU, "HRMSudokuAnswer-v0", MAZE, "HRMMazeAnswer-v0", "HRMARCAnswer-v0"]
)
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_a_gpu_gives_the_same_results_as_the_cpu(env_id, mode):
    host = make(mode, rows=64, env_id=env_id, max_segments=4)
    device = make(mode, rows=64, env_id=env_id, max_segments=4, device="cuda")
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        actions = right(host)
        wrong = torch.rand((64, 1), generator=random) < 0.5
        noise = torch.randint(0, 5, actions[:, :-1].shape, generator=random)
        actions[:, :-1] = torch.where(wrong, noise, actions[:, :-1])
        actions[:, -1] = torch.rand(64, generator=random) < 0.5
        wanted = host.step(actions)
        got = device.step(actions.cuda())
        for a, b in zip(leaves(dict(enumerate(wanted))), leaves(dict(enumerate(got))), strict=True):
            assert b.device.type == "cuda"
            assert a.dtype == b.dtype
            assert torch.equal(a, b.cpu())
        assert torch.equal(host.unwrapped.labels, device.unwrapped.labels.cpu())


@pytest.mark.gpu
def test_a_gpu_gives_the_same_results_as_the_single_environment():
    check_vector_env(SUDOKU, device="cuda")
    check_vector_env(MAZE, device="cuda")
