import json
import pstats
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from node.analysis.profiling import PROFILE_DOCUMENT, PROFILE_STATISTICS, Profile

BLOCK_MB = 200


def burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(1000))


def test_profile_when_a_stage_sleeps_and_another_computes_then_wall_and_processor_time_are_told_apart() -> None:
    with Profile() as profile:
        profile.begin("sleep")
        time.sleep(0.2)
        profile.begin("compute")
        burn(0.2)
    asleep, computing = profile.stages
    assert [cost.stage for cost in profile.stages] == ["sleep", "compute"]
    assert asleep.wall_s >= 0.2 and asleep.cpu_s < 0.1
    assert computing.cpu_s >= 0.2 and computing.wall_s >= 0.19


def test_profile_when_a_stage_takes_memory_and_gives_it_back_then_the_peak_is_its_own() -> None:
    with Profile() as profile:
        profile.begin("small")
        profile.begin("large")
        np.ones(BLOCK_MB * 1024 * 1024, np.uint8)
        profile.begin("after")
    small, large, after = profile.stages
    assert large.peak_rss_mb - large.rss_mb > 0.9 * BLOCK_MB
    assert large.peak_rss_mb - small.peak_rss_mb > 0.9 * BLOCK_MB
    assert large.peak_rss_mb - after.peak_rss_mb > 0.9 * BLOCK_MB


def test_profile_when_written_then_the_function_that_took_the_time_is_named_and_no_path(tmp_path: Path) -> None:
    with Profile() as profile:
        profile.begin("compute")
        burn(0.2)
    profile.write(tmp_path)
    document = json.loads((tmp_path / PROFILE_DOCUMENT).read_text())
    assert [stage["stage"] for stage in document["stages"]] == ["compute"]
    # The builtin `sum` inside `burn` takes nearly all of it.
    named = {row["function"] for row in document["functions"][:3]}
    assert any(name.endswith(" burn") for name in named)
    assert not any(name.startswith("/") for name in named)
    assert pstats.Stats(str(tmp_path / PROFILE_STATISTICS)).get_stats_profile().total_tt >= 0.2


def test_profile_when_the_analysis_breaks_then_the_stage_it_broke_in_is_there() -> None:
    profile = Profile()
    with suppress(ZeroDivisionError), profile:
        profile.begin("register")
        1 / 0  # noqa: B018 - to break
    assert [cost.stage for cost in profile.stages] == ["register"]
