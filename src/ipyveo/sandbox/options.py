"""What the sandbox is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipyveo.sandbox.faults import Chosen, choose

_LONGEST_CLIP = 60.0
_SHORTEST_CLIP = 0.1
_LONGEST_STAGE = 600.0
_LARGEST_QUOTA = 1_000_000
_CLIP_HEIGHTS = (360, 720)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How the sandbox behaves.

    Parameters
    ----------
    api_key
        The one key that is accepted; None for any key that is not empty.
    fault
        Names of faults for every request, separated by commas; see ``ipyveo.sandbox.faults.FAULTS``.
    clip_seconds
        Length of the clips, 0.1 to 60 seconds.
    clip_height
        Pixels on the short side of the clips: 720, or 360 for drafts that are there in about a second.
    quota
        Credits in the account, one for each video.
    stage_seconds
        How long "starting" and "uploading_images" are held, so that a person can see them.

    Raises
    ------
    ValueError
        For anything outside of these ranges, and for an unknown fault.

    Examples
    --------
    >>> SandboxOptions(fault="drop@processing", clip_seconds=1).quota
    100
    """

    api_key: str | None = field(default=None, repr=False)
    fault: str = ""
    clip_seconds: float = 8.0
    clip_height: int = 720
    quota: int = 100
    stage_seconds: float = 0.5

    def __post_init__(self) -> None:
        if self.api_key is not None and not self.api_key.strip():
            raise ValueError("The sandbox's key is empty; give None to let it accept any key.")
        if not _SHORTEST_CLIP <= self.clip_seconds <= _LONGEST_CLIP:
            raise ValueError(
                f"A clip of {self.clip_seconds} seconds is not possible; give 0.1 to 60 seconds."
            )
        if self.clip_height not in _CLIP_HEIGHTS:
            raise ValueError(f"A clip height of {self.clip_height} is not possible; give 360 or 720.")
        if not 0 <= self.quota <= _LARGEST_QUOTA:
            raise ValueError(f"A quota of {self.quota} is not possible; give 0 to 1000000 credits.")
        if not 0 <= self.stage_seconds <= _LONGEST_STAGE:
            raise ValueError(
                f"Stages of {self.stage_seconds} seconds are not possible; give 0 to 600 seconds."
            )
        self.chosen()

    def chosen(self) -> Chosen:
        """Give the faults of every request, those for single calls among them."""
        return choose(self.fault)
