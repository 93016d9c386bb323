import math

from memos_core.operation.graph import personalised_pagerank
from memos_core.ports import Edge

EDGES = [
    Edge("cube:1", "mentions", "entity:ana"),
    Edge("cube:2", "mentions", "entity:ana"),
    Edge("cube:2", "mentions", "entity:lisbon"),
    Edge("cube:3", "mentions", "entity:lisbon"),
    Edge("cube:4", "mentions", "entity:tom"),
]


def test_ranks_fall_with_distance_from_the_seeds() -> None:
    ranks = personalised_pagerank(EDGES, ["entity:ana"])
    assert ranks["cube:1"] > ranks["cube:3"] > ranks["cube:4"]
    assert math.isclose(sum(ranks.values()), 1, abs_tol=1e-4)


def test_what_two_seeds_share_ranks_first_among_cubes() -> None:
    ranks = personalised_pagerank(EDGES, ["entity:ana", "entity:lisbon"])
    assert max((node for node in ranks if node.startswith("cube:")), key=ranks.__getitem__) == "cube:2"


def test_unknown_seeds_are_ignored_and_without_any_there_is_no_ranking() -> None:
    assert personalised_pagerank(EDGES, ["entity:nobody", "entity:ana"]) == personalised_pagerank(EDGES, ["entity:ana"])
    assert personalised_pagerank(EDGES, ["entity:nobody"]) == {}
    assert personalised_pagerank([], ["entity:ana"]) == {}
