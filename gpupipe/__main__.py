"""``python -m gpupipe``: the command line without its script."""

from __future__ import annotations

from gpupipe.cli import main

if __name__ == "__main__":
    main()
