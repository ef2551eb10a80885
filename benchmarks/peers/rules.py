"""The benchmark's rules in numbers."""

FAST, SLOW, ATR = 12, 26, 14
SL_ATR, TP_ATR = 1.5, 3.0
RISK = 0.01  # share of the equity lost at the SL
FIRST_BAR = 100  # the first that may signal
INITIAL_EQUITY = 10_000_000.0  # big enough for whole units of currency
SMALLEST_STOP = 1e-9  # share of the price: where a stop beyond the entry cannot be expressed
