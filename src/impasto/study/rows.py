"""Format the findings of a study as tables of text, for the command line and the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from impasto.study.agreement import OTHERS, Agreement
from impasto.study.findings import Findings
from impasto.study.ranking import Ranking, islands

SHOWN = 20
"""How many observers are shown at once. Those with the least evidence come first."""


def tables(found: Findings) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield titles and rows for the command line."""
    for result in found.results:
        yield f"{result.text}  ({counted(result.overall.answers)})", ranking_rows(result.overall)
        if result.agreements:
            yield f"Which number to believe: {result.text}", agreement_rows(result.agreements)
    people = observer_rows(found)
    which = f" ({SHOWN} of {len(people)}, the least evidence first)" if len(people) > SHOWN else ""
    yield f"Observers{which}", people[:SHOWN]


def ranking_rows(ranking: Ranking) -> list[dict[str, str]]:
    """Return a row for each condition, the best first. Groups that were never compared are separated."""
    wins, halved = ranking.wins(), ranking.halved()
    groups = islands(ranking)
    return [
        {
            **({"group": str(number)} if len(groups) > 1 else {}),
            "condition": ranking.conditions[place],
            "score": f"{ranking.scores[place]:+.2f}",
            "95 %": f"{ranking.low[place]:+.2f} to {ranking.high[place]:+.2f}",
            "ties halved": f"{halved[place]:+.2f}",
            "chosen": f"{100 * wins[place].sum() / max(1.0, (wins[place] + wins[:, place]).sum()):.0f} %",
            "better than": ", ".join(ranking.better_than(place)),
        }
        for number, group in enumerate(groups, start=1)
        for place in map(ranking.conditions.index, group)
    ]


def agreement_rows(held: Sequence[Agreement]) -> list[dict[str, str]]:
    """Return a row for each metric, the best first."""
    return [
        {
            "number": one.metric,
            "better is": "" if one.metric == OTHERS else "more" if one.better > 0 else "less",
            "tau": f"{one.tau:+.2f}",
            "95 %": f"{one.low:+.2f} to {one.high:+.2f}",
            "foretells": f"{100 * one.right:.0f} %",
            "order of conditions": "" if one.order is None else f"{one.order:+.2f}",
        }
        for one in held
    ]


def observer_rows(found: Findings) -> list[dict[str, str]]:
    """Return a row for each observer."""
    return [
        {
            "observer": one.name,
            "looks": "at random" if one.at_random else "yes" if one.judged else "too few answers",
            "answers": str(one.answers),
            "catch trials right": f"{one.catches - one.caught} of {one.catches}",
            "repeats alike": f"{one.same} of {one.repeats}",
            "left": f"{100 * one.left:.0f} %",
            "no difference": f"{100 * one.tied:.0f} %",
            "seconds": "" if one.seconds is None else f"{one.seconds:.1f}",
            "evidence": f"{one.evidence:+.1f}",
        }
        for one in sorted(found.observers, key=lambda one: one.evidence)
    ]


def counted(answers: int) -> str:
    """Return a number of answers in words."""
    return f"{answers} answer{'' if answers == 1 else 's'}"
