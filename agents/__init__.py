"""Agents: the HRM, Stable-Baselines3 baselines, chance and the oracle."""
