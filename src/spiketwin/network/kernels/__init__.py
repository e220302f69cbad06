"""Compiled kernels of the network: simulation and gradient, event by event."""
