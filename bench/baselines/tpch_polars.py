"""The 22 queries of TPC-H in Polars by hand, as lazy frames over scanned Parquet.

Joins are written from the small side where that lost nothing, filters stand before them, and nothing is computed that is not needed;
Polars itself pushes columns and filters down. Derived from TPC-H: see `tests/conformance/queries.py`, which computes the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property
from pathlib import Path

import polars as pl
from polars import col

Frame = pl.LazyFrame
REVENUE = col("l_extendedprice") * (1 - col("l_discount"))


class Tables:
    """The eight tables, scanned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _scan(self, name: str) -> Frame:
        return pl.scan_parquet(self.folder / f"{name}.parquet")

    customer = cached_property(lambda self: self._scan("customer"))
    lineitem = cached_property(lambda self: self._scan("lineitem"))
    nation = cached_property(lambda self: self._scan("nation"))
    orders = cached_property(lambda self: self._scan("orders"))
    part = cached_property(lambda self: self._scan("part"))
    partsupp = cached_property(lambda self: self._scan("partsupp"))
    region = cached_property(lambda self: self._scan("region"))
    supplier = cached_property(lambda self: self._scan("supplier"))

    def nations_of(self, region: str) -> Frame:
        """Return the nations of a region."""
        here = self.region.filter(col("r_name") == region)
        return self.nation.join(here, left_on="n_regionkey", right_on="r_regionkey", how="semi")

    def suppliers_of(self, nations: Frame) -> Frame:
        """Return the suppliers of some nations, with the nation's name."""
        return self.supplier.join(nations.select("n_nationkey", "n_name"), left_on="s_nationkey", right_on="n_nationkey")


def q01(t: Tables) -> Frame:
    return (
        t.lineitem.filter(col("l_shipdate") <= date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            sum_qty=col("l_quantity").sum(),
            sum_base_price=col("l_extendedprice").sum(),
            sum_disc_price=REVENUE.sum(),
            sum_charge=(REVENUE * (1 + col("l_tax"))).sum(),
            avg_qty=col("l_quantity").mean(),
            avg_price=col("l_extendedprice").mean(),
            avg_disc=col("l_discount").mean(),
            count_order=pl.len(),
        )
        .sort("l_returnflag", "l_linestatus")
    )


def q02(t: Tables) -> Frame:
    offers = (
        t.part.filter(col("p_size") == 15, col("p_type").str.ends_with("BRASS"))
        .join(t.partsupp, left_on="p_partkey", right_on="ps_partkey")
        .join(t.suppliers_of(t.nations_of("EUROPE")), left_on="ps_suppkey", right_on="s_suppkey")
    )
    cheapest = offers.group_by("p_partkey").agg(col("ps_supplycost").min())
    return (
        offers.join(cheapest, on=["p_partkey", "ps_supplycost"], how="semi")
        .select("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment")
        .sort("s_acctbal", "n_name", "s_name", "p_partkey", descending=[True, False, False, False])
        .head(100)
    )


def q03(t: Tables) -> Frame:
    builders = t.customer.filter(col("c_mktsegment") == "BUILDING")
    orders = t.orders.filter(col("o_orderdate") < date(1995, 3, 15)).join(builders, left_on="o_custkey", right_on="c_custkey", how="semi")
    return (
        t.lineitem.filter(col("l_shipdate") > date(1995, 3, 15))
        .join(orders, left_on="l_orderkey", right_on="o_orderkey")
        .group_by("l_orderkey", "o_orderdate", "o_shippriority")
        .agg(revenue=REVENUE.sum())
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .sort("revenue", "o_orderdate", descending=[True, False])
        .head(10)
    )


def q04(t: Tables) -> Frame:
    late = t.lineitem.filter(col("l_commitdate") < col("l_receiptdate"))
    return (
        t.orders.filter(col("o_orderdate") >= date(1993, 7, 1), col("o_orderdate") < date(1993, 10, 1))
        .join(late, left_on="o_orderkey", right_on="l_orderkey", how="semi")
        .group_by("o_orderpriority")
        .agg(order_count=pl.len())
        .sort("o_orderpriority")
    )


