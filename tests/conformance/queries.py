"""The 22 queries of TPC-H as pipelines, with the parameters that its validation runs use.

They are derived from TPC-H, (c) Transaction Processing Performance Council; what they take is not comparable with published results, since
neither the rules of those nor their whole workload are followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

import gpupipe as gp
from gpupipe.core.node import Table, Value

REVENUE = nw.col("l_extendedprice") * (1 - nw.col("l_discount"))


@dataclass(frozen=True)
class Tables:
    """The eight tables as sources.

    Parameters
    ----------
    folder
        Where their Parquet files are.
    amount
        What makes an amount of money, as the files have it, of a text: `Decimal` or `float`.
    """

    folder: Path
    amount: Callable[[str], Any] = Decimal

    def _read(self, name: str) -> Table:
        return gp.ReadParquet(self.folder / f"{name}.parquet").node()

    customer = cached_property(lambda self: self._read("customer"))
    lineitem = cached_property(lambda self: self._read("lineitem"))
    nation = cached_property(lambda self: self._read("nation"))
    orders = cached_property(lambda self: self._read("orders"))
    part = cached_property(lambda self: self._read("part"))
    partsupp = cached_property(lambda self: self._read("partsupp"))
    region = cached_property(lambda self: self._read("region"))
    supplier = cached_property(lambda self: self._read("supplier"))

    def nations_of(self, region: str) -> Table:
        """Return the nations of a region."""
        here = self.region >> gp.Filter(nw.col("r_name") == region)
        return gp.Join(left_on="n_regionkey", right_on="r_regionkey", how="semi")(self.nation, here)

    def suppliers_of(self, nations: Table) -> Table:
        """Return the suppliers of some nations, with the nation's name."""
        named = nations >> gp.Select("n_nationkey", "n_name")
        return gp.Join(left_on="s_nationkey", right_on="n_nationkey", validate="m:1")(self.supplier, named)


def q01(tables: Tables) -> Table:
    """Pricing summary report."""
    return (
        tables.lineitem
        >> gp.Filter(nw.col("l_shipdate") <= date(1998, 9, 2))
        >> gp.GroupBy(
            ["l_returnflag", "l_linestatus"],
            sum_qty=nw.col("l_quantity").sum(),
            sum_base_price=nw.col("l_extendedprice").sum(),
            sum_disc_price=REVENUE.sum(),
            sum_charge=(REVENUE * (1 + nw.col("l_tax"))).sum(),
            avg_qty=nw.col("l_quantity").mean(),
            avg_price=nw.col("l_extendedprice").mean(),
            avg_disc=nw.col("l_discount").mean(),
            count_order=nw.len(),
        )
        >> gp.SortRows(["l_returnflag", "l_linestatus"])
    )


def q02(tables: Tables) -> Table:
    """Minimum cost supplier."""
    brass = tables.part >> gp.Filter(nw.col("p_size") == 15, nw.col("p_type").str.ends_with("BRASS"))
    offered = gp.Join(left_on="p_partkey", right_on="ps_partkey")(brass, tables.partsupp)
    suppliers = tables.suppliers_of(tables.nations_of("EUROPE"))
    offers = gp.Join(left_on="ps_suppkey", right_on="s_suppkey")(offered, suppliers)
    cheapest = offers >> gp.GroupBy("p_partkey", ps_supplycost=nw.col("ps_supplycost").min())
    return (
        gp.Join(["p_partkey", "ps_supplycost"], how="semi")(offers, cheapest)
        >> gp.Select("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment")
        >> gp.SortRows(["s_acctbal", "n_name", "s_name", "p_partkey"], descending=[True, False, False, False], limit=100)
    )


def q03(tables: Tables) -> Table:
    """Shipping priority."""
    builders = tables.customer >> gp.Filter(nw.col("c_mktsegment") == "BUILDING")
    earlier = tables.orders >> gp.Filter(nw.col("o_orderdate") < date(1995, 3, 15))
    orders = gp.Join(left_on="o_custkey", right_on="c_custkey", how="semi")(earlier, builders)
    later = tables.lineitem >> gp.Filter(nw.col("l_shipdate") > date(1995, 3, 15))
    return (
        gp.Join(left_on="l_orderkey", right_on="o_orderkey")(later, orders)
        >> gp.GroupBy(["l_orderkey", "o_orderdate", "o_shippriority"], revenue=REVENUE.sum())
        >> gp.Select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        >> gp.SortRows(["revenue", "o_orderdate"], descending=[True, False], limit=10)
    )


