"""Reports of made-up runs, and a reader of the pages."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np

from analysis.metrics import summarize
from analysis.report import ReportData, Reproducibility
from tests.analysis.metrics.made import HOUR, MINUTE, MONDAY, trade, trades

MADE_AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
VOID = frozenset({"meta", "input"})
LISTED = "trades"  # the class of the table of trades


def moment(time_ms):
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def log_of(made):
    """The rows of trades as a run keeps them: times in ISO 8601."""
    times = ("entry_time", "exit_time")
    return [row | {name: moment(row[name]).isoformat().replace("+00:00", "Z") for name in times} for row in made.rows()]


def report_of(made, times, equity, **others):
    """What is known of a run with these trades and this curve."""
    log = log_of(made)
    values = {
        "title": "EMA crossover", "symbols": ["EURUSD"], "timeframe": "M1", "start": moment(int(times[0])),
        "end": moment(int(times[-1])), "made_at": MADE_AT, "stats": summarize(made, times, equity),
        "equity_time": times, "equity": equity, "trades": log, "trades_total": len(log),
        "reproducibility": Reproducibility(
            run_id="9a1c", engine_version="3", code_hash="c0de" * 16, data_fingerprint="da7a" * 16, digest="d19e" * 16,
            verify_command="python manage.py verify_run 9a1c", params={"ema_short_period": 21},
            settings={"intrabar": "pessimistic", "initial_equity": 10_000.0},
            instruments=[{"symbol": "EURUSD", "tick_size": 1e-5}],
            candles=[{"symbol": "EURUSD", "candles": len(times)}],
        ),
    }  # fmt: skip
    return ReportData(**(values | others))


def random_run(count, *, points=5_000, symbols=("EURUSD",), seed=1, **columns):
    """That many trades, one after the other, and a curve that is unrelated to them."""
    rng = np.random.default_rng(seed)
    step = points * MINUTE // max(count, 1)
    pnl_r = np.where(rng.random(count) < 0.42, 1.5, -1.0) + rng.normal(0, 0.1, count)
    made = trades(
        *(
            trade(
                round(100 * r, 2), i * step, i * step + step // 2, symbol=symbols[i % len(symbols)], pnl_r=float(r),
                initial_risk=100.0, entry_price=1.10123, exit_price=1.1015, sl=1.1, tp=1.103, commission=0.7,
                mae_r=-0.4, mfe_r=1.1, exit_reason="tp" if r > 0 else "sl", **columns,
            )
            for i, r in enumerate(pnl_r)
        )
    )  # fmt: skip
    equity = 10_000 + np.concatenate([[0.0], np.cumsum(rng.normal(0.05, 3, points - 1))])
    return made, MONDAY + np.arange(points, dtype=np.int64) * MINUTE, equity


def a_day(*equity):
    """A curve with a point an hour."""
    return MONDAY + np.arange(len(equity), dtype=np.int64) * HOUR, np.array(equity, dtype=np.float64)


def window(days):
    return moment(MONDAY), moment(MONDAY) + timedelta(days=days)


class Page(HTMLParser):
    """A page taken apart. Raises AssertionError where elements are not closed in order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"twice in <{tag}>: {names}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        opened = self.open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def words(self):
        """What can be read, blanks made one."""
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        """The attributes of each element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def sections(self):
        return [attributes["id"] for attributes in self.all("section")]
