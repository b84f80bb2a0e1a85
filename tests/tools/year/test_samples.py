"""The courses of figures: what has grown is found, also if some samples lack the figure."""

from __future__ import annotations

from typing import cast

from tools.year.house import House
from tools.year.samples import Course, Sampler


def courses(values: list[dict[str, float]]) -> dict[str, Course]:
    sampler = Sampler(cast("House", None), None)
    sampler.samples = values
    return {course.name: course for course in sampler.courses()}


def test_growth_is_measured_from_the_second_fifth_to_the_last() -> None:
    found = courses([{"api memory": each * 10e6} for each in (9, 2, 2, 3, 4)])
    course = found["api memory"]
    assert (course.before, course.after, course.most) == (20e6, 40e6, 90e6)
    assert course.has_grown


def test_a_few_more_are_no_growth() -> None:
    found = courses([{"api files": each} for each in (10, 10, 10, 10, 15)])
    assert not found["api files"].has_grown


def test_figure_that_the_last_sample_lacks_is_judged_too() -> None:
    tasks: list[dict[str, float]] = [
        {"api tasks": each, "Redis keys": 9} for each in range(0, 90, 10)
    ]
    found = courses([*tasks, {"Redis keys": 9}])
    assert found["api tasks"].has_grown
    assert not found["Redis keys"].has_grown


def test_fewer_than_five_samples_have_no_course() -> None:
    assert courses([{"api tasks": 1.0}] * 4) == {}