def q04(tables: Tables) -> Table:
    """Order priority checking."""
    quarter = tables.orders >> gp.Filter(nw.col("o_orderdate") >= date(1993, 7, 1), nw.col("o_orderdate") < date(1993, 10, 1))
    late = tables.lineitem >> gp.Filter(nw.col("l_commitdate") < nw.col("l_receiptdate"))
    return (
        gp.Join(left_on="o_orderkey", right_on="l_orderkey", how="semi")(quarter, late)
        >> gp.GroupBy("o_orderpriority", order_count=nw.len())
        >> gp.SortRows("o_orderpriority")
    )


def q05(tables: Tables) -> Table:
    """Local supplier volume."""
    year = tables.orders >> gp.Filter(nw.col("o_orderdate") >= date(1994, 1, 1), nw.col("o_orderdate") < date(1995, 1, 1))
    nations = tables.nations_of("ASIA")
    customers = gp.Join(left_on="c_nationkey", right_on="n_nationkey", how="semi")(tables.customer, nations)
    orders = gp.Join(left_on="o_custkey", right_on="c_custkey")(year, customers)
    ordered = gp.Join(left_on="l_orderkey", right_on="o_orderkey")(tables.lineitem, orders)
    local = gp.Join(left_on=["l_suppkey", "c_nationkey"], right_on=["s_suppkey", "s_nationkey"])(ordered, tables.suppliers_of(nations))
    return local >> gp.GroupBy("n_name", revenue=REVENUE.sum()) >> gp.SortRows("revenue", descending=True)


def q06(tables: Tables) -> Value:
    """Forecasting revenue change."""
    low, high = tables.amount("0.05"), tables.amount("0.07")
    discounted = tables.lineitem >> gp.Filter(
        nw.col("l_shipdate") >= date(1994, 1, 1),
        nw.col("l_shipdate") < date(1995, 1, 1),
        nw.col("l_discount") >= nw.lit(low),
        nw.col("l_discount") <= nw.lit(high),
        nw.col("l_quantity") < 24,
    )
    return gp.Scalar(revenue=(nw.col("l_extendedprice") * nw.col("l_discount")).sum())(discounted)


def q07(tables: Tables) -> Table:
    """Volume shipping between two nations."""
    both = tables.nation >> gp.Filter(nw.col("n_name").is_in(["FRANCE", "GERMANY"])) >> gp.Select("n_nationkey", "n_name")
    customers = gp.Join(left_on="c_nationkey", right_on="n_nationkey")(tables.customer, both)
    orders = gp.Join(left_on="o_custkey", right_on="c_custkey")(tables.orders, customers)
    shipped = tables.lineitem >> gp.Filter(nw.col("l_shipdate") >= date(1995, 1, 1), nw.col("l_shipdate") <= date(1996, 12, 31))
    lines = gp.Join(left_on="l_orderkey", right_on="o_orderkey")(shipped, orders)
    pairs = gp.Join(left_on="l_suppkey", right_on="s_suppkey", suffix=("_of_customer", "_of_supplier"))(lines, tables.suppliers_of(both))
    return (
        pairs
        >> gp.Filter(nw.col("n_name_of_supplier") != nw.col("n_name_of_customer"))
        >> gp.Select(
            supp_nation=nw.col("n_name_of_supplier"),
            cust_nation=nw.col("n_name_of_customer"),
            l_year=nw.col("l_shipdate").dt.year(),
            volume=REVENUE,
        )
        >> gp.GroupBy(["supp_nation", "cust_nation", "l_year"], revenue=nw.col("volume").sum())
        >> gp.SortRows(["supp_nation", "cust_nation", "l_year"])
    )


