"""A vector plays what single environments play, and the check of it notices where one does not."""

from __future__ import annotations

import pytest

import hrm_gym
from hrm_gym.testing import check_vector_env

every = pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)


@every
def test_vector_equals_single(env_id):
    rows, steps = (2, 24) if env_id in ("HRMMazeAnswer-v0", "HRMARCAnswer-v0") else (3, 45)
    check_vector_env(env_id, num_envs=rows, seed=11, steps=steps)


@pytest.mark.parametrize("env_id", ["HRMMaze-7x7-v0", "HRMSudoku-4x4-v0"])
def test_vector_check_notices_another_seed(env_id, monkeypatch):
    from hrm_gym.envs.step_vector import StepVectorEnv

    reset = StepVectorEnv.reset

    def shifted(self, *, seed=None, options=None):
        return reset(self, seed=None if seed is None else seed + 1, options=options)

    monkeypatch.setattr(StepVectorEnv, "reset", shifted)
    with pytest.raises(AssertionError, match=rf"{env_id}, NextStep, row 0, step 0: observation"):
        check_vector_env(env_id)


def test_vector_check_notices_a_shared_array(monkeypatch):
    from hrm_gym.envs.answer_vector import AnswerVectorEnv

    def observe(self):
        observed = original(self)
        return {**observed, "tokens": self.tokens}

    original = AnswerVectorEnv._observe
    monkeypatch.setattr(AnswerVectorEnv, "_observe", observe)
    with pytest.raises(AssertionError, match="HRMSudokuAnswer-4x4-v0, NextStep, row"):
        check_vector_env("HRMSudokuAnswer-4x4-v0")


def test_vector_check_notices_infos_of_rows_that_were_not_reset(monkeypatch):
    from hrm_gym.envs.halt_vector import HaltVectorEnv

    look = HaltVectorEnv._reset_outputs
    monkeypatch.setattr(
        HaltVectorEnv, "_reset_outputs", lambda self, chosen: look(self, chosen | True)
    )
    with pytest.raises(AssertionError, match=r"Disabled, row .*: info of a reset of others"):
        check_vector_env("HRMHalt-v0")


@pytest.mark.parametrize("env_id", ["MountainCar-v0", "Blackjack-v1"])
def test_vector_check_accepts_any_id(env_id):
    check_vector_env(env_id, num_envs=2)


def test_vector_check_finds_differences_in_other_packages():
    # One generator draws the states of all its rows.
    with pytest.raises(AssertionError, match=r"^CartPole-v1, .*, row 0, step 0: observation"):
        check_vector_env("CartPole-v1")


def test_vector_check_requires_enough_steps():
    with pytest.raises(AssertionError, match="give more"):
        check_vector_env("HRMSudokuAnswer-4x4-v0", steps=1)
