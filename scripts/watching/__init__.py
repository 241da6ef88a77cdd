"""Parts of the watch script: tracks of agents, the window that replays them, and recordings."""
