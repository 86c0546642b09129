"""Source ``ansible``: modules of Ansible's collections, read without running them."""
