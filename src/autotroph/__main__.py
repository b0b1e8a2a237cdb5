"""`python -m autotroph`: the command, where it is not on the path."""

from autotroph.faces.cli import main

if __name__ == "__main__":
    main()
