"""Downloads from the Hugging Face Hub and uploads to it, with its own client (extra ``hub``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

from hrm_gym.extras import missing_extra


def download(
    name: str, kind: Literal["model", "dataset"] = "model", patterns: Sequence[str] | None = None
) -> Path:
    """Return the local folder of a repository, which is downloaded if needed.

    Args:
        name: ``owner/name``, or ``owner/name@revision``.
        kind: Kind of the repository.
        patterns: File names to fetch, such as ``*.csv``; ``None`` fetches all.

    Raises:
        ValueError: if the client is not installed, or the repository cannot be downloaded.
    """
    client = _client(name)
    repository, _, revision = name.partition("@")
    check_name(repository)
    try:
        folder = client.snapshot_download(
            repository,
            repo_type=kind,
            revision=revision or None,
            allow_patterns=None if patterns is None else list(patterns),
        )
    except Exception as error:
        # The client raises its own errors, those of its HTTP library and those of the system.
        raise ValueError(f"hub:{name}: cannot fetch it: {type(error).__name__}: {error}") from error
    return Path(folder)


def upload(
    name: str, folder: Path, private: bool = False, revision: str | None = None, message: str = ""
) -> str:
    """Upload the files of a folder to a repository of models, which is created if needed.

    The client signs in as it always does, with the token of ``hf auth login`` or ``HF_TOKEN``.

    Args:
        name: ``owner/name``.
        folder: The folder; files of the same name in the repository are replaced.
        private: Whether a new repository is private.
        revision: Branch that receives the files; ``None`` means the main branch.
        message: Message of the commit.

    Returns:
        The address of the commit.

    Raises:
        ValueError: if the client is not installed, or the repository cannot be written.
    """
    client = _client(name)
    check_name(name)
    try:
        client.create_repo(name, repo_type="model", private=private, exist_ok=True)
        commit = client.upload_folder(
            repo_id=name,
            folder_path=str(folder),
            repo_type="model",
            revision=revision,
            commit_message=message or None,
        )
    except Exception as error:
        # As in ``download``.
        raise ValueError(f"hub:{name}: cannot write it: {type(error).__name__}: {error}") from error
    return str(commit)


def check_name(repository: str) -> None:
    """Check the name of a repository.

    Raises:
        ValueError: if it is not ``owner/name``.
    """
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name:
        raise ValueError(f"hub: expected hub:owner/name, got 'hub:{repository}'")


def _client(name: str) -> ModuleType:
    """Return the client.

    Raises:
        ValueError: if it is not installed.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise ValueError(missing_extra(f"hub:{name}", "hub")) from None
    client: ModuleType = huggingface_hub
    return client
