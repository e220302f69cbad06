"""Recordings: the only room that knows NWB."""

from spiketwin.recording.artificial import synthesize
from spiketwin.recording.nwb import read_nwb

__all__ = ["read_nwb", "synthesize"]
