"""Exported agents give the same answers without torch."""

from __future__ import annotations

import json
import subprocess
import sys

import gymnasium as gym
import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.exchange.export import build, export
from hrm_gym.agents.hrm.exchange.graph import PRECISIONS
from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent
from hrm_gym.agents.hrm.model.tasks import task_fields
from hrm_gym.data import load_puzzles
from hrm_gym.evaluation import evaluate
from hrm_gym.puzzles import get_task
from hrm_gym.registration import FAMILIES
from hrm_gym.scripts.benchmarks.edge import differences

SMALL = {"hidden_size": 32, "num_heads": 4, "round_to": 8, "H_layers": 2, "L_layers": 1}
VARIANTS = {
    "rotary": {},
    "rotary2d": {"positions": "rotary2d"},
    "learned": {"positions": "learned", "H_cycles": 3, "L_cycles": 1},
    "none": {"positions": "none", "q_continue": False},
    "mlp": {"mixer": "mlp", "positions": "none", "L_cycles": 3},
    "shared": {"shared": True, "L_layers": 2, "H_cycles": 3, "L_cycles": 4, "q_continue": False},
    "puzzles": {"num_puzzles": 5, "puzzle_emb_len": 2, "puzzle_emb_dim": 40},
    "registers": {"num_puzzles": 3, "registers": 3, "shared": True, "mixer": "mlp"},
    "groups": {"mixer": "relations", "num_puzzles": 5},
    "equivariant": {"mixer": "relations", "symbols": "equivariant", "shared": True},
    "equivariant, puzzles": {
        "mixer": "relations",
        "symbols": "equivariant",
        "num_puzzles": 5,
        "L_cycles": 1,
    },
    "equivariant, symbols apart": {
        "mixer": "relations",
        "symbols": "equivariant",
        "num_puzzles": 6,
        "puzzle_per_symbol": True,
        "puzzle_emb_dim": 24,
        "special_symbols": 1,
    },
    "neighbours": {"mixer": "relations", "q_continue": False},
}
TASKS = {"neighbours": "maze-4x4"}
"""Tasks of variants; others have sudoku-4x4. Both have 6 tokens."""
LARGEST = 225
"""Largest number of cells of the puzzles in these tests."""


def sizes_of(task):
    """Return the registered sizes of a task's family that are small."""
    return [n for n in sorted(FAMILIES[task.family].sizes) if n * n <= LARGEST]


def random_agent(changes, task="sudoku-4x4", seed=0) -> HRMAgent:
    torch.manual_seed(seed)
    if changes.get("mixer") == "relations":
        changes = {"positions": "none", **changes}
    model = HRM(HRMConfig(**task_fields(get_task(task), {**SMALL, **changes})))
    if model.relational:
        model.learn_board(get_task(task))
    with torch.no_grad():
        model.q_head.weight.normal_(std=0.5)
        if model.puzzle_emb is not None:
            model.puzzle_emb.normal_()
        # About half of the puzzles halt after one segment.
        tokens = torch.from_numpy(np.random.default_rng(seed).integers(1, 6, (64, 16)))
        carry = model.initial_carry(64)
        _, output = model.segment(carry, tokens, torch.zeros(64, dtype=torch.int64))
        others = 0 if output.q_continue is None else output.q_continue
        model.q_head.bias[0] -= (output.q_halt - others).median()
    return HRMAgent(model, task, max_segments=6)


@pytest.fixture(scope="module")
def tokens():
    return load_puzzles(get_task("sudoku-4x4"), "bank", "test").inputs[:40].copy()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_model_gives_the_same_results_in_onnx(name, tokens, tmp_path):
    agent = random_agent(VARIANTS[name], TASKS.get(name, "sudoku-4x4"))
    export(agent, tmp_path / "a.onnx")
    exported = OnnxAgent(tmp_path / "a.onnx", threads=1)
    ids = np.arange(len(tokens)) % max(1, agent.model.config.num_puzzles)
    carry, feed = agent.model.initial_carry(len(tokens)), exported.begin(tokens, ids)
    for _ in range(3):
        # From the same carry, since a random network amplifies rounding errors.
        feed["z_H"], feed["z_L"] = (part.contiguous().numpy() for part in carry)
        with torch.inference_mode():
            carry, output = agent.model.segment(
                carry, torch.from_numpy(tokens), torch.from_numpy(ids)
            )
        logits, q_values, z_H, z_L = exported.session.run(None, feed)
        np.testing.assert_allclose(logits, output.logits, atol=1e-4)
        np.testing.assert_allclose(q_values[:, 0], output.q_halt, atol=1e-4)
        np.testing.assert_allclose(z_H, carry.z_H, atol=1e-4)
        np.testing.assert_allclose(z_L, carry.z_L, atol=1e-4)
    mine, its = agent.solve(tokens, ids), exported.solve(tokens, ids)
    # A random network prefers padding in some cells.
    for solution in (mine, its):
        assert np.isin(solution.answer, agent.task.answer_tokens).all()
    assert np.mean(mine.segments == its.segments) >= 0.95
    assert np.mean(mine.answer == its.answer) >= 0.95
    assert len(set(mine.segments.tolist())) > 1, "all halt together: this tests no compaction"


