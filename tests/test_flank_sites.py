"""What design says about forbidden sites that lie in a flank alone."""
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.inference.constraints import constraints, sites_in_flanks

CORE = "ACGTTGCATGCAATTGCCATGATCAGT"


def test_sites_of_either_strand_are_placed_in_their_flank():
    forbid = constraints(enzymes=["BsaI"], forbid=["GGATCC"]).forbid
    assert sites_in_flanks(("", ""), forbid) == sites_in_flanks(("GGTCT", "CGGAT"), forbid) == []
    assert sites_in_flanks(("TTGGTCTC", "AGAGACCGGATCC"), forbid) == [
        "BsaI (GGTCTC) at bases 3 to 8 of the upstream flank", "GGATCC at bases 8 to 13 of the downstream flank",
        "BsaI (GGTCTC) at bases 2 to 7 of the downstream flank"]


def test_design_says_which_sites_every_oligo_holds(tmp_path):
    words = ["design", "-", "--edits", "1", "--enzyme", "BsaI", "--upstream", "GGTCTCGCATC", "--model", "simulated"]
    design = lambda *more: CliRunner().invoke(app, [*words, *more], input=CORE + "\n")
    assert "every oligo holds BsaI (GGTCTC) at bases 1 to 6 of the upstream flank" in design().stderr
    cut = design("--overlap", "8", "--order", str(tmp_path/"order.fa"))
    assert cut.exit_code == 0 and "every oligo" not in cut.stderr and "GGTCTC" not in (tmp_path/"order.fa").read_text()
