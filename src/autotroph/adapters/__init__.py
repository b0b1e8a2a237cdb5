"""One outside system a file; nobody imports them: the registry loads the one that a declaration names."""
