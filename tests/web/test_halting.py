"""The page halts where the package halts."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm.inference.halting import HaltingRule
from hrm_gym.agents.hrm.model.network import Output
from hrm_gym.data.traces import bundled_traces
from hrm_gym.halt_rule import repeats_answer, wants_to_halt
from hrm_gym.scripts.build_web import WEB

VALUES = (-2.0, -0.0, 0.0, 0.5, 2.0)
CASES = [
    {"q_halt": q, "q_continue": c, "steady": steady, "answer": [2, 3], "before": before}
    for q, c, steady, before in itertools.product(
        VALUES, (None, *VALUES), (False, True), (None, [2, 3], [2, 2])
    )
]


def expected(case):
    """The rule written out."""
    bound = 0 if case["q_continue"] is None else case["q_continue"]
    return case["q_halt"] > bound and (not case["steady"] or case["before"] == case["answer"])


def by(make, case):
    """What the package says about a case, in arrays that ``make`` makes."""
    before = None if case["before"] is None else make([case["before"]])
    q_continue = None if case["q_continue"] is None else make([case["q_continue"]])
    repeats = repeats_answer(make([case["answer"]]), before) if case["steady"] else True
    return bool(wants_to_halt(make([case["q_halt"]]), q_continue, repeats)[0])


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_arrays_and_tensors_follow_the_rule(make):
    assert [by(make, case) for case in CASES] == [expected(case) for case in CASES]


def test_the_page_follows_the_rule():
    node = shutil.which("node")
    if node is None:
        pytest.skip("halting in the page was not compared: node missing")
    done = subprocess.run(
        [node, "tests/halting.mjs"],
        input=json.dumps(CASES),
        cwd=WEB,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == [expected(case) for case in CASES]


def test_training_follows_the_rule():
    for case in CASES:
        q_halt, q_continue = case["q_halt"], case["q_continue"]
        pair = None if q_continue is None else torch.tensor([q_continue])
        output = Output(torch.zeros(1, 2, 5), torch.tensor([q_halt]), pair)
        rule = HaltingRule("bce" if pair is None else "q", max_segments=2)
        wanted = expected({**case, "steady": False})
        assert bool(rule.halts(output, torch.tensor([1]))) == wanted


def test_recorded_traces_follow_the_rule():
    traces = bundled_traces().take(np.arange(5))
    for row, segment in itertools.product(range(5), range(traces.segments)):
        case = {
            "q_halt": traces.q_halt[row, segment],
            "q_continue": traces.q_continue[row, segment],
            "steady": traces.steady,
            "answer": traces.answers[row, segment].tolist(),
            "before": traces.answers[row, segment - 1].tolist() if segment else None,
        }
        assert traces.halts[row, segment] == expected(case)
