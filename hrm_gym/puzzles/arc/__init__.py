"""ARC: grids of colours on a canvas, with demonstrations."""

from .task import (
    COLOURS,
    MARKER,
    OOD_CELLS,
    SIDE,
    TWINS,
    VERSIONS,
    Arc,
    ArcPuzzle,
    Grid,
    read_agi,
    read_file,
    read_folder,
    read_grid,
    read_version,
    to_canvas,
    to_grid,
)

__all__ = [
    "COLOURS",
    "MARKER",
    "OOD_CELLS",
    "SIDE",
    "TWINS",
    "VERSIONS",
    "Arc",
    "ArcPuzzle",
    "Grid",
    "read_agi",
    "read_file",
    "read_folder",
    "read_grid",
    "read_version",
    "to_canvas",
    "to_grid",
]
