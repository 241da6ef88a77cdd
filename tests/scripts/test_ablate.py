"""The ablation goes on where it stopped, and never mixes budgets."""

from __future__ import annotations

import json

import pytest

from hrm_gym.scripts import ablate


def test_cells_are_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ablate, "VARIANTS", {k: ablate.VARIANTS[k] for k in ("flat", "no ACT")})
    args = ablate.Args(steps=2, seeds=1, episodes=8, levels=("sudoku-4x4",), out=tmp_path)
    ablate.main(args)
    rows = json.loads((tmp_path / "ablation.json").read_text())["rows"]
    assert [row["variant"] for row in rows] == ["flat", "no ACT"]
    assert rows[1]["segments"] == 3
    text = (tmp_path / "ablation.md").read_text()
    assert text.splitlines()[0] == "| variant | sudoku-4x4 |"
    assert len(text.splitlines()) == 4

    monkeypatch.setattr(ablate, "train_cell", lambda *_: pytest.fail("this cell was done"))
    ablate.main(args)
    assert text in capsys.readouterr().out
    args.episodes = 9
    with pytest.raises(ValueError, match="another budget"):
        ablate.main(args)


def test_an_unknown_level_is_named(tmp_path):
    with pytest.raises(ValueError, match="expected one of"):
        ablate.main(ablate.Args(levels=("chess",), out=tmp_path))
