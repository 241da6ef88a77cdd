"""What several commands print, draw and write: tables, figures and rows of results."""
