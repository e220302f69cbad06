"""Trials: recordings aligned, binned, split, stitched, and their features."""
