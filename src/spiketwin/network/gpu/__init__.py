"""The engine for NVIDIA cards; needs Triton, which comes with PyTorch for CUDA."""
