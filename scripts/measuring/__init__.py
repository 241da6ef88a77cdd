"""What the benchmarks share: timing, rows of results, and other suites on the same machine."""
