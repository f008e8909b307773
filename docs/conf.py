"""How the site is built: `make docs` writes it to build/site, without the network; a warning is an error.

Sphinx, because it is maintained by many and reads the API from the package itself; MyST, because the pages are
Markdown that a repository's web page shows, too; Furo, because its pages need no font, script or style of others.
"""

import importlib.metadata

from sphinx.application import Sphinx

project = "signedin"
author = "The signedin developers"
project_copyright = author
release = importlib.metadata.version("signedin")
html_title = f"signedin {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

default_role = "code"  # docstrings quote code with one backtick, as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
add_module_names = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


def without_module_text(_app: Sphinx, what: str, _name: str, _it: object, _options: object, lines: list[str]) -> None:
    """Leave out what a module's docstring says to its maintainers."""
    if what == "module":
        lines.clear()


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", without_module_text)
