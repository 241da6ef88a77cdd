"""How every script reads its arguments and reports errors."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

import tyro

ArgsT = TypeVar("ArgsT")

USAGE_ERROR = 2
NO_READER = 141
POSITIVE = (
    "steps",
    "seconds",
    "adapt_seconds",
    "puzzles",
    "threads",
    "batch_size",
    "scale",
    "processes",
    "seeds",
    "workers",
    "timeout",
)
NOT_NEGATIVE = ("seed", "episodes")


def check(args: Any) -> None:
    """Check the arguments that have the same meaning in every script, before any work begins.

    Counts must be positive, the device must be available, ``out`` must be usable as a folder and
    ``json`` as a file.

    Raises:
        ValueError: if a value is wrong; the message names the argument.
    """
    for name in POSITIVE:
        value = getattr(args, name, None)
        if value is not None and not value > 0:
            raise ValueError(f"{name}: expected a positive number, got {value}")
    for name in NOT_NEGATIVE:
        value = getattr(args, name, None)
        if value is not None and value < 0:
            raise ValueError(f"{name}: expected a number of at least 0, got {value}")
    device = getattr(args, "device", None)
    if device not in (None, "cpu"):
        from hrm_gym.devices import check_device

        check_device(device)
    out, json = getattr(args, "out", None), getattr(args, "json", None)
    if isinstance(out, Path) and not _folder_above(out).is_dir():
        raise ValueError(f"out: expected a folder, but {_folder_above(out)} is a file")
    if isinstance(json, Path):
        check_file("json", json)


def check_needed(args: Any, needed: Mapping[str, str]) -> None:
    """Refuse arguments that have no effect without another one.

    An argument with its default value counts as not given.

    Args:
        args: Dataclass of the arguments.
        needed: Name of the other argument by name.

    Raises:
        ValueError: if an argument is given without the other one; the message names both.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(args)}
    for name, other in needed.items():
        if getattr(args, name) == defaults[name] or getattr(args, other) is not None:
            continue
        option, wanted = name.replace("_", "-"), other.replace("_", "-")
        raise ValueError(f"{option}: it has no effect alone; expected --{wanted} too")


def check_file(option: str, path: Path) -> None:
    """Check that a file can be written, before anything is computed for it.

    Args:
        option: Name of the argument.
        path: The file; its folder need not exist yet.

    Raises:
        ValueError: if the path is a folder, or cannot be written.
    """
    if path.is_dir():
        raise ValueError(f"{option}: expected a file to write, but {path} is a folder")
    folder = _folder_above(path.parent)
    if not folder.is_dir():
        raise ValueError(f"{option}: expected a folder, but {folder} is a file")
    # A new file replaces an old one, so the folder must be writable.
    device = path.exists() and not path.is_file()
    if not os.access(path if device else folder, os.W_OK):
        raise ValueError(f"{option}: {path if device else folder} cannot be written to")


def _folder_above(path: Path) -> Path:
    """Return the path, or the nearest one above it that exists."""
    return next((part for part in (path, *path.parents) if part.exists()), Path("."))


def command(script: str, args: Any) -> str:
    """Return the command that repeats a run, without the options for its results.

    Args:
        script: Name of the file, without its ending.
        args: Its dataclass; values that are the default are left out.
    """
    words = []
    for field in dataclasses.fields(args):
        value, default = getattr(args, field.name), field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if value != default and field.name not in ("out", "json"):
            option = field.name.replace("_", "-")
            if isinstance(default, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
            else:
                words += [f"--{option}", *_words(value)]
    return f"python scripts/{script}.py {shlex.join(words)}".rstrip()


def _words(value: Any) -> list[str]:
    """Return the words of a value on the command line; tuples may be nested."""
    if isinstance(value, tuple | list):
        return [word for part in value for word in _words(part)]
    return [str(value)]


@contextlib.contextmanager
def output() -> Iterator[None]:
    """Flush the output at the end, and exit silently if its reader has closed it (``| head -1``).

    Raises:
        SystemExit: if the reader has closed the output, with the status of a program that was
            ended by SIGPIPE; or if the disk of the output is full.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout, sys.stderr)
        raise SystemExit(NO_READER) from None
    except OSError as error:
        # If the disk is full, the system names no file; code that writes files adds the name.
        if error.filename is not None or error.errno != errno.ENOSPC:
            raise
        _silence(sys.stdout)
        raise SystemExit(_fail(f"the output cannot be written: {error.strerror}")) from None


def _silence(*streams: TextIO) -> None:
    """Discard the content of buffers, about which Python would otherwise complain at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Print warnings as one line, without the line of code that they are about."""

    def plain(message: Warning | str, *place: Any, **line: Any) -> str:
        return f"warning: {' '.join(str(message).split())}\n"

    before = warnings.formatwarning
    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = before


def run(
    main: Callable[[ArgsT], Any],
    args_type: type[ArgsT],
    argv: Sequence[str] | None = None,
    prog: str | None = None,
) -> int:
    """Read the arguments of a script and run it.

    Args:
        main: Main function of the script; an integer that it returns is the exit status.
        args_type: Dataclass of the arguments; its docstrings are the help text.
        argv: Words of the command line; ``None`` means those of the process.
        prog: Name of the program in the help text.

    Returns:
        The exit status: 2 for a ``ValueError`` or a file that cannot be read or written; these
        are printed as one line, not as a traceback.
    """
    with output():
        return _run(main, args_type, argv, prog)


def _run(
    main: Callable[[ArgsT], Any],
    args_type: type[ArgsT],
    argv: Sequence[str] | None,
    prog: str | None,
) -> int:
    # Custom classes (module:Class) are imported from the working directory, after all other
    # places. The folder of the script is removed, because ``train`` would be found there.
    if sys.path and Path(sys.path[0]).resolve() == Path(sys.argv[0]).resolve().parent:
        del sys.path[0]
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    module = sys.modules.get(main.__module__)
    description = (module.__doc__ if module else None) or args_type.__doc__
    args = tyro.cli(args_type, prog=prog, description=description, args=argv)
    try:
        check(args)
        with plain_warnings():
            status = main(args)
    except ValueError as error:
        return _fail(str(error))
    except OSError as error:
        # An error about a file names it; any other error is a bug and keeps its traceback.
        if error.filename is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status if isinstance(status, int) else 0


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return USAGE_ERROR
