"""Watching: recordings, traces, keys, and what is said where there is no display."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pygame
import pytest
from untrained import untrained

from hrm_gym import files
from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.inference.recording import record_traces
from hrm_gym.agents.simple import OracleAgent, RandomAgent
from hrm_gym.data import load_puzzles
from hrm_gym.evaluation import make_env
from hrm_gym.puzzles import get_task
from hrm_gym.registration import answer_id
from hrm_gym.scripts import cli, watch
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.watching.recording import END_SECONDS, frames
from hrm_gym.scripts.watching.tracks import Choice, watch_agent, watch_trace
from hrm_gym.scripts.watching.window import LONGEST, ReplayWindow

SEVEN = ("--env", "HRMMazeAnswer-7x7-v0")


pytestmark = pytest.mark.usefixtures("hidden_window")


@pytest.fixture(scope="module")
def agent():
    return HRMAgent.from_pretrained("maze")


@pytest.fixture
def track(agent):
    return watch_agent(agent, Choice("HRMMaze-7x7-v0", index=3), "hrm", past_halting=True)


def call(*words):
    return run(watch.main, watch.Args, [str(word) for word in words])


def test_the_replay_of_a_reasoning_agent_shows_its_segments(agent):
    for env_id in ("HRMMaze-7x7-v0", "HRMMazeAnswer-7x7-v0"):
        choice = Choice(env_id, index=3)
        track = watch_agent(agent, choice, "hrm")
        inputs = load_puzzles(get_task("maze-7x7"), "bank", "test").inputs[3]
        assert len(track.steps) == agent.solve(inputs).segments
        last = track.steps[-1].scene
        np.testing.assert_array_equal(last.tokens, inputs)
        np.testing.assert_array_equal(last.answer, agent.solve(inputs).answer == 5)
        assert len(watch_agent(agent, choice, "hrm", past_halting=True).steps) == agent.max_segments


@pytest.mark.parametrize("name", HRMAgent.pretrained())
def test_live_and_recorded_replays_halt_where_the_agent_does(name, tmp_path):
    agent = HRMAgent.from_pretrained(name)
    env_id = answer_id(agent.about["env"])
    puzzles = load_puzzles(agent.task, None, "test").take(slice(12))
    record_traces(agent, puzzles, env_id, name).save(tmp_path / "t.npz")
    longer = 0
    for index in range(len(puzzles)):
        live = watch_agent(agent, Choice(env_id, index=index), "hrm")
        recorded = watch_trace(tmp_path / "t.npz", index)
        badges = [step.badge for step in live.steps]
        assert [step.badge for step in recorded.steps] == badges
        one = slice(index, index + 1)
        found = agent.solve(puzzles.inputs[one], puzzles.puzzle_ids[one])
        assert [len(badges)] == found.segments.tolist()
        assert set(badges[:-1]) <= {"continue"}
        ends = ("HALT", "LAST") if len(badges) == agent.max_segments else ("HALT",)
        assert badges[-1].startswith(ends)
        longer += len(badges) > 1
    assert longer == len(puzzles) or not agent.steady


def test_the_replay_of_a_step_agent_shows_its_moves():
    choice = Choice("HRMSudokuAnswer-4x4-v0", index=2)
    track = watch_agent(OracleAgent(), choice, "oracle")
    assert track.steps[-1].badge == "SOLVED"
    assert track.first == 0
    space = make_env("HRMMaze-7x7-v0").action_space
    track = watch_agent(RandomAgent(space, 0), Choice("HRMMaze-7x7-v0"), "random")
    assert track.steps[-1].badge in ("SOLVED", "NOT SOLVED")


def test_a_trace_is_replayed_without_the_model(agent, track, tmp_path):
    puzzles = load_puzzles(get_task("maze-7x7"), "bank", "test", limit=5)
    traces = record_traces(agent, puzzles, "HRMMazeAnswer-7x7-v0", "maze")
    traces.save(tmp_path / "t.npz")
    replayed = watch_trace(tmp_path / "t.npz", 3, past_halting=True)
    assert [step.badge for step in replayed.steps] == [step.badge for step in track.steps]
    for mine, its in zip(track.steps, replayed.steps, strict=True):
        assert mine.changed == its.changed
        np.testing.assert_array_equal(mine.scene.answer, its.scene.answer)
        np.testing.assert_allclose(mine.scene.confidence, its.scene.confidence, atol=1 / 255)
    code = (
        "import sys; from pathlib import Path\n"
        "from hrm_gym.scripts.watching.tracks import watch_trace\n"
        f"watch_trace(Path({str(tmp_path / 't.npz')!r}), 3)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert call("--trace", tmp_path / "t.npz", "--record", tmp_path / "t.gif") == 0
    with pytest.raises(ValueError, match=r"0\.\.4, got 5"):
        watch_trace(tmp_path / "t.npz", 5)


def press(replay, *keys):
    for key in keys:
        assert replay.press(key)


def test_keys_control_the_replay(track, tmp_path):
    replay = ReplayWindow([track], speed=2, name="p", folder=tmp_path)
    assert replay.step == 0
    assert replay.flash == 1
    replay.advance(0.6)
    assert replay.step == 1
    assert 0 < replay.flash < 1
    press(replay, pygame.K_SPACE)
    replay.advance(5)
    assert replay.step == 1
    press(replay, pygame.K_RIGHT)
    assert replay.step == 2
    press(replay, *[pygame.K_RIGHT] * len(track.steps))
    assert replay.step == len(track.steps) - 1
    press(replay, pygame.K_HOME, pygame.K_LEFT)
    assert replay.step == 0
    press(replay, pygame.K_END)
    assert replay.step == len(track.steps) - 1
    press(replay, pygame.K_SPACE)
    replay.advance(100)
    assert replay.step == len(track.steps) - 1
    assert replay.flash == 0
    press(replay, pygame.K_SPACE)
    assert replay.step == 0, "space at the end starts again"
    press(replay, pygame.K_s)
    (saved,) = replay.saved
    assert pygame.image.load(saved).get_width() == 640
    assert replay.note == f"saved {saved}"
    press(replay, pygame.K_s)
    assert replay.saved == [saved, saved.with_stem(f"{saved.stem}-2")], "nothing is overwritten"
    press(replay, pygame.K_HOME)
    assert replay.note == ""
    assert not replay.press(pygame.K_q)
    assert not replay.press(pygame.K_ESCAPE)


def test_a_picture_that_cannot_be_saved_is_reported_and_leaves_no_file(
    track, tmp_path, monkeypatch
):
    replay = ReplayWindow([track], name="p", folder=tmp_path)

    def full(descriptor, mode):
        os.close(descriptor)
        return open("/dev/full", mode)

    monkeypatch.setattr(files, "open", full, raising=False)
    press(replay, pygame.K_s)
    assert replay.saved == []
    assert replay.note == f"not saved: {tmp_path / 'p-0.png'}: No space left on device"
    assert not list(tmp_path.iterdir())
    told = pygame.surfarray.array3d(replay.frame())
    press(replay, pygame.K_HOME)
    assert not np.array_equal(told, pygame.surfarray.array3d(replay.frame()))


def test_the_window_shows_the_replay_until_it_is_closed(track, tmp_path):
    replay = ReplayWindow([track], speed=50, name="p", folder=tmp_path)
    seen = []
    original = replay.advance

    def advance(seconds):
        seen.append(pygame.display.get_surface().get_size())
        keys = [pygame.K_END, pygame.K_s, pygame.K_q]
        if len(seen) <= len(keys):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=keys[len(seen) - 1]))
        original(seconds)

    replay.advance = advance
    replay.show("title", fps=0)
    assert len(seen) in (3, 4)
    assert replay.saved == [tmp_path / f"p-{len(track.steps) - 1}.png"]
    assert not pygame.display.get_init()


def test_a_recording_is_written(tmp_path):
    from PIL import Image

    words = ("--agents", "maze", "oracle", *SEVEN, "--index", 3, "--speed", 8, "--width", 200)
    assert call(*words, "--record", tmp_path / "a.gif") == 0
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.size[0] == 400
        assert picture.n_frames > 5
    assert not list(tmp_path.glob(".*"))


def test_an_agent_of_a_custom_task_is_watched(tmp_path):
    task = "examples.latin_square:LatinSquare:4"
    untrained(task, about={"env": "HRMAnswer-v0"}).save(tmp_path / "agent")
    words = ("--agents", tmp_path / "agent", "--task", task, "--data", "generator:4")
    assert call(*words, "--record", tmp_path / "a.gif") == 0
    assert (tmp_path / "a.gif").stat().st_size > 1000


@pytest.mark.parametrize("name", ["HRMMaze-v0", "HRMMazeAnswer-7x7-v0", "HRMMaze-Dynamic-v0"])
def test_a_puzzle_determines_the_size(name, agent, tmp_path):
    maze = "#####\n#S..#\n#.#.#\n#..G#\n#####"
    (tmp_path / "maze.txt").write_text(maze)
    watched = [OracleAgent()] if "Dynamic" in name else [OracleAgent(), agent]
    for puzzle in (maze, str(tmp_path / "maze.txt")):
        for player in watched:
            track = watch_agent(player, Choice(name, puzzle=puzzle), "title")
            assert track.steps[0].scene.tokens.size == 25
            assert track.steps[-1].badge.startswith(("SOLVED", "HALT"))


def test_a_puzzle_must_fit_the_agent():
    choice = Choice("HRMSudoku-v0", puzzle=".1.....2...343..")
    sudoku = HRMAgent.from_pretrained("sudoku")
    assert watch_agent(sudoku, choice, "sudoku").steps[-1].scene.tokens.size == 16
    sudoku.any_size = False
    with pytest.raises(ValueError, match="agent: sudoku solves sudoku-9x9, the puzzle is sudoku-4"):
        watch_agent(sudoku, choice, "sudoku")
    two = Choice("HRMSudoku-v0", puzzle=".1.....2...343..\n.1.....2...343..")
    with pytest.raises(ValueError, match="puzzle: expected one puzzle, got 2"):
        watch_agent(sudoku, two, "sudoku")


def test_a_recording_shows_its_progress(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    words = ("--agents", "maze", *SEVEN, "--speed", 8, "--width", 200)
    words += ("--record", tmp_path / "a.gif")
    assert call(*words) == 0
    assert "recording" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert call(*words) == 0
    assert "recording" in capsys.readouterr().err


def test_a_long_replay_has_a_limited_duration(track):
    long = replace(track, steps=list(track.steps) * 200)
    replay = ReplayWindow([long], width=160)
    shots = [time for _, time in frames(replay, fps=16)]
    assert sum(shots) == pytest.approx(LONGEST + END_SECONDS, abs=0.1)
    assert len(shots) <= 16 * LONGEST + 1
    assert min(shots) >= 1 / 16


def test_a_recording_is_as_long_as_the_replay(track):
    replay = ReplayWindow([track], speed=2)
    seconds = [time for _, time in frames(replay, fps=20)]
    assert sum(seconds) == pytest.approx(replay.steps / 2 + 2.0, abs=0.2)


def test_an_mp4_file_is_written(tmp_path):
    assert call("--record", tmp_path / "a.mp4", "--speed", 8, "--fps", 10, "--width", 160) == 0
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--record", "a.avi"], "record: expected a .gif or .mp4 file, got 'a.avi'"),
        (["--agents", "nobody", "--record", "a.gif"], "agent: expected"),
        (["--agents", "oracle", "--record", "a.gif"], "env: the agent oracle needs --env"),
        (["--agents", "a", "b", "c"], "agents: expected one or two, got 3"),
        (["--env", "HRMMaze-7x7-v0", "--record", "a.gif"], "agent: hrm sudoku solves"),
        (["--env", "nonsense", "--record", "a.gif"], "env: expected one of"),
        (["--index", "100000", "--record", "a.gif"], "index: expected"),
        (["--puzzle", "12", "--record", "a.gif"], "puzzle: expected a square number of cells"),
        (["--trace", "none.npz", "--record", "a.gif"], "none.npz: expected a trace file"),
        (["--speed", "0"], "speed: expected"),
        (["--width", "100000"], "width: expected 100..4000 pixels a board, got 100000"),
        (["--width", "-5"], "width: expected 100..4000 pixels a board, got -5"),
        (
            ["--trace", "t.npz", "--agents", "oracle"],
            "agents: expected no --agents",
        ),
        (["--trace", "t.npz", "--puzzle", "12"], "puzzle: expected no --puzzle"),
        (
            ["--agents", "oracle", "--env", "HRMMaze-7x7-v0", "--past-halting"],
            "past-halting: oracle",
        ),
        (["--record", "/dev/null/a.gif"], "record: expected a folder, but /dev/null is a file"),
    ],
)
def test_invalid_input_is_reported_in_one_sentence(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {sentence}")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_read_only_folder_is_reported_before_anything_is_computed(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(cli.os, "access", lambda path, mode: path != tmp_path)
    monkeypatch.setattr(watch, "make_tracks", lambda args: pytest.fail("computed first"))
    for name in ("a.gif", "deep/a.mp4"):
        assert call("--record", tmp_path / name) == 2
        error = capsys.readouterr().err
        assert error == f"error: record: {tmp_path} cannot be written to\n"


def test_without_a_display_the_error_suggests_recording(capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "nonsense")
    assert call("--agents", "sudoku") == 2
    assert "--record out.gif" in capsys.readouterr().err


def test_the_error_names_a_missing_extra(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert call("--record", tmp_path / "a.mp4") == 2
    assert (
        'record: .mp4 needs the extra video: pip install "hrm-gym[video]"; '
        in capsys.readouterr().err
    )
