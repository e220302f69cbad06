"""The report: one page that says what was fitted to what, and whether it worked."""

from spiketwin.report.page import write_report

__all__ = ["write_report"]
