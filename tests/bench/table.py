"""One row of the report: a figure, what was measured beside it in the same run, and the aim."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = f"{'measure':<46} {'figure':>16}   {'beside it':<42} {'ratio':>6}   aim"


@dataclass(frozen=True)
class Row:
    """One measure; its ratio is `value` over `baseline`.

    Parameters
    ----------
    measure
        What was measured.
    value
        The figure, a median unless `measure` says otherwise.
    unit
        How a figure is written, as a format such as ``"{:.1f} ms"``.
    beside, baseline
        What the baseline is, and its figure in the same unit.
    at_most, at_least
        The aim, for the ratio.
    """

    measure: str
    value: float
    unit: str
    beside: str = ""
    baseline: float | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None

    @property
    def missed(self) -> bool:
        if self.ratio is None:
            return False
        too_much = self.at_most is not None and self.ratio > self.at_most
        return too_much or (self.at_least is not None and self.ratio < self.at_least)

    def __str__(self) -> str:
        beside = "" if self.baseline is None else f"{self.unit.format(self.baseline)} {self.beside}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        aim = ""
        if self.at_most is not None:
            aim = f"at most {self.at_most:g}"
        elif self.at_least is not None:
            aim = f"at least {self.at_least:g}"
        verdict = "" if not aim else ": MISSED" if self.missed else ": met"
        figure = self.unit.format(self.value)
        return f"{self.measure:<46} {figure:>16}   {beside:<42} {ratio:>6}   {aim}{verdict}".rstrip()