def q05(t: Tables) -> Frame:
    nations = t.nations_of("ASIA")
    customers = t.customer.join(nations, left_on="c_nationkey", right_on="n_nationkey", how="semi")
    orders = t.orders.filter(col("o_orderdate") >= date(1994, 1, 1), col("o_orderdate") < date(1995, 1, 1)).join(
        customers, left_on="o_custkey", right_on="c_custkey"
    )
    return (
        t.lineitem.join(orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.suppliers_of(nations), left_on=["l_suppkey", "c_nationkey"], right_on=["s_suppkey", "s_nationkey"])
        .group_by("n_name")
        .agg(revenue=REVENUE.sum())
        .sort("revenue", descending=True)
    )


def q06(t: Tables) -> Frame:
    return t.lineitem.filter(
        col("l_shipdate") >= date(1994, 1, 1),
        col("l_shipdate") < date(1995, 1, 1),
        col("l_discount") >= pl.lit("0.05").cast(t.lineitem.collect_schema()["l_discount"]),
        col("l_discount") <= pl.lit("0.07").cast(t.lineitem.collect_schema()["l_discount"]),
        col("l_quantity") < 24,
    ).select(revenue=(col("l_extendedprice") * col("l_discount")).sum())


def q07(t: Tables) -> Frame:
    both = t.nation.filter(col("n_name").is_in(["FRANCE", "GERMANY"])).select("n_nationkey", "n_name")
    customers = t.customer.join(both, left_on="c_nationkey", right_on="n_nationkey").rename({"n_name": "cust_nation"})
    orders = t.orders.join(customers, left_on="o_custkey", right_on="c_custkey")
    return (
        t.lineitem.filter(col("l_shipdate") >= date(1995, 1, 1), col("l_shipdate") <= date(1996, 12, 31))
        .join(orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.suppliers_of(both).rename({"n_name": "supp_nation"}), left_on="l_suppkey", right_on="s_suppkey")
        .filter(col("supp_nation") != col("cust_nation"))
        .group_by("supp_nation", "cust_nation", l_year=col("l_shipdate").dt.year())
        .agg(revenue=REVENUE.sum())
        .sort("supp_nation", "cust_nation", "l_year")
    )


def q08(t: Tables) -> Frame:
    customers = t.customer.join(t.nations_of("AMERICA"), left_on="c_nationkey", right_on="n_nationkey", how="semi")
    orders = t.orders.filter(col("o_orderdate") >= date(1995, 1, 1), col("o_orderdate") <= date(1996, 12, 31)).join(
        customers, left_on="o_custkey", right_on="c_custkey", how="semi"
    )
    steel = t.part.filter(col("p_type") == "ECONOMY ANODIZED STEEL")
    volume = REVENUE.cast(pl.Float64)
    return (
        t.lineitem.join(steel, left_on="l_partkey", right_on="p_partkey", how="semi")
        .join(orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.suppliers_of(t.nation), left_on="l_suppkey", right_on="s_suppkey")
        .group_by(o_year=col("o_orderdate").dt.year())
        .agg(mkt_share=pl.when(col("n_name") == "BRAZIL").then(volume).otherwise(0.0).sum() / volume.sum())
        .sort("o_year")
    )


def q09(t: Tables) -> Frame:
    green = t.part.filter(col("p_name").str.contains("green", literal=True))
    return (
        t.lineitem.join(green, left_on="l_partkey", right_on="p_partkey", how="semi")
        .join(t.partsupp, left_on=["l_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"])
        .join(t.suppliers_of(t.nation), left_on="l_suppkey", right_on="s_suppkey")
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .group_by(nation=col("n_name"), o_year=col("o_orderdate").dt.year())
        .agg(sum_profit=(REVENUE - col("ps_supplycost") * col("l_quantity")).sum())
        .sort("nation", "o_year", descending=[False, True])
    )


def q10(t: Tables) -> Frame:
    quarter = t.orders.filter(col("o_orderdate") >= date(1993, 10, 1), col("o_orderdate") < date(1994, 1, 1))
    lost = (
        t.lineitem.filter(col("l_returnflag") == "R")
        .join(quarter, left_on="l_orderkey", right_on="o_orderkey")
        .group_by("o_custkey")
        .agg(revenue=REVENUE.sum())
    )
    return (
        t.customer.join(lost, left_on="c_custkey", right_on="o_custkey")
        .join(t.nation, left_on="c_nationkey", right_on="n_nationkey")
        .select("c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment")
        .sort("revenue", descending=True)
        .head(20)
    )


