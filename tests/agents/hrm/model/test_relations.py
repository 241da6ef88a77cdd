"""The relational HRM: what its weights are independent of, and what they refuse."""

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm import HRM, HRMConfig
from hrm_gym.agents.hrm.model.relations import Links
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.relations import Relation, group, lines, neighbours

SUDOKU = {
    "hidden_size": 16,
    "round_to": 16,
    "shared": True,
    "L_layers": 2,
    "mixer": "relations",
    "positions": "none",
    "relations": ("row", "column", "box"),
    "symbols": "equivariant",
    "fixed_tokens": 2,
}
MAZE = {**SUDOKU, "relations": ("left", "right", "up", "down"), "symbols": "tokens"} | {
    "fixed_tokens": 0
}


def sudoku_model(*sizes, **changes):
    torch.manual_seed(0)
    model = HRM(HRMConfig(11, 81, **{**SUDOKU, **changes})).double()
    for size in sizes or (9,):
        model.learn_board(get_task(f"sudoku-{size}x{size}"))
    return model


def answer(model, tokens, segments=2, puzzle_ids=None):
    carry = model.initial_carry(len(tokens), seq_len=tokens.shape[1])
    for _ in range(segments):
        carry, output = model.segment(carry, tokens, puzzle_ids)
    return output


def random_sudoku(size, rows=3):
    tokens = torch.randint(1, size + 2, (rows, size * size))
    return tokens.masked_fill(torch.rand(tokens.shape) < 0.6, 1)


def test_permuted_digits_permute_the_logits():
    model, tokens = sudoku_model(), random_sudoku(9)
    permutation = torch.cat([torch.arange(2), torch.randperm(9) + 2])
    output, permuted = answer(model, tokens), answer(model, permutation[tokens])
    torch.testing.assert_close(permuted.logits[..., permutation], output.logits)
    torch.testing.assert_close(permuted.q_halt, output.q_halt)


