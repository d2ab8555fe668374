"""The family of Table 3: its rows at the bundled scale, and what their differences may say."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cli.table3 import Table3
from core.experiments.table3.presets import PRESETS, PaperResult
from core.experiments.table3.report import report
from core.experiments.table3.rows import (
    BASE,
    TRAINING,
    VARIANTS,
    VOCABULARY_SIZE,
    chosen_variants,
)
from core.experiments.table3.table import (
    TABLE,
    read_table,
    require_different_weights,
    untrained,
    verdict,
)
from core.experiments.table3.train_all import require_same_settings
from tests.core.helpers import run_python
from tests.core.tables import made_up_table
from tests.damage import damages

# At width 1/4 and depth 1/2: N, d_model, d_ff, h, d_k, d_v, P_drop, eps_ls, positions
SCALED = {
    "base": (3, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "A-h1": (3, 128, 512, 1, 128, 128, 0.1, 0.1, "sinusoidal", 0),
    "A-h4": (3, 128, 512, 4, 32, 32, 0.1, 0.1, "sinusoidal", 0),
    "A-h16": (3, 128, 512, 16, 8, 8, 0.1, 0.1, "sinusoidal", 0),
    "A-h32": (3, 128, 512, 32, 4, 4, 0.1, 0.1, "sinusoidal", 0),
    "B-dk16": (3, 128, 512, 8, 4, 16, 0.1, 0.1, "sinusoidal", 0),
    "B-dk32": (3, 128, 512, 8, 8, 16, 0.1, 0.1, "sinusoidal", 0),
    "C-N2": (1, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "C-N4": (2, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "C-N8": (4, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "C-d256": (3, 64, 512, 8, 8, 8, 0.1, 0.1, "sinusoidal", 0),
    "C-d1024": (3, 256, 512, 8, 32, 32, 0.1, 0.1, "sinusoidal", 0),
    "C-ff1024": (3, 128, 256, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "C-ff4096": (3, 128, 1024, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "D-drop0.0": (3, 128, 512, 8, 16, 16, 0.0, 0.1, "sinusoidal", 0),
    "D-drop0.2": (3, 128, 512, 8, 16, 16, 0.2, 0.1, "sinusoidal", 0),
    "D-ls0.0": (3, 128, 512, 8, 16, 16, 0.1, 0.0, "sinusoidal", 0),
    "D-ls0.2": (3, 128, 512, 8, 16, 16, 0.1, 0.2, "sinusoidal", 0),
    "E-learned": (3, 128, 512, 8, 16, 16, 0.1, 0.1, "learned", 0),
    "big": (3, 256, 1024, 16, 16, 16, 0.3, 0.1, "sinusoidal", 0),
    "base-N6": (6, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "fixed-heads": (3, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 7),
    "base-seed2": (3, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
    "base-seed3": (3, 128, 512, 8, 16, 16, 0.1, 0.1, "sinusoidal", 0),
}


def bundled():
    return untrained(width="1/4", depth="1/2", vocabulary_size=VOCABULARY_SIZE, training=TRAINING)


def test_the_rows_are_the_papers_twenty_two_of_our_own_and_two_seeds():
    assert list(VARIANTS) == list(SCALED)
    assert list(VARIANTS)[:20] == list(PRESETS)


@pytest.mark.parametrize("name", SCALED)
def test_a_row_has_its_true_sizes(name):
    row = next(row for row in bundled().rows if row.name == name)
    assert dataclasses.astuple(row.sizes)[:-1] == SCALED[name]
    model = VARIANTS[name].model(vocabulary_size=VOCABULARY_SIZE, width="1/4", depth="1/2")
    assert model.n_encoder_layers == model.n_decoder_layers == row.sizes.n_layers
    assert model.n_parameters == row.sizes.parameters


def test_every_row_is_trained_alike_but_for_what_makes_it():
    """Same batches, hence the same tokens: nothing that shapes them differs, but for the seed."""
    for name, row in VARIANTS.items():
        settings = row.settings()
        seed = {"base-seed2": 2, "base-seed3": 3}.get(name, TRAINING.seed)
        assert settings == TRAINING.replace(
            label_smoothing=SCALED[name][7], seed=seed, keep_steps=settings.keep_steps
        )
        assert bool(settings.keep_steps) == (name == "base")


def test_only_the_papers_rows_have_the_papers_numbers():
    assert {name for name, row in VARIANTS.items() if row.paper is None} == {
        "base-N6", "fixed-heads", "base-seed2", "base-seed3",
    }  # fmt: skip
    assert VARIANTS["A-h1"].paper == PaperResult(5.29, 24.9)


def test_further_seeds_keep_no_weights():
    assert [name for name, row in VARIANTS.items() if not row.keeps_weights] == [
        "base-seed2", "base-seed3",
    ]  # fmt: skip


def test_rows_are_chosen_by_name_and_come_in_their_order():
    assert [row.name for row in chosen_variants("C-N2, base,A-h1")] == ["base", "A-h1", "C-N2"]
    assert chosen_variants("")[0] is BASE
    assert len(chosen_variants("")) == 24


def test_a_name_that_is_no_row_is_answered_with_the_list():
    with pytest.raises(
        ValueError,
        match=r"^there is no variant A-h3, N2; the variants are base, A-h1, .*, base-seed3$",
    ):
        chosen_variants("base,N2,A-h3")


def test_a_depth_that_a_row_cannot_have_is_named():
    with pytest.raises(ValueError, match=r"^depth=1/4 makes n_encoder_layers=6 of base into 3/2, "):
        untrained(width="1/4", depth="1/4", vocabulary_size=400, training=TRAINING)


@pytest.mark.parametrize(
    ("difference", "interval", "spread", "said"),
    [
        (-1.0, (-1.5, -0.5), 0.2, "lower"),
        (1.0, (0.5, 1.5), 0.2, "higher"),
        (1.0, (-0.1, 2.1), 0.2, "no difference shown"),
        (1.0, (0.0, 2.0), 0.2, "no difference shown"),  # zero itself is inside
        (-1.0, (-2.0, 0.0), 0.2, "no difference shown"),
        (1.0, (0.5, 1.5), 1.1, "no difference shown"),  # another seed does as much
        (-1.0, (-1.5, -0.5), 1.0, "no difference shown"),  # just as much
        (-1.0, (-1.5, -0.5), 0.99, "lower"),
        (1.0, (0.5, 1.5), 0.0, "higher"),
        (1.0, (0.5, 1.5), None, "not judged yet"),  # the seeds are not trained yet
        (1.0, (-0.5, 1.5), None, "no difference shown"),  # needs no seeds
        (0.0, (0.0, 0.0), 0.0, "no difference shown"),
    ],
)
def test_what_a_difference_says(difference, interval, spread, said):
    assert verdict(difference, interval, spread) == said


@given(st.floats(-9, 9), st.floats(0, 9), st.floats(0, 9), st.floats(0, 9))
def test_a_verdict_does_not_depend_on_the_direction(difference, below, above, spread):
    opposite = {"higher": "lower", "lower": "higher"}
    said = verdict(difference, (difference - below, difference + above), spread)
    mirrored = verdict(-difference, (-difference - above, -difference + below), spread)
    assert mirrored == opposite.get(said, said)


@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
def test_a_row_that_chose_its_precision_is_begun_with_auto(tmp_path, stored):
    """The run keeps what it chose; another choice than that is another training."""
    training = TRAINING.replace(precision="auto")
    family = Table3(output=tmp_path / "out", run_folder=tmp_path / "run", training=training)
    row = VARIANTS["C-N2"]
    model = row.model(vocabulary_size=family.vocabulary_size, width="1/4", depth="1/2")
    settings = row.settings(training.replace(precision=stored))
    (tmp_path / "run" / "C-N2").mkdir(parents=True)
    (tmp_path / "run" / "C-N2" / "config.json").write_text(
        json.dumps({"model": model.to_json(), "training": settings.to_json()})
    )
    require_same_settings(family)
    require_same_settings(dataclasses.replace(family, training=training.replace(precision=stored)))
    named = dataclasses.replace(family, training=training.replace(precision="float64"))
    with pytest.raises(ValueError, match=rf"\(precision was '{stored}', is 'float64'\)"):
        require_same_settings(named)


def written(tmp_path: Path, values) -> Path:
    file = tmp_path / TABLE
    file.write_text(json.dumps(values), "utf-8")
    return file


@pytest.mark.parametrize("table", [made_up_table(), bundled()], ids=["some rows", "no row"])
def test_a_table_survives_json(tmp_path, table):
    assert read_table(written(tmp_path, table.to_json())) == table


def test_reading_a_table_needs_no_torch(tmp_path):
    file = written(tmp_path, made_up_table().to_json())
    run_python(
        """
        import sys
        from pathlib import Path
        from core.experiments.table3.report import report
        from core.experiments.table3.table import read_table
        table = read_table(Path(sys.argv[1]))
        assert table.rows[0].measured.steps == 9000
        assert report(table, "markdown")
        assert "torch" not in sys.modules
        """,
        str(file),
    )


def test_no_file_is_no_table(tmp_path):
    with pytest.raises(ValueError, match=rf"^{tmp_path / TABLE} is not a table: .*No such file"):
        read_table(tmp_path / TABLE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 3}, r"it must be an object without \['height'\], not"),
        (
            {"rows": [{"name": "base"}]},
            r"it\.rows\[0\] must be an object with \['paper', 'seed', 'sizes'\], not",
        ),
        ({"rows": 3}, r"it\.rows must be a list, not 3"),
        ({"rows": [3]}, r"it\.rows\[0\] must be an object, not 3"),
    ],
)
def test_another_object_is_no_table(tmp_path, change, message):
    with pytest.raises(ValueError, match=rf"^{tmp_path / TABLE} is not a table: .*{message}"):
        read_table(written(tmp_path, {**made_up_table().to_json(), **change}))


def test_a_truncated_table_is_named(tmp_path):
    file = written(tmp_path, made_up_table().to_json())
    file.write_text(file.read_text()[:-9])
    with pytest.raises(
        ValueError,
        match=rf"^{file} is not a table: it is not JSON, it may be truncated: Unterminated",
    ):
        read_table(file)


def test_two_rows_with_the_same_weights_are_named():
    table = made_up_table()
    require_different_weights(table)
    copies = [
        dataclasses.replace(
            row, measured=row.measured and dataclasses.replace(row.measured, weights_sha256="5e")
        )
        for row in table.rows
    ]
    with pytest.raises(ValueError, match=r"^base = A-h1: the same weights under several names; "):
        require_different_weights(dataclasses.replace(table, rows=tuple(copies)))


def test_rows_without_weights_are_no_copies_of_each_other():
    table = made_up_table()
    without = [
        dataclasses.replace(
            row, measured=row.measured and dataclasses.replace(row.measured, weights_sha256=None)
        )
        for row in table.rows
    ]
    require_different_weights(dataclasses.replace(table, rows=tuple(without)))


@pytest.mark.slow
def test_whatever_a_table_holds_is_reported_or_refused_in_a_sentence(tmp_path):
    values = json.loads(report(made_up_table(), "json"))
    values["rows"].sort(key=lambda row: row["name"] != "A-h1")  # first the row that is compared
    refused = []
    for _, damaged in damages(values):
        try:
            report(read_table(written(tmp_path, damaged)), "markdown")
        except ValueError as error:
            refused.append(str(error))
    assert all(f"{TABLE} is not a table: " in message for message in refused)
    assert len(refused) > 400
