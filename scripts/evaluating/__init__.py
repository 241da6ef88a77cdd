"""Parts of the evaluate script.

A family that is also evaluated in another way has a module here, named after it. Its function
``evaluate_agent(args, agent)`` returns rows, or ``None`` if the agent is evaluated as any other.
"""
