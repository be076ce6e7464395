"""From an edge list to communities: who belongs together in a graph, how well they are cut off, and who holds them together.

Try it on a real network of collaborations (SNAP's ca-GrQc; any list of edges with a tab between the ends will do)::

    gpupipe run pipelines/communities.py -p edges=ca-GrQc.txt --report report

The page has the degrees, the communities with their sizes, and a table of each one's most central members.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw

import gpupipe as gp


def pipeline(edges: str, resolution: float = 1.0, members: int = 5) -> gp.Pipeline:
    """Return the pipeline.

    Parameters
    ----------
    edges
        A text file: the two ends of an edge in each line, a tab between them; lines that begin with # say something about it.
    resolution
        More of it makes smaller communities.
    members
        How many of each community's members are shown.
    """
    columns = {"source": nw.Int64, "destination": nw.Int64}
    listed = gp.ReadCsv(edges, separator="\t", comment="#", header=False, schema=columns).node().named("edges")

    # Lists of this kind hold each edge twice, once from each end. In an undirected graph both are one edge.
    graph = gp.ToGraph("source", "destination", directed=False, duplicates="any", loops="drop")(listed)

    # Three looks at one graph, which is made once: who belongs together, what is joined at all, and who is central.
    communities = gp.Leiden(resolution, seed=1)(graph)
    components = gp.WeakComponents()(graph)
    ranks = gp.PageRank()(graph)
    vertices = communities >> _joined(components) >> _joined(ranks)

    # Of each community: how large it is, how much of all rank it has, and how many of its members are in the largest component.
    sizes = gp.GroupBy("community", members=nw.len(), rank=nw.col("pagerank").sum(), components=nw.col("component").n_unique())(vertices)
    largest = gp.SortRows(["members", "community"], descending=[True, False], limit=10)(sizes)

    central = central_members(vertices, n=members)
    return gp.Pipeline(
        "communities",
        vertices=vertices,
        largest=largest,
        central=gp.SortRows(["community", "place", "source"])(central),
        modularity=gp.Modularity(resolution=resolution)(graph, communities),
        transitivity=gp.Transitivity()(graph),
    )


def _joined(table: gp.Table) -> object:
    """Return what joins a table about vertices to another one: results call a vertex by the name of the source's column."""
    return lambda left: gp.Join(on="source")(left, table)


@gp.by_key("community")
def central_members(frame: nw.LazyFrame, *, n: int) -> nw.LazyFrame:
    """Return the members of each community with the highest rank."""
    ranked = frame.with_columns(place=nw.col("pagerank").rank("min", descending=True).over("community"))
    return ranked.filter(nw.col("place") <= n).select("community", "place", "source", "pagerank")
