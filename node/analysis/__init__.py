"""A claimed study on its way from the inbox to a folder of results."""