def q08(tables: Tables) -> Table:
    """National market share."""
    steel = tables.part >> gp.Filter(nw.col("p_type") == "ECONOMY ANODIZED STEEL")
    years = tables.orders >> gp.Filter(nw.col("o_orderdate") >= date(1995, 1, 1), nw.col("o_orderdate") <= date(1996, 12, 31))
    customers = gp.Join(left_on="c_nationkey", right_on="n_nationkey", how="semi")(tables.customer, tables.nations_of("AMERICA"))
    orders = gp.Join(left_on="o_custkey", right_on="c_custkey", how="semi")(years, customers)
    lines = gp.Join(left_on="l_partkey", right_on="p_partkey", how="semi")(tables.lineitem, steel)
    ordered = gp.Join(left_on="l_orderkey", right_on="o_orderkey")(lines, orders)
    sold = gp.Join(left_on="l_suppkey", right_on="s_suppkey")(ordered, tables.suppliers_of(tables.nation))
    volume = REVENUE.cast(nw.Float64)
    of_brazil = nw.when(nw.col("n_name") == "BRAZIL").then(volume).otherwise(0.0)
    return (
        sold
        >> gp.WithColumns(o_year=nw.col("o_orderdate").dt.year())
        >> gp.GroupBy("o_year", mkt_share=of_brazil.sum() / volume.sum())
        >> gp.SortRows("o_year")
    )


def q09(tables: Tables) -> Table:
    """Product type profit measure."""
    green = tables.part >> gp.Filter(nw.col("p_name").str.contains("green", literal=True))
    lines = gp.Join(left_on="l_partkey", right_on="p_partkey", how="semi")(tables.lineitem, green)
    costs = gp.Join(left_on=["l_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"])(lines, tables.partsupp)
    sold = gp.Join(left_on="l_suppkey", right_on="s_suppkey")(costs, tables.suppliers_of(tables.nation))
    ordered = gp.Join(left_on="l_orderkey", right_on="o_orderkey")(sold, tables.orders)
    return (
        ordered
        >> gp.Select(
            nation=nw.col("n_name"),
            o_year=nw.col("o_orderdate").dt.year(),
            amount=REVENUE - nw.col("ps_supplycost") * nw.col("l_quantity"),
        )
        >> gp.GroupBy(["nation", "o_year"], sum_profit=nw.col("amount").sum())
        >> gp.SortRows(["nation", "o_year"], descending=[False, True])
    )


def q10(tables: Tables) -> Table:
    """Returned item reporting."""
    quarter = tables.orders >> gp.Filter(nw.col("o_orderdate") >= date(1993, 10, 1), nw.col("o_orderdate") < date(1994, 1, 1))
    returned = tables.lineitem >> gp.Filter(nw.col("l_returnflag") == "R")
    lines = gp.Join(left_on="l_orderkey", right_on="o_orderkey")(returned, quarter)
    lost = lines >> gp.GroupBy("o_custkey", revenue=REVENUE.sum())
    customers = gp.Join(left_on="c_custkey", right_on="o_custkey", validate="1:1")(tables.customer, lost)
    named = gp.Join(left_on="c_nationkey", right_on="n_nationkey")(customers, tables.nation)
    return (
        named
        >> gp.Select("c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment")
        >> gp.SortRows("revenue", descending=True, limit=20)
    )


def q11(tables: Tables) -> Table:
    """Important stock identification."""
    suppliers = tables.suppliers_of(tables.nation >> gp.Filter(nw.col("n_name") == "GERMANY"))
    here = gp.Join(left_on="ps_suppkey", right_on="s_suppkey", how="semi")(tables.partsupp, suppliers)
    stock = here >> gp.GroupBy("ps_partkey", value=(nw.col("ps_supplycost") * nw.col("ps_availqty")).sum())
    least = gp.Scalar(nw.col("value").sum() * nw.lit(tables.amount("0.0001")))(stock)
    return stock >> gp.Filter(nw.col("value") > least) >> gp.SortRows("value", descending=True)


def q12(tables: Tables) -> Table:
    """Shipping modes and order priority."""
    received = tables.lineitem >> gp.Filter(
        nw.col("l_shipmode").is_in(["MAIL", "SHIP"]),
        nw.col("l_shipdate") < nw.col("l_commitdate"),
        nw.col("l_commitdate") < nw.col("l_receiptdate"),
        nw.col("l_receiptdate") >= date(1994, 1, 1),
        nw.col("l_receiptdate") < date(1995, 1, 1),
    )
    urgent = nw.col("o_orderpriority").is_in(["1-URGENT", "2-HIGH"])
    return (
        gp.Join(left_on="l_orderkey", right_on="o_orderkey")(received, tables.orders)
        >> gp.GroupBy(
            "l_shipmode",
            high_line_count=nw.when(urgent).then(1).otherwise(0).sum(),
            low_line_count=nw.when(~urgent).then(1).otherwise(0).sum(),
        )
        >> gp.SortRows("l_shipmode")
    )


