"""A report of a run as one HTML file.

`render_report` is the door; it takes plain values and knows nothing of databases. Everything a user wrote is escaped,
see `markup`.
"""

from analysis.report.data import ReportData, Reproducibility
from analysis.report.logs import MOST_TRADES
from analysis.report.page import CONTENT_POLICY, render_report

__all__ = ["CONTENT_POLICY", "MOST_TRADES", "ReportData", "Reproducibility", "render_report"]
