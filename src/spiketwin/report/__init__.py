"""The report: one page that says what was fitted to what, and whether it worked."""

from spiketwin.report.page import write_report
from spiketwin.report.targets import write_target_report

__all__ = ["write_report", "write_target_report"]
