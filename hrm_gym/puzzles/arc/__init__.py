"""ARC: grids of colours on a canvas, with demonstrations."""

from .dataset import OOD_CELLS, TWINS, VERSIONS, read_agi, read_file, read_folder, read_version
from .grids import COLOURS, MARKER, SIDE, ArcPuzzle, Grid, read_grid, to_canvas, to_grid
from .task import RESIZE, SUBMIT, Arc, paint_action

__all__ = [
    "COLOURS",
    "MARKER",
    "OOD_CELLS",
    "RESIZE",
    "SIDE",
    "SUBMIT",
    "TWINS",
    "VERSIONS",
    "Arc",
    "ArcPuzzle",
    "Grid",
    "paint_action",
    "read_agi",
    "read_file",
    "read_folder",
    "read_grid",
    "read_version",
    "to_canvas",
    "to_grid",
]
