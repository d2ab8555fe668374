"""Configurations: every rule has its message, and JSON goes both ways."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import ModelConfig, SearchConfig, TrainConfig
from core.system.files import write_json

EVERY_NUMBER_OF_THE_MODEL = (
    "vocabulary_size", "n_encoder_layers", "n_decoder_layers", "d_model", "d_ff", "n_heads", "d_k",
    "d_v", "max_positions",
)  # fmt: skip


def model_config(**changes: Any) -> ModelConfig:
    return ModelConfig(**{"vocabulary_size": 101, **changes})


@pytest.mark.parametrize("name", EVERY_NUMBER_OF_THE_MODEL)
@pytest.mark.parametrize("value", [0, -3, 2.0, "7", True, None])
def test_a_size_is_a_whole_number_of_at_least_1(name, value):
    with pytest.raises(
        ValueError, match=rf"^{name}={value!r} must be a whole number of at least 1"
    ):
        model_config(**{name: value})


@pytest.mark.parametrize("value", [-0.1, 1.0, 1, float("nan"), "0.1"])
def test_p_dropout_is_a_probability_below_1(value):
    with pytest.raises(ValueError, match=rf"^p_dropout={value!r} must be at least 0 and below 1$"):
        model_config(p_dropout=value)


@pytest.mark.parametrize("value", [0.0, -1e-6, float("inf"), float("nan"), "1e-6"])
def test_layer_norm_epsilon_is_positive(value):
    with pytest.raises(
        ValueError, match=rf"^layer_norm_epsilon={value!r} must be a positive number$"
    ):
        model_config(layer_norm_epsilon=value)


def test_activation_is_one_of_its_choices():
    with pytest.raises(ValueError, match=r"^activation='tanh' must be one of relu, silu, gelu$"):
        model_config(activation="tanh")


def test_positions_is_one_of_its_choices():
    with pytest.raises(
        ValueError,
        match=r"^positions='rotary' must be one of sinusoidal, sinusoidal_halves, learned, none$",
    ):
        model_config(positions="rotary")


@pytest.mark.parametrize("name", ["pad_id", "unknown_id", "start_id", "end_id"])
def test_special_ids_lie_in_the_vocabulary(name):
    with pytest.raises(ValueError, match=rf"^{name}=-1 must be a whole number of at least 0$"):
        model_config(**{name: -1})
    with pytest.raises(
        ValueError, match=rf"^{name}=101 is outside the vocabulary of vocabulary_size=101$"
    ):
        model_config(**{name: 101})
    assert getattr(model_config(**{name: 100}), name) == 100


@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves"])
def test_sinusoids_want_an_even_d_model(positions):
    with pytest.raises(ValueError, match=r"^d_model=13 is odd; sinusoidal positions pair a sine"):
        model_config(d_model=13, positions=positions)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
def test_a_position_table_has_a_size_that_a_memory_holds(positions):
    assert model_config(d_model=1_024, max_positions=2**17, positions=positions)
    with pytest.raises(
        ValueError, match=r"^max_positions=131073 times d_model=1024 makes a position"
    ):
        model_config(d_model=1_024, max_positions=2**17 + 1, positions=positions)


@pytest.mark.parametrize("positions", ["learned", "none"])
def test_other_positions_take_an_odd_d_model(positions):
    assert model_config(d_model=13, positions=positions).d_model == 13


@pytest.mark.parametrize(
    "name",
    [
        "tokens_per_update", "tokens_per_microbatch", "n_steps", "n_warmup_steps",
        "validate_every", "snapshot_every", "n_snapshots", "max_pieces",
    ],
)  # fmt: skip
def test_counts_of_a_training_are_at_least_1(name):
    with pytest.raises(ValueError, match=rf"^{name}=0 must be a whole number of at least 1$"):
        TrainConfig(**{name: 0})


@pytest.mark.parametrize("name", ["n_validation_translations", "patience", "seed"])
def test_counts_of_a_training_that_may_be_0(name):
    assert getattr(TrainConfig(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=rf"^{name}=-1 must be a whole number of at least 0$"):
        TrainConfig(**{name: -1})


@pytest.mark.parametrize("name", ["beta1", "beta2", "label_smoothing"])
def test_shares_of_a_training_lie_between_0_and_1(name):
    with pytest.raises(ValueError, match=rf"^{name}=1.0 must be at least 0 and below 1$"):
        TrainConfig(**{name: 1.0})


@pytest.mark.parametrize(
    "name", ["rate_scale", "adam_epsilon", "max_gradient_norm", "save_every_s"]
)
def test_rates_of_a_training_are_positive(name):
    with pytest.raises(ValueError, match=rf"^{name}=0.0 must be a positive number$"):
        TrainConfig(**{name: 0.0})


def test_precision_is_one_of_its_choices():
    with pytest.raises(
        ValueError, match=r"^precision='int8' must be one of auto, float32, bfloat16, float64$"
    ):
        TrainConfig(precision="int8")


def test_compile_is_one_of_its_choices():
    with pytest.raises(ValueError, match=r"^compile=True must be one of auto, on, off$"):
        TrainConfig(compile=True)


def test_a_microbatch_fits_into_its_update():
    with pytest.raises(
        ValueError, match=r"^tokens_per_microbatch=31 exceeds tokens_per_update=29; a part cannot"
    ):
        TrainConfig(tokens_per_update=29, tokens_per_microbatch=31)


def test_method_is_one_of_its_choices():
    with pytest.raises(ValueError, match=r"^method='best' must be one of greedy, beam, sample$"):
        SearchConfig(method="best")


def test_length_penalty_is_one_of_its_choices():
    with pytest.raises(ValueError, match=r"^length_penalty='none' must be one of gnmt, power$"):
        SearchConfig(length_penalty="none")


@pytest.mark.parametrize(
    ("name", "low"),
    [("beam_size", 1), ("max_target_pieces", 1), ("max_extra_pieces", 0), ("n_candidates", 0),
     ("seed", 0)],
)  # fmt: skip
def test_counts_of_a_search_have_a_least_value(name, low):
    assert getattr(SearchConfig(**{name: low}), name) == low
    with pytest.raises(
        ValueError, match=rf"^{name}={low - 1} must be a whole number of at least {low}$"
    ):
        SearchConfig(**{name: low - 1})


def test_alpha_rewards_no_short_output():
    with pytest.raises(ValueError, match=r"^alpha=-0.1 must be at least 0 and below 10$"):
        SearchConfig(alpha=-0.1)


def test_temperature_is_positive():
    with pytest.raises(ValueError, match=r"^temperature=0.0 must be a positive number$"):
        SearchConfig(temperature=0.0)


@pytest.mark.parametrize("config", [model_config(), TrainConfig(), SearchConfig()])
def test_a_configuration_cannot_be_changed(config):
    name = dataclasses.fields(config)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, getattr(config, name))


def test_a_replaced_value_is_checked_too():
    assert model_config().replace(d_ff=19).d_ff == 19
    with pytest.raises(ValueError, match=r"^d_ff=0 must"):
        model_config().replace(d_ff=0)


@given(
    sizes=st.fixed_dictionaries({n: st.integers(4, 10**4) for n in EVERY_NUMBER_OF_THE_MODEL}),
    positions=st.sampled_from(["learned", "none"]),
    p_dropout=st.floats(0, 1, exclude_max=True),
    bias=st.booleans(),
)
def test_json_both_ways_for_models(sizes, positions, p_dropout, bias):
    config = ModelConfig(**sizes, positions=positions, p_dropout=p_dropout, attention_bias=bias)
    assert ModelConfig.from_json(json.loads(write_json(config.to_json()))) == config


@given(
    rate_scale=st.floats(1e-300, 1e300),
    seed=st.integers(0, 2**63 - 1),
    label_smoothing=st.floats(0, 0.99),
)
def test_json_both_ways_for_trainings(rate_scale, seed, label_smoothing):
    config = TrainConfig(rate_scale=rate_scale, seed=seed, label_smoothing=label_smoothing)
    assert TrainConfig.from_json(json.loads(write_json(config.to_json()))) == config


@given(
    alpha=st.floats(0, 10, exclude_max=True),
    temperature=st.floats(1e-9, 1e9),
    beam_size=st.integers(1, 99),
)
def test_json_both_ways_for_searches(alpha, temperature, beam_size):
    config = SearchConfig(alpha=alpha, temperature=temperature, beam_size=beam_size)
    assert SearchConfig.from_json(json.loads(write_json(config.to_json()))) == config


def test_json_keeps_the_steps_to_keep():
    config = TrainConfig(keep_steps=(3, 50))
    assert TrainConfig.from_json(json.loads(write_json(config.to_json()))) == config


@pytest.mark.parametrize("step", [0, 8, True, 2.0])
def test_steps_to_keep_are_steps_of_the_training(step):
    with pytest.raises(ValueError, match=rf"^keep_steps holds {step!r}; .* from 1 to n_steps=7$"):
        TrainConfig(n_steps=7, keep_steps=(3, step))


def test_unknown_keys_are_named():
    with pytest.raises(
        ValueError, match=r"^SearchConfig has no field \['beams', 'width'\]; its fields"
    ):
        SearchConfig.from_json({"width": 3, "beams": 4})


def test_missing_keys_are_named():
    with pytest.raises(ValueError, match=r"^ModelConfig lacks \['vocabulary_size'\]$"):
        ModelConfig.from_json({"d_model": 26})


def test_keys_with_a_default_may_be_left_out():
    assert ModelConfig.from_json({"vocabulary_size": 101}) == model_config()


def test_values_from_json_are_checked():
    with pytest.raises(ValueError, match=r"^d_model='512' must be a whole number"):
        ModelConfig.from_json({"vocabulary_size": 101, "d_model": "512"})


def test_json_keeps_letters_readable():
    assert write_json({"größe": "ü"}) == '{\n  "größe": "ü"\n}\n'


@pytest.mark.parametrize("config", [SearchConfig, TrainConfig])
def test_a_seed_has_at_most_63_bits(config):
    assert config(seed=2**63 - 1).seed == 2**63 - 1
    with pytest.raises(
        ValueError, match=r"^seed=9223372036854775808 must be below 2\^63; choose a"
    ):
        config(seed=2**63)


@pytest.mark.parametrize("value", [None, [], 7, "base"])
def test_what_is_no_object_is_no_configuration(value):
    with pytest.raises(ValueError, match=r"^ModelConfig must be an object with its fields, not "):
        ModelConfig.from_json(value)
