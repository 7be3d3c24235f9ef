"""`python -m shelfmind`: the command, also where the folder of installed scripts is not on the search path."""

from shelfmind.cli import main

if __name__ == "__main__":
    main()
