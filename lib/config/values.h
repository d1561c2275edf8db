/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values of a configuration that are written as one word: CPU lists, speeds, addresses, keys,
 * frame sizes. The same words serve on the command line.
 *
 * A parser returns 0, -EINVAL (not of that form) or -ERANGE (a number is out of range), and leaves
 * its result alone when it fails. Threads: any; no state.
 */
#ifndef WEIR_CONFIG_VALUES_H
#define WEIR_CONFIG_VALUES_H

#include <stddef.h>

#include "config/config.h"

enum { CONFIG_TEXT_MAX = 8192 }; /* room that every config_format_* result fits in */

/* "0-3,8"; each number at most `max` (below CONFIG_CPUS_MAX). The result ascends, without repeats.
 */
int config_parse_cpus(const char *text, unsigned max, struct cpu_list *ret_cpus);
char *config_format_cpus(char *buffer, size_t size, const struct cpu_list *cpus);

/* "original", "top", "x2.5", "1.5Mpps", "10Gbps" (or "10Gbit/s"); above 0, at most 10^6 times or
 * 10^12 packets or bits a second. */
int config_parse_speed(const char *text, struct speed *ret_speed);
char *config_format_speed(char *buffer, size_t size, const struct speed *speed);

/* "02:00:00:00:00:01" */
int config_parse_mac(const char *text, uint8_t ret_address[6]);
char *config_format_mac(char *buffer, size_t size, const uint8_t address[6]);

/* As toeplitz_key_parse() reads it: "microsoft", "symmetric" or hex. */
char *config_format_rss_key(char *buffer, size_t size, const uint8_t key[CONFIG_RSS_KEY_BYTES]);

/* "imix", "64" or "64-1500", into size_min, size_max and imix of a generator. */
enum { CONFIG_FRAME_BYTES_MIN = 60, CONFIG_FRAME_BYTES_MAX = 9600 };
int config_parse_frame_size(const char *text, struct config_generate *generate);
char *config_format_frame_size(char *buffer, size_t size, const struct config_generate *generate);

#endif
