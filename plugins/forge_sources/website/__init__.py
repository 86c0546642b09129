"""Source ``website``: an API documentation site, crawled."""
