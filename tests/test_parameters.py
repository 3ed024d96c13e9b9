"""papermill refuses what an experiment does not understand."""
import json

NOTEBOOK = "nbs/experiments/21_data_set.ipynb"


def test_unknown_parameter_is_named(checkout):
    assert "unknown parameter sequence;" in checkout.fail(*checkout.papermill(NOTEBOOK, sequence=4000))


def test_wrong_type_is_named(checkout):
    said = checkout.fail(*checkout.papermill(NOTEBOOK, promoters="many"))
    assert "parameter promoters is 'many', of type str; expected int" in said


def test_missing_tag_is_named(checkout):
    path = checkout.folder/NOTEBOOK
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]: cell["metadata"].pop("tags", None)
    path.write_text(json.dumps(notebook))
    assert "tagged `parameters`" in checkout.fail(*checkout.papermill(NOTEBOOK, promoters=4000))


def test_bad_data_names_file_line_and_value_and_leaves_no_results(checkout):
    (checkout.folder/"bad.txt").write_text("ACGT\t1\nACGT\tlow\n")
    output = checkout.fail(*checkout.papermill(NOTEBOOK, data="bad.txt"))
    assert "bad.txt, line 2: 'low' is not a number" in output
    assert not list((checkout.folder/"results/by-hand").rglob("metrics.json"))
    assert not list(checkout.folder.rglob("*.part"))
