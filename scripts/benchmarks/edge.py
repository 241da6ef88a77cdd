"""What thinking costs on small machines: memory and time of exported agents, halting, the replay.

Peak memory is that of a whole fresh process, from the start of Python to the answer of one puzzle.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hrm_gym.scripts.peers import Row, row

LARGE = 2_000_000
"""Parameters from which fewer puzzles are measured."""
FEWEST = 10
"""Puzzles that a time is measured on at least."""

ONNX = """
import json, resource, sys, time
begun = time.perf_counter()
path, tokens, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent
agent = OnnxAgent(path, threads=threads)
solution = agent.solve(tokens)
seconds = time.perf_counter() - begun
assert "torch" not in sys.modules
"""
TORCH = """
import json, resource, sys, time
begun = time.perf_counter()
path, tokens, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
import torch
from hrm_gym.agents.hrm import HRMAgent
torch.set_num_threads(threads)
agent = HRMAgent.from_pretrained(path)
solution = agent.solve(tokens)
seconds = time.perf_counter() - begun
"""
REPORT = """
# Bytes on macOS, units of 1024 bytes elsewhere.
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
peak *= (1 if sys.platform == "darwin" else 1024) / 1e6
print(json.dumps({"peak": peak, "seconds": seconds, "segments": int(solution.segments)}))
"""


def measure(args: Any) -> list[Row]:
    """Return the rows of the subject."""
    import torch

    from hrm_gym.agents.hrm import HRMAgent

    torch.set_num_threads(args.threads)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += published(args, Path(folder))
        for name in HRMAgent.pretrained():
            rows += shipped(args, name, Path(folder))
    return rows + replay(args)


def fresh(code: str, path: Path, tokens: np.ndarray, threads: int) -> dict[str, Any]:
    """Run code in a process of its own and return what it reports.

    A shell stands between: a process started from here directly would count the memory of this
    one, as its highest before it became another program.
    """
    words = [sys.executable, "-c", code + REPORT, str(path), json.dumps(tokens.tolist())]
    shell = ["sh", "-c", '"$@"; exit $?', "sh", *words, str(threads)]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the measured process failed: {done.stderr.strip()[-500:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def published(args: Any, folder: Path) -> list[Row]:
    """Measure the published size with random weights, which take as long as trained ones."""
    import torch

    from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
    from hrm_gym.agents.hrm.exchange.export import PRECISIONS, export
    from hrm_gym.puzzles import get_task

    torch.manual_seed(args.seed)
    task = get_task("sudoku-9x9")
    agent = HRMAgent(HRM(HRMConfig(task.vocab_size, task.seq_len)), task.id)
    tokens = np.random.default_rng(args.seed).integers(1, task.vocab_size, task.seq_len)
    rows = [row("published size: parameters", agent.parameters / 1e6, "M")]
    agent.save(folder / "published")
    measured = {"torch float32": fresh(TORCH, folder / "published", tokens, args.threads)}
    for precision in PRECISIONS:
        path = folder / f"published-{precision}.onnx"
        size = export(agent, path, precision)
        rows.append(row(f"published size, {precision}: file", size / 1e6, "MB"))
        measured[precision] = fresh(ONNX, path, tokens, args.threads)
        path.unlink()
    for name, report in measured.items():
        target = 200 if name in ("float16", "int8") else None
        title = f"published size, {name}"
        rows.append(row(f"{title}: peak memory", report["peak"], "MB", target, at_most=True))
        rows.append(row(f"{title}: start to answer", report["seconds"], "s"))
    tokens = tokens[None]
    segment = per_call(lambda: agent.solve(tokens, halt=False, segments=1), args.seconds)
    return [*rows, row("published size, torch, batch 1: segment", 1000 * segment, "ms")]


def shipped(args: Any, name: str, folder: Path) -> list[Row]:
    """Measure a shipped agent: is the exported one the same, and what does it cost."""
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.exchange.export import export
    from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent
    from hrm_gym.scripts.export import questions

    agent = HRMAgent.from_pretrained(name)
    # Large models take seconds a puzzle.
    count = 200 if agent.parameters < LARGE else 20
    tokens = questions(agent.task, count, args.seed)
    rows = []
    for precision in ("float32", "int8"):
        path = folder / f"{name}-{precision}.onnx"
        export(agent, path, precision)
        exported = OnnxAgent(path, agent.task.id, args.threads)
        relative, absolute, agreed = differences(agent, exported, tokens)
        title = f"{name}, {precision}"
        if precision == "float32":
            rows.append(row(f"{title}: logits apart", relative, "of largest", 1e-4, at_most=True))
            rows.append(row(f"{title}: logits apart", absolute, "1"))
            mine, its = agent.solve(tokens), exported.solve(tokens)
            parts = ("answer", "segments", "q_halt", "confidence")
            apart = max(float(np.ptp([getattr(x, n) for x in (mine, its)], 0).max()) for n in parts)
            rows.append(row(f"{title}: what solve says apart", apart, "1", 1e-4, at_most=True))
        rows.append(row(f"{title}: same cells", agreed, "1", 0.99))
        peak = fresh(ONNX, path, tokens[0], args.threads)["peak"]
        rows.append(row(f"{title}: peak memory", peak, "MB", 90, at_most=True))
        spent = one_by_one(exported, tokens, args.seconds)
        rows.append(row(f"{title}, batch 1: puzzle", 1000 * spent, "ms", 50, at_most=True))
    return rows + halting(args, agent, name, tokens)


def differences(agent: Any, exported: Any, tokens: np.ndarray) -> tuple[float, float, float]:
    """Return how far logits lie apart, by the largest of them and as such, and equal cells' share.

    Over all segments, past halting too; each goes on from its own carry, so that what rounding
    differs by may grow. By the largest magnitude of a segment, since float32 rounds by that: the
    measure that the model's agreement with the published code is held to.
    """
    import torch

    batch = torch.tensor(tokens)
    ids = torch.zeros(len(tokens), dtype=torch.int64)
    carry, feed = agent.model.initial_carry(len(tokens)), exported.begin(tokens)
    relative, absolute, agreed = 0.0, 0.0, []
    for _ in range(agent.max_segments):
        with torch.inference_mode():
            carry, output = agent.model.segment(carry, batch, ids)
        logits, _, feed["z_H"], feed["z_L"] = exported.session.run(None, feed)
        mine = output.logits.numpy()
        apart = float(np.abs(mine - logits).max())
        relative = max(relative, apart / float(np.abs(mine).max()))
        absolute = max(absolute, apart)
        agreed.append(float((mine.argmax(-1) == logits.argmax(-1)).mean()))
    return relative, absolute, float(np.mean(agreed))


def halting(args: Any, agent: Any, name: str, tokens: np.ndarray) -> list[Row]:
    """Measure at batch 1 in torch that a puzzle costs what its segments cost, and no more."""
    # Turn and turn about, and medians, so that a busy machine changes both alike.
    early: list[float] = []
    whole: list[float] = []
    segments: list[int] = []
    begun = time.perf_counter()
    while len(early) < FEWEST or time.perf_counter() - begun < args.seconds:
        question = tokens[len(early) % len(tokens)]
        start = time.perf_counter()
        solution = agent.solve(question)
        middle = time.perf_counter()
        agent.solve(question, halt=False)
        early.append(middle - start)
        whole.append(time.perf_counter() - middle)
        segments.append(int(solution.segments))
    segment = float(np.median(whole)) / agent.max_segments
    puzzle, mean = float(np.median(early)), float(np.mean(segments))
    ratio = float(np.median(np.array(early) / segments)) / segment
    return [
        row(f"{name}, torch, batch 1: segment", 1000 * segment, "ms"),
        row(f"{name}, torch, batch 1: puzzle", 1000 * puzzle, "ms"),
        row(f"{name}: segments a puzzle", mean, "segments"),
        row(f"{name}, torch: puzzle / its segments", ratio, "1", 1.25, at_most=True),
    ]


def one_by_one(agent: Any, tokens: np.ndarray, seconds: float) -> float:
    """Return the mean seconds that a puzzle takes at batch 1."""
    agent.solve(tokens[0])
    begun, count = time.perf_counter(), 0
    while count < FEWEST or time.perf_counter() - begun < seconds:
        agent.solve(tokens[count % len(tokens)])
        count += 1
    return (time.perf_counter() - begun) / count


def per_call(call: Callable[[], Any], seconds: float) -> float:
    """Return the seconds of one call."""
    call()
    begun, count = time.perf_counter(), 0
    while count < 3 or time.perf_counter() - begun < seconds:
        call()
        count += 1
    return (time.perf_counter() - begun) / count


def replay(args: Any) -> list[Row]:
    """Measure frames of the replay at 30x30, every step new and flashing throughout."""
    from hrm_gym.data import load_puzzles
    from hrm_gym.puzzles import get_task
    from hrm_gym.rendering.tracks import thinking_track
    from hrm_gym.scripts.watching.window import ReplayWindow

    task = get_task("maze-30x30")
    puzzle = load_puzzles(task, "bank", "test", limit=1)[0]
    random = np.random.default_rng(args.seed)
    segments = 16
    noise = random.integers(2, task.vocab_size, (segments, task.seq_len)).astype(np.uint8)
    kept = random.random((segments, task.seq_len)) < np.linspace(0.6, 1, segments)[:, None]
    answers = np.where(kept, puzzle.labels, noise)
    sure = random.random((segments, task.seq_len)).astype(np.float32)
    q_halt = np.linspace(-4, 2, segments)
    rows = []
    for count, title in ((1, "one board"), (2, "side by side")):
        tracks = [
            thinking_track(
                "hrm", task, puzzle.inputs, answers, sure, q_halt, -q_halt, puzzle.labels, limit=16
            )
            for _ in range(count)
        ]
        replay_window, frames, slowest = ReplayWindow(tracks, speed=4), 0, 0.0
        begun = time.perf_counter()
        while frames < 30 or time.perf_counter() - begun < args.seconds:
            before = time.perf_counter()
            replay_window.frame()
            slowest = max(slowest, time.perf_counter() - before)
            replay_window.place = (replay_window.place + 4 / 30) % segments
            frames += 1
        rate = frames / (time.perf_counter() - begun)
        rows.append(row(f"watch, 30x30, {title}: frames", rate, "1/s", 30))
        rows.append(row(f"watch, 30x30, {title}: slowest frame", 1000 * slowest, "ms"))
    return rows
