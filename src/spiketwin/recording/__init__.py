"""Recordings: the only room that knows NWB."""

from spiketwin.recording.artificial import synthesize
from spiketwin.recording.nwb import open_nwb, read_nwb
from spiketwin.recording.schema import BehaviourTrace, Recording

__all__ = ["BehaviourTrace", "Recording", "open_nwb", "read_nwb", "synthesize"]
