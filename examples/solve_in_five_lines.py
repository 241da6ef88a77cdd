"""Solve a newspaper Sudoku with a pretrained agent.

python examples/solve_in_five_lines.py
"""

from hrm_gym.agents.hrm import HRMAgent

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"

agent = HRMAgent.from_pretrained("sudoku")
tokens = agent.task.parse(PUZZLE)
solution = agent.solve(tokens)
print(agent.task.format(solution.answer))
print(f"{solution.segments} segments of reasoning")
