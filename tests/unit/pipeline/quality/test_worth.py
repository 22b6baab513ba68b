from pipeline.quality import weakness


def test_weakness_when_the_model_is_near_chance_then_the_figure_is_told() -> None:
    (warning,) = weakness(0.5555)
    assert "was 0.56" in warning
    assert "0.50 is chance" in warning


def test_weakness_when_the_model_discriminates_then_nothing_is_said() -> None:
    assert weakness(0.7) == ()


def test_weakness_when_nothing_was_measured_then_that_is_said() -> None:
    (warning,) = weakness(None)
    assert "never measured" in warning
