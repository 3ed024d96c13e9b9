"""`python -m promoter_nb.paper`; its code is in nbs/library/paper/22_commands.ipynb."""
from .commands import main

main()
