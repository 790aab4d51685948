"""The page's bundle: where it lies, and that it is never older than its sources."""

from __future__ import annotations

from pathlib import Path

_STATIC = Path(__file__).parent / "static"


def bundle() -> tuple[Path, Path]:
    """Return the paths of the page's module and style sheet.

    Raises
    ------
    RuntimeError
        In a checkout whose bundle is missing, or older than ``js/``. An installed package has no ``js/``.
    """
    module, style = _STATIC / "widget.js", _STATIC / "widget.css"
    sources = Path(__file__).parents[3] / "js"
    if not module.exists() or not style.exists():
        raise RuntimeError("The widget's page has not been built. Run `npm install && npm run build` in js/.")
    if (sources / "package.json").exists():
        newest = max(path.stat().st_mtime for path in (sources / "src").rglob("*") if path.is_file())
        if newest > module.stat().st_mtime:
            raise RuntimeError("The widget's page is older than its sources. Run `npm run build` in js/.")
    return module, style
