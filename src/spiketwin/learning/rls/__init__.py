"""Recursive least squares of every neuron's inputs (Kim & Chow 2018)."""
