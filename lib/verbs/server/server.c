/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/server/server.h"
