"""Engines: ONNX Runtime here, native models in processes of their own, servers elsewhere."""
