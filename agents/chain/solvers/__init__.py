"""Solvers that write their steps as tokens: one module for each family, found by its name.

Each module has a function ``write_steps(task, question, tokens, out)``.
"""
