"""Watching agents think: what they did as tracks, the controls of the window, recordings."""
