"""Which model a word means."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_hdr_device import released
from edge_hdr_device.errors import ModelError


@pytest.fixture(autouse=True)
def no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(released.VARIABLE, raising=False)


def test_without_a_word_it_is_the_default() -> None:
    assert released.find() == released.find("") == released.find(released.DEFAULT)


def test_a_deployment_s_model_comes_before_the_default_and_after_a_word(
    tiny_int8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(tiny_int8, tmp_path / "model.tflite")
    monkeypatch.setenv(released.VARIABLE, str(tmp_path / "model.tflite"))
    assert released.find() == tmp_path / "model.tflite"
    assert released.find("ds-cnn-nano-int8").parent.name == "ds-cnn-nano-int8"
    monkeypatch.setenv(released.VARIABLE, "ds-cnn-nano-int8")
    assert released.find().parent.name == "ds-cnn-nano-int8"


def test_a_deployment_s_model_that_has_gone_is_told_with_where_it_was_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(released.VARIABLE, "/opt/gone/model.tflite")
    with pytest.raises(ModelError, match=r"/opt/gone/model\.tflite.*from EDGE_HDR_MODEL"):
        released.find()
    with pytest.raises(ModelError) as caught:
        released.find("ds-cnn-nan")
    assert "EDGE_HDR_MODEL" not in caught.value.message
    assert "did you mean ds-cnn-nano-int8?" in caught.value.hint


def test_a_folder_without_a_model_is_told_as_an_unfinished_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError) as caught:
        released.find(str(tmp_path))
    assert caught.value.message == f"{tmp_path} has no model.tflite: an unfinished build?"
    assert "resumes" in caught.value.hint
    monkeypatch.setenv(released.VARIABLE, str(tmp_path))
    with pytest.raises(ModelError, match=r"\(from EDGE_HDR_MODEL\) has no model.tflite"):
        released.find()