def q11(t: Tables) -> Frame:
    suppliers = t.suppliers_of(t.nation.filter(col("n_name") == "GERMANY"))
    here = t.partsupp.join(suppliers, left_on="ps_suppkey", right_on="s_suppkey", how="semi")
    stock = here.group_by("ps_partkey").agg(value=(col("ps_supplycost") * col("ps_availqty")).sum())
    return stock.filter(col("value") > col("value").sum() * pl.lit("0.0001").cast(pl.Decimal(15, 4))).sort("value", descending=True)


def q12(t: Tables) -> Frame:
    urgent = col("o_orderpriority").is_in(["1-URGENT", "2-HIGH"])
    return (
        t.lineitem.filter(
            col("l_shipmode").is_in(["MAIL", "SHIP"]),
            col("l_shipdate") < col("l_commitdate"),
            col("l_commitdate") < col("l_receiptdate"),
            col("l_receiptdate") >= date(1994, 1, 1),
            col("l_receiptdate") < date(1995, 1, 1),
        )
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .group_by("l_shipmode")
        .agg(high_line_count=urgent.sum(), low_line_count=(~urgent).sum())
        .sort("l_shipmode")
    )


def q13(t: Tables) -> Frame:
    usual = t.orders.filter(~col("o_comment").str.contains("special.*requests"))
    return (
        t.customer.join(usual, left_on="c_custkey", right_on="o_custkey", how="left")
        .group_by("c_custkey")
        .agg(c_count=col("o_orderkey").count())
        .group_by("c_count")
        .agg(custdist=pl.len())
        .sort("custdist", "c_count", descending=True)
    )


def q14(t: Tables) -> Frame:
    revenue = REVENUE.cast(pl.Float64)
    return (
        t.lineitem.filter(col("l_shipdate") >= date(1995, 9, 1), col("l_shipdate") < date(1995, 10, 1))
        .join(t.part, left_on="l_partkey", right_on="p_partkey")
        .select(promo_revenue=100 * pl.when(col("p_type").str.starts_with("PROMO")).then(revenue).otherwise(0.0).sum() / revenue.sum())
    )


def q15(t: Tables) -> Frame:
    totals = (
        t.lineitem.filter(col("l_shipdate") >= date(1996, 1, 1), col("l_shipdate") < date(1996, 4, 1))
        .group_by("l_suppkey")
        .agg(total_revenue=REVENUE.sum())
        .filter(col("total_revenue") == col("total_revenue").max())
    )
    return (
        t.supplier.join(totals, left_on="s_suppkey", right_on="l_suppkey")
        .select("s_suppkey", "s_name", "s_address", "s_phone", "total_revenue")
        .sort("s_suppkey")
    )


def q16(t: Tables) -> Frame:
    parts = t.part.filter(
        col("p_brand") != "Brand#45",
        ~col("p_type").str.starts_with("MEDIUM POLISHED"),
        col("p_size").is_in([49, 14, 23, 45, 19, 3, 36, 9]),
    )
    complained = t.supplier.filter(col("s_comment").str.contains("Customer.*Complaints"))
    return (
        t.partsupp.join(complained, left_on="ps_suppkey", right_on="s_suppkey", how="anti")
        .join(parts, left_on="ps_partkey", right_on="p_partkey")
        .group_by("p_brand", "p_type", "p_size")
        .agg(supplier_cnt=col("ps_suppkey").n_unique())
        .sort("supplier_cnt", "p_brand", "p_type", "p_size", descending=[True, False, False, False])
    )


def q17(t: Tables) -> Frame:
    boxes = t.part.filter(col("p_brand") == "Brand#23", col("p_container") == "MED BOX")
    lines = t.lineitem.join(boxes, left_on="l_partkey", right_on="p_partkey", how="semi")
    usual = lines.group_by("l_partkey").agg(usual=col("l_quantity").cast(pl.Float64).mean())
    small = lines.join(usual, on="l_partkey").filter(col("l_quantity").cast(pl.Float64) < 0.2 * col("usual"))
    price = col("l_extendedprice").cast(pl.Float64)
    return small.select(avg_yearly=pl.when(price.count() > 0).then(price.sum() / 7.0))


