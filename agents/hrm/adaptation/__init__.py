"""Test-time training: an agent learns a task from its demonstrations before it answers.

A family whose puzzles come with demonstrations has a module here, named after it, with the function
``adapt(agent, task, ...)``, which ``HRMAgent.adapt`` calls.
"""
