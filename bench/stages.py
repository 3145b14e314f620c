# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a generic build of ours spends its time on, by its own --profile: with an empty cache, and
with a full one."""

import json
import statistics

from lib.command import run

import measure
from changes import Build

FIGURES = ("seconds", "cpu", "read", "written")


def facts(kernel, program, runs, say):
    """The rows for each of the two cases: stage and figures, the medians of RUNS builds."""
    say("building generic images with --profile")
    cold, warm = Build(program, "cold", kernel), Build(program, "warm", kernel)
    warm.prepare()
    found = {"cold": [], "warm": []}
    for number in range(runs):
        cold.forget()
        found["cold"].append(_profile(cold.words()))
        found["warm"].append(_profile(warm.words("--kernel-cmdline", f"bench.stage={number}")))
    return {case: _medians(profiles) for case, profiles in found.items()}


def _profile(words):
    stages = json.loads(run([*words, "--profile"], cwd=measure.TOP).stdout)["profile"]
    return {stage["stage"]: stage for stage in stages}


def _medians(profiles):
    return [{"stage": name, **{key: statistics.median(profile[name][key] for profile in profiles)
                               for key in FIGURES}} for name in profiles[0]]
