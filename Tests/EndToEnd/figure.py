# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
"""One figure: what is asked, and what was measured."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Figure:
    """`asked` is a rule in words; None if the figure is only told."""

    name: str
    asked: str | None
    measured: object
    reached: bool
    unit: str = ""

    @property
    def text(self):
        """What was measured, for people."""
        if isinstance(self.measured, dict):
            return ", ".join(f"{count} {name}" for name, count in self.measured.items()) or "none"
        digits = f"{self.measured:.2f}" if isinstance(self.measured, float) else self.measured
        return f"{digits} {self.unit}".strip()


def exactly(name, asked, measured, unit=""):
    wanted = Figure(name, None, asked, True, unit)
    return Figure(name, wanted.text, measured, measured == asked, unit)


def at_most(name, limit, measured, unit=""):
    return Figure(name, f"≤ {limit} {unit}".strip(), measured, measured <= limit, unit)


def at_least(name, limit, measured, unit=""):
    return Figure(name, f"≥ {limit} {unit}".strip(), measured, measured >= limit, unit)


def told(name, measured, unit=""):
    """Nothing is asked of it."""
    return Figure(name, None, measured, True, unit)
