"""Sparse spiking networks with filtered synapses: theta, integrate-and-fire and Izhikevich
neurons."""
