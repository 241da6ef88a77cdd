"""ARC: grids of colours on a canvas, with demonstrations."""

from .dataset import OOD_CELLS, TWINS, VERSIONS, read_agi, read_file, read_folder, read_version
from .grids import COLOURS, MARKER, SIDE, ArcPuzzle, Grid, Pair, read_grid, to_canvas, to_grid
from .mini import MINI_ARC, mini_tasks
from .task import RESIZE, SOURCES, SUBMIT, Arc, paint_action

__all__ = [
    "COLOURS",
    "MARKER",
    "MINI_ARC",
    "OOD_CELLS",
    "RESIZE",
    "SIDE",
    "SOURCES",
    "SUBMIT",
    "TWINS",
    "VERSIONS",
    "Arc",
    "ArcPuzzle",
    "Grid",
    "Pair",
    "mini_tasks",
    "paint_action",
    "read_agi",
    "read_file",
    "read_folder",
    "read_grid",
    "read_version",
    "to_canvas",
    "to_grid",
]
