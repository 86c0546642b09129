"""Source ``packages``, and what fetches, opens and licenses packages of any registry for other sources."""
