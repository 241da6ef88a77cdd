"""Experiments: grids of cells, each trained and tested in a process of its own.

``grid.run_grid`` runs any sequence of cells. A cell is a frozen dataclass that derives from
``cell.Cell``; ``ablation.py``, ``policies.py``, ``halting.py`` and ``comparing/cell.py`` define one
each, and ``stages.py`` the base class of stages that run one after the other. The files in
``suites/`` say which cells an experiment has.

The runner is imported from here and not from the library: training an agent in a process with a
time limit is the work of commands, and the library has no use for it.
"""
