"""A user's own images: layouts, polarity, and everything that can be wrong with a folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr.data.dataset import Dataset
from edge_hdr.data.folder import load_folder
from edge_hdr.data.splits import hold_out_validation
from edge_hdr.errors import DataError


def draw(path: Path, digit: str, *, variant: int = 0, side: int = 60, light: bool = False) -> Path:
    """Write a picture of a digit, dark on white paper, or light on a dark board."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((side, side), 235, np.uint8)
    cv2.putText(
        image,
        digit,
        (side // 4 + variant, side * 3 // 4),
        cv2.FONT_HERSHEY_SIMPLEX,
        side / 40,
        20,
        max(1, side // 20),
        cv2.LINE_AA,
    )
    cv2.imwrite(str(path), 255 - image if light else image)
    return path


def make(folder: Path, digits: str = "017", count: int = 4) -> Path:
    for digit in digits:
        for variant in range(count):
            draw(folder / digit / f"{variant}.png", digit, variant=variant)
    return folder


def load(folder: Path, *, strict: bool = False, seed: int = 0) -> Dataset:
    return load_folder(folder, seed=seed, strict=strict)


def failure(folder: Path, *, strict: bool = False) -> DataError:
    with pytest.raises(DataError) as caught:
        load(folder, strict=strict)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def write_csv(folder: Path, text: str) -> None:
    (folder / "labels.csv").write_text(text, encoding="utf-8")


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    dataset = load(make(tmp_path / "mine", count=20))
    assert dataset.classes == ("0", "1", "7")
    assert dataset.name == "mine"
    # 15 % of 3 · 20 = 9, 3 of each class
    assert np.bincount(dataset.test.labels).tolist() == [3, 3, 3]
    assert np.bincount(dataset.train.labels).tolist() == [17, 17, 17]
    assert dataset.test_name == "mine test (15 % held out)"
    assert dataset.warnings == ()


def test_images_are_normalized_whatever_size_format_and_polarity(tmp_path: Path) -> None:
    make(tmp_path, "0", count=2)
    draw(tmp_path / "7" / "small.bmp", "7", side=40)
    draw(tmp_path / "7" / "large.jpg", "7", side=300)
    draw(tmp_path / "7" / "board.png", "7", side=120, light=True)
    dataset = load(tmp_path)
    both = [dataset.train, dataset.test]
    images = np.concatenate([split.images for split in both])
    labels = np.concatenate([split.labels for split in both])
    sevens = images[labels == 1].astype(float)
    assert images.dtype == np.uint8
    assert images.shape == (5, 28, 28)
    for image in images:
        _, _, width, height = cv2.boundingRect((image >= 32).view(np.uint8))
        assert max(width, height) == 20
        assert image.max() == 255
    for image in sevens[1:]:
        assert np.corrcoef(image.ravel(), sevens[0].ravel())[0, 1] > 0.7


def test_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    make(tmp_path / "train", "01", count=3)
    for digit in "01":
        draw(tmp_path / "test" / digit / "other.png", digit, variant=7)
    dataset = load(tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (6, 2)
    assert dataset.test_name == f"{tmp_path.name} test"
    assert dataset.warnings == ()


def test_labels_csv(tmp_path: Path) -> None:
    rows = ["\ufefflabel,file"]  # columns in any order, with the mark that Excel writes
    for digit in "35":
        for variant in range(2):
            draw(tmp_path / "scans" / f"{digit}{variant}.png", digit, variant=variant)
            rows.append(f"{digit}, scans/{digit}{variant}.png")
    write_csv(tmp_path, "\n".join(rows))
    dataset = load(tmp_path)
    assert dataset.classes == ("3", "5")
    assert np.bincount(dataset.train.labels).tolist() == [1, 1]


def test_other_class_names_and_numeric_order(tmp_path: Path) -> None:
    for name in ("10", "9", "2"):
        make(tmp_path / "numbers" / "x", "1", count=2).joinpath("1").rename(
            tmp_path / "numbers" / name
        )
    (tmp_path / "numbers" / "x").rmdir()
    assert load(tmp_path / "numbers").classes == ("2", "9", "10")
    (tmp_path / "numbers" / "9").rename(tmp_path / "numbers" / "minus")
    assert load(tmp_path / "numbers").classes == ("10", "2", "minus")


def test_the_seed_decides_what_is_held_out(tmp_path: Path) -> None:
    for digit in "01":
        for number in range(10):
            draw(tmp_path / digit / f"{number}.png", digit, side=40 + 9 * number)
    first, again, other = (load(tmp_path, seed=seed) for seed in (0, 0, 1))
    assert first.test.sha256() == again.test.sha256() != other.test.sha256()


def test_hidden_files_and_litter_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "01", count=2)
    for name in ("0/.DS_Store", "0/Thumbs.db", ".git/config", "__MACOSX/0/._0.png", "README.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("not an image")
    dataset = load(tmp_path, strict=True)
    assert dataset.classes == ("0", "1")
    assert len(dataset.train) + len(dataset.test) == 4


def test_unusable_files_are_listed_and_left_out(tmp_path: Path) -> None:
    make(tmp_path, "01", count=4)
    (tmp_path / "0" / "broken.png").write_bytes((tmp_path / "0" / "1.png").read_bytes()[:80])
    (tmp_path / "0" / "notes.txt").write_text("not an image")
    (tmp_path / "1" / "empty.jpg").touch()
    cv2.imwrite(str(tmp_path / "1" / "blank.png"), np.full((50, 50), 255, np.uint8))
    dataset = load(tmp_path)
    assert len(dataset.train) + len(dataset.test) == 8
    assert [warning.split(":")[0] for warning in dataset.warnings] == [
        "left out 0/broken.png",
        "left out 0/notes.txt",
        "left out 1/blank.png",
        "left out 1/empty.jpg",
    ]
    assert "no ink" in dataset.warnings[2]
    assert str(tmp_path) not in " ".join(dataset.warnings)


def test_at_most_ten_are_named(tmp_path: Path) -> None:
    make(tmp_path, "01", count=2)
    for number in range(13):
        (tmp_path / "0" / f"bad{number:02}.png").write_bytes(b"bad")
    warnings = load(tmp_path).warnings
    assert len(warnings) == 10 + 1
    assert warnings[9].startswith("left out 0/bad09.png: ")
    assert warnings[10] == "left out 3 more files"


def test_strict_stops_at_an_unusable_file(tmp_path: Path) -> None:
    make(tmp_path, "01")
    (tmp_path / "1" / "bad.png").write_bytes(b"bad")
    error = failure(tmp_path, strict=True)
    assert error.message.startswith("unusable files: 1, the first is 1/bad.png: ")
    assert "--strict" in error.hint


def test_a_file_that_vanishes_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "01", count=3)
    (tmp_path / "0" / "2.png").unlink()
    (tmp_path / "0" / "loop").symlink_to("loop")
    dataset = load(tmp_path)
    assert len(dataset.train) + len(dataset.test) == 5


def test_no_images(tmp_path: Path) -> None:
    error = failure(tmp_path)
    assert error.message == f"{tmp_path} has no labelled images"
    assert "sub-folder a class" in error.hint
    draw(tmp_path / "loose.png", "1")
    assert failure(tmp_path).message == f"{tmp_path} has no labelled images"


def test_idx_files_are_pointed_to_the_right_option(tmp_path: Path) -> None:
    (tmp_path / "t10k-labels-idx1-ubyte.gz").touch()
    assert "--data mnist --data-dir" in failure(tmp_path).hint


def test_one_class_only(tmp_path: Path) -> None:
    assert failure(make(tmp_path, "3")).message == "one class only: 3"


def test_an_empty_class(tmp_path: Path) -> None:
    (make(tmp_path) / "8").mkdir()
    assert failure(tmp_path).message == f"class 8 has no images: {tmp_path / '8'} is empty"


def test_a_class_without_a_usable_image(tmp_path: Path) -> None:
    make(tmp_path, "01")
    for name in ("a.png", "b.png"):
        (tmp_path / "5").mkdir(exist_ok=True)
        (tmp_path / "5" / name).write_bytes(b"bad")
    assert failure(tmp_path).message == "class 5 has too few usable images: 0, at least 2 needed"


def test_a_class_too_small_to_hold_out(tmp_path: Path) -> None:
    make(tmp_path, "01")
    draw(tmp_path / "5" / "only.png", "5")
    assert failure(tmp_path).message == "class 5 has too few usable images: 1, at least 2 needed"


def test_a_test_class_that_is_never_trained(tmp_path: Path) -> None:
    make(tmp_path / "train", "01")
    make(tmp_path / "test", "019")
    assert failure(tmp_path).message == "test/ has the class 9, which train/ lacks"


def test_a_class_without_test_images_is_a_warning(tmp_path: Path) -> None:
    make(tmp_path / "train", "017")
    for digit in "01":
        draw(tmp_path / "test" / digit / "other.png", digit, variant=9)
    assert load(tmp_path).warnings == ("the test split has no images of class 7",)


def test_the_same_file_in_both_splits_is_a_warning(tmp_path: Path) -> None:
    make(tmp_path / "train", "01", count=3)
    make(tmp_path / "test", "01", count=1)  # the same bytes under the same names
    draw(tmp_path / "test" / "1" / "new.png", "1", variant=9)
    (warning,) = load(tmp_path).warnings
    assert warning.startswith(
        "test files that are in the training split too: 2, the first is test/0/0.png; "
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\ngone.png,1\n", "labels.csv line 2 names a file that is missing: gone.png"),
        ("file,lable\na.png,1\n", "labels.csv has an unknown column 'lable'"),
        ("file,label,split\na.png,1,x\n", "labels.csv has an unknown column 'split'"),
        ("file;label\na.png;1\n", "labels.csv has an unknown column 'file;label'"),
        ("file\na.png\n", "labels.csv has no column 'label'"),
        ("file,label,label\na.png,1,2\n", "labels.csv has more than one column 'label'"),
        ("", "labels.csv has no column 'file'"),
        ("file,label\na.png\n", "labels.csv line 2 is not a file and a label"),
        ("file,label\na.png,1\na.png,\n", "labels.csv line 3 is not a file and a label"),
        ("file,label\na.png,1,2\n", "labels.csv line 2 is not a file and a label"),
        ("file,label\n.,1\n", "labels.csv line 2 names a file that is missing: ."),
        ("file,label\na.png,1\n", "one class only: 1"),
    ],
)
def test_a_wrong_labels_csv(tmp_path: Path, text: str, message: str) -> None:
    draw(tmp_path / "a.png", "1")
    write_csv(tmp_path, text)
    assert failure(tmp_path).message == message


def test_a_misspelt_column_names_the_nearest(tmp_path: Path) -> None:
    write_csv(tmp_path, "file,lable\n")
    assert failure(tmp_path).hint == "did you mean label? known: file, label"


def test_a_table_without_rows(tmp_path: Path) -> None:
    write_csv(tmp_path, "file,label\n")
    assert failure(tmp_path).message == f"{tmp_path} has no labelled images"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00file", b"file,label\n\x89PNG,1\n"])
def test_a_labels_csv_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    assert failure(tmp_path).message.startswith("labels.csv is no table of text: ")


def test_progress_counts_every_file(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    load_folder(make(tmp_path, "01", count=3), seed=0, progress=lambda *report: seen.append(report))
    assert seen == [("reading images", done, 6) for done in range(1, 7)]


def test_an_interruption_does_not_read_on(tmp_path: Path) -> None:
    make(tmp_path, "01", count=3)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_folder(tmp_path, seed=0, progress=interrupt)


def test_the_source_hides_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "digits", "01")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(tmp_path / "digits").source == "folder ~/digits"
    monkeypatch.setenv("HOME", "/nowhere")
    assert load(tmp_path / "digits").source == f"folder {tmp_path / 'digits'}"


def test_a_folder_with_a_test_alone_is_a_test_split(tmp_path: Path) -> None:
    make(tmp_path / "test", "17", count=3)
    dataset = load(tmp_path)
    assert dataset.classes == ("1", "7")
    assert (len(dataset.train), len(dataset.test)) == (0, 6)
    assert dataset.test_name == f"{tmp_path.name} test"
    assert dataset.warnings == ()
    with pytest.raises(DataError, match="no training split"):
        hold_out_validation(dataset.train, wanted=5, classes=2, seed=0)


def test_a_class_that_is_called_test_is_a_class(tmp_path: Path) -> None:
    make(tmp_path, "1", count=3)
    make(tmp_path / "spare", "7", count=3)
    (tmp_path / "spare" / "7").rename(tmp_path / "test")
    (tmp_path / "spare").rmdir()
    assert load(tmp_path).classes == ("1", "test")
