"""The chain-of-thought agent: chains of a solver, how the decoder reads and writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_gym.agents.base import Diverged
from hrm_gym.agents.chain import ChainAgent, train_chain
from hrm_gym.agents.chain.model import Decoder
from hrm_gym.agents.chain.steps import Language
from hrm_gym.agents.chain.train import ChainTrainer, decoder_config
from hrm_gym.agents.hrm.presets import PRESETS
from hrm_gym.agents.supervised import count_parameters
from hrm_gym.evaluation import make_env
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze import WALL


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-6x6", "sudoku-9x9"])
def test_the_steps_of_a_sudoku_lead_to_its_solution(name: str) -> None:
    task = get_task(name)
    language = Language(task)
    language.most_steps = 5000
    guesses = 0
    for key in range(20):
        puzzle = task.generate(key)
        board, saved = puzzle.inputs.copy(), []
        steps = iter(language.steps(puzzle.inputs).tolist())
        for token in steps:
            if token == language.back:
                board = saved.pop()
                continue
            if token == language.guess:
                saved.append(board.copy())
                guesses += 1
                token = next(steps)
            cell, digit = token - language.first_cell, next(steps)
            assert board[cell] == 1
            # Without a guess, only certain digits.
            assert saved or puzzle.labels[cell] == digit
            board[cell] = digit
        assert np.array_equal(board, puzzle.labels)
    assert (guesses > 0) == (name != "sudoku-4x4")


def test_the_steps_of_a_maze_are_a_walk_to_the_goal() -> None:
    task = get_task("maze-9x9")
    language = Language(task)
    for key in range(20):
        question = task.generate(key).inputs
        cell, goal = task.ends(question)  # type: ignore[attr-defined]
        for token in language.steps(question):
            ahead = int(token) - language.first_cell
            (row, column), (r, c) = divmod(cell, 9), divmod(ahead, 9)
            assert abs(row - r) + abs(column - c) == 1
            assert question[ahead] != WALL
            assert cell != goal
            cell = ahead
        assert cell == goal


def test_a_chain_consists_of_question_steps_and_answer() -> None:
    task = get_task("sudoku-4x4")
    language = Language(task)
    puzzles = [task.generate(key) for key in range(5)]
    questions, labels = np.stack([p.inputs for p in puzzles]), np.stack([p.labels for p in puzzles])
    chains, places = language.chains(questions, labels)
    assert len({len(language.steps(q)) for q in questions}) > 1
    for chain, place, question, answer in zip(chains, places, questions, labels, strict=True):
        steps = language.steps(question)
        whole = [*question, *steps, language.answer, *answer]
        assert chain.tolist() == whole + [0] * (len(chain) - len(whole))
        # The answer follows the place of its own cell, the question stands at it.
        marked = [*range(16), *[-1] * len(steps), *range(16), -1]
        assert place.tolist() == marked + [-1] * (len(chain) - len(whole))


def short(seed: int) -> Decoder:
    """Return an untrained decoder that soon starts its answer, or is cut off."""
    torch.manual_seed(seed)
    language = Language(get_task("sudoku-4x4"))
    language.most_steps, language.capacity = 6, 16 + 6 + 17
    model = Decoder(decoder_config(PRESETS["sudoku-4x4"], language), language).eval()
    with torch.no_grad():
        model.head.weight[language.answer] *= 1.3
    return model


def test_decoding_writes_the_most_probable_next_token() -> None:
    model = short(4)
    language = model.language
    questions = torch.from_numpy(np.stack([language.task.generate(k).inputs for k in range(12)]))
    logits, written = model.write(questions)
    answered = logits.abs().sum((1, 2)) > 0
    assert answered.any()
    assert len(set(written.tolist())) > 1
    # One row of each length: the same without a memory and without others beside it.
    for row in {length: row for row, length in enumerate(written.tolist())}.values():
        question = questions[row]
        tokens, places = question.long().tolist(), list(range(16))
        found: list[torch.Tensor] = []
        while len(found) < 16 and len(tokens) < language.capacity:
            with torch.no_grad():
                last = model(torch.tensor([tokens]), torch.tensor([places]))[0, -1]
            if places[-1] >= 0 and len(tokens) > 16:
                found.append(last[: language.task.vocab_size])
                tokens.append(int(found[-1].argmax()))
            else:
                tokens.append(int(last.argmax()))
            begins = not found and tokens[-1] == language.answer
            places.append(len(found) if found or begins else -1)
        assert int(written[row]) == len(tokens) - 16
        for cell, expected in enumerate(found):
            assert torch.allclose(logits[row, cell], expected, atol=1e-4)


@pytest.mark.parametrize("preset", ["sudoku-4x4", "sudoku-6x6", "maze-7x7"])
def test_the_decoder_has_as_many_parameters_as_the_hrm(preset: str) -> None:
    trainer = ChainTrainer(PRESETS[preset])
    wanted = count_parameters(PRESETS[preset], dict(PRESETS[preset].model))
    assert trainer.agent(0.0).parameters == pytest.approx(wanted, rel=0.01)


def test_the_decoder_learns_and_a_saved_agent_acts_as_before(tmp_path: Path) -> None:
    trainer = ChainTrainer(PRESETS["sudoku-4x4"])
    first = float(trainer.train_step(0.0))
    for _ in range(30):
        last = float(trainer.train_step(0.5))
    assert last < 0.75 * first
    agent = trainer.agent(1.0)
    agent.save(tmp_path)
    loaded = ChainAgent.load(tmp_path)
    assert (loaded.name, loaded.parameters) == ("chain-of-thought", agent.parameters)
    for env_id in ("HRMSudoku-4x4-v0", "HRMSudokuAnswer-4x4-v0"):
        env = make_env(env_id)
        observation, info = env.reset(seed=0)
        action = agent.act(observation, info)
        assert env.action_space.contains(action)
        assert np.array_equal(action, loaded.act(observation, info))
    assert loaded.written.shape == (1,)


def test_the_number_of_steps_is_kept_and_reported() -> None:
    seen: list[int] = []
    result = train_chain(
        "HRMSudoku-4x4-v0",
        preset="sudoku-4x4",
        steps=4,
        on_progress=lambda so_far: seen.append(so_far.env_steps),
        progress_evaluations=2,
    )
    assert seen == [0, 64, 128]
    assert (result.env_steps, result.puzzles) == (128, 160)
    assert result.agent.signal == "labels"


def test_invalid_arguments_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="arc-3x3 has no solver"):
        train_chain("HRMARC-v0", preset="arc-small", steps=1)
    with pytest.raises(ValueError, match="seconds: expected a positive number"):
        train_chain("HRMSudoku-4x4-v0", seconds=0)
    with pytest.raises(ValueError, match=r"config\.json"):
        ChainAgent.load(tmp_path)
    ChainTrainer(PRESETS["sudoku-4x4"]).agent(0.0).save(tmp_path)
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"sudoku-4x4"', '"sudoku-6x6"'))
    with pytest.raises(ValueError, match="do not fit"):
        ChainAgent.load(tmp_path)
    (tmp_path / "config.json").write_text(text.replace('"sudoku-4x4"', '"some_module:Task"'))
    with pytest.raises(ValueError, match="some_module:Task is code"):
        ChainAgent.load(tmp_path)


def test_weights_that_diverge_in_the_last_step_are_reported(monkeypatch: pytest.MonkeyPatch):
    step = ChainTrainer.train_step

    def spoil(trainer: ChainTrainer, progress: float) -> torch.Tensor:
        loss = step(trainer, progress)
        with torch.no_grad():
            for weight in (*trainer.model.parameters(), *(trainer.average.weights or {}).values()):
                weight.fill_(torch.nan)
        return loss

    monkeypatch.setattr(ChainTrainer, "train_step", spoil)
    with pytest.raises(Diverged, match="is not finite"):
        train_chain("HRMSudoku-4x4-v0", steps=1)
