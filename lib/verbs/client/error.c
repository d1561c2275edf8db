/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/client/client.h"
