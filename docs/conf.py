"""Sphinx's configuration. The pages are gathered by pages.py; `make docs` does both."""
import promoter_nb

project = "promoter_nb"
author = "The promoter_nb authors"
copyright = "2026, The promoter_nb authors"
version = release = promoter_nb.__version__

extensions = ["myst_nb"]
nb_execution_mode = "off"     # outputs are those of the last `make report`
nb_merge_streams = True
nb_output_stderr = "remove"   # progress bars
myst_enable_extensions = ["attrs_block"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "promoter_nb"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"source_repository": "", "top_of_page_buttons": []}


def setup(app):
    "Pages that are whole as they are, which pages.py writes."
    app.config.html_extra_path = [str(app.srcdir/"extra")]
