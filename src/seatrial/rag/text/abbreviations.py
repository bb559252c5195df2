"""Words behind whose full stop a sentence goes on, always or mostly."""

from __future__ import annotations


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


BEFORE_NAMES = _listed(
    "mr mrs ms mx dr prof st sr sra mme mlle messrs gen col lt sgt capt cpl maj cmdr adm gov "
    "rep sen hon rev fr pres supt insp det mt ft rt hr frau dhr bros"
)
"""Titles and what else stands before a name: never the last word of a sentence."""

BEFORE_NUMBERS = _listed(
    "no nos nr fig figs eq eqs sec ch chap vol vols pp p pg art tab ref refs ed eds par abb bd "
    "s ss cap num núm n op ver app ex"
)
"""These point at a number; without one behind them the full stop ends a sentence."""

NEVER_LAST = _listed(
    "e.g eg i.e ie cf vs viz approx ca incl excl esp resp z.b d.h u.a bzw ggf vgl sog evtl inkl "
    "zzgl p.ex bv bijv t.ex f.eks p.ej np tj tzn např tzv т.е т.к напр см"
)
"""Something always follows, whatever it begins with."""

PERHAPS_LAST = _listed(
    "etc al inc ltd co corp llc plc gmbh bros jr sr esq dept univ assn intl ave blvd rd a.m p.m "
    "am pm kr kl u.s u.k u.n e.u d.c ph.d m.d b.a m.a b.c a.d est jan feb mar apr jun jul aug "
    "sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun usw usf u.s.w u.s.a m.sc "
    "b.sc т.д т.п др г гг ул"
)
"""A sentence may end with it: told by how the next one begins."""

BEGINNINGS = _listed(
    "the a an this that these those it its he she they we you i his her their our my in on at "
    "for from by with as if when while where after before since because although though however "
    "but and or so then there here what who why how which some many most all each both no not "
    "yes one two another other once during despite according today now also such moreover "
    "furthermore meanwhile instead der die das ein eine es er sie wir ich im am und aber le la "
    "les un une il elle el los las en lo"
)
"""Words that begin sentences more often than they follow an abbreviation in capitals."""

MONTHS = _listed(
    "januar februar märz april mai juni juli august september oktober november dezember januari "
    "februari marts maj augusti december oktobra"
)
"""What follows a day written as an ordinal (3. Mai)."""
