"""Tokens of a Sudoku, as the public sets have them."""

BLANK = 1
"""The token of an empty cell; digit d is token d + 1."""
DIGITS = "123456789ABCDEFGHIJKLMNOP"
"""Characters of the digits 1..25."""
