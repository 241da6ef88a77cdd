"""Checkpoints, conversion from and to the published code, and ONNX export."""
