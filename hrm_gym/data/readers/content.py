"""The text of a file, of standard input or of the command line."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks and their encodings. Those of UTF-32 begin with those of UTF-16."""
NUMPY = b"\x93NUMPY"
"""The first bytes of a .npy file."""
ENDINGS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".sdk", ".sdm", ".npy")
"""Endings of file names; a text with one of them is meant as a file."""


def read_text(path: Path) -> str:
    """Return the text of a file, without its byte order mark.

    Raises:
        ValueError: if the file is not text in UTF-8, or in UTF-16 or UTF-32 with a mark.
    """
    return decode(path.read_bytes(), str(path))


def decode(content: bytes, origin: str) -> str:
    """Return the text of bytes, without the byte order mark; an array of NumPy is read as JSON.

    Raises:
        ValueError: if they are not text in UTF-8, or in UTF-16 or UTF-32 with a mark, nor an array
            of whole numbers or characters.
    """
    if content.startswith(NUMPY):
        return _array_text(content, origin)
    # The decoder for UTF-8 with a mark counts the position of an error from behind the mark.
    content = content.removeprefix(codecs.BOM_UTF8)
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{origin}, line {line}: expected a text file in UTF-8, or in UTF-16 with a byte order "
            "mark"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(f"{origin}, line {line}: expected a text file, found a zero byte")
    return text


def _array_text(content: bytes, origin: str) -> str:
    """Return the array of a .npy file as JSON.

    Raises:
        ValueError: if the file is damaged, or contains something other than numbers or characters.
    """
    try:
        array = load_array(io.BytesIO(content))
        if array.dtype.kind == "f" and np.all(np.isfinite(array) & (array == np.floor(array))):
            array = array.astype(np.int64)
        # The characters of a damaged array need not be characters.
        values = array.tolist()
    except ValueError as error:
        raise ValueError(f"{origin}: expected an array of whole numbers: {error}") from None
    if array.dtype.kind not in "iuU":
        raise ValueError(f"{origin}: expected an array of whole numbers, got {array.dtype}")
    return json.dumps(values)


def load_array(source: Path | io.BytesIO, mapped: bool = False) -> NDArray[Any]:
    """Return the array of a .npy file, which is never unpickled.

    Args:
        source: The file or its content.
        mapped: Whether the file is mapped into memory, which reads only what is used.

    Raises:
        OSError: if the file cannot be opened.
        ValueError: if it is damaged.
    """
    try:
        array = np.load(source, mmap_mode="r" if mapped else None, allow_pickle=False)
    except OSError:
        raise
    except Exception as error:
        # A damaged header makes NumPy raise errors of many kinds.
        raise ValueError(str(error) or type(error).__name__) from None
    if not isinstance(array, np.ndarray):
        raise ValueError("it is an archive, expected one array")
    return array


def find_content(text: str) -> tuple[str, str]:
    """Return the content that a word of the command line means, and its name for messages.

    Args:
        text: The content itself, the path of a file, or ``-`` for standard input.

    Raises:
        ValueError: if it is the path of a folder, of a file that does not exist, or of a file that
            is not text.
    """
    if text == "-":
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None:
            return sys.stdin.read().removeprefix("\ufeff"), "standard input"
        return decode(stream.read(), "standard input"), "standard input"
    if "\n" not in text and "\0" not in text:
        path = Path(text)
        try:
            exists, folder = path.exists(), path.is_dir()
        except OSError:
            # The text is too long for a file name, so it is a puzzle.
            exists = folder = False
        if exists and not folder:
            # A pipe, such as /dev/stdin or what a shell makes of <(command), is no regular file.
            return read_text(path), text
        # Windows has a second separator.
        if folder and (os.sep in text or (os.altsep or os.sep) in text):
            raise ValueError(f"{text}: expected a puzzle or a file, this is a folder")
        if path.suffix.lower() in ENDINGS:
            raise ValueError(f"{text}: expected a puzzle or a file, there is no such file")
    return text.removeprefix("\ufeff"), "puzzle"
