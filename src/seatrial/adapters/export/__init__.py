"""Models in other forms, ONNX above all: exporters by library, and work on graphs."""
