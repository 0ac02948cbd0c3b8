"""Settings of the documentation's site, for Sphinx; `make site` builds it."""

from iamsync import __version__

project = "iamsync"
author = "the authors of iamsync"
project_copyright = "the authors of iamsync"
version = release = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns: list[str] = []
# Links to a heading of a page: the same names that a repository's own view gives them.
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"iamsync {__version__}"
html_copy_source = False
html_show_sourcelink = False
# Nothing is loaded from anywhere else, and no page says how it was made.
html_show_sphinx = False
# Blocks of what a terminal shows, of which no lexer makes sense.
suppress_warnings = ["misc.highlighting_failure"]
