"""The ablation resumes, never mixes budgets, and reports the results of its cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.scripts import ablate
from hrm_gym.scripts.experiments import ablation, suites
from hrm_gym.scripts.experiments.suites import read_suite

SUITE = read_suite("ablation")
KEPT = ("relations", "attention", "no halting")


def test_cells_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = {**SUITE, "execution": {"compile": False, "bf16": False}}
    suite["variants"] = {name: SUITE["variants"][name] for name in KEPT}
    monkeypatch.setattr(suites, "read_suite", lambda name: suite)
    args = ablate.Args(steps=2, seeds=1, episodes=8, threads=1, presets=("maze",), out=tmp_path)
    assert ablate.main(args) == 0
    rows = json.loads((tmp_path / "ablation.json").read_text())["rows"]
    relations, attention, fixed = rows
    assert [row["variant"] for row in rows] == list(KEPT)
    assert fixed["segments"] == get_preset("maze").max_segments
    assert relations["parameters"] == fixed["parameters"] < attention["parameters"]
    assert {row["steps"] for row in rows} == {2}
    text = (tmp_path / "ablation.md").read_text()
    assert text.count("| variant | maze |") == 4
    assert "python scripts/ablate.py --presets maze --steps 2 --seeds 1 --episodes 8" in text

    capsys.readouterr()
    assert ablate.main(args) == 0
    assert capsys.readouterr().out == text, "no cell was run again"
    args.episodes = 9
    with pytest.raises(ValueError, match="another budget"):
        ablate.main(args)


def test_the_report_counts_over_seeds() -> None:
    row = {"level": "maze", "variant": "mlp", "puzzles": 100, "segments": 2.0, "easy": 1.0}
    row |= {"hard": 4.0, "always": 0.5, "steady": 0.4, "steady_segments": 3.0}
    row |= {"steps": 10, "seconds": 1.0, "parameters": 1000}
    rows = [{**row, "right": right, "value": right / 100} for right in (80, 90)]
    text = ablation.report(SUITE, rows, {"cpu": "one"}, ["maze"], "make it")
    lines = [line for line in text.splitlines() if line.startswith("| mlp")]
    # The Wilson interval of 85 of 100, since both seeds answer the same hundred.
    assert lines[0] == "| mlp | 85.0% (76.7 to 90.7; 80.0, 90.0) |"
    assert lines[1:] == [
        "| mlp | 2.00 (1.00 to 4.00); 50.0% |",
        "| mlp | 40.0%; 3.00 |",
        "| mlp | 1,000 |",
    ]


def test_the_published_rows_are_read() -> None:
    path = Path(__file__).parents[2] / "docs" / "results" / "ablation.json"
    content = json.loads(path.read_text())
    suite = SUITE
    assert all(row["budget"]["base"] == suite["base"] for row in content["rows"])
    assert all(row["budget"]["variants"] == suite["variants"] for row in content["rows"])
    machine, presets = content["machine"], suite["presets"]
    text = ablation.report(suite, content["rows"], machine, presets, "make it")
    published = path.with_suffix(".md").read_text()
    tables = [
        [line for line in t.splitlines() if line[:2] == "| " and line[2] != "-"]
        for t in (text, published)
    ]
    assert tables[0] == tables[1]


def test_the_error_names_an_unknown_preset(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        ablate.main(ablate.Args(presets=("chess",), out=tmp_path))


def test_every_variant_is_a_run_and_has_a_meaning() -> None:
    suite = SUITE
    assert list(suite["meanings"]) == list(suite["variants"])
    assert set(suite.get("only", {})) <= set(suite["variants"])
    for preset in suite["presets"]:
        configs = {
            variant: ablation.changed(preset, changes)
            for variant, changes in ablation.variants(suite, preset).items()
        }
        for variant, config in configs.items():
            trainer = Trainer(config.with_puzzles(batch_size=2), bf16=False, compile=False)
            trainer.train_step(0.5)
            same = [other for other, found in configs.items() if found == config]
            assert same == [variant], f"{preset}: these variants are the same"