@pytest.mark.parametrize("name", HRMAgent.pretrained())
@pytest.mark.parametrize("precision", PRECISIONS)
def test_pretrained_agents_give_the_same_results_in_onnx(name, precision, tmp_path):
    agent = HRMAgent.from_pretrained(name)
    export(agent, tmp_path / "a.onnx", precision)
    # One file for all sizes.
    exported = OnnxAgent(tmp_path / "a.onnx", agent.task.id, threads=1)
    assert exported.parameters == agent.parameters
    assert exported.any_size == agent.any_size
    for size in sizes_of(agent.task) if agent.any_size else [agent.task.size]:
        task = agent.task.resized(size)
        puzzles = load_puzzles(task, None, "test", limit=5 if agent.any_size else 20).inputs
        assert agent.task_for(task.seq_len).id == exported.task_for(task.seq_len).id
        segments = min(agent.max_segments, 4)
        compare_segments(agent, exported, puzzles, segments, exact=precision == "float32")
        if precision == "float32":
            thoughts = zip(
                agent.think(puzzles, halt=False, segments=3),
                exported.think(puzzles, halt=False, segments=3),
                strict=True,
            )
            for mine, its in thoughts:
                np.testing.assert_allclose(mine.confidence, its.confidence, atol=1e-4)
                np.testing.assert_allclose(mine.entropy, its.entropy, atol=1e-4)
                np.testing.assert_allclose(mine.q_halt, its.q_halt, atol=1e-4 + 1e-5 * 20)
            # From separate carries, with accumulated rounding errors.
            relative, _, agreed = differences(agent, exported, puzzles, segments)
            assert relative < 1e-4
            assert agreed > 0.999


def compare_segments(agent, exported, puzzles, segments, exact):
    """Compare each segment from the same carry, so that rounding errors do not add up."""
    ids = np.zeros(len(puzzles), np.int64)
    feed = exported.begin(puzzles, ids)
    carry = agent.model.initial_carry(len(puzzles), seq_len=puzzles.shape[1])
    same = []
    for _ in range(segments):
        feed["z_H"], feed["z_L"] = (part.contiguous().numpy() for part in carry)
        with torch.inference_mode():
            carry, output = agent.model.segment(carry, torch.tensor(puzzles), torch.tensor(ids))
        logits, q_values, *_ = exported.session.run(None, feed)
        same.append((logits.argmax(-1) == output.logits.numpy().argmax(-1)).mean())
        if exact:
            np.testing.assert_allclose(logits, output.logits, atol=1e-4)
            np.testing.assert_allclose(q_values[:, 0], output.q_halt, atol=1e-4)
    assert np.mean(same) >= 0.99


def test_one_file_answers_puzzles_of_several_sizes(tmp_path):
    agent = random_agent(VARIANTS["equivariant"])
    export(agent, tmp_path / "a.onnx")
    exported = OnnxAgent(tmp_path / "a.onnx", threads=1)
    for size in (9, 6, 4, 10):
        tokens = np.random.default_rng(size).integers(1, size + 2, (5, size * size))
        mine, its = (thinker.think(tokens, segments=1) for thinker in (agent, exported))
        one, two = next(mine), next(its)
        np.testing.assert_allclose(one.confidence, two.confidence, atol=1e-4)
        assert exported.solve(tokens[0]).answer.shape == (size * size,)
        assert exported.solve(tokens[:0]).answer.shape == (0, size * size)
    for thinker in (agent, exported):
        with pytest.raises(ValueError, match="size: expected one of"):
            thinker.solve(np.ones(25))
        with pytest.raises(ValueError, match="tokens: expected"):
            thinker.solve(np.ones(80))


