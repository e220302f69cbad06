"""Names of scores in the table ``recall``."""

from __future__ import annotations

SINGLE, AVERAGED = "single-trial correlation", "trial-averaged correlation"


def lesion_score(lesion: str, share: float) -> str:
    """Name of a score after a lesion, "deleted" or "shuffled", of this size."""
    return f"{SINGLE}, {100 * share:g}% {lesion}"
