/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands, each in a file of its own with its options. */

#include "cli/options.h"

extern const struct command command_audit;
extern const struct command command_boot_report;
extern const struct command command_build;
extern const struct command command_cat;
extern const struct command command_config;
extern const struct command command_diff;
extern const struct command command_extract;
extern const struct command command_hardware;
extern const struct command command_list;
extern const struct command command_mark_good;
extern const struct command command_plan;
extern const struct command command_prune;
extern const struct command command_rebuild;
extern const struct command command_restore;
extern const struct command command_sbom;
extern const struct command command_status;
extern const struct command command_verify;
extern const struct command command_why;
