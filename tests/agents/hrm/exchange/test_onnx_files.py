"""Files of exported agents: their metadata, and damaged or foreign files."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnx
import pytest
from untrained import untrained

from hrm_gym.agents.hrm import HRMConfig
from hrm_gym.agents.hrm.exchange.export import build, export
from hrm_gym.agents.hrm.exchange.onnx import METADATA, OnnxAgent


def edited(path, **changes):
    model = onnx.load(path)
    about = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps({**about, **changes})
    onnx.save(model, path)


def said(path, text):
    model = onnx.load(path)
    model.metadata_props[0].value = text
    onnx.save(model, path)


def other_opset(path, version):
    model = onnx.load(path)
    model.opset_import[0].version = version
    onnx.save(model, path)


def test_a_file_never_imports_code(tmp_path, monkeypatch):
    (tmp_path / "task_of_an_onnx_file.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.onnx"
    export(untrained("sudoku-4x4"), path)
    edited(path, task="task_of_an_onnx_file:Task")
    with pytest.raises(ValueError, match=r"a\.onnx: its task .* is code"):
        OnnxAgent(path)
    with pytest.raises(SystemExit, match="imported"):
        OnnxAgent(path, "task_of_an_onnx_file:Task")


def test_damaged_files_are_rejected_in_one_sentence(tmp_path):
    agent, path = untrained("sudoku-4x4"), tmp_path / "a.onnx"
    export(agent, path)
    good = path.read_bytes()
    about = json.loads(onnx.load(path).metadata_props[0].value)
    for break_it, words in (
        (lambda: path.write_bytes(good[: len(good) // 2]), "hrm-gym export wrote"),
        (lambda: path.write_bytes(b"nonsense"), "hrm-gym export wrote"),
        (lambda: other_opset(path, 99), "ONNX Runtime says.*[Oo]pset 99"),
        (lambda: other_opset(path, 12), "hrm-gym export wrote; ONNX Runtime says"),
        (lambda: edited(path, format=0), "expected format 1, got 0"),
        (lambda: edited(path, task="sudoku"), "expected sudoku-NxN"),
        (lambda: edited(path, task="sudoku-6x6"), "16 positions and 6 tokens, sudoku-6x6 needs 36"),
        (lambda: edited(path, task=None), "task: expected a str, got None"),
        (lambda: edited(path, steady=1), "steady: expected a bool, got 1"),
        (lambda: edited(path, max_segments=0), "max_segments: expected an integer of at least 1"),
        (lambda: edited(path, parameters=True), "parameters: expected an integer"),
        (lambda: edited(path, carry="%%"), "base64|Non-base64|padding"),
        (lambda: edited(path, carry="AAAA"), "export the agent again"),
        (lambda: edited(path, model={"hats": 3}), "hats"),
        (lambda: edited(path, model={**about["model"], "hidden_size": 48}), "cannot reshape"),
        (lambda: edited(path, model={**about["model"], "seq_len": 36}), "36 positions"),
        (
            lambda: edited(path, model={**about["model"], "num_puzzles": 2, "puzzle_emb_len": 1}),
            "expected shape .* in the graph, got",
        ),
        (lambda: said(path, "{nope"), "expected metadata that is a JSON object"),
        (lambda: said(path, "[1]"), "expected metadata that is a JSON object"),
        (path.unlink, "there is none"),
    ):
        path.write_bytes(good)
        break_it()
        with pytest.raises(ValueError, match=words) as caught:
            OnnxAgent(path)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(str(path))
    path.write_bytes(good)
    with pytest.raises(ValueError, match=r"expected a model of maze-7x7.*sudoku-4x4"):
        OnnxAgent(path, "maze-7x7")
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    with pytest.raises(ValueError, match="says nothing"):
        OnnxAgent(path)
    export(agent, path)
    exported = OnnxAgent(path)
    with pytest.raises(ValueError, match="tokens"):
        exported.solve(np.full(16, 9))
    with pytest.raises(ValueError, match=r"ends in \.onnx"):
        export(agent, tmp_path / "a.bin")
    with pytest.raises(ValueError, match="precision"):
        export(agent, path, "int4")
    assert not list(tmp_path.glob(".*"))


def test_relations_that_do_not_fit_the_graph_are_rejected(tmp_path):
    path = tmp_path / "a.onnx"
    export(untrained("sudoku-4x4", mixer="relations", num_puzzles=5), path)
    about = json.loads(onnx.load(path).metadata_props[0].value)
    edited(path, model={**about["model"], "relations": ["row", "column", "hats"]})
    with pytest.raises(ValueError, match=r"a\.onnx: relation_hats: expected shape \['P'\]"):
        OnnxAgent(path)
    # The maze has as many positions and tokens, but other relations.
    edited(path, model=about["model"], task="maze-4x4")
    with pytest.raises(ValueError, match=r"relations: the weights have row.*maze-4x4 has left"):
        OnnxAgent(path)


def test_the_error_names_a_missing_extra(tmp_path, monkeypatch):
    agent = untrained("sudoku-4x4")
    export(agent, tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ValueError, match=r'extra export: pip install "hrm-gym\[export\]"'):
        OnnxAgent(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r'extra export: pip install "hrm-gym\[export\]"'):
        export(agent, tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()


def test_the_metadata_describes_the_model():
    agent = untrained("sudoku-4x4")
    (entry,) = build(agent, "int8").metadata_props
    assert entry.key == METADATA
    about = json.loads(entry.value)
    assert about["task"] == "sudoku-4x4"
    assert about["max_segments"] == agent.max_segments
    assert HRMConfig.from_dict(about["model"]) == agent.model.config
