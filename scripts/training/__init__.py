"""Parts of the train script: what it prepares and what it logs."""
