"""Who lends and where: sellers, servicers, states, three-digit postal areas, metropolitan areas.

The thirteen sellers, the servicers and the weights are those of the public 2007Q3 quarter. The other names in `NAME_PAIRS` are
made up, so that the list is as long as the one that goes with the real files.
"""

from __future__ import annotations

import numpy as np

from gpupipe.datasets.mortgage_columns import Floats, Ints

SELLERS = {
    "BANK OF AMERICA, N.A.": ("Bank of America", 0.2711),
    "OTHER": ("Other", 0.1757),
    "CITIMORTGAGE, INC.": ("CitiMortgage", 0.1393),
    "WELLS FARGO BANK, N.A.": ("Wells Fargo", 0.1092),
    "JPMORGAN CHASE BANK, NATIONAL ASSOCIATION": ("JP Morgan Chase", 0.0684),
    "GMAC MORTGAGE, LLC": ("GMAC", 0.0623),
    "PNC BANK, N.A.": ("PNC", 0.0465),
    "SUNTRUST MORTGAGE INC.": ("SunTrust", 0.0334),
    "FLAGSTAR CAPITAL MARKETS CORPORATION": ("Flagstar", 0.0280),
    "AMTRUST BANK": ("AmTrust", 0.0280),
    "FIRST TENNESSEE BANK NATIONAL ASSOCIATION": ("First Tennessee", 0.0256),
    "BISHOPS GATE RESIDENTIAL MORTGAGE TRUST": ("Bishops Gate", 0.0104),
    "FDIC, RECEIVER, INDYMAC FEDERAL BANK FSB": ("FDIC", 0.0021),
}

SERVICERS = {
    "OTHER": 0.245,
    "BANK OF AMERICA, N.A.": 0.182,
    "CITIMORTGAGE, INC.": 0.091,
    "WELLS FARGO BANK, N.A.": 0.078,
    "JP MORGAN CHASE BANK, NA": 0.067,
    "FLAGSTAR CAPITAL MARKETS CORPORATION": 0.061,
    "GMAC MORTGAGE, LLC": 0.057,
    "GREEN TREE SERVICING, LLC": 0.051,
    "DITECH FINANCIAL LLC": 0.048,
    "PNC BANK, N.A.": 0.040,
    "FIRST TENNESSEE BANK, NATIONAL ASSOCIATION": 0.033,
    "SUNTRUST MORTGAGE INC.": 0.025,
    "NATIONSTAR MORTGAGE, LLC": 0.022,
}

_INVENTED_PLACES = (
    "Amber Valley, Birch Hollow, Cedar River, Copper Ridge, Eagle Harbor, Fox Meadow, Granite Bay, Harvest Plain, Iron Bridge, "
    "Juniper Lake, Linden Park, Maple County, North Quay, Orchard Hill, Pine Summit, Silver Creek, Willow Glen"
)
_INVENTED_KINDS = ("BANK, N.A.", "HOME LOANS, LLC", "MORTGAGE CORPORATION", "SAVINGS BANK, FSB")


def _name_pairs() -> dict[str, str]:
    real = {legal: short for legal, (short, _) in SELLERS.items()}
    invented = {f"{place.upper()} {kind}": place for place in _INVENTED_PLACES.split(", ") for kind in _INVENTED_KINDS}
    return real | invented


NAME_PAIRS = _name_pairs()

# state, weight per 10,000 loans, first three digits of its postal codes
_STATES = """
AL 208 350-352 354-369; AK 23 995-999; AZ 288 850-853 855-857 859-860 863-865; AR 94 716-729; CA 714 900-908 910-928 930-961
CO 212 800-816; CT 137 060-069; DE 47 197-199; DC 20 200 203; FL 642 320-342 344 346-347 349; GA 314 300-319 398-399
HI 38 967-968; ID 73 832-838; IL 569 600-620 622-629; IN 184 460-479; IA 100 500-516 520-528; KS 79 660-662 664-679
KY 126 400-427; LA 148 700-701 703-708 710-714; ME 61 039-049; MD 230 206-212 214-219; MA 237 010-027; MI 320 480-499
MN 206 550-551 553-567; MS 93 386-397; MO 233 630-631 633-641 644-658; MT 55 590-599; NE 69 680-681 683-693
NV 77 889-891 893-895 897-898; NH 62 030-038; NJ 270 070-089; NM 70 870-871 873-875 877-884; NY 391 100-149; NC 326 270-289
ND 19 580-588; OH 295 430-458; OK 94 730-731 734-741 743-749; OR 199 970-979; PA 390 150-196; RI 41 028-029; SC 163 290-299
SD 32 570-577; TN 211 370-385; TX 677 750-770 772-799; UT 164 840-847; VT 25 050-054 056-059; VA 288 201 220-246
WA 304 980-986 988-994; WV 39 247-268; WI 275 530-532 534-535 537-549; WY 31 820-831; PR 36 006-007 009; VI 1 008; GU 1 969
"""


def _areas() -> tuple[list[str], Ints, Floats]:
    """Return state, three-digit postal area and share of all loans, one entry for each area."""
    states: list[str] = []
    areas: list[int] = []
    shares: list[float] = []
    for entry in _STATES.replace("\n", ";").split(";"):
        if not entry.strip():
            continue
        state, weight, *ranges = entry.split()
        spans = [span.split("-") for span in ranges]
        here = [area for span in spans for area in range(int(span[0]), int(span[-1]) + 1)]
        # The 37 shuffles which areas are the large ones; the power gives about 807 areas in 10,000 loans.
        ranks = sorted(range(len(here)), key=lambda index: here[index] * 37 % 101)
        sizes = [(rank + 1) ** -1.35 for rank in np.argsort(ranks)]
        states += [state] * len(here)
        areas += here
        shares += [int(weight) * size / sum(sizes) for size in sizes]
    return states, np.array(areas), np.array(shares) / sum(shares)


AREA_STATES, AREAS, AREA_SHARES = _areas()
# Metropolitan codes run from 10180 to 49740; 15 % of the loans lie outside one, which the files write as 0.
AREA_MSAS = np.where(AREAS * 53 % 100 < 18, 0, 10180 + AREAS * 7919 % 1979 * 20)
