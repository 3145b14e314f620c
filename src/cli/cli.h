/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What nearly every verb needs. */

#include "cli/json.h"
#include "cli/messages.h"
#include "cli/options.h"
#include "cli/request.h"
