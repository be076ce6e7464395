"""Looks for random pipelines that are wrong, and tells each kind of them by the smallest script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.fuzz.expressions import UnfitError
from tests.fuzz.generator import Case, random_case
from tests.fuzz.running import Answers, Finding, Oracle, compared, script, shrunk

_SHRUNK = 3  # of each kind


@dataclass
class Search:
    """What was found so far."""

    n_cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    scripts: list[str] = field(default_factory=list)
    oracle: Oracle = field(default_factory=Oracle)

    def cases(self, seeds: Iterable[int | str]) -> Iterator[tuple[Case, Answers]]:
        """Yield the cases of some seeds that say something, with their answers."""
        for seed in seeds:
            case = random_case(seed)
            try:
                answers = self.oracle.answers(case)
            except UnfitError:
                continue
            self.n_cases += 1
            yield case, answers

    def on(self, engines: Sequence[str], seeds: Iterable[int | str]) -> Search:
        """Run the cases of some seeds on each engine, and return the search."""
        for case, answers in self.cases(seeds):
            for engine in engines:
                self._enter(case, compared(case, engine, answers))
        return self

    def _enter(self, case: Case, finding: Finding | None) -> None:
        """Enter a finding, with a script of the smallest case of its kind."""
        if finding is None:
            return
        self.kinds[finding.kind] += 1
        if self.kinds[finding.kind] <= _SHRUNK:
            small = shrunk(case, finding, self.oracle)
            found = compared(small, finding.engine, self.oracle.answers(small))
            self.scripts.append(script(small, found or finding))

    def told(self) -> str:
        """Return how many of which kind were found, and the smallest script."""
        counts = "\n".join(f"{count:6} {kind}" for kind, count in self.kinds.most_common())
        return f"{self.kinds.total()} findings in {self.n_cases} cases:\n{counts}\n\n{min(self.scripts, key=len, default='')}"
