"""How a plan and a run are shown: drawings of the DAG, HTML pages, charts, and a summary for the terminal.

Everything here takes the plain values described in ``form.py`` and gives back text. The summary for the terminal needs rich and is
therefore asked for by its own address, ``gpupipe.report.text``.
"""

from __future__ import annotations

from gpupipe.report.drawing import draw_svg, draw_text
from gpupipe.report.html import html_page, plan_page

__all__ = ["draw_svg", "draw_text", "html_page", "plan_page"]
