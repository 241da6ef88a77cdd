"""Gymnasium environments over puzzles: step by step, or one whole answer a segment."""