@pytest.mark.parametrize(
    ("name", "env_id"),
    [
        ("sudoku", "HRMSudokuAnswer-4x4-v0"),
        ("sudoku", "HRMSudoku-4x4-v0"),
        ("sudoku", "HRMSudoku-6x6-v0"),
        ("maze", "HRMMaze-7x7-v0"),
    ],
)
def test_an_exported_agent_acts_in_every_environment(name, env_id, tmp_path):
    agent = HRMAgent.from_pretrained(name)
    export(agent, tmp_path / "a.onnx")
    tested = evaluate(OnnxAgent(tmp_path / "a.onnx", threads=1), env_id, 8)
    assert tested.solve_rate == evaluate(agent, env_id, 8).solve_rate


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["rotary", "equivariant", "neighbours"])
def test_each_weight_is_stored_and_used_once(name, precision, shared):
    changes = {**VARIANTS[name], "shared": shared, "H_cycles": 3, "L_cycles": 4}
    agent = random_agent(changes, TASKS.get(name, "sudoku-4x4"))
    model = build(agent, precision)
    onnx.checker.check_model(model, full_check=True)
    uses: dict[str, int] = {}

    def count(graph):
        for node in graph.node:
            for name in node.input:
                uses[name] = uses.get(name, 0) + 1
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    count(attribute.g)

    count(model.graph)
    stored = {w.name: w for w in model.graph.initializer}
    kind = {"float32": "FLOAT", "float16": "FLOAT16", "int8": "INT8"}[precision]
    for key, weight in agent.model.state_dict().items():
        if ".blocks." not in key:
            continue
        # The parts of a relational mixer may be stored separately.
        own = [k for k in stored if k.startswith(key.removesuffix(".weight")) and "scale" not in k]
        assert [uses[k] for k in own] == [1] * len(own)
        assert sum(np.prod(stored[k].dims) for k in own) == weight.numel()
        for k in own:
            assert onnx.TensorProto.DataType.Name(stored[k].data_type) == kind
    # And under one name: no weight is stored twice.
    contents = [numpy_helper.to_array(w).tobytes() for w in stored.values() if w.dims]
    assert len([c for c in contents if len(c) > 64]) == len({c for c in contents if len(c) > 64})


@pytest.mark.parametrize("relational", [False, True])
def test_an_exported_agent_does_not_load_torch(relational, tmp_path):
    agent = HRMAgent.from_pretrained("sudoku") if relational else random_agent({})
    export(agent, tmp_path / "a.onnx", "int8")
    env = gym.make("HRMSudoku-4x4-v0", split="test")
    puzzle = env.reset(seed=3)[0]["tokens"]
    code = (
        "import sys, json; from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent\n"
        f"solution = OnnxAgent({str(tmp_path / 'a.onnx')!r}).solve({puzzle.tolist()})\n"
        "loaded = [n for n in ('torch', 'onnx', 'pygame', 'numba') if n in sys.modules]\n"
        "print(json.dumps([solution.answer.tolist(), int(solution.segments), loaded]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer, segments, loaded = json.loads(done.stdout)
    mine = agent.solve(puzzle)
    assert loaded == []
    assert answer == mine.answer.tolist()
    assert segments == mine.segments


def test_an_exported_agent_halts_at_its_last_segment(tokens, tmp_path):
    agent = random_agent({})
    with torch.no_grad():
        # The agent would never halt.
        agent.model.q_head.bias[0] -= 100
    export(agent, tmp_path / "a.onnx")
    segments = agent.solve(tokens[:20]).segments
    assert (segments == agent.max_segments).all()
    for thinker in (agent, OnnxAgent(tmp_path / "a.onnx", threads=1)):
        tested = evaluate(thinker, "HRMSudokuAnswer-4x4-v0", 20, max_segments=16)
        assert [episode.steps for episode in tested.episodes] == segments.tolist()


def test_one_puzzle_and_no_puzzle_can_be_solved(tokens, tmp_path):
    agent = random_agent({})
    export(agent, tmp_path / "a.onnx")
    exported = OnnxAgent(tmp_path / "a.onnx", threads=1)
    assert exported.solve(tokens[0]).answer.shape == (16,)
    assert len(list(exported.think(tokens[0], halt=False, segments=9))) == 9
    assert exported.solve(tokens[:0]).answer.shape == (0, 16)


def test_invalid_arguments_are_reported_in_one_sentence(tokens, tmp_path):
    agent = random_agent({"num_puzzles": 5, "puzzle_emb_len": 2, "puzzle_emb_dim": 40})
    export(agent, tmp_path / "a.onnx")
    for thinker in (agent, OnnxAgent(tmp_path / "a.onnx", threads=1)):
        for call in (thinker.solve, lambda *a, t=thinker, **k: list(t.think(*a, **k))):
            for ids in ([0, 5], [-1, 0]):
                with pytest.raises(ValueError, match=r"puzzle_ids: this model knows 0\.\.4"):
                    call(tokens[:2], ids)
            with pytest.raises(ValueError, match=r"puzzle_ids: expected shape \(2,\), got \(3,\)"):
                call(tokens[:2], [0, 0, 0])
            for segments in (0, -1):
                with pytest.raises(
                    ValueError, match=f"segments: expected at least 1, got {segments}"
                ):
                    call(tokens[:2], segments=segments)
    # Without a puzzle embedding any id is accepted.
    assert random_agent({}).solve(tokens[0], [7]).answer.shape == (16,)