def q13(tables: Tables) -> Table:
    """Customer distribution."""
    usual = tables.orders >> gp.Filter(~nw.col("o_comment").str.contains("special.*requests"))
    return (
        gp.Join(left_on="c_custkey", right_on="o_custkey", how="left")(tables.customer, usual)
        >> gp.GroupBy("c_custkey", c_count=nw.col("o_orderkey").count())
        >> gp.GroupBy("c_count", custdist=nw.len())
        >> gp.SortRows(["custdist", "c_count"], descending=True)
    )


def q14(tables: Tables) -> Value:
    """Promotion effect."""
    month = tables.lineitem >> gp.Filter(nw.col("l_shipdate") >= date(1995, 9, 1), nw.col("l_shipdate") < date(1995, 10, 1))
    sold = gp.Join(left_on="l_partkey", right_on="p_partkey")(month, tables.part)
    revenue = REVENUE.cast(nw.Float64)
    promoted = nw.when(nw.col("p_type").str.starts_with("PROMO")).then(revenue).otherwise(0.0)
    return gp.Scalar(promo_revenue=100 * promoted.sum() / revenue.sum())(sold)


def q15(tables: Tables) -> Table:
    """Top supplier."""
    quarter = tables.lineitem >> gp.Filter(nw.col("l_shipdate") >= date(1996, 1, 1), nw.col("l_shipdate") < date(1996, 4, 1))
    total = nw.col("total_revenue")
    best = quarter >> gp.GroupBy("l_suppkey", total_revenue=REVENUE.sum()) >> gp.Filter(total == total.max())
    return (
        gp.Join(left_on="s_suppkey", right_on="l_suppkey", validate="1:1")(tables.supplier, best)
        >> gp.Select("s_suppkey", "s_name", "s_address", "s_phone", "total_revenue")
        >> gp.SortRows("s_suppkey")
    )


def q16(tables: Tables) -> Table:
    """Parts and supplier relationship."""
    parts = tables.part >> gp.Filter(
        nw.col("p_brand") != "Brand#45",
        ~nw.col("p_type").str.starts_with("MEDIUM POLISHED"),
        nw.col("p_size").is_in([49, 14, 23, 45, 19, 3, 36, 9]),
    )
    complained = tables.supplier >> gp.Filter(nw.col("s_comment").str.contains("Customer.*Complaints"))
    trusted = gp.Join(left_on="ps_suppkey", right_on="s_suppkey", how="anti")(tables.partsupp, complained)
    return (
        gp.Join(left_on="ps_partkey", right_on="p_partkey")(trusted, parts)
        >> gp.GroupBy(["p_brand", "p_type", "p_size"], supplier_cnt=nw.col("ps_suppkey").n_unique())
        >> gp.SortRows(["supplier_cnt", "p_brand", "p_type", "p_size"], descending=[True, False, False, False])
    )


def q17(tables: Tables) -> Value:
    """Small-quantity-order revenue."""
    boxes = tables.part >> gp.Filter(nw.col("p_brand") == "Brand#23", nw.col("p_container") == "MED BOX")
    lines = gp.Join(left_on="l_partkey", right_on="p_partkey", how="semi")(tables.lineitem, boxes)
    usual = lines >> gp.GroupBy("l_partkey", usual=nw.col("l_quantity").cast(nw.Float64).mean())
    small = gp.Join("l_partkey")(lines, usual) >> gp.Filter(nw.col("l_quantity").cast(nw.Float64) < 0.2 * nw.col("usual"))
    price = nw.col("l_extendedprice").cast(nw.Float64)
    return gp.Scalar(avg_yearly=price.sum() / 7.0, empty_sum="null")(small)


def q18(tables: Tables) -> Table:
    """Large volume customer."""
    large = tables.lineitem >> gp.GroupBy("l_orderkey", sum_qty=nw.col("l_quantity").sum()) >> gp.Filter(nw.col("sum_qty") > 300)
    orders = gp.Join(left_on="o_orderkey", right_on="l_orderkey", validate="1:1")(tables.orders, large)
    return (
        gp.Join(left_on="o_custkey", right_on="c_custkey")(orders, tables.customer)
        >> gp.Select("c_name", "o_custkey", "o_orderkey", "o_orderdate", "o_totalprice", "sum_qty")
        >> gp.Rename(o_custkey="c_custkey")
        >> gp.SortRows(["o_totalprice", "o_orderdate"], descending=[True, False], limit=100)
    )


