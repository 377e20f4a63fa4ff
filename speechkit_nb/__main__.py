"""`python -m speechkit_nb` is the command `speechkit-nb`."""

from .cli.main import main

main(prog_name="speechkit-nb")
