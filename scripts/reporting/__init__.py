"""Tables, figures and rows of result files that several commands share."""