def q19(tables: Tables) -> Value:
    """Discounted revenue."""
    by_air = tables.lineitem >> gp.Filter(nw.col("l_shipmode").is_in(["AIR", "AIR REG"]), nw.col("l_shipinstruct") == "DELIVER IN PERSON")

    def sold(brand: str, containers: list[str], least: int, largest: int) -> nw.Expr:
        of_brand = (nw.col("p_brand") == brand) & nw.col("p_container").is_in(containers)
        few = (nw.col("l_quantity") >= least) & (nw.col("l_quantity") <= least + 10)
        return of_brand & few & (nw.col("p_size") >= 1) & (nw.col("p_size") <= largest)

    wanted = (
        sold("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 5)
        | sold("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10)
        | sold("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 15)
    )
    lines = gp.Join(left_on="l_partkey", right_on="p_partkey")(by_air, tables.part) >> gp.Filter(wanted)
    return gp.Scalar(revenue=REVENUE.sum())(lines)


def q20(tables: Tables) -> Table:
    """Potential part promotion."""
    year = tables.lineitem >> gp.Filter(nw.col("l_shipdate") >= date(1994, 1, 1), nw.col("l_shipdate") < date(1995, 1, 1))
    sold = year >> gp.GroupBy(["l_partkey", "l_suppkey"], sold=nw.col("l_quantity").sum())
    forest = tables.part >> gp.Filter(nw.col("p_name").str.starts_with("forest"))
    stock = gp.Join(left_on="ps_partkey", right_on="p_partkey", how="semi")(tables.partsupp, forest)
    moved = gp.Join(left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])(stock, sold)
    excess = moved >> gp.Filter(2 * nw.col("ps_availqty") > nw.col("sold"))
    canadian = tables.suppliers_of(tables.nation >> gp.Filter(nw.col("n_name") == "CANADA"))
    return (
        gp.Join(left_on="s_suppkey", right_on="ps_suppkey", how="semi")(canadian, excess)
        >> gp.Select("s_name", "s_address")
        >> gp.SortRows("s_name")
    )


def q21(tables: Tables) -> Table:
    """Suppliers who kept orders waiting."""
    late = tables.lineitem >> gp.Filter(nw.col("l_receiptdate") > nw.col("l_commitdate"))
    suppliers = nw.col("l_suppkey").n_unique()
    shared = tables.lineitem >> gp.GroupBy("l_orderkey", suppliers=suppliers) >> gp.Filter(nw.col("suppliers") > 1)
    blamed = late >> gp.GroupBy("l_orderkey", suppliers=suppliers) >> gp.Filter(nw.col("suppliers") == 1)
    failed = tables.orders >> gp.Filter(nw.col("o_orderstatus") == "F")
    arabian = tables.suppliers_of(tables.nation >> gp.Filter(nw.col("n_name") == "SAUDI ARABIA"))
    lines = gp.Join(left_on="l_suppkey", right_on="s_suppkey")(late, arabian)
    for orders, key in ((failed, "o_orderkey"), (shared, "l_orderkey"), (blamed, "l_orderkey")):
        lines = gp.Join(left_on="l_orderkey", right_on=key, how="semi")(lines, orders)
    return lines >> gp.GroupBy("s_name", numwait=nw.len()) >> gp.SortRows(["numwait", "s_name"], descending=[True, False], limit=100)


def q22(tables: Tables) -> Table:
    """Global sales opportunity."""
    code = nw.col("c_phone").str.slice(0, 2)
    customers = (
        tables.customer
        >> gp.WithColumns(cntrycode=code)
        >> gp.Filter(nw.col("cntrycode").is_in(["13", "31", "23", "29", "30", "18", "17"]))
    )
    mean = gp.Scalar(nw.col("c_acctbal").mean())(customers >> gp.Filter(nw.col("c_acctbal") > 0))
    rich = customers >> gp.Filter(nw.col("c_acctbal") > mean)
    return (
        gp.Join(left_on="c_custkey", right_on="o_custkey", how="anti")(rich, tables.orders)
        >> gp.GroupBy("cntrycode", numcust=nw.len(), totacctbal=nw.col("c_acctbal").sum())
        >> gp.SortRows("cntrycode")
    )


QUERIES: tuple[Callable[[Tables], Table | Value], ...] = (
    q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11, q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, q22,
)  # fmt: skip
