"""The compiled market simulation: one account, candles of one or more symbols, orders in, trades out.

Everything here is plain integer arithmetic on arrays, compiled by Numba and cached on disk. Prices are whole ticks,
sizes whole volume steps, money whole cents. A short is kept mirrored (prices negated), so that one set of rules, a
long's, serves both sides: in mirrored prices a stop is below, a target above, and the price that enters is the price
that closes plus the spread. `records` has the layout, `paths` the course of the price inside a candle, `ledger` the
money, `positions` entries and exits, `orders` what is on its way, `margin` leverage, `advance` the march of time.
"""
