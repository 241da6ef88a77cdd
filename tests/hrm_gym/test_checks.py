"""The shared checks of argument values."""

from __future__ import annotations

import numpy as np
import pytest

from hrm_gym.checks import check_flag, check_number, check_positive, check_whole


def test_whole_numbers():
    assert check_whole("n", 1) == 1
    assert check_whole("n", np.int64(5), 5) == 5
    assert check_whole("n", 0, least=0) == 0
    with pytest.raises(ValueError, match=r"^n: expected at least 1, got 0$"):
        check_whole("n", 0)
    for value in (1.0, True, "3", None):
        with pytest.raises(
            ValueError, match=f"^n: expected an integer of at least 1, got {value!r}$"
        ):
            check_whole("n", value)


def test_positive_numbers():
    assert check_positive("x", 0.5) == 0.5
    assert check_positive("x", np.float32(2)) == 2
    for value in (0, -1.0, float("nan"), float("inf"), True, "1", None):
        with pytest.raises(ValueError, match=r"^x: expected a positive number, got "):
            check_positive("x", value)


def test_numbers_between_bounds():
    assert check_number("x", np.float32(0.5), 0, 1) == 0.5
    assert check_number("x", 1, 0, 1) == 1
    assert check_number("x", -3.5) == -3.5
    for value in (-0.1, 1.1, float("nan"), True, "1", None):
        with pytest.raises(ValueError, match=r"^x: expected a number in 0\.\.1, got "):
            check_number("x", value, 0, 1)
    with pytest.raises(ValueError, match=r"^x: expected a finite number, got inf$"):
        check_number("x", float("inf"))


def test_truth_values():
    assert check_flag("f", True)
    assert not check_flag("f", False)
    for value in (1, 0, "true", None):
        with pytest.raises(ValueError, match=r"^f: expected true or false, got "):
            check_flag("f", value)
