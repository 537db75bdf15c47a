"""Profile, device, folders and the banner."""

from pathlib import Path

import pytest
import torch

from convbook import settings


@pytest.mark.parametrize("asked", ["full", "quick"])
def test_the_environment_decides_the_profile(monkeypatch, asked):
    monkeypatch.setenv("CONVBOOK_PROFILE", asked)
    assert settings.profile() == asked
    assert settings.by_profile(full="full", quick="quick") == asked


def test_without_a_word_the_profile_is_full(monkeypatch):
    monkeypatch.delenv("CONVBOOK_PROFILE", raising=False)
    assert settings.profile() == "full"


def test_everything_is_trained_anew_if_asked(monkeypatch):
    monkeypatch.delenv("CONVBOOK_RUNS", raising=False)
    assert not settings.train_anew()
    monkeypatch.setenv("CONVBOOK_RUNS", "train")
    assert settings.train_anew()
    monkeypatch.setenv("CONVBOOK_RUNS", "never")
    with pytest.raises(ValueError, match="CONVBOOK_RUNS='never': expected"):
        settings.train_anew()


def test_the_repository_has_a_folder_of_runs():
    assert settings.published_runs_folder() == Path(__file__).parents[1] / "runs"


def test_an_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("CONVBOOK_PROFILE", "fast")
    with pytest.raises(ValueError, match="CONVBOOK_PROFILE='fast': expected 'full' or 'quick'"):
        settings.profile()


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_devices_in_order_of_speed(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert settings.device().type == expected


def test_the_data_folder_has_a_default(monkeypatch, tmp_path):
    monkeypatch.delenv("CONVBOOK_DATA", raising=False)
    assert settings.data_folder() == Path.home() / ".cache" / "convbook"
    monkeypatch.setenv("CONVBOOK_DATA", str(tmp_path))
    assert settings.data_folder() == tmp_path


def test_the_banner_is_one_line_without_a_path(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CONVBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("CONVBOOK_PROFILE", "quick")
    settings.describe()
    assert "no data on disk yet" in capsys.readouterr().out
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    settings.describe()
    assert "no data on disk yet" in capsys.readouterr().out
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").touch()
    settings.describe()
    banner = capsys.readouterr().out
    assert banner.startswith("quick profile · ")
    assert torch.__version__.split("+")[0] in banner
    assert "official MNIST on disk" in banner
    assert banner.count("\n") == 1
    assert str(tmp_path) not in banner
