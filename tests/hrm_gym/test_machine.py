"""The description of the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from hrm_gym.machine import cores, machine, machine_text


def test_machine_names_neither_host_nor_folder() -> None:
    text = json.dumps(machine())
    assert platform.node() not in text
    assert str(Path.home()) not in text


def test_a_description_is_one_line() -> None:
    assert machine_text({"cpu": "fast", "torch_threads": 2}) == "cpu fast, torch threads 2"


def test_cores_that_this_process_may_use() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


def test_machine_does_not_load_torch() -> None:
    program = (
        "import sys; from hrm_gym.machine import machine; machine(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_rules_of_sudoku_need_no_tracking() -> None:
    program = "import sys, hrm_gym.puzzles.sudoku; sys.exit('hrm_gym.tracking' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
