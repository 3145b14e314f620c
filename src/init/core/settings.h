/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What PID 1 is told before it does anything: boot.conf of the image, and the kernel command
 * line behind the words that the image brings.
 */

#include "init/boot.h"

/* Takes boot.conf apart; TEXT is writable, NUL-terminated and outlives B. */
void settings_take(struct boot *b, char *text);

/* Reads /etc/preroot/boot.conf and /proc/cmdline. What is missing or broken is told. */
/* The kernel parameters again, with those that were TYPED at the console behind them. */
void settings_add(struct boot *b, const char *typed);

void settings_read(struct boot *b);
