"""`python -m node`: the command line without its console script."""

from node.cli import main

if __name__ == "__main__":
    main()
