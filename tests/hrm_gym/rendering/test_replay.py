"""The replay: what a frame shows, what stays, what flashes; tracks from arrays and from games."""

from __future__ import annotations

import dataclasses
import io
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_gym.data import load_puzzles
from hrm_gym.evaluation import make_env
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.maze.scene import MazeScene
from hrm_gym.puzzles.sudoku.scene import SudokuScene
from hrm_gym.rendering import GridScene, to_array
from hrm_gym.rendering.gif import write_gif
from hrm_gym.rendering.replay import Bar, Step, Track, paint_replay, steps_of
from hrm_gym.rendering.tracks import playing_track, thinking_track

TASKS = ["sudoku-4x4", "sudoku-9x9", "maze-7x7", "maze-30x30", "arc"]
BLANK = np.zeros(16, bool)


def puzzle_of(task, index=0):
    source = "arc-agi-1" if task.family == "arc" else "bank"
    return load_puzzles(task, source, "test", limit=index + 1)[index]


def track_of(task_id, segments=3, seed=0, labels=True, sure=None, limit=8, name="hrm"):
    """A made-up model that gets better: its last answer is right."""
    task = get_task(task_id)
    puzzle = puzzle_of(task)
    random = np.random.default_rng(seed)
    least = 2 if task.family != "maze" else 1
    noise = random.integers(least, task.vocab_size, (segments, task.seq_len)).astype(np.uint8)
    kept = random.random((segments, task.seq_len)) < np.linspace(0.5, 1, segments)[:, None]
    # Where a label does not count, a model says something all the same.
    answers = np.where(kept, np.maximum(puzzle.labels, task.family != "arc"), noise)
    confidence = random.random(answers.shape) if sure is None else np.full(answers.shape, sure)
    q_halt = np.array([-1.0] * (segments - 1) + [2.0])
    return thinking_track(
        name,
        task,
        puzzle.inputs,
        answers.astype(np.uint8),
        confidence.astype(np.float32),
        q_halt,
        np.zeros(segments),
        q_halt > 0,
        puzzle.labels if labels else None,
        getattr(puzzle, "demos", ()),
        limit,
    )


def pixels(*arguments, **options):
    return to_array(paint_replay(*arguments, **options))


