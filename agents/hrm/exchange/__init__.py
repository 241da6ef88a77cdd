"""Checkpoints, conversion from and to the format of the published code, and ONNX export."""
