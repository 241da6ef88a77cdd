"""Agents: the HRM, supervised and reinforcement-learning baselines, search and the oracle."""