@pytest.mark.parametrize("task_id", TASKS)
def test_every_step_is_a_picture_of_one_size_and_differs(task_id):
    track = track_of(task_id)
    # Counter and caption alone would make a difference, so boards are compared without them.
    scenes = [dataclasses.replace(step.scene, caption="") for step in track.steps]
    boards = [to_array(scene.paint()) for scene in scenes]
    assert not np.array_equal(boards[0], boards[1])
    assert not np.array_equal(boards[1], boards[2])
    frames = [pixels([track], step) for step in range(3)]
    assert len({frame.shape for frame in frames}) == 1
    assert frames[0].shape[0] % 2 == frames[0].shape[1] % 2 == 0
    high, broad, _ = boards[0].shape
    for frame, board in zip(frames, boards, strict=True):
        middle = slice(high // 4, high // 4 * 3), slice(broad // 4, broad // 4 * 3)
        assert np.array_equal(frame[middle], board[middle])
    # The same again, byte for byte, after others were painted.
    assert np.array_equal(frames[0], pixels([track], 0))


@pytest.mark.parametrize("task_id", TASKS)
def test_the_flash_marks_only_changed_cells(task_id):
    track = track_of(task_id)
    still, flashing = pixels([track], 1), pixels([track], 1, flash=1.0)
    step = track.steps[1]
    assert step.changed
    allowed = np.zeros(still.shape[:2], bool)
    for cell in step.changed:
        rect = step.scene.cell_rect(cell)
        assert not np.array_equal(
            still[rect.top : rect.bottom, rect.left : rect.right],
            flashing[rect.top : rect.bottom, rect.left : rect.right],
        )
        allowed[rect.top : rect.bottom, rect.left : rect.right] = True
    assert not (still != flashing).any(axis=2)[~allowed].any()


@pytest.mark.parametrize("task_id", TASKS)
def test_confidence_is_visible(task_id):
    track_sure, track_unsure = track_of(task_id, sure=1.0), track_of(task_id, sure=0.2)
    assert not np.array_equal(pixels([track_sure], 0), pixels([track_unsure], 0))


@pytest.mark.parametrize("task_id", TASKS)
def test_mistakes_are_visible_if_the_solution_is_known(task_id):
    known, unknown = track_of(task_id, sure=1.0), track_of(task_id, sure=1.0, labels=False)
    assert not np.array_equal(pixels([known], 0), pixels([unknown], 0))


def test_the_badge_shows_the_decision():
    steps = track_of("sudoku-4x4").steps
    assert [step.badge for step in steps] == ["continue", "continue", "HALT, right"]
    assert steps[-1].tone == "good"
    assert [bar.name for bar in steps[0].bars] == ["q halt", "q continue"]
    assert steps[0].bars[0].share == pytest.approx(1 / (1 + np.e))
    assert track_of("sudoku-4x4", labels=False).steps[-1].badge == "HALT"
    task = get_task("sudoku-4x4")
    puzzle = puzzle_of(task)
    wrong = np.full((1, 16), 2, np.uint8)
    track = thinking_track(
        "m",
        task,
        puzzle.inputs,
        wrong,
        np.ones((1, 16)),
        np.array([-3.0]),
        None,
        np.array([False]),
        puzzle.labels,
        limit=1,
    )
    assert track.steps[0].badge == "LAST, wrong"
    assert track.steps[0].tone == "bad"
    assert len(track.steps[0].bars) == 1
    assert track.steps[0].bars[0].mark == 0.5


def test_two_tracks_are_side_by_side_and_the_shorter_one_waits():
    short, long = track_of("maze-7x7", 2), track_of("maze-7x7", 5, name="other")
    assert steps_of([short, long]) == 5
    one, both = pixels([short], 1), pixels([short, long], 4)
    assert both.shape[1] == 2 * one.shape[1]
    left = both[: one.shape[0], 2 : one.shape[1] - 2]
    assert np.array_equal(left, one[:, 2:-2])
    assert np.array_equal(pixels([short, long], 4, flash=0.0), both)


def test_an_answer_that_is_not_a_grid_can_be_painted():
    task = get_task("arc")
    puzzle = puzzle_of(task)
    scene = task.scene(puzzle.inputs, np.zeros(900, np.uint8), puzzle.labels)
    assert isinstance(scene, GridScene)
    assert scene.canvas is None
    assert "no grid" in scene.caption
    answers = np.zeros((1, 900), np.uint8)
    halts = np.array([True])
    sure = answers * 0.5
    track = thinking_track("m", task, puzzle.inputs, answers, sure, np.ones(1), None, halts)
    assert pixels([track], 0, flash=1.0).size


def test_a_given_that_an_answer_changed_is_marked_as_a_mistake():
    task = get_task("sudoku-4x4")
    inputs = task.parse(".1.....2...343..")
    answer = task.solve(inputs).copy()
    answer[1] = 5
    scene = task.scene(inputs, answer)
    assert isinstance(scene, SudokuScene)
    assert scene.conflicts[1]
    assert not scene.given[1]
    assert scene.given.sum() == (inputs > 1).sum() - 1
    # Bold is what was given; this one stands out in red.
    assert "\x1b[31;7;31m4\x1b[0m" in scene.ansi()


def test_any_shortest_path_is_shown_as_right():
    task = get_task("maze-7x7")
    inputs = task.parse("S" + " " * 47 + "G")
    other = inputs.copy()
    other[[*range(1, 7), *range(13, 48, 7)]] = 5
    label = task.solve(inputs)
    assert not np.array_equal(other, label)
    assert task.is_solved(Puzzle(inputs, label), other)
    scene = task.scene(inputs, other, label)
    assert isinstance(scene, MazeScene)
    assert np.array_equal(scene.answer, scene.shortest)


@pytest.mark.parametrize("env_id", ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMARC-v0"])
def test_the_moves_of_an_agent_are_a_track(env_id):
    env = make_env(env_id, split="test")
    obs, _ = env.reset(seed=1, options={"index": 1})
    scenes, observations = [env.unwrapped.scene()], [obs]
    ended = False
    while not ended:
        obs, _, terminated, truncated, info = env.step(env.unwrapped.optimal_action())
        ended = terminated or truncated
        scenes.append(env.unwrapped.scene())
        observations.append(obs)
    task = env.unwrapped.task
    track = playing_track("oracle", task, scenes, observations, info["is_success"], 2000)
    assert track.last == len(scenes) - 1
    assert track.steps[-1].badge == "SOLVED"
    if task.family != "arc":
        assert track.steps[-1].bars[0].share == 1.0
        assert all(len(step.changed) == 1 for step in track.steps[1:])
    assert pixels([track], len(scenes) - 1, flash=0.5).size


def test_an_invalid_track_is_rejected():
    with pytest.raises(ValueError, match="no step"):
        Track("m", "move", [])
    with pytest.raises(ValueError, match="needs a track"):
        paint_replay([], 0)
    for build in (
        lambda: SudokuScene(np.ones(16, int), BLANK, (2, 2), confidence=BLANK[:3]),
        lambda: MazeScene(np.full(49, 2), confidence=np.full(49, 1.5)),
        lambda: GridScene([], np.zeros((3, 3), int), np.zeros((3, 3), int), wrong=BLANK),
    ):
        with pytest.raises(ValueError, match="shape"):
            build()


@given(st.floats(-3, 3), st.floats(0, 1), st.integers(0, 300))
def test_every_number_can_be_drawn_as_a_bar(share, mark, limit):
    scene = SudokuScene(np.ones(16, int), BLANK, (2, 2))
    step = Step(scene, bars=(Bar("q", share, f"{share:.2f}", mark),), badge="continue")
    assert pixels([Track("m", "move", [step], limit)], 0, width=160).shape[1] == 160


def test_gifs_keep_their_colours(tmp_path):
    from PIL import Image

    frames = [np.full((8, 8, 3), 255, np.uint8) for _ in range(3)]
    for k, frame in enumerate(frames):
        frame[k, k] = (230, 159, k)
    # The second stays as it is for a while, which is no frame of its own.
    shown = [(frames[k], time) for k, time in ((0, 0.1), (1, 0.125), (1, 0.125), (2, 1.0))]
    write_gif(tmp_path / "a.gif", iter(shown), frames)
    read = Image.open(io.BytesIO((tmp_path / "a.gif").read_bytes()))
    assert read.n_frames == 3
    assert read.info["loop"] == 0
    times = []
    for k, frame in enumerate(frames):
        read.seek(k)
        times.append(read.info["duration"])
        assert np.array_equal(np.asarray(read.convert("RGB")), frame)
    assert times == [100, 250, 1000]
    write_gif(tmp_path / "one.gif", [(frames[0], 0.5)], frames[:1])
    with Image.open(tmp_path / "one.gif") as one:
        assert np.array_equal(np.asarray(one.convert("RGB")), frames[0])


def test_a_gif_of_many_colours_uses_the_nearest_ones_and_stores_no_frames(tmp_path):
    from PIL import Image

    random = np.random.default_rng(0)
    alive: list[weakref.ref[np.ndarray]] = []

    def frames():
        for k in range(40):
            frame = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            frame[k % 16, : k % 15 + 1] = 255
            alive.append(weakref.ref(frame))
            yield frame, 0.033

    kept = [frame for frame, _ in frames()][:4]
    alive.clear()
    held = []

    def watched():
        for pair in frames():
            held.append(sum(ref() is not None for ref in alive))
            yield pair

    write_gif(tmp_path / "a.gif", watched(), kept)
    assert max(held) <= 3, "frames are kept while others are made"
    with Image.open(tmp_path / "a.gif") as read:
        assert read.n_frames == 40
        palette = np.array(read.getpalette()).reshape(-1, 3)
        total = 0
        for k in range(40):
            read.seek(k)
            total += read.info["duration"]
            shown = np.asarray(read.convert("RGB"))
            assert (shown[k % 16, : k % 15 + 1] == 255).all()
        # Hundredths of a second, rounded from the start and not frame by frame.
        assert total == 1320
    assert len(palette) == 256


def test_a_picture_can_have_another_width():
    scene = track_of("sudoku-4x4").steps[0].scene
    assert scene.paint(320).get_width() == 320
    assert pixels([track_of("sudoku-4x4")], 0, width=320).shape[1] == 320
