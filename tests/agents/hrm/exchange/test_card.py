"""Model cards, and agents that are shared through a repository; a folder stands for the Hub."""

from __future__ import annotations

import inspect
import json
import shutil
import sys
import types

import numpy as np
import pytest
import yaml

from hrm_gym.agents.catalog import load_agent
from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.exchange.card import model_card
from hrm_gym.data import load_puzzles

FILES = {"config.json", "model.safetensors", "README.md"}


def header_of(card):
    """Return the YAML at the beginning of a card."""
    begin, header, _ = card.split("---\n", 2)
    assert begin == ""
    return yaml.safe_load(header)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A client of the Hub whose repositories are folders."""
    calls = []

    def create_repo(name, **options):
        calls.append(("create", name, options["private"], options["exist_ok"]))
        (tmp_path / name).mkdir(parents=True, exist_ok=True)

    def upload_folder(repo_id, folder_path, **options):
        if repo_id.endswith("closed"):
            raise PermissionError("403")
        calls.append(("upload", repo_id, options["revision"], options["commit_message"]))
        shutil.copytree(folder_path, tmp_path / repo_id, dirs_exist_ok=True)
        return f"https://huggingface.co/{repo_id}/commit/1"

    def snapshot_download(name, **options):
        calls.append(("download", name, options["revision"]))
        return str(tmp_path / name)

    client = types.ModuleType("huggingface_hub")
    for function in (create_repo, upload_folder, snapshot_download):
        setattr(client, function.__name__, function)
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    return types.SimpleNamespace(calls=calls, folder=tmp_path)


def test_a_card_has_what_the_checkpoint_says(tmp_path):
    agent = HRMAgent.from_pretrained("sudoku")
    about = agent.about
    agent.save_card(tmp_path / "agent", "me/tiny", license="mit")
    card = (tmp_path / "agent" / "README.md").read_text()
    header = header_of(card)
    assert header["license"] == "mit"
    assert header["library_name"] == "hrm-gym"
    assert "sudoku" in header["tags"]
    (model,) = header["model-index"]
    (result,) = model["results"]
    assert model["name"] == "tiny"
    assert result["dataset"]["type"] == "sudoku-9x9"
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values == {name: pytest.approx(about[name], abs=1e-3) for name in values}
    assert set(values) == {"solve_rate", "exact_accuracy"}
    for text in (
        'HRMAgent.from_pretrained("hub:me/tiny")',
        "| task | `sudoku-9x9` |",
        f"| parameters | {agent.parameters:,} |",
        f"| training time | {about['trained_seconds']:,.0f} s |",
        "`sudoku-4x4` from its default source, at most 1,000 |",
        *about["command"].split(" && "),
        "500 held-out puzzles",
        f"| {about['solve_rate']:.1%} | ",
    ):
        assert text in card


def test_a_card_names_every_source_and_command():
    agent = HRMAgent.from_pretrained("maze")
    with_sources = agent.about["train"]["sources"]
    card = model_card(agent.describe(), agent.task, "me/maze")
    assert "and other sizes with the same weights" in card
    for source in with_sources:
        assert f"`{source['task']}` ({source['kind']}) from " in card
    for command in agent.about["command"].split(" && "):
        assert f"\n{command}\n" in card


def test_an_untested_agent_has_no_results(tmp_path):
    config = HRMConfig(vocab_size=6, seq_len=16, hidden_size=32, num_heads=2)
    HRMAgent(HRM(config), "sudoku-4x4").save_card(tmp_path / "untested")
    card = (tmp_path / "untested" / "README.md").read_text()
    assert "model-index" not in header_of(card)
    assert "## Results" not in card
    assert "## Training" not in card
    assert card.count("\n# untested\n") == 1


def test_the_card_of_a_custom_task_says_how_to_load_it(tmp_path):
    task = "examples.latin_square:LatinSquare"
    config = HRMConfig(vocab_size=7, seq_len=25, hidden_size=32, num_heads=2)
    agent = HRMAgent(HRM(config), task)
    agent.save_card(tmp_path, "me/latin")
    card = (tmp_path / "README.md").read_text()
    assert f'HRMAgent.from_pretrained("hub:me/latin", task="{task}")' in card


def test_an_agent_is_uploaded_and_loaded(hub):
    agent = HRMAgent.from_pretrained("sudoku")
    address = agent.push_to_hub("me/tiny", private=True, message="First")
    assert address == "https://huggingface.co/me/tiny/commit/1"
    assert hub.calls == [("create", "me/tiny", True, True), ("upload", "me/tiny", None, "First")]
    # Nothing but safetensors, JSON and the card.
    assert {path.name for path in (hub.folder / "me/tiny").iterdir()} == FILES
    puzzles = load_puzzles(agent.task, "bank", "test", limit=4).inputs
    expected = agent.solve(puzzles)
    for loaded in (HRMAgent.from_pretrained("hub:me/tiny@v1"), load_agent("hub:me/tiny")):
        assert loaded.about["command"] == agent.about["command"]
        np.testing.assert_array_equal(loaded.solve(puzzles).answer, expected.answer)
        np.testing.assert_array_equal(loaded.solve(puzzles).q_halt, expected.q_halt)
    # Once for each, by the same name.
    assert hub.calls[2:] == [("download", "me/tiny", "v1"), ("download", "me/tiny", None)]


def test_a_repository_is_checked_as_a_folder_is(hub):
    HRMAgent.from_pretrained("sudoku").push_to_hub("me/tiny")
    folder = hub.folder / "me/tiny"
    weights, config = folder / "model.safetensors", folder / "config.json"
    good = weights.read_bytes()
    weights.write_bytes(good[: len(good) // 2])
    with pytest.raises(ValueError, match=r"model.safetensors: damaged or half-written"):
        load_agent("hub:me/tiny")
    weights.write_bytes(good)
    about = json.loads(config.read_text())
    config.write_text(json.dumps({**about, "task": "maze-7x7"}))
    with pytest.raises(ValueError, match="81 positions and 11 tokens, maze-7x7 needs 49 and 6"):
        load_agent("hub:me/tiny")
    config.write_text(json.dumps({**about, "task": "some_code:Task"}))
    with pytest.raises(ValueError, match="some_code:Task is code"):
        load_agent("hub:me/tiny")
    # A file that would have to be unpickled does not replace the weights.
    config.write_text(json.dumps(about))
    weights.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(ValueError, match=r"model.safetensors: expected this file"):
        load_agent("hub:me/tiny")


@pytest.mark.parametrize("name", ["tiny", "me/", "/tiny", "a/b/c", "hub:me"])
def test_a_wrong_name_is_rejected_before_the_upload(hub, name):
    with pytest.raises(ValueError, match="expected hub:owner/name"):
        HRMAgent.from_pretrained("sudoku").push_to_hub(name)
    assert hub.calls == []


def test_errors_of_the_upload_are_sentences(hub, monkeypatch):
    agent = HRMAgent.from_pretrained("sudoku")
    with pytest.raises(ValueError, match="hub:me/closed: cannot write it: PermissionError: 403"):
        agent.push_to_hub("me/closed")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r'extra hub: pip install "hrm-gym\[hub\]"'):
        agent.push_to_hub("me/tiny")


def test_a_card_is_read_by_the_library_of_the_hub():
    hub = pytest.importorskip("huggingface_hub")
    agent = HRMAgent.from_pretrained("sudoku")
    card = hub.ModelCard(model_card(agent.describe(), agent.task, "me/sudoku"))
    (solved, _) = card.data.eval_results
    assert (solved.metric_type, solved.dataset_type) == ("solve_rate", "sudoku-9x9")
    assert solved.metric_value == agent.about["solve_rate"]


def test_the_client_has_the_functions_that_are_called():
    hub = pytest.importorskip("huggingface_hub")
    inspect.signature(hub.create_repo).bind("a/b", repo_type="model", private=True, exist_ok=True)
    inspect.signature(hub.upload_folder).bind(
        repo_id="a/b", folder_path="f", repo_type="model", revision=None, commit_message=None
    )
