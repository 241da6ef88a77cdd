"""Downloads from the Hugging Face Hub with its own client (extra ``hub``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ValueError(missing_extra(f"hub:{name}", "hub")) from None
    repository, _, revision = name.partition("@")
    if repository.count("/") != 1:
        raise ValueError(f"hub: expected hub:owner/name, got 'hub:{name}'")
    try:
        folder = snapshot_download(
            repository,
            repo_type=kind,
            revision=revision or None,
            allow_patterns=None if patterns is None else list(patterns),
        )
    except Exception as error:
        # The client raises its own errors, those of its HTTP library and those of the system.
        raise ValueError(f"hub:{name}: cannot fetch it: {type(error).__name__}: {error}") from error
    return Path(folder)
