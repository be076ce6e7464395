"""The report of a run as a value: plain values, a page, and what a notebook shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gpupipe.core.plain_json import json_text
from gpupipe.core.whole_files import make_folder, write_whole
from gpupipe.report.html import framed, html_page


class RunReport(dict[str, Any]):
    """Report of a run: the plain values of ``report.json``, of which a notebook shows the page.

    ``report.save("folder")``, or ``report()`` for the folder ``report``, writes both files.
    """

    def save(self, folder: str | Path = "report") -> Path:
        """Write ``report.json`` and ``report.html`` into a folder, which is made; return the page's path.

        Raises
        ------
        SinkError
            The folder cannot be made, or the files not be written.
        """
        folder = Path(folder)
        make_folder(folder)
        write_whole(folder / "report.json", json_text(self, indent=1) + "\n")
        write_whole(folder / "report.html", html_page(self))
        return folder / "report.html"

    def __call__(self, folder: str | Path = "report") -> RunReport:
        """Write the files as `save` does, and return the report, which a notebook then shows."""
        self.save(folder)
        return self

    def _repr_html_(self) -> str:
        return framed(html_page(self), f"Report of {self['pipeline']}")
