"""How well versions of an index ranked, over time. As SVG; colours come from the style sheet.

Places along the axis are percentages, so that letters keep their size on any screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from markupsafe import Markup, escape

from seatrial.rag.evaluation.evaluation import Metric
from seatrial.rag.knowledge.desk import KeptEvaluation

_HEIGHT, _ABOVE, _BELOW = 140.0, 10.0, 24.0
_LEFT, _RIGHT = 9.0, 96.0
_MOST = 40
_LEVELS = (0.0, 0.5, 1.0)
_NAMED = 8
RANKING = Metric.NDCG
"""What every evaluation of rankings has."""

_RADII = {RANKING: 5.0, Metric.RECALL: 3.0}
"""Of the points of what is drawn: both are seen where they fall together. The names are classes of
the style sheet."""


def ranking_chart(
    evaluations: Sequence[KeptEvaluation], *, label: str, names: Mapping[str, str]
) -> Markup:
    """A line for nDCG and one for recall, from 0 to 1, the newest to the right, and versions below.

    Args:
        evaluations: the oldest first; those without a ranking are left out.
        label: what is drawn, for those who cannot see it.
        names: of the metrics, and of ``version``.
    """
    shown = [one for one in evaluations if RANKING in one.metrics][-_MOST:]
    if not shown:
        return Markup("")
    parts = [_level(level) for level in _LEVELS]
    for metric, radius in _RADII.items():
        points = [
            (place, one, one.metrics[metric].mean)
            for place, one in enumerate(shown)
            if metric in one.metrics
        ]
        parts += [
            f'<line class="{metric.value}" x1="{_x(a, len(shown)):.2f}%" y1="{_y(low):.1f}" '
            f'x2="{_x(b, len(shown)):.2f}%" y2="{_y(high):.1f}"/>'
            for (a, _, low), (b, _, high) in pairwise(points)
        ]
        parts += [
            f'<circle class="{metric.value}" cx="{_x(place, len(shown)):.2f}%" cy="{_y(value):.1f}"'
            f' r="{radius:g}"><title>{escape(_title(one, value, names, metric))}</title></circle>'
            for place, one, value in points
        ]
    parts += _versions(shown)
    return Markup(  # noqa: S704 - numbers, and texts that are escaped
        f'<svg class="ranking" height="{_ABOVE + _HEIGHT + _BELOW:g}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _title(one: KeptEvaluation, value: float, names: Mapping[str, str], metric: Metric) -> str:
    return (
        f"{one.at:%Y-%m-%d %H:%M} · {names['version']} {one.version} · "
        f"{names[metric.value]} {value:.3f}"
    )


def _versions(shown: Sequence[KeptEvaluation]) -> list[str]:
    """Their numbers where they change, as far as there is room."""
    changes = [
        place
        for place, one in enumerate(shown)
        if not place or one.version != shown[place - 1].version
    ]
    apart = max(1, -(-len(changes) // _NAMED))
    return [
        f'<text x="{_x(place, len(shown)):.2f}%" y="{_ABOVE + _HEIGHT + 17:g}" '
        f'text-anchor="middle">v{shown[place].version}</text>'
        for place in changes[::apart]
    ]


def _level(level: float) -> str:
    y = _y(level)
    return (
        f'<line class="grid" x1="{_LEFT - 3:g}%" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="0" y="{y + 4:.1f}">{level:g}</text>'
    )


def _x(place: int, n: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * ((place + 0.5) / n)


def _y(value: float) -> float:
    return _ABOVE + _HEIGHT * (1 - min(1.0, max(0.0, value)))
