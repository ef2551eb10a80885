"""Every figure of a run: what to call it, how to write it, and what it says. docs/statistics.md has the formulas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.report import wording
from analysis.report.wording import NOTHING

KINDS: Mapping[str, Callable[[object], str]] = {
    "money": wording.money,
    "pct": wording.per_cent,
    "share": lambda value: wording.per_cent(value * 100, 1) if isinstance(value, int | float) else NOTHING,
    "count": lambda value: wording.number(value, 1),
    "ratio": lambda value: wording.number(value, 3),
    "r": wording.multiple,
    "time": wording.moment,
    "date": lambda value: NOTHING if value is None else str(value)[:10],
    "span": wording.duration,
}

# Of each figure: name | label | kind | meaning, under the heading of its group.
_CATALOGUE = """
# Growth
start_time | First point | time | The first point of the equity curve
end_time | Last point | time | The last point of the equity curve
duration_s | Length | span | From the first to the last point
initial_equity | Initial equity | money |
final_equity | Final equity | money | With open trades at their market value
net_pnl | Net P&L | money | Final less initial equity, after all costs
total_return_pct | Return | pct | Net P&L in per cent of the initial equity
cagr_pct | Annual growth (CAGR) | pct | The yearly growth that gives this return in calendar time; none below a day
annual_return_pct | Annual return of daily returns | pct | Geometric mean of daily returns over 252 days
trading_days | Trading days | count | UTC days with candles
winning_days | Days with a gain | count | By the change of equity
draw_days | Days without a change | count |
losing_days | Days with a loss | count |
average_day | Average day | money | Mean change of equity a day
best_day | Best day | money |
best_day_pct | Best day, relative | pct | Of the equity before
best_day_date | Best day was | date |
worst_day | Worst day | money |
worst_day_pct | Worst day, relative | pct | Of the equity before
worst_day_date | Worst day was | date |
# Risk and return
sharpe_ratio | Sharpe ratio | ratio | Mean over standard deviation of daily returns, annualised with 252 days
sortino_ratio | Sortino ratio | ratio | Like Sharpe, though only losses count as risk
calmar_ratio | Calmar ratio | ratio | Annual growth over the maximum drawdown
omega_ratio | Omega ratio | ratio | Sum of daily gains over sum of daily losses
volatility_pct | Volatility a year | pct | Standard deviation of daily returns times the root of 252
value_at_risk_95_pct | Value at risk, 95 % | pct | One day in twenty was worse than this
value_at_risk_99_pct | Value at risk, 99 % | pct | One day in a hundred was worse than this
conditional_value_at_risk_95_pct | Expected shortfall, 95 % | pct | Mean of the worst twentieth of the days
tail_ratio | Tail ratio | ratio | Size of good days (95 % quantile) over size of bad days (5 % quantile)
skew | Skew of daily returns | ratio | Below zero: the large surprises are losses
excess_kurtosis | Excess kurtosis | ratio | Above zero: more extreme days than a normal distribution has
ulcer_index_pct | Ulcer index | pct | Root of the mean squared drawdown at the ends of days
martin_ratio | Martin ratio | ratio | Annual growth over the ulcer index
serenity_index | Serenity index | ratio | Sum of daily returns over the ulcer index and the tail of drawdowns
# Drawdowns
max_drawdown | Maximum drawdown | money | The deepest fall of the equity from a previous peak, in money
max_drawdown_pct | Maximum drawdown | pct | The deepest fall in per cent of its peak; may be another one than in money
max_drawdown_start_time | It began | time | The peak before the deepest drawdown in per cent
max_drawdown_trough_time | It was deepest | time |
max_drawdown_recovery_time | It was over | time | When the equity was back at the peak; none while it is not
max_drawdown_high | Its peak | money |
max_drawdown_low | Its trough | money |
max_drawdown_duration_s | It lasted | span | From peak to recovery, or to the end
current_drawdown | Drawdown at the end | money |
current_drawdown_pct | Drawdown at the end | pct |
recovery_factor | Recovery factor | ratio | Net P&L over the maximum drawdown in money
underwater_pct | Time under water | pct | Share of the minutes below an earlier peak
drawdown_count | Drawdowns | count | However small they are
average_drawdown | Average drawdown | money |
average_drawdown_pct | Average drawdown | pct |
average_drawdown_s | Average length | span |
longest_drawdown_s | Longest drawdown | span | From peak to recovery, or to the end
longest_recovery_s | Longest recovery | span | From trough to recovery, of those that are over
min_equity | Lowest equity | money |
max_equity | Highest equity | money |
equity_drawdown_absolute | Equity below the start | money | MT5 absolute: initial less lowest equity
equity_drawdown_absolute_pct | Equity below the start | pct |
equity_drawdown_maximal | Equity drawdown, maximal | money | MT5 maximal: deepest in money
equity_drawdown_maximal_pct | Equity drawdown, maximal | pct | Of that same fall
equity_drawdown_relative_pct | Equity drawdown, relative | pct | MT5 relative: deepest in per cent
equity_drawdown_relative | Equity drawdown, relative | money | Of that same fall
min_balance | Lowest balance | money | The balance moves when a trade is closed
max_balance | Highest balance | money |
balance_drawdown_absolute | Balance below the start | money |
balance_drawdown_absolute_pct | Balance below the start | pct |
balance_drawdown_maximal | Balance drawdown, maximal | money |
balance_drawdown_maximal_pct | Balance drawdown, maximal | pct |
balance_drawdown_relative_pct | Balance drawdown, relative | pct |
balance_drawdown_relative | Balance drawdown, relative | money |
# Trades
total_trades | Trades | count | Entries; what was closed in parts counts once
total_deals | Deals | count | Entries and exits, each part an exit
winning_trades | Winners | count |
losing_trades | Losers | count |
draw_trades | At zero | count |
win_rate | Win rate | pct | Winners of all trades
loss_rate_pct | Loss rate | pct |
long_trades | Long trades | count |
short_trades | Short trades | count |
long_won_pct | Long trades won | pct |
short_won_pct | Short trades won | pct |
long_pnl | P&L of long trades | money |
long_pnl_pct | P&L of long trades | pct | Of the initial equity
short_pnl | P&L of short trades | money |
short_pnl_pct | P&L of short trades | pct | Of the initial equity
trades_per_day | Trades a day | ratio |
max_open_trades | Most open at once | count |
total_lots | Lots traded | ratio |
first_trade_entry_time | First entry | time |
last_trade_exit_time | Last exit | time |
refused_actions | Refused actions | count | What the strategy asked for and did not get
# Profit per trade
gross_profit | Gross profit | money | Sum of the winners
gross_loss | Gross loss | money | Sum of the losers
profit_factor | Profit factor | ratio | Gross profit over gross loss; none without losses
expectancy | Expectancy | money | Mean P&L a trade
expectancy_r | Expectancy in R | r | Mean of P&L over initial risk, of trades with a stop
total_r | Sum in R | r |
expectancy_ratio | Expectancy ratio | ratio | Expectancy over the average loss
average_win | Average win | money |
average_loss | Average loss | money |
biggest_win | Biggest win | money |
biggest_loss | Biggest loss | money |
payoff_ratio | Payoff ratio | ratio | Average win over average loss
kelly_pct | Kelly criterion | pct | The stake that would grow the account fastest, were these odds certain
sqn | System quality (SQN) | ratio | Root of n times mean over standard deviation of P&L
sqn_r | System quality in R | ratio |
pnl_std | Standard deviation of P&L | money |
ahpr | Holding period return, mean | ratio | Balance after over balance before a trade, arithmetic mean
ghpr | Holding period return, geometric | ratio |
sharpe_ratio_per_trade | Sharpe ratio a trade | ratio | Not annualised
best_trade_pct | Best trade | pct | Of the balance before
worst_trade_pct | Worst trade | pct |
average_trade_pct | Average trade | pct |
best_move_pct | Best price move | pct | How far the price went for a trade, before costs
worst_move_pct | Worst price move | pct |
average_move_pct | Average price move | pct |
lr_correlation | Straightness of the balance | ratio | Correlation of the balance with the number of the trade
lr_standard_error | Standard error of the balance | money | From its least-squares line
# Streaks
max_consecutive_wins | Most wins in a row | count | In order of entry; a trade at zero ends a streak
max_consecutive_wins_pnl | P&L of the most wins | money |
max_consecutive_losses | Most losses in a row | count |
max_consecutive_losses_pnl | P&L of the most losses | money |
max_consecutive_profit | Richest streak | money |
max_consecutive_profit_trades | Trades of the richest streak | count |
max_consecutive_loss | Costliest streak | money |
max_consecutive_loss_trades | Trades of the costliest streak | count |
average_consecutive_wins | Average wins in a row | ratio |
average_consecutive_losses | Average losses in a row | ratio |
z_score | Z-score | ratio | Below zero wins follow wins, above zero they alternate
z_score_probability_pct | Certainty of the Z-score | pct | How unlikely the order of wins and losses is by chance
# Time in the market
exposure_pct | Exposure | pct | Share of the time with an open trade
average_bars_held | Average bars held | ratio | Bars of the run's timeframe
min_holding_s | Shortest trade | span |
average_holding_s | Average trade | span |
median_holding_s | Median trade | span |
max_holding_s | Longest trade | span |
min_winner_holding_s | Shortest winner | span |
average_winner_holding_s | Average winner | span |
median_winner_holding_s | Median winner | span |
max_winner_holding_s | Longest winner | span |
min_loser_holding_s | Shortest loser | span |
average_loser_holding_s | Average loser | span |
median_loser_holding_s | Median loser | span |
max_loser_holding_s | Longest loser | span |
# Excursions
average_mae_r | Average MAE | r | How far trades went against themselves (maximum adverse excursion)
average_mfe_r | Average MFE | r | How far trades went for themselves (maximum favourable excursion)
largest_mae_r | Largest MAE | r |
largest_mfe_r | Largest MFE | r |
edge_ratio | Edge ratio | ratio | Average MFE over average MAE
average_giveback_r | Average given back | r | Of its best moment, before the exit
correlation_profit_mfe | Correlation of profit and MFE | ratio |
correlation_profit_mae | Correlation of profit and MAE | ratio | MAE as a negative number
correlation_mfe_mae | Correlation of MFE and MAE | ratio |
# Costs and assumptions
total_commission | Commission | money |
total_swap | Swap | money | Negative when paid
total_costs | Costs | money | Commission less swap; the spread is in the prices
pnl_before_costs | P&L before costs | money |
gross_profit_before_costs | Gross profit before costs | money |
costs_of_gross_profit_pct | Costs of gross profit | pct | Before costs
intrabar_decided | Decided by the intrabar rule | count | Trades whose minute held both stop and target
intrabar_decided_pct | Decided by it, of all trades | pct |
pnl_pessimistic | P&L, rule always against | money |
pnl_optimistic | P&L, rule always for | money |
# Skill or luck
probabilistic_sharpe_ratio | Probability of skill (PSR) | share | That the true Sharpe ratio is above zero
deflated_sharpe_ratio | Deflated Sharpe ratio | share | The same, against the best of so many trials without skill
deflated_sharpe_trials | Trials assumed | count | For the deflated Sharpe ratio
min_track_record_days | Days needed | count | To be 95 % sure of a Sharpe ratio above zero
mean_pnl_p_value | p-value of the mean P&L | ratio | How likely a mean this far from zero is without an edge
pnl_without_best_trade | P&L without the best trade | money |
pnl_without_best_5_pct | P&L without the best 5 % | money | Of the trades
"""

# Shown in sections of their own.
TABLES = frozenset({
    "by_month", "by_weekday", "by_hour", "by_symbol", "by_exit_reason", "by_tag", "drawdowns", "monthly_returns",
    "monte_carlo", "r_distribution",
})  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """How one of the statistics is called, written (`kind` is one of KINDS) and explained."""

    name: str
    label: str
    kind: str
    meaning: str

    def shown(self, value: Any) -> str:
        """The value as text."""
        return KINDS[self.kind](value)


def _read(catalogue: str) -> dict[str, tuple[Figure, ...]]:
    groups: dict[str, tuple[Figure, ...]] = {}
    for line in catalogue.strip().splitlines():
        if line.startswith("# "):
            heading = line[2:]
            groups[heading] = ()
        else:
            groups[heading] += (Figure(*(part.strip() for part in line.split("|"))),)
    return groups


GROUPS: Mapping[str, tuple[Figure, ...]] = _read(_CATALOGUE)
FIGURES: Mapping[str, Figure] = {figure.name: figure for group in GROUPS.values() for figure in group}


def figure_of(name: str) -> Figure:
    """The figure of that name; one the catalogue does not have yet is named after itself."""
    if name in FIGURES:
        return FIGURES[name]
    kinds = {"_pct": "pct", "_time": "time", "_date": "date", "_s": "span", "_r": "r"}
    kind = next((kind for ending, kind in kinds.items() if name.endswith(ending)), "ratio")
    words = name.replace("_pct", "").replace("_", " ").replace("pnl", "P&L")
    return Figure(name, words[:1].upper() + words[1:], kind, "")
