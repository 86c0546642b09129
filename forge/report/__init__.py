"""The report page and the dataset card of an export."""
