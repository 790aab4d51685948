"""Let `python -m ipyveo` be the command line."""

from ipyveo.cli import main

raise SystemExit(main())