def q18(t: Tables) -> Frame:
    large = t.lineitem.group_by("l_orderkey").agg(sum_qty=col("l_quantity").sum()).filter(col("sum_qty") > 300)
    return (
        t.orders.join(large, left_on="o_orderkey", right_on="l_orderkey")
        .join(t.customer, left_on="o_custkey", right_on="c_custkey")
        .select("c_name", "o_custkey", "o_orderkey", "o_orderdate", "o_totalprice", "sum_qty")
        .sort("o_totalprice", "o_orderdate", descending=[True, False])
        .head(100)
    )


def q19(t: Tables) -> Frame:
    def sold(brand: str, containers: list[str], least: int, largest: int) -> pl.Expr:
        of_brand = (col("p_brand") == brand) & col("p_container").is_in(containers)
        return of_brand & col("l_quantity").is_between(least, least + 10) & col("p_size").is_between(1, largest)

    return (
        t.lineitem.filter(col("l_shipmode").is_in(["AIR", "AIR REG"]), col("l_shipinstruct") == "DELIVER IN PERSON")
        .join(t.part, left_on="l_partkey", right_on="p_partkey")
        .filter(
            sold("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 5)
            | sold("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10)
            | sold("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 15)
        )
        .select(revenue=REVENUE.sum())
    )


def q20(t: Tables) -> Frame:
    sold = (
        t.lineitem.filter(col("l_shipdate") >= date(1994, 1, 1), col("l_shipdate") < date(1995, 1, 1))
        .group_by("l_partkey", "l_suppkey")
        .agg(sold=col("l_quantity").sum())
    )
    forest = t.part.filter(col("p_name").str.starts_with("forest"))
    excess = (
        t.partsupp.join(forest, left_on="ps_partkey", right_on="p_partkey", how="semi")
        .join(sold, left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .filter(2 * col("ps_availqty") > col("sold"))
    )
    return (
        t.suppliers_of(t.nation.filter(col("n_name") == "CANADA"))
        .join(excess, left_on="s_suppkey", right_on="ps_suppkey", how="semi")
        .select("s_name", "s_address")
        .sort("s_name")
    )


def q21(t: Tables) -> Frame:
    late = t.lineitem.filter(col("l_receiptdate") > col("l_commitdate"))
    suppliers = col("l_suppkey").n_unique()
    shared = t.lineitem.group_by("l_orderkey").agg(suppliers=suppliers).filter(col("suppliers") > 1)
    blamed = late.group_by("l_orderkey").agg(suppliers=suppliers).filter(col("suppliers") == 1)
    failed = t.orders.filter(col("o_orderstatus") == "F")
    arabian = t.suppliers_of(t.nation.filter(col("n_name") == "SAUDI ARABIA"))
    return (
        late.join(arabian, left_on="l_suppkey", right_on="s_suppkey")
        .join(failed, left_on="l_orderkey", right_on="o_orderkey", how="semi")
        .join(shared, on="l_orderkey", how="semi")
        .join(blamed, on="l_orderkey", how="semi")
        .group_by("s_name")
        .agg(numwait=pl.len())
        .sort("numwait", "s_name", descending=[True, False])
        .head(100)
    )


def q22(t: Tables) -> Frame:
    codes = ["13", "31", "23", "29", "30", "18", "17"]
    customers = t.customer.with_columns(cntrycode=col("c_phone").str.slice(0, 2)).filter(col("cntrycode").is_in(codes))
    balance = col("c_acctbal")
    rich = customers.filter(balance > pl.when(balance > 0).then(balance).mean())
    return (
        rich.join(t.orders, left_on="c_custkey", right_on="o_custkey", how="anti")
        .group_by("cntrycode")
        .agg(numcust=pl.len(), totacctbal=balance.sum())
        .sort("cntrycode")
    )


QUERIES: tuple[Callable[[Tables], Frame], ...] = (
    q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11, q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, q22,
)  # fmt: skip
