"""Estimate how long work takes, from recent measurements."""

from __future__ import annotations

_FADES = 0.98  # the weight that old measurements keep after each new one
_GUESSES = ((0.0, 0.05), (1.0, 0.3))  # initial guesses as (megapixels, seconds), each
_GUESS = 0.1  # with this weight


class Speed:
    """A line through the measurements, the newest weighted most: seconds = fixed + slope * megapixels."""

    def __init__(self) -> None:
        self._n = self._x = self._y = self._xx = self._xy = 0.0
        for megapixels, seconds in _GUESSES:
            self._take(megapixels, seconds, _GUESS)

    def learn(self, megapixels: float, seconds: float) -> None:
        """Add a measurement."""
        self._take(megapixels, seconds, 1.0)

    def seconds(self, works: float, megapixels: float) -> float:
        """Return the time in seconds of a number of works with a total of megapixels, one after the other."""
        fixed, slope = self.line
        return works * fixed + megapixels * slope

    @property
    def line(self) -> tuple[float, float]:
        """Return the seconds for a work, and for each of its megapixels; neither is negative."""
        mean_x, mean_y = self._x / self._n, self._y / self._n
        spread = self._xx / self._n - mean_x**2
        slope = (self._xy / self._n - mean_x * mean_y) / spread if spread > 1e-9 else 0.0
        if slope <= 0:
            return mean_y, 0.0
        if slope * mean_x > mean_y:
            return 0.0, mean_y / mean_x
        return mean_y - slope * mean_x, slope

    def _take(self, megapixels: float, seconds: float, weight: float) -> None:
        sums = (self._n, self._x, self._y, self._xx, self._xy)
        news = (1.0, megapixels, seconds, megapixels**2, megapixels * seconds)
        self._n, self._x, self._y, self._xx, self._xy = (
            _FADES * old + weight * new for old, new in zip(sums, news, strict=True)
        )
