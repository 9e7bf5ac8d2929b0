from pathlib import Path

import pytest

from edge_hdr.config import BuildConfig, resolve
from edge_hdr.errors import ConfigError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_given_is_the_default() -> None:
    assert resolve({}, environment={"PATH": "/bin"}) == BuildConfig()


def test_flag_over_environment_over_file_over_preset(tmp_path: Path) -> None:
    (tmp_path / "edge-hdr.toml").write_text(
        '[build]\npreset = "quick"\nepochs = 11\nqat_epochs = 12\nseed = 13\n'
    )
    environment = {"EDGE_HDR_BUILD_QAT_EPOCHS": "22", "EDGE_HDR_BUILD_SEED": "23"}
    config = resolve({"seed": 33, "epochs": None}, environment=environment)
    assert (config.epochs, config.qat_epochs, config.seed) == (11, 22, 33)
    assert config.prune_epochs == 2  # of the preset


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[build]\nepoch = 3\n", "unknown key 'epoch'", "did you mean epochs?"),
        ("[biuld]\nepochs = 3\n", r"unknown table \[biuld\]", "did you mean build?"),
        ("[build\n", "is no TOML", "mend"),
        ('[build]\nepochs = "many"\n', "epochs = 'many' is no int", "45"),
        ("[build]\nepochs = 0\n", "epochs = 0 is too small", "at least 1"),
        ("[build]\nsparsity = 1.5\n", r"sparsity of \* = 1.5 is no share", "from 0"),
        (
            '[build]\nstart = "imagenet"\n',
            "ds-cnn-small has no weights of ImageNet",
            "mobilenet-v2",
        ),
        ('[build]\nquantize = "int4"\n', "quantize 'int4' is unknown", "int8"),
        ('[build]\npreset = "quik"\n', "unknown preset 'quik'", "did you mean quick?"),
    ],
)
def test_wrong_files_are_explained(tmp_path: Path, text: str, said: str, hint: str) -> None:
    (tmp_path / "edge-hdr.toml").write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        resolve({}, environment={"X": ""})
    assert hint in caught.value.hint


def test_unknown_environment_keys_are_refused() -> None:
    with pytest.raises(ConfigError, match="environment: unknown key 'epocs'") as caught:
        resolve({}, environment={"EDGE_HDR_BUILD_EPOCS": "3"})
    assert "did you mean epochs?" in caught.value.hint


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        resolve({}, file=tmp_path / "none.toml", environment={"X": ""})


def test_names_follow_architecture_and_variant() -> None:
    config = resolve({"architecture": "ds-cnn-nano", "sparsity": {"*": 0.5}}, environment={"X": ""})
    assert config.name == "ds-cnn-nano-int8-pruned"
    assert resolve({"quantize": "float16"}, environment={"X": ""}).name == "ds-cnn-small-float16"
