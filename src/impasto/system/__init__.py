"""The machine: files, memory, URLs, ONNX Runtime."""
