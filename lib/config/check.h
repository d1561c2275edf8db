/* SPDX-License-Identifier: BSD-3-Clause */
/* What one field alone cannot tell: ports that pipelines name, stages that never see a packet. */
#ifndef WEIR_CONFIG_CHECK_H
#define WEIR_CONFIG_CHECK_H

#include "config/config.h"
#include "config/report.h"

/* Reports contradictions, and fills in what follows from other fields (port indexes, names). The
 * configuration may have problems already: what could not be read is zero or NULL, and is not
 * reported a second time. */
void config_check(struct report *report, struct config *config);

/* Part of it: tables that leave a queue out, transforms of fields that have no other side. */
void config_check_rss(struct report *report, const struct config *config);

/* Part of it: features of a port that exclude each other, or need one that is off. */
void config_check_features(struct report *report, const struct config *config);

#endif
