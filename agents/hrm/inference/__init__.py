"""Inference: thinking segment by segment, halting and voting."""
