"""Inference on small machines: memory and time of exported agents, early halting, the replay.

Peak memory is measured over a whole process, from the start of Python to the answer of one puzzle.
An agent that answers every size is measured at each size that has an environment. The report is
written to ``edge.md`` in the folder ``--out``.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hrm_gym.files import write_text
from hrm_gym.machine import machine
from hrm_gym.registration import FAMILIES
from hrm_gym.scripts.measuring.peers import Row, row
from hrm_gym.scripts.measuring.timing import seconds_per_call, timed
from hrm_gym.scripts.reporting.edge import edge_report

WORK = 2e8
"""Products of a segment, parameters times states, that decide how many puzzles are compared: small
boards have more of them in the same time."""
PUZZLES = 5, 200
"""Smallest and largest number of puzzles that are compared."""
REPORT_FILE = "edge.md"
FEWEST = 10
"""Minimum number of puzzles in the measurement of a time."""

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
        measured = set()
        for name in HRMAgent.pretrained():
            agent = HRMAgent.from_pretrained(name)
            # Other weights of the same architecture take the same time.
            if agent.model.config not in measured:
                rows += pretrained(args, agent, name, Path(folder))
            measured.add(agent.model.config)
    options = f"--seconds {args.seconds:g} --threads {args.threads} --seed {args.seed}"
    write_text(args.out / REPORT_FILE, edge_report(rows, options, machine()))
    return rows + replay(args)


def fresh(code: str, path: Path, tokens: np.ndarray, threads: int) -> dict[str, Any]:
    """Run code in a new process and return what it reports.

    The process is started by a shell. A direct child would start as a copy of this process and
    count its memory.

    Args:
        code: The code, followed by ``REPORT``.
        path: File or folder of the agent.
        tokens: ``(seq_len,)``, the puzzle.
        threads: Number of threads of the agent.

    Raises:
        RuntimeError: if the process fails; the message ends with its error.
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
    from hrm_gym.agents.hrm.exchange.export import export
    from hrm_gym.agents.hrm.exchange.graph import PRECISIONS
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
    solve = partial(agent.solve, tokens, halt=False, segments=1)
    segment = seconds_per_call(solve, args.seconds, least=3)
    return [*rows, row("published size, torch, batch 1: segment", 1000 * segment, "ms")]


def pretrained(args: Any, agent: Any, name: str, folder: Path) -> list[Row]:
    """Measure how far a pretrained agent and its exports agree, and what the exports cost."""
    from hrm_gym.agents.hrm.exchange.export import export
    from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent

    rows: list[Row] = []
    exported = {}
    for precision in ("float32", "int8"):
        path = folder / f"{name}-{precision}.onnx"
        rows.append(row(f"{name}, {precision}: file", export(agent, path, precision) / 1e3, "kB"))
        exported[path] = OnnxAgent(path, agent.task.id, args.threads)
    # Another canvas would show the same grids.
    every = agent.any_size and not agent.task.holds_padding
    sizes = sorted(FAMILIES[agent.task.family].sizes) if every else [agent.task.size]
    for size in sizes:
        task = agent.task_for(agent.task.resized(size).seq_len)
        states = agent.model.initial_carry(1, seq_len=task.seq_len).z_H[..., 0].numel()
        count = int(np.clip(WORK / (agent.parameters * states), *PUZZLES))
        rows += at_size(args, agent, exported, f"{name}, {size}x{size}", task, count)
    return rows


def at_size(
    args: Any, agent: Any, exported: dict[Path, Any], title: str, task: Any, count: int
) -> Iterator[Row]:
    """Yield the rows of a pretrained agent and its exported files on puzzles of a task."""
    from hrm_gym.scripts.export import questions

    tokens = questions(task, count, args.seed)
    mine = agent.solve(tokens)
    for path, other in exported.items():
        precision = other.about["precision"]
        about = f"{title}, {precision}"
        relative, absolute, agreed = differences(agent, other, tokens)
        if precision == "float32":
            yield row(f"{about}: logits apart", relative, "of largest", 1e-4, at_most=True)
            yield row(f"{about}: logits apart", absolute, "1")
        yield row(f"{about}: same cells, all segments", agreed, "1", 0.99)
        same = float((mine.answer == other.solve(tokens).answer).mean())
        yield row(f"{about}: same cells, answers", same, "1", 0.99)
        peak = fresh(ONNX, path, tokens[0], args.threads)["peak"]
        yield row(f"{about}: peak memory", peak, "MB", 90, at_most=True)
        solve = partial(answer_next, other, itertools.cycle(tokens))
        spent = seconds_per_call(solve, args.seconds, FEWEST)
        yield row(f"{about}, batch 1: puzzle", 1000 * spent, "ms")
    yield from halting(args, agent, title, tokens)


def differences(
    agent: Any, exported: Any, tokens: np.ndarray, segments: int | None = None
) -> tuple[float, float, float]:
    """Return the differences of the logits and the share of equal cells, over all segments.

    Segments after halting are included. Each agent continues from its own carry, so that rounding
    differences may grow.

    Args:
        agent: The agent in PyTorch.
        exported: The agent in ONNX Runtime.
        tokens: ``(B, seq_len)``, the puzzles.
        segments: The last segment; default: that of the agent.

    Returns:
        The largest difference relative to the largest logit of its segment, since float32 rounds
        relative to that; the largest absolute difference; and the share of equal cells.
    """
    import torch

    batch = torch.tensor(tokens)
    ids = torch.zeros(len(tokens), dtype=torch.int64)
    agent.task_for(tokens.shape[1])
    carry = agent.model.initial_carry(len(tokens), seq_len=tokens.shape[1])
    feed = exported.begin(tokens)
    relative, absolute, agreed = 0.0, 0.0, []
    for _ in range(segments or agent.max_segments):
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
    """Measure at batch 1 in torch that the time of a puzzle is the time of its segments.

    Both times are measured in turns, and medians are taken, so that a busy machine changes both.
    """
    early: list[float] = []
    whole: list[float] = []
    segments: list[int] = []
    while len(early) < FEWEST or sum(early) + sum(whole) < args.seconds:
        question = tokens[len(early) % len(tokens)]
        solution, seconds = timed(partial(agent.solve, question))
        early.append(seconds)
        whole.append(timed(partial(agent.solve, question, halt=False))[1])
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


def answer_next(agent: Any, questions: Iterator[np.ndarray]) -> None:
    """Let an agent answer the next question."""
    agent.solve(next(questions))


def replay(args: Any) -> list[Row]:
    """Measure frames of the replay at 30x30, in which every step changes and flashes."""
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
        window = ReplayWindow(tracks, speed=4)
        times: list[float] = []
        while len(times) < 30 or sum(times) < args.seconds:
            times.append(timed(window.frame)[1])
            window.place = (window.place + 4 / 30) % segments
        rate, slowest = len(times) / sum(times), max(times)
        rows.append(row(f"watch, 30x30, {title}: frames", rate, "1/s", 30))
        rows.append(row(f"watch, 30x30, {title}: slowest frame", 1000 * slowest, "ms"))
    return rows
