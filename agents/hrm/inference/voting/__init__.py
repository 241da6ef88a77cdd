"""Voting: several answers to one puzzle are combined into one."""
