"""Inference: thinking in segments, halting, voting, and recording traces."""
