"""A suite asks several benchmarks: what one of them lacks is named, and does not cost the others."""

import pytest
from test_config import config

from ain import UserError
from ain.pipeline.asked import pairs


def test_two_benchmarks_of_one_name_are_refused_by_their_keys() -> None:
    """Otherwise the second one's results would stand where the first one's are."""
    twice = ("+benchmark@benchmarks.one=pope", "+benchmark@benchmarks.two=pope")
    said = r"benchmarks\.one and benchmarks\.two have the same name, pope; .* benchmarks\.two\.name=two"
    with pytest.raises(UserError, match=said):
        list(pairs(config(*twice)))
    assert len(list(pairs(config(*twice, "benchmarks.two.name=two")))) == 4  # two models
    toys = ("+benchmark@benchmarks.one=miniature", "+benchmark@benchmarks.two=miniature")
    with pytest.raises(UserError, match=r"have the same name, miniature; remove one of them"):
        list(pairs(config(*toys)))
    with pytest.raises(
        UserError, match=r"benchmarks\.mine: no such benchmark; add one with \+benchmark@benchmarks\.mine"
    ):
        list(pairs(config("+benchmarks.mine.limit=3")))
