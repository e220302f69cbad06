"""Recordings: the only room that knows NWB."""

from spiketwin.recording.nwb import open_nwb, read_nwb
from spiketwin.recording.schema import BehaviourTrace, Recording
from spiketwin.recording.synthetic import synthesize

__all__ = ["BehaviourTrace", "Recording", "open_nwb", "read_nwb", "synthesize"]
