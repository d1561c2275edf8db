/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a valid configuration says without effect: settings that need another one. No mistakes, as
 * settings may be changed one after the other while weir runs; the kernel is silent here.
 */
#ifndef WEIR_CONFIG_WARNINGS_H
#define WEIR_CONFIG_WARNINGS_H

#include "config/config.h"

/* `text`: a sentence with the setting's path in front; valid during the call. */
typedef void config_warn(void *argument, const char *text);

void config_warnings(const struct config *config, config_warn *warn, void *argument);

#endif
