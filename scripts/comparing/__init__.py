"""Parts of the compare script: its cells, statistics, tables, figures and report."""
