"""Parts of the solve script.

A family whose agents may learn a task before they answer has a module here, named after it. Its
function ``solve(args, agent, questions)`` returns rows, or ``None`` if the agent answers as any
other.
"""
