"""Tokens of a maze; they are those of the public maze sets."""

WALL, OPEN, START, GOAL, PATH = 1, 2, 3, 4, 5
"""In a label, the cells between S and G on one shortest path are ``PATH``."""
ALPHABET = "# SGo"
"""Characters of the tokens 1..5."""
SPELLINGS = {
    **dict.fromkeys("Xx█▓■*W1", "#"),
    **dict.fromkeys(".0·_░□\u00a0", " "),
    "s": "S",
    "g": "G",
}
"""Other characters that people write for these cells."""
CELLS = ALPHABET + "".join(SPELLINGS) + "Ee23AB"
"""All characters that people write in cells."""
