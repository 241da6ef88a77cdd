"""Training: the trainer, its loop, losses and optimizers."""
