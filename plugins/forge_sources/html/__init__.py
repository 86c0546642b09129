"""Pages of documentation: main content as text, and the APIs that their tables and lists describe."""