@pytest.mark.parametrize("key", range(6))
def test_symmetries_of_the_board_permute_the_logits(key):
    task, model, tokens = get_task("sudoku-9x9"), sudoku_model(), random_sudoku(9)
    symmetry = task.symmetry(key)
    turned = torch.from_numpy(symmetry.apply(tokens.numpy().astype(np.uint8))).long()
    transposed = np.ptp(symmetry.positions[:9] // 9) > 0
    output = answer(model, tokens)
    if transposed:
        # Rows become columns, whose weights differ; with the weights exchanged nothing does.
        with torch.no_grad():
            for block in model.executor.blocks:
                parts = block.mixer.parts.weight.view(6, 16, 16)
                parts[[2, 3]] = parts[[3, 2]]
    other = answer(model, turned)
    relabel = torch.from_numpy(symmetry.tokens).long()
    expected = output.logits[:, torch.from_numpy(symmetry.positions)]
    torch.testing.assert_close(other.logits[..., relabel], expected)


@pytest.mark.parametrize("size", [4, 6, 8, 9, 12])
def test_one_set_of_weights_serves_every_size(size):
    model = sudoku_model(4, 6, 8, 9, 12)
    output = answer(model, random_sudoku(size))
    assert output.logits.shape == (3, size * size, size + 2)
    assert output.q_halt.shape == output.q_continue.shape == (3,)
    assert len(model.state_dict()) == len(sudoku_model().state_dict())


def test_the_state_of_a_group_is_its_scaled_mean():
    links = Links.of([group("part", [0, 0, 0, 0, 1])], 5)
    x = torch.randn(2, 5, 3)
    given = links.give @ (links.pool @ x)
    torch.testing.assert_close(given[:, 0], 2 * x[:, :4].mean(1))
    torch.testing.assert_close(given[:, 3], given[:, 0])
    torch.testing.assert_close(given[:, 4], x[:, 4])


def test_a_neighbour_outside_the_grid_is_zero():
    x = torch.randn(2, 9, 4)
    grid = x.view(2, 3, 3, 4)
    shifts = Links.of(neighbours(3), 9).shifts
    left, _, _, down = (shift(x).view(2, 3, 3, 4) for shift in shifts)
    assert (left[:, :, 0] == 0).all()
    assert (down[:, 2] == 0).all()
    torch.testing.assert_close(left[:, :, 1:], grid[:, :, :-1])
    torch.testing.assert_close(down[:, :-1], grid[:, 1:])


def test_a_neighbour_relation_of_any_form_is_a_sum_of_shifts():
    index = np.array([3, -1, 0, 4, 1])
    links = Links.of([Relation("jump", "neighbour", index)], 5)
    x = torch.randn(2, 5, 3)
    seen = sum(shift(x) for shift in links.shifts)
    expected = x[:, np.maximum(index, 0)].clone()
    expected[:, 1] = 0
    torch.testing.assert_close(seen, expected)


def test_a_maze_model_serves_every_size_and_learns():
    model = HRM(HRMConfig(6, 900, **MAZE, grad="segment"))
    for size in (7, 30):
        model.learn_board(get_task(f"maze-{size}x{size}"))
    output = answer(model, torch.randint(1, 5, (2, 49)))
    assert output.logits.shape == (2, 49, 6)
    output.logits.square().mean().backward()
    parts = model.executor.blocks[0].mixer.parts.weight.grad
    assert (parts.view(6, -1).abs().sum(1) > 0).all(), "every relation learns"


def test_a_puzzle_embedding_is_added_at_every_position():
    model = sudoku_model(num_puzzles=2)
    tokens = random_sudoku(9)
    first = answer(model, tokens, puzzle_ids=torch.zeros(3))
    with torch.no_grad():
        model.puzzle_emb[1] = 1.0
    other = answer(model, tokens, puzzle_ids=torch.ones(3))
    assert not torch.allclose(first.logits, other.logits)
    assert answer(model, tokens, puzzle_ids=torch.zeros(3)).logits.shape == first.logits.shape


def test_a_puzzle_has_a_vector_for_each_symbol():
    model = sudoku_model(num_puzzles=2, puzzle_per_symbol=True)
    assert model.puzzle_emb.shape == (2, 9 * 16)
    tokens = torch.ones(1, 81, dtype=torch.int64)
    with torch.no_grad():
        model.puzzle_emb[1, 4 * 16 : 5 * 16] = 1.0
    # Before an empty board all digits are equal, but for the puzzle that singles one out.
    plain, other = (answer(model, tokens, puzzle_ids=torch.full((1,), k)) for k in (0, 1))
    digits = plain.logits[0, 0, 2:]
    torch.testing.assert_close(digits, digits[:1].expand(9))
    digits = other.logits[0, 0, 2:]
    assert (digits - digits[0]).abs().gt(1e-6).nonzero().tolist() == [[4]]


def test_special_symbols_are_not_interchangeable():
    model, tokens = sudoku_model(special_symbols=1), torch.ones(1, 81, dtype=torch.int64)
    assert model.special_emb.shape == (1, 16)
    digits = answer(model, tokens).logits[0, 0, 2:]
    assert (digits - digits[-1]).abs().gt(1e-6).nonzero().tolist() == [[0]]


def test_the_relations_of_a_canvas_contain_the_whole_grid():
    relations = get_task("arc-5x5").relations()
    names = [relation.name for relation in relations]
    assert names == ["left", "right", "up", "down", "row", "column", "grid"]
    links = Links.of(relations[-1:], 25)
    x = torch.randn(2, 25, 3)
    given = links.give @ (links.pool @ x)
    torch.testing.assert_close(given, (5 * x.mean(1, keepdim=True)).expand(2, 25, 3))


def test_the_carry_gives_the_q_values_again():
    model, tokens = sudoku_model(), random_sudoku(9)
    torch.nn.init.normal_(model.q_head.weight)
    carry, output = model.segment(model.initial_carry(3), tokens)
    q_halt, q_continue = model.read_q(carry.z_H)
    torch.testing.assert_close(q_halt, output.q_halt)
    torch.testing.assert_close(q_continue, output.q_continue)


def test_config_survives_json():
    config = HRMConfig(11, 81, **SUDOKU)
    assert HRMConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"relations": ()}, "relations: expected names"),
        ({"relations": ("row", "row")}, "relations: expected different names"),
        ({"mixer": "mlp"}, "none with others"),
        ({"positions": "learned"}, "positions: expected 'none'"),
        ({"registers": 1}, "registers, puzzle_emb_len"),
        ({"fixed_tokens": 0}, "fixed_tokens: expected 1 to"),
        ({"symbols": "some"}, "symbols: expected one of"),
        ({"symbols": "tokens"}, "fixed_tokens"),
        ({"special_symbols": 10}, "special_symbols: expected at most 9"),
        ({"symbols": "tokens", "fixed_tokens": 0, "puzzle_per_symbol": True}, "puzzle_per_symbol"),
        ({"num_puzzles": 1, "puzzle_emb_dim": 17}, "puzzle_emb_dim: expected 1 to"),
    ],
)
def test_configurations_that_make_no_sense(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        HRMConfig(11, 81, **{**SUDOKU, **changes})


def test_what_the_weights_cannot_serve():
    model = sudoku_model()
    with pytest.raises(ValueError, match=r"weights have row, column, box, maze-9x9 has left"):
        model.learn_board(get_task("maze-9x9"))
    with pytest.raises(ValueError, match=r"16 positions, but .* relations of 81 \(sudoku-9x9\)"):
        answer(model, random_sudoku(4))
    small = HRM(HRMConfig(6, 81, **{**SUDOKU, "symbols": "tokens", "fixed_tokens": 0}))
    with pytest.raises(ValueError, match="the weights have 6 tokens, sudoku-9x9 has 11"):
        small.learn_board(get_task("sudoku-9x9"))
    fixed = HRM(HRMConfig(11, 81, hidden_size=16, num_heads=2))
    with pytest.raises(ValueError, match="over 81 positions, got 16"):
        fixed.initial_carry(2, seq_len=16)


def test_relations_that_are_none():
    with pytest.raises(ValueError, match="labels 0, 1, 2"):
        Relation("row", "group", np.array([0, 2, 2]))
    with pytest.raises(ValueError, match="seen at most once"):
        Relation("left", "neighbour", np.array([1, 1]))
    with pytest.raises(ValueError, match="expected kind"):
        Relation("left", "friend", np.array([1, 1]))
    assert [r.name for r in lines(4)] == ["row", "column"]
