"""Parts of the build-dataset script.

The puzzles of a family are written by ``puzzles.py``, unless the family has a module here, named
after it, with its own dataclass ``Options`` and function ``write(options)``.
"""
