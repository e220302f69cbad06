"""Artificial recordings of every kind."""

from __future__ import annotations

from pathlib import Path

from spiketwin.config import DelayedTask, Synthetic


def synthesize(synthetic: Synthetic | DelayedTask, folder: Path) -> list[Path]:
    """Draw all sessions and write them as NWB, with the truth beside them.

    Parameters
    ----------
    synthetic : settings; `draw` is the seed.
    folder : receives ``session-<k>.nwb`` and ``session-<k>.truth.npz``.

    Returns
    -------
    Paths of the NWB files.
    """
    if isinstance(synthetic, DelayedTask):
        from spiketwin.recording.delayed_task import synthesize_task

        return synthesize_task(synthetic, folder)
    from spiketwin.recording.two_areas import synthesize_two_areas

    return synthesize_two_areas(synthetic, folder)
