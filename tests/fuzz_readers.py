"""Fuzzing of the readers of puzzles, guided by coverage; ``make fuzz`` runs it.

The readers get damaged copies of files that this program wrote, and of those that people have. An
error other than ValueError, or an input that takes more than half a minute, ends the run and is
written to a file of the working directory. The options are those of libFuzzer, such as
``-max_total_time=60``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["hrm_gym.data.readers", "hrm_gym.puzzles.arc"]):
    from hrm_gym.data.readers.content import decode
    from hrm_gym.data.readers.records import read_records
    from hrm_gym.puzzles import get_task
    from hrm_gym.puzzles.arc.questions import read_tests

from tests.data.test_damaged_files import ARC, WRITTEN
from tests.data.test_readers_fuzz import SEEDS

TASKS = [get_task(name) for name in WRITTEN]


def read(data: bytes) -> None:
    """Read an input, whose first byte says as what; ValueError is the right answer to most."""
    kind, fixed = divmod(data[0] if data else 0, 2)
    kind %= len(TASKS) + 1
    try:
        text = decode(data[1:], "input")
        if kind == len(TASKS):
            read_tests(text, "input")
        else:
            read_records(TASKS[kind], text, fixed=bool(fixed))
    except ValueError:
        pass


def write_seeds(folder: Path) -> None:
    """Write the files from which the fuzzer starts."""
    for kind, (_, files) in enumerate(WRITTEN.values()):
        for name, content in files.items():
            (folder / f"{kind}-{name}").write_bytes(bytes([2 * kind]) + content)
    for number, text in enumerate(SEEDS):
        for kind in range(len(TASKS)):
            (folder / f"{kind}-{number}").write_bytes(bytes([2 * kind]) + text.encode())
    arc = json.dumps(ARC.to_json()).encode()
    (folder / "arc.json").write_bytes(bytes([2 * len(TASKS)]) + arc)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as seeds:
        write_seeds(Path(seeds))
        # The kernels that some inputs need are compiled before the time of an input counts.
        for seed in sorted(Path(seeds).iterdir()):
            read(seed.read_bytes())
        atheris.Setup([*sys.argv, "-timeout=30", "-max_len=20000", seeds], read)
        atheris.Fuzz()
