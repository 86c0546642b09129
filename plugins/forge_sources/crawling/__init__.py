"""What crawlers share: frontier, sitemaps, canonical addresses."""
