"""The comparison in parts: one cell, the grid of them, the statistics, the figures, the report."""
